import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { render } from "../../src/docs/markdown.ts";
import { docsRoutes } from "../../src/docs/mod.ts";
import { FILES, PAGES } from "../../src/docs/pages.ts";
import { Site } from "../../src/docs/site.ts";
import { visitOf } from "../helpers/session/visit.ts";
import { startTestServer } from "../helpers/wire/server.ts";

const ROOT = new URL("../../", import.meta.url);
const HTML = { headers: { accept: "text/html" } };

async function markdownFiles(folder: URL): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (/^(\..*|node_modules|dist|fixtures)$/.test(name)) continue;
    if (isDirectory) found.push(...await markdownFiles(new URL(`${name}/`, folder)));
    else if (name.endsWith(".md")) found.push(new URL(name, folder).href.slice(ROOT.href.length));
  }
  return found.sort();
}

function matches(html: string, pattern: RegExp): string[] {
  return [...html.matchAll(pattern)].map(([, value = ""]) => value);
}

Deno.test("every page of the repository is served", async () => {
  assertEquals(PAGES.map(({ path }) => path).sort(), await markdownFiles(ROOT));
});

Deno.test("every relative link of a page leads to a page or a file that is served", () => {
  const known = new Set([...PAGES.map(({ path }) => path), ...Object.keys(FILES)]);
  const broken = PAGES.flatMap(({ path, markdown }) => {
    const prose = markdown.replace(/^```[\s\S]*?^```$/gm, "");
    return matches(prose, /(?<!!)\[[^\]]*\]\(([^)#]+)[^)]*\)/g).filter((href) =>
      !/^https?:/.test(href) && !known.has(new URL(href, `http://x/${path}`).pathname.slice(1))
    ).map((href) => `${path}: ${href}`);
  });
  assertEquals(broken, []);
});

Deno.test("every link and anchor of /docs resolves, also under a base path", async () => {
  for (const args of [[], ["--base-path", "/signal"]]) {
    await using server = startTestServer({ args });
    const prefix = args[1] ?? "";
    const pages = new Map<string, string>();
    const queue = [`${prefix}/docs`];
    const links: [from: string, href: string][] = [];
    for (let address = queue.pop(); address !== undefined; address = queue.pop()) {
      if (pages.has(address)) continue;
      const response = await fetch(server.url + address, HTML);
      assertEquals(response.status, 200, address);
      const html = await response.text();
      pages.set(address, html);
      if (!response.headers.get("content-type")?.startsWith("text/html")) continue;
      for (const href of matches(html, /(?:href|src)="([^"]*)"/g)) {
        if (/^https?:/.test(href)) continue;
        links.push([address, href]);
        const { pathname } = new URL(href, server.url + address);
        if (pathname !== `${prefix}/`) queue.push(pathname);
      }
    }
    assertEquals(pages.size, PAGES.length + Object.keys(FILES).length);
    const broken = links.filter(([from, href]) => {
      const { pathname, hash } = new URL(href, server.url + from);
      return hash !== "" && !pages.get(pathname)?.includes(` id="${hash.slice(1)}"`);
    });
    assertEquals(broken, []);
  }
});

Deno.test("programs get the pages as they are written", async () => {
  await using server = startTestServer();
  const response = await fetch(`${server.url}/docs/src/store/README.md`);
  assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertStringIncludes(response.headers.get("vary") ?? "", "Accept");
  assertStringIncludes(await response.text(), "# Persistence");
  const absent = await fetch(`${server.url}/docs/src/nothing.md`);
  assertEquals([absent.status, await absent.text()], [404, "Not found\n"]);
});

Deno.test("texts that could not be loaded are loaded with the next request, and then kept", async () => {
  let loads = 0;
  const routes = docsRoutes({
    basePath: "",
    version: "0.0.0-test",
    load: (options) =>
      ++loads === 1 ? Promise.reject(new Error("no text")) : Promise.resolve(new Site(options)),
  });
  const route = routes.find(({ path }) => path === "/docs/src/store/README.md");
  const get = async (): Promise<string> => {
    const url = "http://localhost/docs/src/store/README.md";
    const answer = await route?.handle(new Request(url), visitOf(url));
    return (await answer?.text() ?? "").split("\n")[0] ?? "";
  };
  const error = await assertRejects(get, Error);
  assertEquals(error.message, "no text");
  const texts = [await get(), await get()];
  assertEquals([texts, loads], [["# Persistence", "# Persistence"], 2]);
});

Deno.test("no page of the server asks another host for anything", async () => {
  await using server = startTestServer();
  const addresses = ["/", ...docsRoutes({ basePath: "", version: "1" }).map(({ path }) => path)];
  for (const address of new Set(addresses)) {
    const response = await fetch(server.url + address, HTML);
    const html = await response.text();
    if (!response.headers.get("content-type")?.startsWith("text/html")) continue;
    assertStringIncludes(
      response.headers.get("content-security-policy") ?? "",
      "default-src 'none'",
    );
    // Pictures are files of the same folder.
    const foreign = matches(html, /(\b(?:src|srcset|poster|data|action)="(?!\/docs\/)[^"]*")/g);
    assertEquals(foreign, [], address);
    assertEquals(matches(html, /(<(?:link|script|iframe|object|embed|form)\b)/g), [], address);
    assertEquals(matches(html, /(@import|url\()/g), [], address);
  }
});

Deno.test("HTML within a page is shown as text, and unknown addresses are not linked", () => {
  const { html, headings } = render(
    "# A `b` <i>\n\n<script>alert(1)</script>\n\n<!-- note -->\n\n[x](javascript:alert(1)) [y](no.md)\n\n## A b\n\n## A b\n",
    { path: "README.md", addressOf: () => undefined },
  );
  assert(!/<script|<i>|javascript:|<a |note/.test(html), html);
  assertStringIncludes(html, "&#60;script&#62;");
  assertEquals(headings.map(({ id }) => id), ["a-b-i", "a-b", "a-b-1"]);
});

Deno.test("README has at most 270 lines", () => {
  const readme = PAGES.find(({ path }) => path === "README.md")?.markdown ?? "";
  assert(readme.split("\n").length <= 270);
});

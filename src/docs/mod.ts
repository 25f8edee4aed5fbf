import { plain } from "../http/answers.ts";
import { DOCS_PATH } from "../http/landing.ts";
import type { HttpRoute } from "../http/route.ts";
import { render, titleOf } from "./markdown.ts";
import { type DocsPage, FILES, PAGES } from "./pages.ts";
import { CONTENT_SECURITY_POLICY, pageHtml } from "./template.ts";

export interface DocsOptions {
  /** The prefix of every path of the server; mostly empty. */
  readonly basePath: string;
  readonly version: string;
}

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Serves the documentation: HTML to browsers, the Markdown itself to all others. */
export function docsRoutes({ basePath, version }: DocsOptions): HttpRoute[] {
  const addressOf = (path: string): string | undefined =>
    path in FILES || PAGES.some((page) => page.path === path)
      ? `${basePath}${pathOf(path)}`
      : undefined;
  const contents = PAGES.map(({ group, path, markdown }) => ({
    group,
    title: titleOf(markdown),
    address: `${basePath}${pathOf(path)}`,
  }));
  const toHtml = ({ path, markdown }: DocsPage): string => {
    const address = `${basePath}${pathOf(path)}`;
    const { html, headings } = render(markdown, { path, addressOf });
    const home = `${basePath}/`;
    return pageHtml({ title: titleOf(markdown), address, html, headings, contents, home, version });
  };
  const pages = PAGES.flatMap((page) => {
    // Made when it is first asked for: few servers show all of their pages.
    let html: string | undefined;
    return [
      get(page.path, () => plain(200, page.markdown.trimEnd())),
      {
        ...get(page.path, () => new Response(html ??= toHtml(page), { headers: HEADERS })),
        prefers: "text/html" as const,
      },
    ];
  });
  const files = Object.entries(FILES).map(([path, content]) =>
    get(path, () => fileOf(path, content))
  );
  return [...pages, ...files];
}

const PICTURES: Readonly<Record<string, string>> = { svg: "image/svg+xml", png: "image/png" };

/** A picture as one, any other file as plain text. */
function fileOf(path: string, content: string | Uint8Array<ArrayBuffer>): Response {
  const type = PICTURES[path.split(".").at(-1) ?? ""];
  if (type === undefined) return plain(200, String(content).trimEnd());
  const headers = { "content-type": type, "x-content-type-options": "nosniff" };
  return new Response(content, { headers });
}

function get(path: string, handle: () => Response): HttpRoute {
  return { kind: "http", method: "GET", path: pathOf(path), access: "open", handle };
}

/** The address of a file of the repository; README is the first page. */
function pathOf(path: string): string {
  return path === "README.md" ? DOCS_PATH : `${DOCS_PATH}/${path}`;
}

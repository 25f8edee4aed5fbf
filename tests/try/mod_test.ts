import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startTestServer } from "../helpers/wire/server.ts";

const IMPORTS = /^(?:import|export)\s[\w$*{},\s]*?\bfrom ['"]([^'"]+)/gm;
const FILES = /(?:src|href)="(try\/[^"]+)"|from "\.\/([^"]+)"/g;

Deno.test("/try serves its page, and every file that it asks for, from this server alone", async () => {
  await using server = startTestServer();
  const page = await (await fetch(`${server.url}/try`)).text();
  assertEquals(page.match(/https?:/g), null);
  const script = await (await fetch(`${server.url}/try/page.js`)).text();
  const names = [...`${page}${script}`.matchAll(FILES)].map(([, whole, part]) =>
    whole ?? `try/${part}`
  );
  assert(names.length > 3);
  for (const name of names) {
    const answer = await fetch(`${server.url}/${name}`);
    assertEquals([name, answer.status], [name, 200]);
    assertMatch(
      answer.headers.get("content-type") ?? "",
      /^text\/(css|javascript); charset=utf-8$/,
    );
    await answer.body?.cancel();
  }
});

Deno.test("/try sends a strict policy with every file", async () => {
  await using server = startTestServer();
  for (const path of ["/try", "/try/page.js", "/try/clients/lib/peerjs.js"]) {
    const answer = await fetch(`${server.url}${path}`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assertStringIncludes(policy, "default-src 'none'");
    assertEquals(policy.includes("unsafe"), false);
    await answer.body?.cancel();
  }
});

Deno.test("/try offers the protocols that the server speaks, each with its adapter and client", async () => {
  await using server = startTestServer();
  const answer = await fetch(`${server.url}/try/protocols.json`);
  const { protocols } = await answer.json() as {
    protocols: { name: string; title: string; path: string }[];
  };
  assertEquals(protocols.map(({ name }) => name), [
    "simple",
    "peerjs",
    "rtcpool",
    "webrtcsink",
    "gstreamer",
    "yjs",
  ]);
  for (const { name, path } of protocols) {
    assert(path.startsWith("/"));
    const adapter = await (await fetch(`${server.url}/try/clients/${name}.js`)).text();
    const [, library] = /loadScript\("([^"]+)"\)/.exec(adapter) ?? [];
    if (library === undefined) continue;
    assert((await (await fetch(`${server.url}/try/${library}`)).text()).length > 10_000);
  }
});

Deno.test("/try serves every module that Yjs and y-webrtc import, and no other", async () => {
  await using server = startTestServer();
  const isSeen = new Set<string>();
  const waiting = ["yjs.js", "y-webrtc.js"];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (isSeen.has(name)) continue;
    isSeen.add(name);
    const answer = await fetch(`${server.url}/try/clients/lib/yjs/${name}`);
    const text = await answer.text();
    assertEquals([name, answer.status], [name, 200]);
    for (
      const [, target = ""] of text.matchAll(IMPORTS)
    ) {
      assertMatch(target, /^\.\/[\w-]+\.js$/, name);
      waiting.push(target.slice(2));
    }
  }
  assert(isSeen.size > 30, [...isSeen].join());
  const absent = await fetch(`${server.url}/try/clients/lib/yjs/constructor.js`);
  assertEquals([absent.status, await absent.text()], [404, "Not found\n"]);
});

Deno.test("--no-try takes the page and its files away", async () => {
  await using server = startTestServer({ args: ["--no-try"] });
  for (const path of ["/try", "/try/page.js", "/try/protocols.json"]) {
    const answer = await fetch(`${server.url}${path}`);
    assertEquals(answer.status, 404);
    await answer.body?.cancel();
  }
});

import { assertEquals, assertStringIncludes } from "@std/assert";
import { docsRoutes } from "../../src/docs/mod.ts";
import { BRIDGING_PATH, DOCS_PATH, landingPage, wantsHtml } from "../../src/http/landing.ts";

function wants(accept: string | null): boolean {
  const headers = accept === null ? {} : { accept };
  return wantsHtml(new Request("http://signalbox.test/", { headers }));
}

Deno.test("a client that prefers HTML is a person with a browser", () => {
  const firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  for (const accept of [firefox, "text/html", "text/html, application/json;q=0.9"]) {
    assertEquals(wants(accept), true);
  }
});

Deno.test("a client that takes anything, or prefers JSON, is a program", () => {
  for (const accept of [null, "*/*", "application/json", "application/json, text/html", ""]) {
    assertEquals(wants(accept), false);
  }
});

Deno.test("a strange Accept header is no reason to fail", () => {
  for (const accept of [",", ";", "text/html;q=x", "/", "text/*", "a".repeat(10_000)]) {
    wants(accept);
  }
});

Deno.test("the page explains itself, names the address of each dialect, and links to more", () => {
  const reachable = [
    { title: "PeerJS", entrance: { path: "/", scheme: "http", hint: "new Peer()" } },
    { title: "GStreamer", entrance: { path: "/gst", scheme: "ws", hint: "HELLO" } },
  ] as const;
  const page = landingPage({ version: "1.2.3", reachable, basePath: "", hasTry: true });
  for (const text of ["<!doctype html>", "1.2.3", "PeerJS", "/gst", `href="${DOCS_PATH}"`]) {
    assertStringIncludes(page, text);
  }
});

Deno.test("all parts of the page are text, not HTML", () => {
  const hostile = `<script>"&`;
  const reachable = [
    { title: hostile, entrance: { path: hostile, scheme: "ws", hint: hostile } },
  ] as const;
  const page = landingPage({ version: hostile, reachable, basePath: "", hasTry: true });
  assertEquals(page.includes("<script"), false);
  assertEquals(page.split("&#60;script&#62;&#34;&#38;").length, 5);
});

Deno.test("the page links /try below the base path, where it is served", () => {
  const options = { version: "1.2.3", reachable: [], basePath: "/signal" };
  const link = 'href="/signal/try"';
  assertStringIncludes(landingPage({ ...options, hasTry: true }), link);
  assertEquals(landingPage({ ...options, hasTry: false }).includes(link), false);
});

Deno.test("an Accept header longer than any browser's is not weighed", () => {
  const accept = `text/html,${"a/b,".repeat(300)}`;
  assertEquals(wantsHtml(new Request("http://x/", { headers: { accept } })), false);
});

Deno.test("the page shows who reaches whom and how, if any protocols are bridged", () => {
  const options = { version: "1", reachable: [], basePath: "/signal", hasTry: false };
  const dialects = [
    { title: "PeerJS", call: "peer.call(id)" },
    { title: "GStreamer", call: "SESSION id", meet: "ROOM room" },
    { title: "<b>", meet: "<i>" },
  ];
  const page = landingPage({ ...options, bridge: { dialects, lobby: "hall" } });
  const rows = [...page.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = ""]) =>
    row.replace(/<\/?(code|t[hd])>/g, " ").replace(/ +/g, " ").trim()
  );
  assertEquals(rows, [
    "PeerJS peer.call(id) calls GStreamer, &#60;b&#62; by the id",
    "GStreamer SESSION id calls PeerJS, &#60;b&#62; by the id",
    "GStreamer ROOM room meets &#60;b&#62; in the room; in hall calls PeerJS",
    "&#60;b&#62; &#60;i&#62; meets GStreamer in the room; in hall calls PeerJS, GStreamer",
  ]);
  assertStringIncludes(page, 'href="/signal/docs/src/dialects/BRIDGING.md"');
  assertEquals(landingPage(options).includes("Between protocols"), false);
});

Deno.test("the page without a lobby promises no calls into rooms from outside", () => {
  const options = { version: "1", reachable: [], basePath: "", hasTry: false };
  const dialects = [{ title: "PeerJS", call: "call" }, { title: "Simple", meet: "Room" }];
  const page = landingPage({ ...options, bridge: { dialects } });
  assertStringIncludes(page, "calls Simple by the id");
  assertEquals(page.includes("<code>Room</code>"), false);
});

Deno.test("the page about calls between protocols is among the documentation", () => {
  const paths = docsRoutes({ basePath: "", version: "1" }).map(({ path }) => path);
  assertEquals(paths.includes(BRIDGING_PATH), true);
});

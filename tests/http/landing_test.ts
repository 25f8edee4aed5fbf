import { assertEquals, assertStringIncludes } from "@std/assert";
import { DOCS_PATH, landingPage, wantsHtml } from "../../src/http/landing.ts";

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

Deno.test("the page names the protocols whose clients call each other, if there are any", () => {
  const options = { version: "1", reachable: [], basePath: "", hasTry: false };
  const page = landingPage({ ...options, bridged: ["PeerJS", "<b>"] });
  assertStringIncludes(page, "Clients of these protocols call each other: PeerJS, &#60;b&#62;.");
  assertEquals(landingPage(options).includes("call each other:"), false);
});

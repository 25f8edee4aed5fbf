import { assertEquals, assertStringIncludes } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { startPageServer } from "../helpers/browser/page_server.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { peerJsUrl } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { SOCKET_IO_CLIENTS } from "../helpers/wire/socket_io_clients.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// For a proxy that hands on one path and does not remove it.

const ARGS = ["--base-path", "/signal/"];
const RESOURCES = [
  "/healthz",
  "/health",
  "/readyz",
  "/metrics",
  "/docs",
  "/peerjs/id",
  "/simple/client.js",
  "/socket.io/?EIO=4&transport=polling",
];

async function statusOf(url: string): Promise<number> {
  const response = await within("an answer", fetch(url));
  await response.body?.cancel();
  return response.status;
}

Deno.test("below a base path every resource is reached, and nothing beside it", async () => {
  await using server = startTestServer({ args: ARGS });
  for (const path of RESOURCES) {
    assertEquals(await statusOf(`${server.url}/signal${path}`), 200, path);
    assertEquals(await statusOf(`${server.url}//signal/${path}`), 200, path);
    assertEquals(await statusOf(server.url + path), 404, path);
    assertEquals(await statusOf(`${server.url}/signals${path}`), 404, path);
  }
  for (const path of ["/signal", "/signal/"]) {
    const about = await fetch(server.url + path);
    assertEquals((await about.json()).name, "PeerJS Server");
  }
});

Deno.test("below a base path the page at its root names the paths that clients need", async () => {
  await using server = startTestServer({ args: ARGS });
  const page = await fetch(`${server.url}/signal/`, { headers: { accept: "text/html" } });
  const html = await page.text();
  for (
    const text of ["…/signal/ssp", "/signal/ssp/v1", "/signal/socket.io", 'href="/signal/docs"']
  ) {
    assertStringIncludes(html, text);
  }
});

Deno.test("below a base path every dialect is reached by WebSocket, also with doubled slashes", async () => {
  await using server = startTestServer({ args: ARGS });
  const paths = ["/gst", "/ssp", "/ssp/v1", "/ssp/auto", "/simple", "/webrtcsink", "/", "//gst"];
  for (const path of paths) {
    await using client = await WsClient.open(`${server.wsUrl}/signal${path}`);
    assertEquals(client.unread.length < 2, true);
  }
  await using peer = await WsClient.open(peerJsUrl(`${server.wsUrl}/signal`, "alice"));
  assertEquals(await peer.nextJson(), { type: "OPEN" });
  assertEquals(await statusOf(`${server.url}/gst`), 404);
});

Deno.test("doubled slashes in a path are one, without a base path, too", async () => {
  await using server = startTestServer();
  for (const path of ["//readyz", "//peerjs//id", "/simple//client.js", "//health/"]) {
    assertEquals([path, await statusOf(server.url + path)], [path, 200]);
  }
  for (const revision of [3, 4]) {
    const handshake = `//socket.io//?EIO=${revision}&transport=polling`;
    assertEquals(await statusOf(server.url + handshake), 200);
  }
  for (const path of ["//gst", "//ssp//v1", "//simple//", "//webrtcsink", "//topics", "//"]) {
    await using _client = await WsClient.open(server.wsUrl + path);
  }
  await using peer = await WsClient.open(peerJsUrl(`${server.wsUrl}/`, "alice"));
  assertEquals(await peer.nextJson(), { type: "OPEN" });
});

clientTest({
  name: "Chromium: below a base path socket.io-client reaches OWT and ssp by either transport",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer({ args: ARGS });
    await using site = await startPageServer({
      "/": '<!doctype html><script src="/socket.io.js"></script>',
      "/socket.io.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
    });
    await using browser = await launchBrowser();
    const page = await browser.newPage(site.url);
    for (const transport of ["polling", "websocket"]) {
      for (const namespace of ["/?token=alice", "/ssp"]) {
        const options = { path: "/signal/socket.io/", transports: [transport], forceNew: true };
        const outcome = await page.evaluate(`new Promise((resolve) => {
          const socket = io(${JSON.stringify(server.url + namespace)}, ${JSON.stringify(options)});
          socket.on("connect", () => { resolve("connected"); socket.disconnect(); });
          socket.on("connect_error", ({ message }) => resolve(message));
        })`);
        assertEquals([transport, namespace, outcome], [transport, namespace, "connected"]);
      }
    }
  },
});

for (const args of [[], ARGS]) {
  Deno.test(`pages find their files, also behind a slash: ${args.join(" ") || "no base path"}`, async () => {
    await using server = startTestServer({ args: [...args, "--admin-tokens", "a".repeat(32)] });
    const base = args.length === 0 ? server.url : `${server.url}/signal`;
    for (const path of ["/", "/try", "/try/", "/try//", "/console", "/console/", "/console//"]) {
      const page = await fetch(`${base}${path}?a=b`, { headers: { accept: "text/html" } });
      const html = await page.text();
      assertStringIncludes(page.url, "?a=b");
      const links = [...html.matchAll(/ (?:href|src)="([^"#]+)"/g)].map(([, link = ""]) => link);
      assertEquals([path, page.status, links.length > 0], [path, 200, true]);
      for (const link of links.filter((link) => !/^https?:/.test(link))) {
        assertEquals([path, link, await statusOf(new URL(link, page.url).href)], [path, link, 200]);
      }
    }
  });
}

Deno.test("a base path is written with or without slashes around it, and in any letters", async () => {
  const spellings = [["/a", "/a"], ["/a/", "/a"], ["//a//", "/a"], ["/z/../a/./", "/a"]];
  for (const [basePath = "", asked] of [...spellings, ["/Zürich", "/Z%C3%BCrich"]]) {
    await using server = startTestServer({ args: ["--base-path", basePath] });
    assertEquals([basePath, await statusOf(`${server.url}${asked}/healthz`)], [basePath, 200]);
    assertEquals(await statusOf(`${server.url}${asked}/docs`), 200);
  }
  await using server = startTestServer({ args: ["--base-path", "/a/b"] });
  assertEquals(await statusOf(`${server.url}/a/b/healthz`), 200);
  assertEquals(await statusOf(`${server.url}/a/healthz`), 404);
});

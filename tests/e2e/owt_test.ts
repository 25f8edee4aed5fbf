import { assertEquals } from "@std/assert";
import { type Browser, launchBrowser, type Page } from "../helpers/chromium.ts";
import { clientTest } from "../helpers/clients.ts";
import script from "../helpers/owt_page.js" with { type: "text" };
import { startPageServer } from "../helpers/page_server.ts";
import { readmeSnippet } from "../helpers/readme.ts";
import { startTestServer } from "../helpers/server.ts";
import { SOCKET_IO_CLIENTS } from "../helpers/socket_io_clients.ts";
import { until } from "../helpers/waiting.ts";

const WAYS = [["polling"], ["websocket"], ["polling", "websocket"]];

/** Opens a page that is a client with this version of socket.io-client. */
async function openClient(browser: Browser, version: string): Promise<Page> {
  await using site = await startPageServer({
    "/": '<!doctype html><script src="/io.js"></script><script src="/page.js"></script>',
    "/io.js": SOCKET_IO_CLIENTS[version] ?? "",
    "/page.js": script,
  });
  return await browser.newPage(site.url);
}

async function heardBy(page: Page): Promise<unknown> {
  let heard: unknown[] = [];
  await until("a message", async () => (heard = await page.call("heard")).length > 0);
  return heard;
}

for (const transports of WAYS) {
  clientTest({
    name: `OWT: both generations meet, over ${transports.join(" and ")}`,
    needs: ["chromium"],
    fn: async () => {
      await using server = startTestServer();
      await using browser = await launchBrowser();
      const { url } = server;
      const query = { clientType: "Web", clientVersion: "4.3", token: "grün €" };
      // The versions of the SDK's samples (owt.md, section 1).
      const old = await openClient(browser, "2.2.0");
      const fresh = await openClient(browser, "3.1.2");
      assertEquals(await old.call("loginByQuery", url, transports, query), "grün €");
      const argument = { token: "fresh" };
      assertEquals(await fresh.call("loginByEvent", url, transports, argument), [{ uid: "fresh" }]);

      assertEquals(await old.call("ask", "owt-message", { to: "fresh", data: "1" }), []);
      assertEquals(await heardBy(fresh), [{ data: "1", from: "grün €" }]);
      assertEquals(await fresh.call("ask", "owt-message", { to: "grün €", data: "2" }), []);
      assertEquals(await heardBy(old), [{ data: "2", from: "fresh" }]);
      assertEquals(await fresh.call("ask", "owt-message", { to: "nobody", data: "3" }), [2201]);

      for (const version of ["2.2.0", "4.8.4"]) {
        const other = await openClient(browser, version);
        const wrong = { ...query, clientVersion: "9.9" };
        assertEquals(await other.call("loginByQuery", url, transports, wrong), "2103");
        await other.close();
      }

      const taker = await openClient(browser, "4.8.4");
      await taker.call("loginByEvent", url, transports, { token: "grün €" });
      const told = ["connect", "server-disconnect", "disconnect"];
      await until("the loss", async () => (await old.call<[]>("happened")).length === told.length);
      assertEquals(await fresh.call("ask", "owt-message", { to: "grün €", data: "4" }), []);
      assertEquals(await heardBy(taker), [{ data: "4", from: "fresh" }]);
      assertEquals(await old.call("happened"), told);
    },
  });
}

clientTest({
  name: "README: the signalling channel for OWT logs in, talks, and tells what goes wrong",
  needs: ["chromium"],
  fn: async () => {
    await using server = startTestServer();
    await using site = await startPageServer({
      "/": `<!doctype html>
<script src="/global.js"></script>
<script type="importmap">{ "imports": { "socket.io-client": "/io.js" } }</script>
<script type="module">
import { SignalingChannel } from "/channel.js";
const channel = new SignalingChannel();
const heard = [];
let isLost = false;
channel.onMessage = (from, data) => heard.push([from, data]);
channel.onServerDisconnected = () => (isLost = true);
const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ error }));
Object.assign(globalThis, {
  start: (host, token) => settled(channel.connect({ host, token })),
  say: (to, data) => settled(channel.send(to, data)),
  heard: () => heard,
  isLost: () => isLost,
});
</script>`,
      "/channel.js": await readmeSnippet("owt"),
      // The package's own module is none of its exports.
      "/global.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
      "/io.js": "export const io = globalThis.io;",
    });
    await using browser = await launchBrowser();
    const [alice, bob, other] = [
      await browser.newPage(site.url),
      await browser.newPage(site.url),
      await browser.newPage(site.url),
    ];
    assertEquals(await alice.call("start", server.url, "alice"), { value: "alice" });
    assertEquals(await bob.call("start", server.url, "bob"), { value: "bob" });
    assertEquals(await alice.call("say", "bob", "hi"), {});
    assertEquals(await heardBy(bob), [["alice", "hi"]]);
    assertEquals(await alice.call("say", "nobody", "hi"), { error: 2201 });
    assertEquals(await other.call("start", server.url, {}), { error: 2121 });
    assertEquals(await alice.call("isLost"), false);

    const taker = await browser.newPage(site.url);
    assertEquals(await taker.call("start", server.url, "alice"), { value: "alice" });
    await until("the loss", () => alice.call<boolean>("isLost"));
  },
});

import { assertEquals, assertNotEquals } from "@std/assert";
import { launchBrowser, type Page } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { enter, exchange, startSite } from "../helpers/browser/simple.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { startTcpProxy, type TcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium"] as const;

clientTest({
  name: "Simple client: two pages meet, talk over a data channel, and part",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using site = await startSite();
    await using browser = await launchBrowser();
    const fred = await enter(browser, site, server.url, "Fred");
    const barney = await enter(browser, site, server.url, "Barney");
    assertEquals(await fred.call("happened", "call"), { name: "Barney" });
    assertEquals(await barney.call("happened", "open"), { name: "Fred" });
    await fred.call("happened", "open");
    await exchange(fred, "Fred", barney, "Barney");

    await barney.call("change", { name: "Barney R.", age: 40 });
    await fred.call("happened", "change");
    await fred.call("signalAll", { by: "the server" });
    const heard = await barney.call<Record<string, unknown>>("happened", "data");
    assertEquals(heard, { data: { by: "the server" }, name: "Fred" });

    await barney.call("leave");
    assertEquals(await fred.call("happened", "leave"), { reason: "left", name: "Barney R." });
    assertEquals(await barney.call("happened", "closed"), { code: 1000, reason: "left" });
    await fred.close();
    await until("the server to be empty", async () => await server.gauge("signalbox_peers") === 0);
    assertEquals(await server.gauge("signalbox_lost_instances"), 0);
  },
});

clientTest({
  name: "Simple client: three pages see each other's pictures, and go on when one is closed",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using site = await startSite();
    await using browser = await launchBrowser();
    const names = ["Fred", "Barney", "Wilma"];
    const pages = await Promise.all(
      names.map((name) => enter(browser, site, server.url, name, { withVideo: true })),
    );
    for (const page of pages) {
      await until("two moving pictures", async () => await page.call("moving") === 2);
      await until("two open channels", async () => await page.call("connected") === 2);
    }
    const [fred, barney, wilma] = pages;
    await wilma?.close();
    await fred?.call("happened", "leave");
    await barney?.call("happened", "leave");
    if (fred && barney) await exchange(fred, "Fred", barney, "Barney");
  },
});

clientTest({
  name: "Simple client: both sides add pictures at the same moment, and both see them",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using site = await startSite();
    await using browser = await launchBrowser();
    const pages = [
      await enter(browser, site, server.url, "Fred"),
      await enter(browser, site, server.url, "Barney"),
    ];
    for (const page of pages) await page.call("happened", "open");
    await Promise.all(pages.map((page) => page.call("addVideo")));
    for (const page of pages) {
      await until("a moving picture", async () => await page.call("moving") === 1);
      assertEquals(await page.call("all", "error"), []);
    }
  },
});

for (const sharers of [["Fred"], ["Barney"], ["Fred", "Barney"]]) {
  clientTest({
    name: `Simple client: ${sharers.join(" and ")} may send a picture when told of the call`,
    needs,
    fn: async () => {
      await using server = startTestServer();
      await using site = await startSite();
      await using browser = await launchBrowser();
      const pages: Page[] = [];
      for (const name of ["Fred", "Barney"]) {
        const options = { sharesVideo: sharers.includes(name) };
        pages.push(await enter(browser, site, server.url, name, options));
      }
      for (const [n, page] of pages.entries()) {
        await page.call("happened", "open");
        if (sharers.includes(n === 0 ? "Barney" : "Fred")) {
          await until("a moving picture", async () => await page.call("moving") === 1);
        }
        assertEquals(await page.call("all", "open"), [{ name: n === 0 ? "Barney" : "Fred" }]);
        assertEquals(await page.call("all", "error"), []);
      }
    },
  });
}

clientTest({
  name:
    "Simple client: a network that dies in the middle of a call set-up loses and doubles nothing",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using proxy = startTcpProxy(server.url);
    await using site = await startSite();
    await using browser = await launchBrowser();
    // He is not to come back before the offer is lost, however slow Barney's page is.
    const options = { client: server.url, pingMs: 600_000 };
    const fred = await enter(browser, site, proxy.url, "Fred", options);
    const { id } = await fred.call<{ id: string }>("me");
    // Barney's calls are on their way when Fred's path goes dead without a word.
    const frozen = proxy.freeze();
    assertEquals(frozen.length, 1);
    const barney = await enter(browser, site, server.url, "Barney");
    for (const n of [1, 2, 3]) await barney.call("signalAll", n);
    await until("the offer to be lost", () => (frozen[0]?.sent().length ?? 0) > 1_000);
    await fred.call("pingAfter", 500);

    assertEquals(await fred.call("happened", "ready", 2), { isBack: true });
    assertEquals(await fred.call("me"), { id, instance: 0 });
    await barney.call("happened", "open");
    await fred.call("happened", "open");
    await exchange(fred, "Fred", barney, "Barney");
    assertEquals(
      await fred.call("all", "data"),
      [1, 2, 3].map((data) => ({ data, name: "Barney" })),
    );
    // To Barney nothing has happened.
    assertEquals([await barney.call("all", "leave"), await barney.call("all", "call")], [[], [
      { name: "Fred" },
    ]]);
  },
});

clientTest({
  name: "Simple client: a message into a dead network arrives once, when the network is back",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using proxy = startTcpProxy(server.url);
    await using site = await startSite();
    await using browser = await launchBrowser();
    const barney = await enter(browser, site, server.url, "Barney");
    const options = { client: server.url, pingMs: 500 };
    const fred = await enter(browser, site, proxy.url, "Fred", options);
    await fred.call("signalAll", 1);
    proxy.freeze();
    for (const n of [2, 3]) await fred.call("signalAll", n);
    assertEquals(await fred.call("happened", "ready", 2), { isBack: true });
    await fred.call("signalAll", 4);
    await barney.call("happened", "data", 4);
    await barney.call("happened", "open");
    await exchange(fred, "Fred", barney, "Barney");
    const heard = await barney.call<{ data: number }[]>("all", "data");
    assertEquals(heard.map(({ data }) => data), [1, 2, 3, 4]);
    assertEquals(await barney.call("all", "leave"), []);
  },
});

clientTest({
  name: "Simple client: connections that are cut again and again lose and double nothing",
  needs,
  fn: async () => {
    await using both = await openBehindProxy();
    const { proxy, fred, barney } = both;
    for (const round of [0, 1, 2]) {
      await Promise.all([fred, barney].map((page) => page.call("signalAll", 2 * round)));
      proxy.cut();
      await Promise.all([fred, barney].map((page) => page.call("signalAll", 2 * round + 1)));
      for (const page of [fred, barney]) {
        assertEquals(await page.call("happened", "ready", round + 2), { isBack: true });
      }
    }
    for (const page of [fred, barney]) {
      await page.call("happened", "data", 6);
      await page.call("happened", "open");
      const heard = await page.call<{ data: number }[]>("all", "data");
      assertEquals(heard.map(({ data }) => data), [0, 1, 2, 3, 4, 5]);
      assertEquals([await page.call("all", "leave"), await page.call("all", "error")], [[], []]);
    }
    await exchange(fred, "Fred", barney, "Barney");
  },
});

clientTest({
  name: "Simple client: pictures that are added while connections are cut are negotiated",
  needs,
  fn: async () => {
    await using both = await openBehindProxy();
    const { proxy, fred, barney } = both;
    for (const page of [fred, barney]) await page.call("happened", "open");
    for (const round of [0, 1, 2]) {
      await fred.call("addVideo");
      proxy.cut();
      await Promise.all([fred.call("addVideo"), barney.call("addVideo")]);
      for (const page of [fred, barney]) await page.call("happened", "ready", round + 2);
    }
    // Not whether they move: in Chromium some stay dark after so many offers that were taken back.
    await until("Fred's pictures", async () => await barney.call("shown") === 6);
    await until("Barney's pictures", async () => await fred.call("shown") === 3);
    for (const page of [fred, barney]) assertEquals(await page.call("all", "error"), []);
  },
});

clientTest({
  name: "Simple client: a server that forgot everything is joined anew",
  needs,
  fn: async () => {
    await using site = await startSite();
    await using browser = await launchBrowser();
    const before = startTestServer();
    const { host } = new URL(before.url);
    const fred = await enter(browser, site, before.url, "Fred");
    const { id } = await fred.call<{ id: string }>("me");
    await before.stop();
    assertEquals(await fred.call("happened", "lost"), { code: 1012 });
    await using server = startTestServer({ args: ["--listen", `http://${host}`] });
    assertEquals(await fred.call("happened", "ready", 2), { isBack: false });
    assertNotEquals((await fred.call<{ id: string }>("me")).id, id);
    const barney = await enter(browser, site, server.url, "Barney");
    await fred.call("happened", "open");
    await exchange(fred, "Fred", barney, "Barney");
  },
});

clientTest({
  name: "Simple client: calls go on when a server comes back that knows its ids",
  needs,
  fn: async () => {
    await using site = await startSite();
    await using browser = await launchBrowser();
    const args = ["--simple-secret=a secret that stays"];
    const before = startTestServer({ args });
    const { host } = new URL(before.url);
    const pages: Page[] = [];
    for (const name of ["Fred", "Barney", "Wilma"]) {
      pages.push(await enter(browser, site, before.url, name));
    }
    for (const page of pages) await page.call("happened", "open", 2);
    await Promise.all(pages.map((page) => page.call("keep")));
    await before.stop();
    for (const page of pages) await page.call("happened", "lost");
    await using _server = startTestServer({ args: [...args, "--listen", `http://${host}`] });
    for (const page of pages) {
      assertEquals(await page.call("happened", "ready", 2), { isBack: false });
    }
    for (const [n, page] of pages.entries()) await page.call("signalAll", n);
    for (const page of pages) {
      await page.call("happened", "data", 2);
      const isKept = async (): Promise<boolean> => await page.call<number>("kept") === 2;
      await until("negotiations to end", isKept);
      assertEquals([await page.call("all", "leave"), await page.call("all", "error")], [[], []]);
    }
    await pages[0]?.call("send", "still here");
    for (const page of pages.slice(1)) await page.call("happened", "message");
  },
});

clientTest({
  name: "Simple client: a page that was away for too long is called anew, whatever it has kept",
  needs,
  fn: async () => {
    await using server = startTestServer({ args: ["--simple-resume-ms=200"] });
    await using proxy = startTcpProxy(server.url);
    await using site = await startSite();
    await using browser = await launchBrowser();
    const options = { client: server.url, pingMs: 500 };
    const fred = await enter(browser, site, proxy.url, "Fred", options);
    const barney = await enter(browser, site, server.url, "Barney");
    for (const page of [fred, barney]) await page.call("happened", "open");
    const { id } = await fred.call<{ id: string }>("me");
    const cutting = setInterval(() => proxy.cut(), 20);
    assertEquals(await barney.call("happened", "leave"), { reason: "lost", name: "Fred" });
    clearInterval(cutting);
    await until("Fred to be new", async () => {
      const [, ...later] = await fred.call<{ isBack: boolean }[]>("all", "ready");
      return later.some(({ isBack }) => !isBack);
    });
    assertEquals(await fred.call("me"), { id, instance: 0 });
    for (const page of [fred, barney]) await page.call("happened", "open", 2);
    await exchange(fred, "Fred", barney, "Barney");
  },
});

clientTest({
  name: "Simple client: a page that only watches sees the members that were there before",
  needs,
  fn: async () => {
    await using server = startTestServer();
    await using site = await startSite();
    await using browser = await launchBrowser();
    const channel = null;
    await enter(browser, site, server.url, "Fred", { withVideo: true, channel });
    const barney = await enter(browser, site, server.url, "Barney", { channel });
    await until("a moving picture", async () => await barney.call("moving") === 1);
    assertEquals(await barney.call("all", "error"), []);
  },
});

/** Two pages behind a network that a test can cut. */
async function openBehindProxy(): Promise<
  { readonly proxy: TcpProxy; readonly fred: Page; readonly barney: Page } & AsyncDisposable
> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(startTestServer());
  const proxy = stack.use(startTcpProxy(server.url));
  const site = stack.use(await startSite());
  const browser = stack.use(await launchBrowser());
  const options = { client: server.url };
  const fred = await enter(browser, site, proxy.url, "Fred", options);
  const barney = await enter(browser, site, proxy.url, "Barney", options);
  const parts = stack.move();
  return { proxy, fred, barney, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

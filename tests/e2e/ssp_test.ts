import { assertEquals } from "@std/assert";
import { type Browser, launchBrowser } from "../helpers/browser/chromium.ts";
import { clientTest } from "../helpers/process/clients.ts";
import type { PageServer } from "../helpers/browser/page_server.ts";
import { startPageServer } from "../helpers/browser/page_server.ts";
import { readmeSnippet } from "../helpers/process/readme.ts";
import {
  assertSeen,
  bundle,
  connectData,
  exchange,
  openPoolPage,
  type PoolPage,
  startRtcPoolSite,
} from "../helpers/browser/rtcpool.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { openV1Page, V1_SITE } from "../helpers/wire/ssp_v1_peer.ts";
import { until } from "../helpers/wire/waiting.ts";

const needs = ["chromium"] as const;

/** The parts of one test, all of them real. */
interface Stage {
  readonly browser: Browser;
  readonly site: PageServer;
  /** The server as WebSockets reach it, without a path. */
  readonly url: string;
  /** The same for Socket.IO. */
  readonly httpUrl: string;
  stopServer(): Promise<{ code: number }>;
}

function sspTest(name: string, fn: (stage: Stage) => Promise<void>, args: string[] = []): void {
  clientTest({
    name: `RTCPool client: ${name}`,
    needs,
    fn: async () => {
      await using server = await startServerProcess(args);
      await using site = await startRtcPoolSite(V1_SITE);
      await using browser = await launchBrowser();
      const url = server.url.replace(/^http/, "ws");
      const stopServer = () => server.stop("SIGTERM");
      await fn({ browser, site, url, httpUrl: server.url, stopServer });
    },
  });
}

function join({ browser, site, url }: Stage, path = "/ssp", pool = "p"): Promise<PoolPage> {
  const open = path === "/ssp/v1" ? openV1Page : openPoolPage;
  return open(browser, site, url + path, pool);
}

/** Joins in a namespace of Socket.IO. */
function joinNamespace(stage: Stage, name = "/ssp", pool?: string): Promise<PoolPage> {
  return join({ ...stage, url: stage.httpUrl }, name, pool);
}

/** RTCPool stumbles over any event about somebody unknown. */
async function assertNoErrors(...pages: readonly PoolPage[]): Promise<void> {
  for (const { page } of pages) assertEquals(await page.call("all", "error"), []);
}

/**
 * When the answer to its own offer comes, client 3.0.2 forgets that it ignores the other's offer, and
 * complains about candidates of that one, which it needs no more.
 */
const AFTER_COLLISION = /addIceCandidate.*remote description was null/;

async function assertNoErrorsButCollisions(...pages: readonly PoolPage[]): Promise<void> {
  for (const { page } of pages) {
    const errors = await page.call<string[]>("all", "error");
    assertEquals(errors.filter((error) => !AFTER_COLLISION.test(error)), []);
  }
}

/**
 * Lets both pages negotiate at once: neither has heard of the other's offer when it makes its own. A
 * new connection has found its candidates by then, for Chromium may never find any for one whose
 * offer it has to take back before that.
 */
async function collide(
  a: PoolPage,
  b: PoolPage,
  negotiate: (page: PoolPage) => Promise<void>,
  said: readonly string[],
): Promise<void> {
  const before = new Map<PoolPage, number>();
  for (const one of [a, b]) {
    before.set(one, await count(one, said));
    await one.page.call("hold");
    await negotiate(one);
  }
  for (const one of [a, b]) {
    await until("the offer", async () => await count(one, said) > (before.get(one) ?? 0));
  }
  for (const { page } of [a, b]) await page.call("release");
}

const OFFERS = ["rtc:sdp offer", "rtc:offers"];
const LAST_CANDIDATE = ["rtc:candidate end"];

async function count({ page }: PoolPage, kinds: readonly string[]): Promise<number> {
  return (await page.call<string[]>("all", "says")).filter((kind) => kinds.includes(kind)).length;
}

/** Both open a data channel at once, and when they are connected, both add their picture at once. */
async function collideTwice(a: PoolPage, b: PoolPage): Promise<void> {
  const open = async (one: PoolPage): Promise<void> => {
    await one.page.call("open", one === a ? b.id : a.id, "glare");
  };
  await collide(a, b, open, LAST_CANDIDATE);
  await exchange(a, b);
  await collide(a, b, (one) => one.page.call("share"), OFFERS);
  await assertSeen(a, b);
  await exchange(a, b);
  await assertNoErrorsButCollisions(a, b);
}

sspTest("three pages in a pool exchange data, each with each", async (stage) => {
  const a = await join(stage);
  const b = await join(stage);
  const c = await join(stage);
  assertEquals([a.peers, b.peers, c.peers], [[], [a.id], [a.id, b.id]]);
  assertEquals(await a.page.call("happened", "peer", 2), c.id);
  await connectData(c, a);
  await connectData(c, b);
  await connectData(a, b);
  await exchange(b, c);
  await assertNoErrors(a, b, c);
});

sspTest("media go both ways with moving pictures", async (stage) => {
  const a = await join(stage);
  await a.page.call("share");
  const b = await join(stage);
  await b.page.call("happened", "video");
  await b.page.call("share");
  await assertSeen(a, b);
  await assertNoErrors(a, b);
});

sspTest("departures are noticed by all who stay, and the pool goes on", async (stage) => {
  const a = await join(stage);
  const b = await join(stage);
  const c = await join(stage);
  await connectData(b, a);
  await connectData(c, a);
  await b.page.close();
  for (const { page } of [a, c]) {
    await until("the departure", async () => (await page.call<string[]>("peers")).length === 1);
    assertEquals((await page.call<string[]>("all", "gone")).includes(b.id), true);
  }
  await c.page.call("leave");
  await until("the departure", async () => (await a.page.call<string[]>("peers")).length === 0);
  const d = await join(stage);
  assertEquals(d.peers, [a.id]);
  await connectData(d, a);
  await assertNoErrors(a, d);
});

sspTest("both negotiate at once, first from nothing and then anew", async (stage) => {
  const a = await join(stage);
  const b = await join(stage);
  await a.page.call("happened", "peer");
  await collideTwice(a, b);
});

sspTest("descriptions reach who is there, and who comes later", async (stage) => {
  const a = await join(stage);
  const b = await join(stage);
  await a.page.call("happened", "peer");
  const description = { name: "Ann", tags: ["grün"] };
  await a.page.call("describe", description);
  assertEquals(await b.page.call("happened", "description"), { peer: a.id, description });
  const c = await join(stage);
  assertEquals(await c.page.call("descriptionOf", a.id), description);
  assertEquals(await c.page.call("descriptionOf", b.id), null);
  await assertNoErrors(a, b, c);
});

for (const path of ["/", "/ssp/auto"]) {
  sspTest(
    `a page that connects to ${path} works, among others at /ssp and /ssp/v1`,
    async (stage) => {
      const root = await join(stage, path);
      const two = await join(stage, "/ssp");
      const again = await join(stage, path);
      const one = await join(stage, "/ssp/v1");
      await connectData(two, root);
      await connectData(again, root);
      await connectData(again, two);
      await connectData(one, root);
      await connectData(again, one);
      await assertNoErrors(root, two, again, one);
    },
  );
}

for (const [first, second] of [["/ssp/v1", "/ssp"], ["/ssp", "/ssp/v1"]] as const) {
  const names = first === "/ssp" ? "version 2 before version 1" : "version 1 before version 2";

  sspTest(`a mixed pool, ${names}: either opens a data channel`, async (stage) => {
    for (const opener of ["newcomer", "earlier"]) {
      const a = await join(stage, first, opener);
      const b = await join(stage, second, opener);
      assertEquals([a.peers, b.peers], [[], [a.id]]);
      await a.page.call("happened", "peer");
      await (opener === "newcomer" ? connectData(b, a) : connectData(a, b));
      await assertNoErrors(a, b);
    }
  });

  sspTest(`a mixed pool, ${names}: media, collisions, departures`, async (stage) => {
    const a = await join(stage, first);
    const b = await join(stage, second);
    await a.page.call("happened", "peer");
    await collideTwice(a, b);
    await b.page.close();
    assertEquals(await a.page.call("happened", "gone"), b.id);
    await until("the departure", async () => (await a.page.call<string[]>("peers")).length === 0);
  });
}

sspTest("over Socket.IO, among others on WebSockets: data, each with each", async (stage) => {
  const namespace = await joinNamespace(stage);
  const socket = await join(stage);
  const one = await joinNamespace(stage, "/ssp/v1");
  const again = await joinNamespace(stage);
  assertEquals(again.peers, [namespace.id, socket.id, one.id]);
  const members = [namespace, socket, one, again];
  for (const [nth, newcomer] of members.entries()) {
    for (const earlier of members.slice(0, nth)) await connectData(newcomer, earlier);
  }
  const description = { name: "Ann", tags: ["grün"] };
  await namespace.page.call("describe", description);
  for (const { page } of [socket, one, again]) {
    const told = { peer: namespace.id, description };
    assertEquals(await page.call("happened", "description"), told);
  }
  await assertNoErrors(...members);
});

sspTest("over Socket.IO: media, collisions, departures", async (stage) => {
  const a = await joinNamespace(stage);
  const b = await join(stage);
  await a.page.call("happened", "peer");
  await collideTwice(a, b);
  // Both share their pictures with every newcomer.
  const c = await joinNamespace(stage, "/ssp/v1");
  for (const { id } of [a, b]) {
    await until(
      "the video",
      async () => (await c.page.call<string[]>("all", "video")).includes(id),
    );
  }
  await b.page.close();
  for (const { page } of [a, c]) {
    assertEquals(await page.call("happened", "gone"), b.id);
    await until("the departure", async () => (await page.call<string[]>("peers")).length === 1);
  }
  await a.page.call("leave");
  assertEquals(await c.page.call("happened", "gone", 2), a.id);
  const d = await join(stage);
  assertEquals(d.peers, [c.id]);
  await connectData(d, c);
  await assertNoErrors(c, d);
});

sspTest(
  "data go on when the server stops, and no departure is announced",
  async (stage) => {
    const a = await join(stage);
    const b = await join(stage);
    await connectData(b, a);
    assertEquals(await stage.stopServer(), { code: 0 });
    for (const { page } of [a, b]) assertEquals(await page.call("happened", "socket closed"), 1001);
    await exchange(a, b);
    for (const { page } of [a, b]) {
      assertEquals([await page.call("all", "gone"), await page.call("all", "stop")], [[], []]);
    }
    await assertNoErrors(a, b);
  },
);

/** README's page, over either of the client's transports. */
async function readScript(transport: "WebSocket" | "Socket.IO"): Promise<string> {
  const script = await readmeSnippet("src/dialects/ssp/README.md", "ssp");
  if (transport === "WebSocket") return script;
  const [importing = "", opening = ""] =
    (await readmeSnippet("src/dialects/ssp/README.md", "ssp-socket-io")).trim().split("\n");
  return `${importing}\n${script.replace(/^const signals = .*$/m, opening)}`;
}

for (const transport of ["WebSocket", "Socket.IO"] as const) {
  clientTest({
    name: `README: the RTCPool page shows everybody all the others, by ${transport}`,
    needs,
    fn: async () => {
      await using server = await startServerProcess();
      const script = await readScript(transport);
      await using site = await startPageServer({
        "/call.html": '<!doctype html><body><script src="bundle.js"></script>',
        "/bundle.js": await bundle(script.replace("localhost:8080", new URL(server.url).host)),
      });
      await using browser = await launchBrowser();
      const pages = [];
      for (let nth = 0; nth < 3; nth++) pages.push(await browser.newPage(`${site.url}call.html`));
      const isShown = `[...document.querySelectorAll("video")]
        .filter(({ currentTime, videoWidth }) => currentTime > 0.5 && videoWidth > 0).length`;
      for (const page of pages) {
        await until("the others' moving pictures", async () => await page.evaluate(isShown) === 2);
      }
      await pages.pop()?.close();
      for (const page of pages) {
        await until(
          "one to be gone",
          async () => await page.evaluate("document.querySelectorAll('video').length") === 1,
        );
      }
    },
  });
}

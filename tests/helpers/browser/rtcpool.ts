import { assertEquals } from "@std/assert";
import { bundleForBrowser } from "./bundle.ts";
import type { Browser, Page } from "./chromium.ts";
import events from "./page_events.js" with { type: "text" };
import { type PageServer, startPageServer } from "./page_server.ts";
import { assertMoves } from "./pictures.ts";
import script from "./rtcpool_page.js" with { type: "text" };
import { SOCKET_IO_CLIENTS } from "../wire/socket_io_clients.ts";
import { until } from "../wire/waiting.ts";

/** The version of the real client that the tests run. */
export const RTCPOOL = "rtcpool 3.0.2";

const IMPORTS = {
  "rtcpool": "npm:rtcpool@3.0.2",
  // Its package does not declare it, and version 8 lacks what it needs.
  "@babel/runtime": "npm:@babel/runtime@7.29.14",
  "socket.io-client": "npm:socket.io-client@4.8.4",
};

const HTML = `<!doctype html>
<title>RTCPool</title>
<script src="/rtcpool.js"></script>
<script src="/socket.io.js"></script>
<script type="module" src="/rtcpool_page.js"></script>
<body></body>`;

/** Bundles a script that imports `rtcpool` for browsers, as the client's users have to. */
export function bundle(script: string): Promise<string> {
  return bundleForBrowser(script, IMPORTS);
}

/** Serves a page with the rtcpool client and the functions of rtcpool_page.js. */
export async function startRtcPoolSite(
  more: Readonly<Record<string, string>> = {},
): Promise<PageServer> {
  return startPageServer({
    "/": HTML,
    "/rtcpool.js": await bundle('import rtcpool from "rtcpool"; globalThis.rtcpool = rtcpool;'),
    "/rtcpool_page.js": script,
    "/page_events.js": events,
    "/socket.io.js": SOCKET_IO_CLIENTS["4.8.4"] ?? "",
    ...more,
  });
}

/** A page in a pool. */
export interface PoolPage {
  readonly page: Page;
  readonly id: string;
  /** Those whom it found in the pool, in their joining order. */
  readonly peers: readonly string[];
}

/** Opens a page whose RTCPool joins a pool at `url`: `ws:` for its WebSocket, `http:` for Socket.IO. */
export async function openPoolPage(
  browser: Browser,
  site: PageServer,
  url: string,
  pool: string,
): Promise<PoolPage> {
  return await join(await browser.newPage(site.url), url, pool);
}

/** Lets a page join with the `start` function that all pool pages have. */
export async function join(page: Page, url: string, pool: string): Promise<PoolPage> {
  await page.call("start", url, pool);
  return { page, ...await page.call<{ id: string; peers: string[] }>("happened", "join") };
}

/** Opens a data channel and exchanges a text each way. */
export async function connectData(from: PoolPage, to: PoolPage): Promise<void> {
  await from.page.call("open", to.id, `from ${from.id}`);
  await exchange(from, to);
}

/** Sends a text each way over the channel between two pages. */
export async function exchange(a: PoolPage, b: PoolPage): Promise<void> {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    await until("the channel", () => from.page.evaluate(hasChannel(to.id)) as Promise<boolean>);
    const nth = (await to.page.call<unknown[]>("all", "text")).length + 1;
    await from.page.call("tell", to.id, `hällo ${nth}`);
    assertEquals(await to.page.call("happened", "text", nth), {
      peer: from.id,
      text: `hällo ${nth}`,
    });
  }
}

function hasChannel(peer: string): string {
  return `all("channel").some(({ peer }) => peer === ${JSON.stringify(peer)})`;
}

/** Waits until each of two pages sees the other move. */
export async function assertSeen(a: PoolPage, b: PoolPage): Promise<void> {
  for (const [one, other] of [[a, b], [b, a]] as const) await assertMoves(one.page, other.id);
}

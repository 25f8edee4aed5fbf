import { assert, assertEquals } from "@std/assert";
import bundle from "npm:peerjs@1.5.5/dist/peerjs.min.js" with { type: "text" };
import type { Certificate } from "../process/certificate.ts";
import type { Browser, Page } from "./chromium.ts";
import { type PageServer, startPageServer } from "./page_server.ts";
import script from "./peerjs_page.js" with { type: "text" };

/** The version of the real client that the tests run. */
export const PEERJS = "peerjs 1.5.5";

const HTML = `<!doctype html>
<title>PeerJS</title>
<script src="/peerjs.js"></script>
<script type="module" src="/page.js"></script>
<body></body>`;

/** Options of the client's `Peer` that tests choose. */
export interface PeerOptions {
  path?: string;
  key?: string;
  token?: string;
  /** The argument of `new RTCPeerConnection()`. */
  config?: Readonly<Record<string, unknown>>;
}

/** Serves a page with the peerjs client and the functions of peerjs_page.js. */
export function startPeerJsSite(certificate?: Certificate): Promise<PageServer> {
  return startPageServer({ "/": HTML, "/peerjs.js": bundle, "/page.js": script }, certificate);
}

/** Starts the page's peer against a server; without an id the server chooses one. */
export async function startPeer(
  page: Page,
  server: string,
  id?: string,
  options: PeerOptions = {},
): Promise<void> {
  const { hostname, port, protocol } = new URL(server);
  await page.call("start", {
    host: hostname,
    port: Number(port),
    secure: protocol === "https:",
    // Candidates of the host are enough on one machine; the default servers are far away.
    config: { iceServers: [] },
    ...options,
  }, ...(id === undefined ? [] : [id]));
}

/** Opens a page with a peer in it, waits until it is open, and returns it with its id. */
export async function openPeer(
  browser: Browser,
  site: PageServer,
  server: string,
  id?: string,
  options?: PeerOptions,
): Promise<{ page: Page; id: string }> {
  const page = await browser.newPage(site.url);
  await startPeer(page, server, id, options);
  return { page, id: await page.call<string>("happened", "open") };
}

/** Opens a data connection and tries it. */
export async function connectData(from: Page, id: string, to: Page): Promise<void> {
  await from.call("connect", id);
  await to.call("happened", "connection");
  await from.call("happened", "connection");
  await exchangeData(from, to);
}

/** Sends one message each way over the data connection of the two pages. */
export async function exchangeData(a: Page, b: Page): Promise<void> {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    const nth = await to.call<number>("count", "data") + 1;
    const message = { text: "hällo", nth };
    await from.call("send", message);
    assertEquals(await to.call("happened", "data", nth), message);
  }
}

/** Makes a media call and waits until both sides see the other move. */
export async function callBothWays(caller: Page, id: string, callee: Page): Promise<void> {
  const own = await caller.call<number>("count", "stream") + 1;
  const theirs = await callee.call<number>("count", "stream") + 1;
  const metadata = { subject: "wie geht's" };
  await caller.call("call", id, { metadata });
  const call = await callee.call<{ metadata: unknown }>("happened", "stream", theirs);
  assertEquals(call.metadata, metadata);
  for (const [page, nth] of [[caller, own], [callee, theirs]] as const) {
    const seen = await page.call<{ frames: number; pictures: number }>("watchFrames", nth, 10);
    assert(seen.frames >= 10 && seen.pictures >= 2);
  }
}

import { fileURLToPath } from "node:url";
import { assert } from "@std/assert";
import type { Browser, Page } from "../../helpers/browser/browser.ts";
import { openPeer, startPeerJsSite } from "../../helpers/browser/peerjs.ts";
import { openPoolPage, startRtcPoolSite } from "../../helpers/browser/rtcpool.ts";
import { startSite } from "../../helpers/browser/simple.ts";
import { programOf } from "../../helpers/process/clients.ts";
import { until } from "../../helpers/wire/waiting.ts";
import {
  type CallPeer,
  PagePeer,
  type PagePeerOptions,
  type PeerOptions,
  ProgramPeer,
  WebrtcbinPeer,
} from "../gstreamer/peers.ts";

/** A real client of one protocol, as the tests of all pairs use it. */
export interface Client extends AsyncDisposable {
  readonly id: string;
  /** Waits until it shows a moving picture of another client. */
  sees(other: Client): Promise<void>;
  /** Ends its connection in good order. */
  leave(): Promise<void>;
}

/** A client that calls another one by its id. */
export interface Caller extends Client {
  call(id: string): Promise<void>;
}

interface Moving {
  readonly frames: number;
  readonly pictures: number;
}

function assertMoves({ frames, pictures }: Moving): void {
  assert(frames >= 10 && pictures >= 2);
}

/** A page with the peerjs client and a camera; it answers every call. */
export async function peerJsPage(
  browser: Browser,
  server: string,
  id: string,
): Promise<Caller & { readonly page: Page }> {
  const site = await startPeerJsSite();
  const { page } = await openPeer(browser, site, server, id);
  return {
    id,
    page,
    call: (id) => page.call("call", id),
    sees: async () => assertMoves(await page.call<Moving>("watchFrames", 1, 10)),
    leave: () => page.close(),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

/** A page in a pool of RTCPool. */
export async function rtcPoolPage(
  browser: Browser,
  server: string,
  pool: string,
  { shares }: { readonly shares: boolean },
): Promise<Client & { readonly page: Page }> {
  const site = await startRtcPoolSite();
  const { page, id } = await openPoolPage(browser, site, `${wsOf(server)}ssp`, pool);
  if (shares) await page.call("share");
  return {
    id,
    page,
    sees: async (other) => {
      const shows = async () => (await page.call<string[]>("all", "video")).includes(other.id);
      await until(`the video of ${other.id} at ${id}`, shows);
      assertMoves(await page.call<Moving>("watchFrames", other.id, 10));
    },
    leave: () => page.call("leave"),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

/** A page in a room of Simple. */
export async function simplePage(
  browser: Browser,
  server: string,
  room: string,
): Promise<Client & { readonly page: Page }> {
  const site = await startSite();
  const page = await browser.newPage(site.url);
  await page.call("start", server.replace(/\/$/, ""), room, { withVideo: true });
  await page.call("happened", "ready");
  const { id } = await page.call<{ id: string }>("me");
  return {
    id,
    page,
    sees: async () => {
      // Its videos carry no names: all of them have to move.
      const moves = async () => {
        const shown = await page.call<number>("shown");
        return shown > 0 && await page.call<number>("moving") === shown;
      };
      await until(`moving pictures at ${id}`, moves);
    },
    leave: () => page.call("leave"),
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

/** A page that speaks GStreamer's text protocol. */
export async function gstreamerPage(
  browser: Browser,
  server: string,
  uid: string,
  options: PagePeerOptions = {},
): Promise<Client & { readonly peer: PagePeer }> {
  const peer = await PagePeer.open(browser, wsOf(server), uid, options);
  return { peer, ...await gstreamerClient(peer, options) };
}

/** An application around webrtcbin. */
export async function webrtcbin(
  server: string,
  uid: string,
  options: PeerOptions = {},
): Promise<Client> {
  return await gstreamerClient(new WebrtcbinPeer(wsOf(server), uid, options), options);
}

/** An application on aiortc, which waits for a call. */
export async function aiortc(server: string, uid: string): Promise<Client> {
  const script = fileURLToPath(new URL("aiortc_peer.py", import.meta.url));
  const peer = new ProgramPeer(uid, programOf("aiortc"), [script, wsOf(server), uid]);
  return await gstreamerClient(peer, {});
}

async function gstreamerClient(peer: CallPeer, options: PeerOptions): Promise<Client> {
  await peer.heard({ event: "hello" });
  if (options.room !== undefined) await peer.heard({ event: "room_ok" });
  return {
    id: peer.uid,
    // In a session only the caller knows who is on the other side.
    sees: ({ id }) => {
      const name = options.room ?? options.call ? id : "caller";
      // Frames that it has shown before do not count.
      const shown = peer.events.findLast((event) =>
        event.event === "frames" && event["peer"] === name
      );
      return peer.sees(name, Number(shown?.["count"] ?? 0) + 10);
    },
    leave: () => peer.leave(),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

function wsOf(server: string): string {
  return server.replace(/^http/, "ws").replace(/\/?$/, "/");
}

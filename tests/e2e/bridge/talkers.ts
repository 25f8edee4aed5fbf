import type { Browser, Page } from "../../helpers/browser/browser.ts";
import { until } from "../../helpers/wire/waiting.ts";
import { gstreamerPage, peerJsPage, rtcPoolPage, simplePage } from "./clients.ts";
import { owtPage } from "./owt.ts";

/** A client that exchanges texts over a data channel. */
export interface Talker extends AsyncDisposable {
  readonly id: string;
  /** Calls a peer with a data channel. */
  connect(to: string): Promise<void>;
  tell(to: string, text: string): Promise<void>;
  /** Waits for the first text of a peer. */
  hears(from: string): Promise<unknown>;
}

export type TalkerName = "PeerJS" | "GStreamer" | "RTCPool" | "Simple" | "OWT";

/** PeerJS packs bytes in a way of its own, unless it is asked for plain texts. */
const RAW = { serialization: "raw" };

/** Starts a client; members of rooms are in `room`. */
export const TALKERS: Readonly<
  Record<TalkerName, (browser: Browser, server: string, id: string) => Promise<Talker>>
> = {
  PeerJS: async (browser, server, id) => {
    const { page, ...client } = await peerJsPage(browser, server, id);
    return {
      ...client,
      connect: (to) => page.call("connect", to, RAW),
      tell: async (_, text) => {
        await page.call("happened", "connection");
        await page.call("send", text);
      },
      hears: () => page.call("happened", "data"),
    };
  },
  GStreamer: async (browser, server, id) => {
    const client = await gstreamerPage(browser, server, id, { channel: true });
    const { peer } = client;
    return {
      ...client,
      connect: (to) => peer.page.call("callWithChannel", to),
      tell: async (_, text) => {
        await peer.heard({ event: "channel" });
        await peer.page.call("tell", text);
      },
      hears: async () => (await peer.heard({ event: "text" }))["text"],
    };
  },
  RTCPool: async (browser, server) => {
    const { page, ...client } = await rtcPoolPage(browser, server, "room", { shares: false });
    return {
      ...client,
      connect: (to) => page.call("open", to, "texts"),
      ...overChannel(page),
    };
  },
  Simple: async (browser, server) => {
    const { page, ...client } = await simplePage(browser, server, "room");
    return {
      ...client,
      // A newcomer calls everybody by itself.
      connect: () => Promise.resolve(),
      tell: async (_, text) => {
        await until("the channel", async () => await page.call<number>("connected") > 0);
        await page.call("send", text);
      },
      hears: async () => (await page.call<{ data: unknown }>("happened", "message")).data,
    };
  },
  OWT: async (browser, server, id) => {
    const { page, ...client } = await owtPage(browser, server, id);
    return {
      ...client,
      connect: (to) => page.call("open", to),
      ...overChannel(page),
    };
  },
};

/** Texts of a page with page_events.js. */
function overChannel(page: Page): Pick<Talker, "tell" | "hears"> {
  return {
    tell: async (to, text) => {
      await page.call("happened", "channel");
      await page.call("tell", to, text);
    },
    hears: async () => (await page.call<{ text: unknown }>("happened", "text")).text,
  };
}

import type { Why } from "../../../src/auth/authenticator.ts";
import { type Browser, launchBrowser, type Page } from "../../helpers/browser/chromium.ts";
import { startGstWebRtcSite } from "../../helpers/browser/gstwebrtc.ts";
import type { PageServer } from "../../helpers/browser/page_server.ts";
import { startPeer, startPeerJsSite } from "../../helpers/browser/peerjs.ts";
import { startRtcPoolSite } from "../../helpers/browser/rtcpool.ts";
import { startSite } from "../../helpers/browser/simple.ts";
import type { Need } from "../../helpers/process/clients.ts";
import type { TestServer } from "../../helpers/wire/server.ts";
import { startOwtSite } from "../../helpers/wire/socket_io_clients.ts";
import { WebrtcbinPeer } from "../gstreamer/peers.ts";
import { ROOM, USER } from "./cases.ts";

// The real clients of all dialects: how each shows a token, and how it learns of a refusal. The answers
// are those of the operations notes, section 2.

/** A refusal as clients get to know it. */
export interface Refusal {
  readonly why: Why;
  /** The message for clients. */
  readonly message: string;
}

/** A real client of one dialect. */
export interface TokenClient {
  readonly title: string;
  readonly needs: readonly Need[];
  /** The dialect's checks beside those of the token itself. */
  readonly checks: readonly ("id" | "room")[];
  /** Without a token, the client shows a word of its own in the token's place. */
  readonly showsWord?: true;
  readonly granted: unknown;
  /** The answer to a refused token. */
  readonly refused: (refusal: Refusal) => unknown;
  readonly open: () => Promise<TokenDriver>;
}

/** Lets a client try to come in with a token; resolves with all that it learns, after it has left. */
export interface TokenDriver extends AsyncDisposable {
  attempt(server: TestServer, token: string | undefined): Promise<unknown>;
}

/** How a page makes its attempt. */
type PageAttempt = (page: Page, server: TestServer, token: string | undefined) => Promise<unknown>;

class PageDriver implements TokenDriver {
  readonly #site: PageServer;
  readonly #browser: Browser;
  readonly #attempt: PageAttempt;

  private constructor(site: PageServer, browser: Browser, attempt: PageAttempt) {
    this.#site = site;
    this.#browser = browser;
    this.#attempt = attempt;
  }

  static async open(site: Promise<PageServer>, attempt: PageAttempt): Promise<PageDriver> {
    return new PageDriver(await site, await launchBrowser(), attempt);
  }

  async attempt(server: TestServer, token: string | undefined): Promise<unknown> {
    const page = await this.#browser.newPage(this.#site.url);
    try {
      return await this.#attempt(page, server, token);
    } finally {
      await page.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser[Symbol.asyncDispose]();
    await this.#site[Symbol.asyncDispose]();
  }
}

function queryOf(token: string | undefined): string {
  return token === undefined ? "" : `?token=${token}`;
}

function peerjs(place: "key" | "token"): TokenClient {
  return {
    title: `PeerJS client, token as its ${place}`,
    needs: ["chromium"],
    checks: ["id"],
    showsWord: true,
    granted: { open: USER },
    refused: ({ message }) => ({ error: { type: "server-error", message }, isDestroyed: true }),
    open: () =>
      PageDriver.open(startPeerJsSite(), async (page, server, token) => {
        await startPeer(page, server.url, USER, token === undefined ? {} : { [place]: token });
        const outcome = await page.call<Record<string, unknown>>("outcome");
        if ("open" in outcome) return outcome;
        await page.call("happened", "close");
        return { ...outcome, isDestroyed: true };
      }),
  };
}

const gstreamer: TokenClient = {
  title: "GStreamer in Python, token in the query",
  needs: ["gstreamer"],
  checks: ["id", "room"],
  granted: { event: "room_ok", peers: [] },
  refused: ({ why, message }) => {
    if (why === "id") {
      return { event: "closed", code: 1002, reason: "invalid peer uid", by: "server" };
    }
    // The server leaves the client idle; the client ends by itself.
    if (why === "room") {
      const text = `ERROR room '${ROOM}' is not allowed`;
      return { event: "refused", text, code: 1000, reason: "" };
    }
    const reason = message.toLowerCase();
    const code = why === "unavailable" ? 1013 : 1008;
    return { event: "refused", text: `ERROR ${reason}`, code, reason };
  },
  open: () =>
    Promise.resolve({
      attempt: async (server, token) => {
        const url = `${server.wsUrl}/gst${queryOf(token)}`;
        await using peer = new WebrtcbinPeer(url, USER, { room: ROOM });
        return await Promise.any(
          ["room_ok", "refused", "closed"].map((event) => peer.heard({ event })),
        );
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};

function rtcPool(way: "WebSocket" | "Socket.IO"): TokenClient {
  const isWebSocket = way === "WebSocket";
  return {
    title: `RTCPool, token ${isWebSocket ? "in the query" : "in Socket.IO's auth"}`,
    needs: ["chromium"],
    checks: ["room"],
    granted: { peers: [] },
    // The client itself ignores errors, and waits for its join.
    refused: ({ why, message }) => ({
      error: {
        message,
        reason: why === "unavailable" ? "unavailable" : "not-authorized",
        pool: ROOM,
      },
      joins: 0,
    }),
    open: () =>
      PageDriver.open(startRtcPoolSite(), async (page, server, token) => {
        const url = isWebSocket ? `${server.wsUrl}/ssp${queryOf(token)}` : `${server.url}/ssp`;
        await page.call("start", url, ROOM, token === undefined ? {} : { token });
        return await page.call("outcome");
      }),
  };
}

function owt(version: string, way: "event" | "query"): TokenClient {
  const isEvent = way === "event";
  const numberOf = (why: Why): number => why === "unavailable" ? 2102 : 2121;
  return {
    title: `OWT with socket.io-client ${version}, token in the ${way}`,
    needs: ["chromium"],
    checks: [],
    granted: { uid: USER },
    refused: ({ why }) =>
      isEvent
        ? { answer: { error: numberOf(why) }, ended: "io server disconnect" }
        : { connect: String(numberOf(why)) },
    open: () =>
      PageDriver.open(startOwtSite(version, "1.7.4"), async (page, server, token) => {
        const query = isEvent
          ? ""
          : `/?${new URLSearchParams({ ...(token && { token }), clientVersion: "4.3" })}`;
        const transports = ["websocket"];
        const connect = await page.call(
          "start",
          USER,
          "tested",
          `${server.url}${query}`,
          transports,
        );
        if (connect !== "connected") return { connect };
        if (!isEvent) return await page.call("happened", USER, "server-authenticated");
        const login = token === undefined ? {} : { token };
        const [answer] = await page.call<Record<string, unknown>[]>(
          "ask",
          USER,
          "authentication",
          login,
        );
        if (answer === undefined || "uid" in answer) return answer;
        return { answer, ended: await page.call("happened", USER, "disconnect") };
      }),
  };
}

const simple: TokenClient = {
  title: "Simple's own client",
  needs: ["chromium"],
  checks: ["room"],
  granted: { ready: { isBack: false } },
  refused: ({ why, message }) => {
    // For the moment: the client comes back by itself.
    if (why === "unavailable") return { error: { code: why, message }, lost: { code: 3000 } };
    const code = why === "dialect" || why === "room" ? "forbidden" : "unauthorized";
    return { error: { code, message }, closed: { code, reason: message } };
  },
  open: () =>
    PageDriver.open(startSite(), async (page, server, token) => {
      await page.call("start", server.url, ROOM, token === undefined ? {} : { token });
      const outcome = await page.call<Record<string, unknown>>("outcome");
      // A page that is closed without a word keeps its place for a while.
      if (!("closed" in outcome)) {
        await page.call("leave").then(() => page.call("happened", "closed"));
      }
      return outcome;
    }),
};

const webrtcsink: TokenClient = {
  title: "gstwebrtc-api, token in the query",
  needs: ["chromium"],
  checks: [],
  granted: { isConnected: true },
  refused: ({ why, message }) => ({
    error: `error received from signaling server: ${message}`,
    code: why === "unavailable" ? 1013 : 1008,
  }),
  open: () =>
    PageDriver.open(startGstWebRtcSite(), async (page, server, token) => {
      await page.call("start", `${server.wsUrl}/webrtcsink${queryOf(token)}`);
      return await page.call("outcome");
    }),
};

export const TOKEN_CLIENTS: readonly TokenClient[] = [
  peerjs("key"),
  peerjs("token"),
  gstreamer,
  rtcPool("WebSocket"),
  rtcPool("Socket.IO"),
  owt("2.2.0", "event"),
  owt("4.8.4", "event"),
  owt("2.2.0", "query"),
  simple,
  webrtcsink,
];

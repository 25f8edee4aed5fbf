import type { Frame } from "../../../src/core/session.ts";
import type { Closing } from "./fake_link.ts";
import type { TestClient } from "./hub.ts";
import { sdpOf } from "./legs.ts";

/** A client of any protocol, with or without a network. */
export interface PartyClient {
  /** Every frame that it was ever sent. */
  readonly sent: readonly Frame[];
  /** How the server closed the connection; undefined where it did not. */
  readonly closing: Closing | undefined;
  /** The frames that it was sent since this was last asked. */
  heard(): Frame[];
  say(...frames: string[]): Promise<void>;
  leave(): Promise<void>;
}

/** Starts clients of each protocol, which have read their greeting. */
export interface PartyBench<Client extends PartyClient> {
  peerjs(id: string): Promise<Client>;
  gstreamer(uid: string): Promise<Client>;
  ssp(pool: string): Promise<{ client: Client; id: string }>;
  simple(room: string): Promise<{ client: Client; id: string }>;
  owt(id: string): Promise<Client>;
  webrtcsink(...roles: string[]): Promise<{ client: Client; id: string }>;
}

/** A client of one protocol, whose messages and news have the same form for all protocols. */
export interface Party<Client extends PartyClient = TestClient> {
  readonly client: Client;
  readonly id: string;
  /** Sends an offer; a client that needs a command for it sends that before. */
  offer(to: string, session: string): Promise<void>;
  answer(to: string, session: string): Promise<void>;
  candidate(to: string, text: string): Promise<void>;
  /** Ends its call in its protocol's words. */
  hangUp(to: string): Promise<void>;
  /** The messages since this was last asked, each as a word or two of its protocol. */
  news(): string[];
}

/** "gstreamer room": a member of a room, as opposed to a client that is called by its id. */
export type PartyName =
  | "peerjs"
  | "gstreamer"
  | "gstreamer room"
  | "ssp"
  | "simple"
  | "owt"
  | "webrtcsink";

/** The room of those that are in one: the lobby of the bench. */
export const HALL = "hall";

type Json = Record<string, unknown>;

const text = (value: unknown): string => JSON.stringify(value);

/** Starts a client. */
type OpenParty = <Client extends PartyClient>(
  bench: PartyBench<Client>,
  name: string,
) => Promise<Party<Client>>;

/** Those whose clients are in a room. */
export const IN_ROOMS: ReadonlySet<PartyName> = new Set(["gstreamer room", "ssp", "simple"]);

/** All of them. */
export const PARTY_NAMES: readonly PartyName[] = [
  "peerjs",
  "gstreamer",
  "gstreamer room",
  "ssp",
  "simple",
  "owt",
  "webrtcsink",
];

export const dialectOf = (name: PartyName): string => name.split(" ")[0] ?? name;

/** A client in a room is called by its room-mates and, in RTCPool's and Simple's words, by others. */
export function canCall(calling: PartyName, called: PartyName): boolean {
  if (dialectOf(calling) === dialectOf(called)) return false;
  return called !== "gstreamer room" || IN_ROOMS.has(calling);
}

/** Starts a client; of webrtcsink a producer. */
export const PARTIES: Readonly<Record<PartyName, OpenParty>> = {
  async peerjs<Client extends PartyClient>(
    bench: PartyBench<Client>,
    id: string,
  ): Promise<Party<Client>> {
    const client = await bench.peerjs(id);
    let head: Json = { type: "data", connectionId: "dc_own" };
    const say = (type: string, dst: string, payload: Json): Promise<void> =>
      client.say(text({ type, dst, payload: { ...payload, ...head } }));
    return {
      client,
      id,
      offer: (to, session) => say("OFFER", to, { sdp: sdp("offer", session) }),
      answer: (to, session) => say("ANSWER", to, { sdp: sdp("answer", session) }),
      candidate: (to, candidate) => say("CANDIDATE", to, { candidate: { candidate, sdpMid: "0" } }),
      hangUp: (dst) => client.say(text({ type: "LEAVE", dst })),
      news: () =>
        read(client, ({ type, payload }) => {
          if (type === "OFFER") head = { type: "data", connectionId: idIn(payload) };
          return String(type);
        }),
    };
  },
  async gstreamer<Client extends PartyClient>(
    bench: PartyBench<Client>,
    id: string,
  ): Promise<Party<Client>> {
    const client = await bench.gstreamer(id);
    let isCalling = false;
    return {
      client,
      id,
      async offer(to, session): Promise<void> {
        if (!isCalling) await client.say(`SESSION ${to}`);
        isCalling = true;
        await client.say(text({ sdp: sdp("offer", session) }));
      },
      answer: (_, session) => client.say(text({ sdp: sdp("answer", session) })),
      candidate: (_, candidate) => client.say(text({ ice: { candidate, sdpMLineIndex: 0 } })),
      hangUp: () => client.leave(),
      news: () => readTexts(client),
    };
  },
  async "gstreamer room"<Client extends PartyClient>(
    bench: PartyBench<Client>,
    id: string,
  ): Promise<Party<Client>> {
    const client = await bench.gstreamer(id);
    await client.say(`ROOM ${HALL}`);
    client.heard();
    const say = (to: string, message: Json): Promise<void> =>
      client.say(`ROOM_PEER_MSG ${to} ${text(message)}`);
    return {
      client,
      id,
      offer: (to, session) => say(to, { sdp: sdp("offer", session) }),
      answer: (to, session) => say(to, { sdp: sdp("answer", session) }),
      candidate: (to, candidate) => say(to, { ice: { candidate, sdpMLineIndex: 0 } }),
      hangUp: () => client.leave(),
      news: () => readTexts(client),
    };
  },
  async ssp<Client extends PartyClient>(
    bench: PartyBench<Client>,
  ): Promise<Party<Client>> {
    const { client, id } = await bench.ssp(HALL);
    client.heard();
    const say = (type: string, data: Json): Promise<void> => client.say(text({ type, data }));
    return {
      client,
      id,
      offer: (to, session) => say("rtc:sdp", { to, description: sdp("offer", session) }),
      answer: (to, session) => say("rtc:sdp", { to, description: sdp("answer", session) }),
      candidate: (to, candidate) =>
        say("rtc:candidate", { for: to, candidate: { candidate, sdpMid: "0" } }),
      hangUp: () => client.leave(),
      news: () =>
        read(client, ({ type, data }) => {
          const { reason, description } = data as { reason?: string; description?: Json };
          return [type, reason ?? description?.["type"] ?? []].flat().join(" ");
        }),
    };
  },
  async simple<Client extends PartyClient>(
    bench: PartyBench<Client>,
  ): Promise<Party<Client>> {
    const { client, id } = await bench.simple(HALL);
    const say = (peer_id: string, type: string, more: Json): Promise<void> =>
      client.say(text({ event: "signal", peer_id, type, ...more }));
    return {
      client,
      id,
      offer: (to, session) => say(to, "offer", { sdp: sdpOf(session) }),
      answer: (to, session) => say(to, "answer", { sdp: sdpOf(session) }),
      candidate: (to, candidate) =>
        say(to, "candidate", { peer_ice: [{ candidate, sdpMid: "0" }] }),
      hangUp: (to) => say(to, "bye", { reason: "enough" }),
      news: () =>
        read(client, ({ event, type, reason, code }) => {
          const words = event === "signal" ? [type, reason ?? []] : [event, code ?? []];
          return words.flat().join(" ");
        }),
    };
  },
  async owt<Client extends PartyClient>(
    bench: PartyBench<Client>,
    id: string,
  ): Promise<Party<Client>> {
    const client = await bench.owt(id);
    const say = (to: string, type: string, data?: Json): Promise<void> =>
      client.say(`27["owt-message",${text({ to, data: text({ type, data }) })}]`);
    return {
      client,
      id,
      offer: (to, session) => say(to, "chat-signal", sdp("offer", session)),
      answer: (to, session) => say(to, "chat-signal", sdp("answer", session)),
      candidate: (to, candidate) =>
        say(to, "chat-signal", { type: "candidates", candidate, sdpMid: "0", sdpMLineIndex: 0 }),
      hangUp: (to) => say(to, "chat-closed"),
      news: () =>
        client.heard().flatMap((frame) => {
          const packet = String(frame);
          if (packet === "37[]") return [];
          if (!packet.startsWith("2[")) return [packet];
          const [, { data }] = JSON.parse(packet.slice(1));
          const message = JSON.parse(data);
          return message.type === "chat-ua" ? [] : [wordOfP2p(message)];
        }),
    };
  },
  async webrtcsink<Client extends PartyClient>(
    bench: PartyBench<Client>,
  ): Promise<Party<Client>> {
    const { client, id } = await bench.webrtcsink("producer");
    let sessionId = "";
    const say = (message: Json): Promise<void> => client.say(text({ ...message, sessionId }));
    return {
      client,
      id,
      offer: (peerId, session) =>
        client.say(text({ type: "startSession", peerId, offer: sdpOf(session) })),
      answer: (_, session) => say({ type: "peer", sdp: sdp("answer", session) }),
      candidate: (_, candidate) => say({ type: "peer", ice: { candidate, sdpMLineIndex: 0 } }),
      hangUp: () => say({ type: "endSession" }),
      news: () =>
        read(client, (message) => {
          if (typeof message["sessionId"] === "string") sessionId = message["sessionId"];
          return String(message["type"]);
        }),
    };
  },
};

function sdp(type: "offer" | "answer", session: string): Json {
  return { type, sdp: sdpOf(session) };
}

function read(client: PartyClient, wordOf: (message: Json) => string): string[] {
  const words = client.heard().map((frame) => wordOf(JSON.parse(String(frame))));
  return [...words, ...closingOf(client)];
}

/** Texts of the other client are known by their first key. */
function readTexts(client: PartyClient): string[] {
  const words = client.heard().map((frame) => {
    const [, command = "", json] = /^(ROOM_PEER_MSG \S+ )?(\{.*\})?/s.exec(String(frame)) ?? [];
    if (json === undefined) return String(frame);
    const { sdp } = JSON.parse(json);
    return `${command === "" ? "" : "ROOM_PEER_MSG "}${sdp?.type ?? "ice"}`;
  });
  return [...words, ...closingOf(client)];
}

function closingOf({ closing }: PartyClient): string[] {
  return closing === undefined ? [] : [`closed ${closing === "bare" ? closing : closing[0]}`];
}

function idIn(payload: unknown): string {
  return (payload as { connectionId: string }).connectionId;
}

function wordOfP2p({ type, data }: { type: string; data?: Json }): string {
  return type === "chat-signal" ? `${type} ${data?.["type"]}` : type;
}

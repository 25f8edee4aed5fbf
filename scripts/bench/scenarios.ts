/** One client's connection as a scenario sees it: whole text frames, in order. */
export interface Wire {
  send(text: string): Promise<void>;
  receive(): Promise<string>;
}

/** A client's wishes; a dialect whose server makes the ids uses the room only. */
export interface Wish {
  readonly id: string;
  /** The same for all who are to meet. */
  readonly room: string;
}

/** The ids by which the server knows the two clients of a pair. */
export interface PairIds {
  readonly a: string;
  readonly b: string;
}

/** Both one ASCII character. */
export interface Heartbeat {
  readonly ping: string;
  readonly pong: string;
}

/** The benchmark's knowledge of a dialect; one entry in `SCENARIOS` each. */
export interface Scenario {
  /** As in `--only`. */
  readonly name: string;
  readonly title: string;
  /** As in the dialect's own options. */
  readonly dialect: string;
  /** Most CPU time per message, as a multiple of the yardstick's. */
  readonly cpuTarget: number;
  /** Most memory per idle connection, likewise, where a client leaves more than others do. */
  readonly memoryTarget?: number;
  /** Flags that lift the limits, other than rates, which the load would hit. */
  readonly serverFlags: readonly string[];
  /** The request target that a client opens. */
  path(wish: Wish): string;
  /** Resolves with the client's id when the server knows it. */
  join(client: Wire, wish: Wish): Promise<string>;
  /** Makes what `a` sends reach `b`; both have joined, `a` first. */
  pair(a: Wire, b: Wire, ids: PairIds): Promise<void>;
  /** The nth message of the mix as `a` writes it to `b`. Never under `MIN_MESSAGE_BYTES`. */
  message(n: number, ids: PairIds): string;
  /**
   * Takes a client that has joined into its room, whose members get one message each. Undefined if
   * the dialect has no rooms.
   */
  readonly enter?: (client: Wire, wish: Wish) => Promise<void>;
  /** The sender asks for an acknowledgement of every message: the yardstick writes one too. */
  readonly isAcknowledged?: true;
  /** Another way to use a dialect measured already: only its relay is. */
  readonly isVariant?: true;
  /** Held against a server of the same protocol, to which clients speak as they do to signalbox. */
  readonly rival?: "socket.io";
  /** The relayed payload is JSON as text, within a message of JSON. */
  readonly isNested?: true;
  /** The mix has messages of one kind only. */
  readonly only?: "descriptions" | "candidates";
  /** The protocol's own heartbeat: the server's question and the client's answer. */
  readonly heartbeat?: Heartbeat;
}

/** After this many messages the mix repeats: one session description, then candidates. */
export const MIX_PERIOD = 20;

/** Shorter frames are no relayed messages but the dialect's own: acknowledgements, pings, errors. */
export const MIN_MESSAGE_BYTES = 130;

export const SDP = sessionDescription(2300);
/** Largest room in the dialects with an option of their own for it. */
const MAX_MEMBERS = 10_000;

const gstreamer: Scenario = {
  name: "gstreamer",
  title: "GStreamer",
  dialect: "gstreamer",
  cpuTarget: 1.15,
  serverFlags: [],
  path: () => "/",
  async join(client, { id }): Promise<string> {
    await client.send(`HELLO ${id}`);
    expect(await client.receive(), "HELLO");
    return id;
  },
  async pair(a, _b, ids): Promise<void> {
    await a.send(`SESSION ${ids.b}`);
    expect(await a.receive(), "SESSION_OK");
  },
  message: (n) =>
    isDescription(n)
      ? JSON.stringify({ sdp: { type: "offer", sdp: SDP } })
      : JSON.stringify({ ice: { candidate: candidate(n), sdpMLineIndex: 0 } }),
  async enter(client, { room }): Promise<void> {
    await client.send(`ROOM ${room}`);
    expectStart(await client.receive(), "ROOM_OK ");
  },
};

/** Fields and their order are those of the `peerjs` client, version 1.5.5. */
const peerjs: Scenario = {
  name: "peerjs",
  title: "PeerJS",
  dialect: "peerjs",
  cpuTarget: 1.7,
  serverFlags: ["--peerjs-concurrent-limit=unlimited"],
  path: ({ id }) => `/peerjs?key=peerjs&id=${id}&token=wk6epsdnv1&version=1.5.5`,
  async join(client, { id }): Promise<string> {
    expect(await client.receive(), '{"type":"OPEN"}');
    return id;
  },
  pair: async () => {}, // The address is in every message.
  message: (n, { b }) =>
    isDescription(n)
      ? JSON.stringify({
        type: "OFFER",
        payload: {
          sdp: { sdp: SDP, type: "offer" },
          type: "media",
          connectionId: "mc_avk8dp85ll",
        },
        dst: b,
      })
      : JSON.stringify({
        type: "CANDIDATE",
        payload: { candidate: iceCandidate(n), type: "media", connectionId: "mc_avk8dp85ll" },
        dst: b,
      }),
};

/** Fields and their order are those of `rtcpool`, version 3.0.2. */
const ssp: Scenario = {
  name: "ssp",
  title: "RTCPool",
  dialect: "ssp",
  cpuTarget: 1.7,
  serverFlags: [`--ssp-max-members=${MAX_MEMBERS}`],
  path: () => "/ssp",
  async join(client, { room }): Promise<string> {
    await client.send(JSON.stringify({ type: "rtc:join", data: { pool: room } }));
    const joined = await client.receive();
    expectStart(joined, '{"type":"rtc:joined"');
    return JSON.parse(joined).data.client_id;
  },
  pair: hearOf,
  message: (n, { a, b }) =>
    isDescription(n)
      ? JSON.stringify({
        type: "rtc:sdp",
        data: { to: b, description: { type: "offer", sdp: SDP } },
      })
      : JSON.stringify({
        type: "rtc:candidate",
        data: { from: a, for: b, candidate: iceCandidate(n) },
      }),
  enter: async () => {}, // To join is to enter.
};

/** Fields and their order are those of the server's own client for browsers. */
const simple: Scenario = {
  name: "simple",
  title: "Simple",
  dialect: "simple",
  cpuTarget: 1.7,
  memoryTarget: 1.4, // A description, a secret and a log of signals, which outlive the connection.
  serverFlags: [`--simple-max-members=${MAX_MEMBERS}`],
  path: () => "/simple",
  async join(client, { room }): Promise<string> {
    const peer = { name: "Guest 123" };
    await client.send(JSON.stringify({ event: "join", ref: "join", room, peer, seq: 0 }));
    const handshake = await client.receive();
    expectStart(handshake, '{"p_id":');
    expectStart(await client.receive(), '{"event":"ready"');
    expect(await client.receive(), '{"event":"ok","ref":"join"}');
    return JSON.parse(handshake).p_id;
  },
  pair: hearOf,
  message: (n, { b }) => simpleSignal(n, b, 1 + n),
  isAcknowledged: true,
  enter: async () => {}, // To join is to enter.
};

const { isAcknowledged: _, ...unacknowledged } = simple;
/** Clients that want to hear of errors only. */
const simpleSilent: Scenario = {
  ...unacknowledged,
  name: "simple-silent",
  title: "Simple, without acknowledgements",
  message: (n, { b }) => simpleSignal(n, b, undefined),
  isVariant: true,
};

/** Messages of a session; ids of peers and sessions are the server's. */
function webrtcsink(): Scenario {
  /** Uses the pair's first id; the yardstick has no ids, and any text of that length will do. */
  const sessionIds = new Map<string, string>();
  return {
    name: "webrtcsink",
    title: "webrtcsink",
    dialect: "webrtcsink",
    cpuTarget: 1.7,
    serverFlags: [
      "--webrtcsink-max-peers=unlimited",
      `--webrtcsink-max-members=${MAX_MEMBERS}`,
    ],
    path: () => "/webrtcsink",
    async join(client): Promise<string> {
      const { type, peerId } = JSON.parse(await client.receive());
      expect(type, "welcome");
      await client.send(JSON.stringify({ type: "setPeerStatus", roles: [], meta: null }));
      return peerId;
    },
    async pair(producer, consumer, { a }): Promise<void> {
      const status = { type: "setPeerStatus", roles: ["producer"], meta: null };
      await producer.send(JSON.stringify(status));
      await producer.send(JSON.stringify({ type: "list" }));
      expectStart(await producer.receive(), '{"type":"list"');
      await consumer.send(JSON.stringify({ type: "startSession", peerId: a }));
      const { type, sessionId } = JSON.parse(await consumer.receive());
      expect(type, "sessionStarted");
      expectStart(await producer.receive(), '{"type":"startSession"');
      sessionIds.set(a, sessionId);
    },
    message: (n, { a }) => {
      const part = isDescription(n)
        ? { sdp: { type: "offer", sdp: SDP } }
        : { ice: { candidate: candidate(n), sdpMid: "0", sdpMLineIndex: 0 } };
      return JSON.stringify({ type: "peer", sessionId: sessionIds.get(a) ?? a, ...part });
    },
  };
}

/** As `socket.io-client` 4 and the JavaScript SDK speak, by websocket from the beginning. */
const owt: Scenario = {
  name: "owt",
  title: "OWT, beside socket.io on Node",
  dialect: "owt",
  cpuTarget: 0.65,
  serverFlags: [],
  rival: "socket.io",
  isNested: true,
  heartbeat: { ping: "2", pong: "3" },
  path: () => "/socket.io/?EIO=4&transport=websocket",
  async join(client, { id }): Promise<string> {
    expectStart(await client.receive(), '0{"sid":');
    await client.send("40");
    expectStart(await client.receive(), '40{"sid":');
    await client.send(`420${JSON.stringify(["authentication", { token: id }])}`);
    expectStart(await client.receive(), '42["server-authenticated",');
    expectStart(await client.receive(), "430[");
    return id;
  },
  pair: async () => {}, // The address is in every message.
  message: (n, { b }) => {
    const data = isDescription(n)
      ? { type: "offer", sdp: SDP }
      : { type: "candidates", candidate: candidate(n), sdpMid: "0", sdpMLineIndex: 0 };
    const text = JSON.stringify({ type: "chat-signal", connectionId: 4711, data });
    return `42${1 + n}${JSON.stringify(["owt-message", { data: text, to: b }])}`;
  },
};

/** Calls that are all offers: large messages of which only the envelope is read. */
export const OFFERS: Scenario = {
  ...peerjs,
  name: "peerjs-offers",
  title: "PeerJS, offers only",
  only: "descriptions",
  message: (n, ids) => peerjs.message(n * MIX_PERIOD, ids),
};

/** All measurements, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  gstreamer,
  peerjs,
  ssp,
  simple,
  simpleSilent,
  webrtcsink(),
  owt,
];

/**
 * The part of the nth message that any relay must leave intact; it proves that the load arrives.
 */
export function body({ isNested, only }: Scenario, n: number): string {
  const isSdp = only === undefined ? isDescription(n) : only === "descriptions";
  const text = JSON.stringify(isSdp ? SDP : candidate(only === "candidates" ? candidateAt(n) : n));
  return isNested ? JSON.stringify(text).slice(1, -1) : text;
}

/** The same over the yardstick, where the path pairs or names a room, and nothing is negotiated. */
export function overYardstick(scenario: Scenario): Scenario {
  if (scenario.rival !== undefined) return scenario;
  return {
    ...scenario,
    path: ({ room }) => `/${scenario.isAcknowledged ? "acknowledged" : "pair"}/${room}`,
    join: (_client, { id }) => Promise.resolve(id),
    pair: async () => {},
  };
}

/** A room of the yardstick: its members learn of everybody who comes or goes. */
export function inYardstickRoom(scenario: Scenario): Scenario {
  return {
    ...overYardstick(scenario),
    path: ({ room, id }) => `/room/${room}/${id}`,
    enter: async () => {},
  };
}

/** The place in the mix of the nth candidate. */
export function candidateAt(n: number): number {
  return 1 + n % (MIX_PERIOD - 1);
}

/** The mix in words, for the report. */
export function describeMix(scenario: Scenario): string {
  const ids = { a: crypto.randomUUID(), b: crypto.randomUUID() };
  const [description, candidate] = [0, 1].map((n) => scenario.message(n, ids).length);
  return `one message of ${description} bytes to ${MIX_PERIOD - 1} of ${candidate}`;
}

/** A page's client counts what it says in `call`; `ref` asks for an acknowledgement. */
function simpleSignal(n: number, peer_id: string, ref: number | undefined): string {
  const to = { event: "signal", peer_id, peer_instance: 0 };
  const about = { call: `0f3b6a52.${1 + n}`, ref };
  return isDescription(n)
    ? JSON.stringify({ ...to, type: "offer", sdp: SDP, ...about })
    : JSON.stringify({ ...to, type: "candidate", peer_ice: [iceCandidate(n)], ...about });
}

/** If joining is entering, the first member learns of the other one. */
export async function hearOf(a: Wire, _b: Wire, ids: PairIds): Promise<void> {
  const news = await a.receive();
  if (!news.includes(ids.b)) throw new Error(`Cannot set up the load: got "${news}"`);
}

function isDescription(n: number): boolean {
  return n % MIX_PERIOD === 0;
}

/** A host candidate as Chromium writes it. */
function candidate(n: number): string {
  return `candidate:${842163049 + (n % MIX_PERIOD)} 1 udp 2122260223 192.168.178.42 ` +
    `${50000 + (n % MIX_PERIOD)} typ host generation 0 ufrag xbXb network-id 1`;
}

/** The same as a browser's `RTCIceCandidate` turns itself into JSON. */
export function iceCandidate(n: number): Record<string, unknown> {
  return { candidate: candidate(n), sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "xbXb" };
}

function sessionDescription(minLength: number): string {
  let sdp = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" +
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:xbXb\r\n";
  for (let type = 96; sdp.length < minLength; type++) {
    sdp +=
      `a=rtpmap:${type} VP8/90000\r\na=rtcp-fb:${type} goog-remb\r\na=rtcp-fb:${type} nack\r\n`;
  }
  return sdp;
}

function expect(received: string, expected: string): void {
  if (received !== expected) {
    throw new Error(`Cannot set up the load: expected "${expected}", got "${received}"`);
  }
}

function expectStart(received: string, start: string): void {
  expect(received.slice(0, start.length), start);
}

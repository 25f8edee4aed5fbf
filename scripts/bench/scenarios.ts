/** One client's connection as a scenario sees it: whole text frames, in order. */
export interface Wire {
  send(text: string): Promise<void>;
  receive(): Promise<string>;
}

/** What the benchmark must know of a dialect; one entry in `SCENARIOS` each. */
export interface Scenario {
  /** As in `--only` and in the dialect's own options. */
  readonly name: string;
  readonly title: string;
  /** Most CPU time per message, as a multiple of the yardstick's. */
  readonly cpuTarget: number;
  /** The request target that the client with this id opens. */
  path(id: string): string;
  /** Resolves when the server knows the client by its id. */
  join(client: Wire, id: string): Promise<void>;
  /** Makes what `a` sends reach `b`; both have joined. */
  pair(a: Wire, b: Wire, ids: PairIds): Promise<void>;
  /** The nth message of the mix as `a` writes it to `b`. Never under `MIN_MESSAGE_BYTES`. */
  message(n: number, ids: PairIds): string;
}

export interface PairIds {
  readonly a: string;
  readonly b: string;
}

/** After this many messages the mix repeats: one session description, then candidates. */
export const MIX_PERIOD = 20;

/** Shorter frames are no relayed messages but the dialect's own: acknowledgements, pings, errors. */
export const MIN_MESSAGE_BYTES = 130;

const SDP = sessionDescription(2300);

const gstreamer: Scenario = {
  name: "gstreamer",
  title: "GStreamer",
  cpuTarget: 1.15,
  path: () => "/",
  async join(client, id): Promise<void> {
    await client.send(`HELLO ${id}`);
    expect(await client.receive(), "HELLO");
  },
  async pair(a, _b, ids): Promise<void> {
    await a.send(`SESSION ${ids.b}`);
    expect(await a.receive(), "SESSION_OK");
  },
  message: (n) =>
    isDescription(n)
      ? JSON.stringify({ sdp: { type: "offer", sdp: SDP } })
      : JSON.stringify({ ice: { candidate: candidate(n), sdpMLineIndex: 0 } }),
};

/** Fields and their order are those of the `peerjs` client, version 1.5.5. */
const peerjs: Scenario = {
  name: "peerjs",
  title: "PeerJS",
  cpuTarget: 1.7,
  path: (id) => `/peerjs?key=peerjs&id=${id}&token=wk6epsdnv1&version=1.5.5`,
  async join(client): Promise<void> {
    expect(await client.receive(), '{"type":"OPEN"}');
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
        payload: {
          candidate: {
            candidate: candidate(n),
            sdpMid: "0",
            sdpMLineIndex: 0,
            usernameFragment: "xbXb",
          },
          type: "media",
          connectionId: "mc_avk8dp85ll",
        },
        dst: b,
      }),
};

/** Messages of a session; ids of peers and sessions are the server's. */
function webrtcsink(): Scenario {
  const peerIds = new WeakMap<Wire, string>();
  /** By the pair's first id; over the yardstick there is none, and any of that length will do. */
  const sessionIds = new Map<string, string>();
  return {
    name: "webrtcsink",
    title: "webrtcsink",
    cpuTarget: 1.7,
    path: () => "/webrtcsink",
    async join(client): Promise<void> {
      const { type, peerId } = JSON.parse(await client.receive());
      expect(type, "welcome");
      peerIds.set(client, peerId);
      await client.send(JSON.stringify({ type: "setPeerStatus", roles: [], meta: null }));
    },
    async pair(a, b, ids): Promise<void> {
      await a.send(JSON.stringify({ type: "setPeerStatus", roles: ["producer"], meta: null }));
      await a.send(JSON.stringify({ type: "list" }));
      expect(JSON.parse(await a.receive()).type, "list");
      await b.send(JSON.stringify({ type: "startSession", peerId: peerIds.get(a) }));
      const { type, sessionId } = JSON.parse(await b.receive());
      expect(type, "sessionStarted");
      expect(JSON.parse(await a.receive()).type, "startSession");
      sessionIds.set(ids.a, sessionId);
    },
    message: (n, { a }) => {
      const sessionId = sessionIds.get(a) ?? a;
      const part = isDescription(n)
        ? { sdp: { type: "offer", sdp: SDP } }
        : { ice: { candidate: candidate(n), sdpMid: "0", sdpMLineIndex: 0 } };
      return JSON.stringify({ type: "peer", sessionId, ...part });
    },
  };
}

/** The dialects measured, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [gstreamer, peerjs, webrtcsink()];

/** What any relay must leave intact in the nth message; proves that the load really arrives. */
export function body(n: number): string {
  return isDescription(n) ? JSON.stringify(SDP) : JSON.stringify(candidate(n));
}

/** The same messages over the yardstick, where the path pairs and nothing is negotiated. */
export function overYardstick(scenario: Scenario): Scenario {
  return {
    ...scenario,
    path: (id) => `/pair/${id.slice(0, id.lastIndexOf("-"))}`,
    join: async () => {},
    pair: async () => {},
  };
}

/** The mix in words, for the report. */
export function describeMix(scenario: Scenario): string {
  const ids = { a: crypto.randomUUID(), b: crypto.randomUUID() };
  const [description, candidate] = [0, 1].map((n) => scenario.message(n, ids).length);
  return `one message of ${description} bytes to ${MIX_PERIOD - 1} of ${candidate}`;
}

function isDescription(n: number): boolean {
  return n % MIX_PERIOD === 0;
}

/** A host candidate as Chromium writes it. */
function candidate(n: number): string {
  return `candidate:${842163049 + (n % MIX_PERIOD)} 1 udp 2122260223 192.168.178.42 ` +
    `${50000 + (n % MIX_PERIOD)} typ host generation 0 ufrag xbXb network-id 1`;
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

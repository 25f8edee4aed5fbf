import {
  candidateAt,
  hearOf,
  iceCandidate,
  type PairIds,
  type Scenario,
  SCENARIOS,
  SDP,
  type Wire,
  type Wish,
} from "./scenarios.ts";

// Calls between clients of two dialects, and a room with members of three. A call has one offer
// and one answer; the messages are its candidates. The verbatim scenarios relay the same ones.

/** A dialect's part of a bridged call. */
interface Party {
  readonly scenario: Scenario;
  /** Sends an offer to a peer. */
  call(client: Wire, to: string): Promise<void>;
  /** Answers an offer of that peer, as it was received. */
  answer(offer: string, to: string): string;
  /** The nth candidate of a call that `ids.a` has begun. */
  candidate(n: number, ids: PairIds): string;
}

const CALL = "0f3b6a52.1";
const OFFER = { type: "offer", sdp: SDP };
const ANSWER = { type: "answer", sdp: SDP };

const gstreamer: Party = {
  scenario: named("gstreamer"),
  async call(client, to): Promise<void> {
    await client.send(`SESSION ${to}`);
    await expectPart(client, "SESSION_OK");
    await client.send(JSON.stringify({ sdp: OFFER }));
  },
  answer: () => JSON.stringify({ sdp: ANSWER }),
  candidate: (n, ids) => named("gstreamer").message(candidateAt(n), ids),
};

const peerjs: Party = {
  scenario: named("peerjs"),
  call: (client, to) => client.send(named("peerjs").message(0, { a: "", b: to })),
  answer(offer, to): string {
    const { payload: { type, connectionId } } = JSON.parse(offer);
    const payload = { sdp: ANSWER, type, connectionId };
    return JSON.stringify({ type: "ANSWER", payload, dst: to });
  },
  candidate: (n, ids) => named("peerjs").message(candidateAt(n), ids),
};

const ssp: Party = {
  scenario: named("ssp"),
  call: (client, to) => client.send(named("ssp").message(0, { a: "", b: to })),
  answer: (_, to) => JSON.stringify({ type: "rtc:sdp", data: { to, description: ANSWER } }),
  candidate: (n, ids) => named("ssp").message(candidateAt(n), ids),
};

const simple: Party = {
  scenario: named("simple-silent"),
  call: (client, to) => client.send(simpleSignal(to, { ...OFFER, call: CALL })),
  answer: (offer, to) => simpleSignal(to, { ...ANSWER, call: JSON.parse(offer).call }),
  candidate: (n, { b }) =>
    simpleSignal(b, {
      type: "candidate",
      peer_ice: [iceCandidate(candidateAt(n))],
      call: CALL,
    }),
};

/** Directions of a bridged call, each with the verbatim relay of its sender's dialect. */
export const DIRECTIONS: readonly { readonly bridged: Scenario; readonly verbatim: Scenario }[] = [
  direction(peerjs, gstreamer),
  direction(gstreamer, peerjs),
  direction(ssp, simple),
  direction(simple, ssp),
];

/** Rooms with members of one dialect, and one in which three take turns. */
export const PURE_ROOMS: readonly Scenario[] = [gstreamer, ssp, simple].map(({ scenario }) =>
  scenario
);
export const MIXED_ROOM: Scenario = mixedRoom(PURE_ROOMS);

/** All of them, for the load generator. */
export const BRIDGED: readonly Scenario[] = [
  ...DIRECTIONS.flatMap(({ bridged, verbatim }) => [bridged, verbatim]),
  MIXED_ROOM,
];

function direction(from: Party, to: Party): { bridged: Scenario; verbatim: Scenario } {
  const { scenario } = from;
  const partyOf = ({ id }: Wish): Party => id.endsWith("-a") ? from : to;
  const bridged: Scenario = {
    ...scenario,
    name: `${scenario.name}-to-${to.scenario.name}`,
    title: `${scenario.title} to ${to.scenario.title}`,
    only: "candidates",
    path: (wish) => partyOf(wish).scenario.path(wish),
    join: (client, wish) => partyOf(wish).scenario.join(client, wish),
    async pair(a, b, ids): Promise<void> {
      // Clients of dialects with rooms meet in one.
      if (scenario.dialect === "ssp" || scenario.dialect === "simple") await hearOf(a, b, ids);
      await from.call(a, ids.b);
      const offer = await expectPart(b, JSON.stringify(SDP));
      await b.send(to.answer(offer, ids.a));
      await expectPart(a, JSON.stringify(SDP));
    },
    message: from.candidate,
  };
  const verbatim: Scenario = {
    ...scenario,
    name: `${scenario.name}-verbatim`,
    only: "candidates",
    message: (n, ids) => scenario.message(candidateAt(n), ids),
  };
  return { bridged, verbatim };
}

/** Each client that comes is of the next dialect. */
function mixedRoom(dialects: readonly Scenario[]): Scenario {
  const coming = new Map<string, Scenario>();
  let count = 0;
  const dialectOf = ({ id }: Wish): Scenario => {
    const dialect = coming.get(id);
    if (dialect === undefined) throw new RangeError(`Nobody comes as "${id}"`);
    return dialect;
  };
  return {
    ...named("gstreamer"),
    name: "mixed-room",
    title: "Mixed room",
    path(wish): string {
      const dialect = dialects[count++ % dialects.length] ?? named("gstreamer");
      coming.set(wish.id, dialect);
      return dialect.path(wish);
    },
    join: (client, wish) => dialectOf(wish).join(client, wish),
    async enter(client, wish): Promise<void> {
      const dialect = dialectOf(wish);
      coming.delete(wish.id);
      await dialect.enter?.(client, wish);
    },
  };
}

function named(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new RangeError(`Unknown scenario "${name}"`);
  return scenario;
}

function simpleSignal(peer_id: string, signal: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ event: "signal", peer_id, peer_instance: 0, ...signal });
}

async function expectPart(client: Wire, part: string): Promise<string> {
  const received = await client.receive();
  if (!received.includes(part)) throw new Error(`Cannot set up the call: got "${received}"`);
  return received;
}

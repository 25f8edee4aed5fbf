import { assertEquals } from "@std/assert";
import { hubs } from "../helpers/session/hub_modes.ts";
import { BridgeBench } from "../helpers/session/bridge.ts";
import {
  canCall,
  HALL,
  IN_ROOMS,
  PARTIES,
  type Party,
  PARTY_NAMES,
  type PartyName,
} from "../helpers/session/bridge_parties.ts";

// The same things happen between clients of all protocols: a call that nobody answers, one over a
// limit, a second offer. Each client learns of it in its own protocol's words.

const isDealt = hubs.mode === "dealt";

interface Pair {
  readonly bench: BridgeBench;
  readonly caller: Party;
  readonly callee: Party;
}

/** Starts two clients, and a third one before them. */
async function open(
  [calling, called, third]: readonly [PartyName, PartyName, PartyName?],
  options: ConstructorParameters<typeof BridgeBench>[0] = {},
): Promise<Pair & { readonly third: Party | undefined }> {
  // Without a lobby, callers from outside the room are strangers there.
  const bench = new BridgeBench({ ...IN_ROOMS.has(calling) ? { lobby: HALL } : {}, ...options });
  const one = third && await PARTIES[third](bench, "third");
  const callee = await PARTIES[called](bench, "callee");
  const caller = await PARTIES[calling](bench, "caller");
  for (const party of [one, callee, caller]) party?.news();
  return { bench, caller, callee, third: one };
}

const OVER: Readonly<Record<PartyName, readonly string[]>> = {
  peerjs: ["LEAVE"],
  gstreamer: ["closed 1000"],
  "gstreamer room": ["ROOM_PEER_LEFT", "ROOM_PEER_JOINED"],
  ssp: ["rtc:close", "rtc:peer"],
  simple: ["bye no answer"],
  owt: ["chat-closed"],
  webrtcsink: ["endSession"],
};
/** The news for members of its room when a GStreamer client hangs up. */
const DEPARTED: Partial<Record<PartyName, string>> = {
  "gstreamer room": "ROOM_PEER_LEFT",
  ssp: "rtc:close",
  simple: "leave",
};

function overFor(name: PartyName, other: PartyName, isCaller: boolean): string[] {
  if (name === "peerjs" && isCaller) return ["EXPIRE", "LEAVE"];
  // A caller from outside the room was introduced, and leaves it with the call.
  if (!isCaller && !IN_ROOMS.has(other)) {
    if (name === "ssp") return ["rtc:close"];
    if (name === "simple") return ["bye no answer", "leave"];
  }
  const departed = isCaller && other === "gstreamer" ? DEPARTED[name] : undefined;
  return [...OVER[name], ...departed === undefined ? [] : [departed]];
}

const withoutIds = (words: string[]): string[] =>
  words.map((word) => word.replace(/^(ROOM_PEER_(?:LEFT|JOINED)) .*/, "$1"));

for (const calling of PARTY_NAMES) {
  for (const called of PARTY_NAMES.filter((name) => canCall(calling, name))) {
    Deno.test(`${calling} calls ${called}, and nobody answers: both learn of the end once`, async () => {
      const { bench, caller, callee } = await open([calling, called]);
      using _ = bench;
      await caller.offer(callee.id, "A");
      bench.clock.advance(60_000);
      await caller.candidate(callee.id, "c");
      caller.news();
      callee.news();
      bench.clock.advance(60_000);
      await caller.candidate(callee.id, "late");
      await caller.client.say();
      assertEquals(withoutIds(callee.news()), overFor(called, calling, false));
      const own = withoutIds(caller.news()).filter((word) => !/^error|^37/.test(word));
      assertEquals(own, overFor(calling, called, true));
      assertEquals(bench.calls.count, 0);
    });
  }
}

const BUSY: Readonly<Record<PartyName, string>> = {
  peerjs: "EXPIRE",
  gstreamer: "ERROR peer 'callee' busy",
  "gstreamer room": "ERROR peer 'callee' busy",
  ssp: "rtc:error unknown-peer",
  simple: "error unknown_peer",
  owt: "37[2201]",
  webrtcsink: "error",
};

for (const calling of PARTY_NAMES) {
  const called = calling === "peerjs" ? "owt" : "peerjs";
  const third = calling === "gstreamer" ? "owt" : "gstreamer";
  Deno.test(`${calling} calls a peer that has as many calls as it may: it is busy`, async () => {
    const limits = { maxCallsPerPeer: 1 };
    const { bench, caller, callee, third: first } = await open([calling, called, third], {
      limits,
    });
    using _ = bench;
    await first?.offer(callee.id, "T");
    for (const party of [caller, callee]) party.news();
    await caller.offer(callee.id, "A");
    assertEquals(caller.news(), [BUSY[calling]]);
    assertEquals(callee.news(), []);
    // The one that it has is not affected.
    await callee.answer("third", "C");
    assertEquals(first?.news().at(-1), third === "owt" ? "chat-signal answer" : "answer");
    assertEquals(bench.calls.count, 1);
  });

  Deno.test(`${calling} calls while the server has as many calls as it may: the peer is busy`, async () => {
    const limits = { maxCalls: 0 };
    const { bench, caller, callee } = await open([calling, called], { limits });
    using _ = bench;
    await caller.offer(callee.id, "A");
    assertEquals(caller.news()[0], BUSY[calling]);
    assertEquals(callee.news(), []);
  });
}

const FORMLESS: Readonly<Record<PartyName, string>> = {
  peerjs: "EXPIRE",
  gstreamer: "ERROR peer 'callee' has no form for this message",
  "gstreamer room": "ERROR peer 'callee' has no form for this message",
  ssp: "rtc:error not-supported",
  simple: "error unsupported",
  owt: "37[2401]",
  webrtcsink: "error",
};

// Calls between nodes have refusals of their own.
for (const calling of isDealt ? [] : PARTY_NAMES) {
  const others: readonly PartyName[] = IN_ROOMS.has(calling)
    ? ["ssp", "simple"]
    : ["peerjs", "owt"];
  const called = others.find((name) => name !== calling) ?? calling;
  Deno.test(`${calling}: the client learns that a peer has no form for its message`, async () => {
    const { bench, caller, callee } = await open([calling, called], { hasNoCalls: true });
    using _ = bench;
    await caller.offer(callee.id, "A");
    assertEquals(caller.news().at(-1)?.replace(callee.id, "callee"), FORMLESS[calling]);
    assertEquals(callee.news(), []);
  });
}

const NO_RENEGOTIATION: Partial<Record<PartyName, string>> = {
  gstreamer: "ERROR peer 'callee' takes no further offers",
  "gstreamer room": "ERROR peer 'callee' takes no further offers",
  ssp: "rtc:error not-supported",
  simple: "error unsupported",
  owt: "37[2401]",
};

for (const [name, refusal] of Object.entries(NO_RENEGOTIATION)) {
  const calling = name as PartyName; // the table's keys are names
  Deno.test(`${calling} cannot renegotiate with PeerJS, and their call goes on`, async () => {
    const { bench, caller, callee } = await open([calling, "peerjs"]);
    using _ = bench;
    await caller.offer(callee.id, "A");
    callee.news();
    await callee.answer(caller.id, "B");
    caller.news();
    await caller.offer(callee.id, "A");
    assertEquals(caller.news(), [refusal]);
    await caller.candidate(callee.id, "c");
    assertEquals(callee.news(), ["CANDIDATE"]);
    await callee.hangUp(caller.id);
    assertEquals(caller.news().length > 0, true);
    assertEquals(bench.calls.count, 0);
  });
}

const NOT_ASKABLE: readonly PartyName[] = ["peerjs", "simple", "owt"];

for (const called of NOT_ASKABLE) {
  Deno.test(`GStreamer and webrtcsink cannot ask ${called} for an offer, and learn so at once`, async () => {
    using bench = new BridgeBench({ lobby: HALL });
    const callee = await PARTIES[called](bench, "callee");
    const g = await bench.gstreamer("robot");
    const w = await bench.webrtcsink();
    callee.news();
    await g.say(`SESSION ${callee.id}`, "OFFER_REQUEST");
    assertEquals(g.heard(), [
      "SESSION_OK",
      `ERROR peer '${callee.id}' cannot be asked for an offer`,
    ]);
    await w.client.say(JSON.stringify({ type: "startSession", peerId: callee.id }));
    assertEquals(w.client.heardJson().map((message) => (message as { type: string }).type), [
      "error",
    ]);
    assertEquals(callee.news(), []);
  });
}

for (const calling of ["peerjs", "gstreamer", "owt", "webrtcsink"] as const) {
  Deno.test(`${calling} calls a GStreamer client in a room: it is busy`, async () => {
    using bench = new BridgeBench();
    const callee = await PARTIES["gstreamer room"](bench, "callee");
    const caller = calling === "gstreamer" ? undefined : await PARTIES[calling](bench, "caller");
    await caller?.offer(callee.id, "A");
    const g = await bench.gstreamer("robot");
    await g.say("SESSION callee");
    assertEquals(g.heard(), ["ERROR peer 'callee' busy"]);
    assertEquals(caller?.news() ?? [], caller === undefined ? [] : [BUSY[calling]]);
    assertEquals(callee.news(), []);
  });
}

const CROSSING: readonly [calling: PartyName, id: string, news: readonly string[]][] = [
  ["gstreamer", "robot", [
    "SESSION_OK",
    "ERROR the call failed: both sides have made an offer",
    "closed 1000",
  ]],
  ["owt", "zoe", ["chat-closed"]],
  // The smaller id gives way, and its own offer comes later.
  ["owt", "0", ["chat-signal offer"]],
  // The called page rings in place of its own attempt.
  ["peerjs", "page", ["LEAVE", "OFFER"]],
];

for (const [calling, id, news] of CROSSING) {
  Deno.test(`${calling} "${id}" calls a member of a pool that makes an offer itself`, async () => {
    using bench = new BridgeBench();
    const member = await PARTIES.ssp(bench, "member");
    const caller = await PARTIES[calling](bench, id);
    await caller.offer(member.id, "A");
    await member.offer(id, "B");
    member.news();
    bench.clock.advance(500);
    await caller.client.say();
    assertEquals(caller.news(), news);
    const isOver = !news.some((word) => word === "OFFER" || word === "chat-signal offer");
    assertEquals(member.news(), isOver ? ["rtc:close"] : []);
    assertEquals(bench.calls.count, isOver ? 0 : 1);
  });
}

Deno.test("webrtcsink asks a member of a pool that sends nothing, and its session ends", async () => {
  using bench = new BridgeBench();
  const member = await PARTIES.ssp(bench, "member");
  const { client } = await bench.webrtcsink();
  const types = (): string[] =>
    client.heardJson().map((message) => (message as { type: string }).type);
  await client.say(JSON.stringify({ type: "startSession", peerId: member.id }));
  assertEquals([types(), member.news()], [["sessionStarted"], ["rtc:peer"]]);
  bench.clock.advance(5_000);
  await client.say();
  assertEquals([types(), member.news()], [["endSession"], ["rtc:close"]]);
});

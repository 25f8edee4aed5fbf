import { assert, assertEquals } from "@std/assert";
import { BridgeBench, type BridgeTestOptions } from "../helpers/session/bridge.ts";
import { callAndHangUp, clockStage } from "../helpers/session/bridge_calls.ts";
import {
  HALL,
  PARTIES,
  type Party,
  PARTY_NAMES,
  type PartyBench,
  type PartyName,
} from "../helpers/session/bridge_parties.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { hubs } from "../helpers/session/hub_modes.ts";
import { forgetClusters } from "../helpers/cluster/dealt.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";
import { sdpOf } from "../helpers/session/legs.ts";

// Calls between clients of Simple and of other protocols on two or three nodes. The client of Simple
// loses its connection, or its node ends as planned.

hubs.mode = "dealt";

const OTHERS = PARTY_NAMES.filter((name) => name !== "simple");

/** The word for the end of a call that the server hangs up. */
const ENDS: Readonly<Record<Exclude<PartyName, "simple">, string>> = {
  peerjs: "LEAVE",
  gstreamer: "closed 1000",
  "gstreamer room": "ROOM_PEER_LEFT",
  ssp: "rtc:close",
  owt: "chat-closed",
  webrtcsink: "endSession",
};

function newBench(options: BridgeTestOptions = {}): BridgeBench {
  forgetClusters();
  // Secrets are good on every node.
  return new BridgeBench({
    lobby: HALL,
    options: { simple: { secret: "the same on all nodes" } },
    ...options,
  });
}

/** Frames that a client of Simple has been sent. */
function framesOf({ sent }: TestClient): SimpleFrame[] {
  return sent.map((frame) => JSON.parse(String(frame)));
}

/** Joins a node as the instance of an earlier client. @returns its words, and all frames so far */
async function comeBack(
  bench: BridgeBench,
  node: number,
  { client, id }: Party,
): Promise<{ party: Party; frames: SimpleFrame[] }> {
  const frames = framesOf(client);
  const ready = frames.find(({ event }) => event === "ready");
  const seq = Math.max(0, ...frames.map((frame) => Number(frame["seq"] ?? 0)));
  const { p_instance, p_secret } = ready ?? {};
  const back = await bench.at(node, "simple").connect("/simple");
  const join = { event: "join", room: HALL, p_id: id, p_secret, p_instance, seq };
  await back.say(JSON.stringify(join));
  const fresh = framesOf(back);
  assertEquals([fresh[0]?.["p_id"], fresh[1]?.["event"]], [id, "ready"], JSON.stringify(fresh));
  // It needs no other client.
  const only = { simple: () => Promise.resolve({ client: back, id }) } as unknown as PartyBench<
    TestClient
  >;
  return { party: await PARTIES.simple(only, ""), frames: fresh };
}

interface Pair {
  readonly simple: Party;
  readonly other: Party;
  /** The node of the client of Simple. */
  readonly node: number;
}

/** A client of Simple, and another one on the next node, in a call that was answered. */
async function inCall(
  bench: BridgeBench,
  name: PartyName,
  older: "simple" | "other",
): Promise<Pair> {
  const first = await PARTIES[older === "simple" ? "simple" : name](bench, "one");
  const second = await PARTIES[older === "simple" ? name : "simple"](bench, "two");
  const [simple, other] = older === "simple" ? [first, second] : [second, first];
  await settle();
  for (const party of [simple, other]) party.news();
  const stage = clockStage(bench);
  await simple.offer(other.id, "A");
  await stage.until("the offer", () => other.news().length > 0);
  await other.answer(simple.id, "B");
  await stage.until("the answer", () => simple.news().includes("answer"));
  assertEquals(bench.calls.count, 1);
  return { simple, other, node: older === "simple" ? 0 : 1 };
}

/** Has a node move its peers of Simple, as at its planned end. */
async function endAsPlanned(bench: BridgeBench, node: number): Promise<void> {
  let isOver = false;
  void bench.at(node, "simple").open.moveAway?.().then(() => isOver = true);
  for (let turn = 0; turn < 100 && !isOver; turn++) await settle();
  assert(isOver, "its peers have moved");
  await settle();
}

function counted({ open: { gauges = [], counters = [] } }: ReturnType<BridgeBench["at"]>): {
  readonly carried: number | undefined;
  readonly moved: number | undefined;
} {
  const carried = gauges.find(({ name }) => name === "cluster_carried_connections")?.read();
  const moved = counters.find(({ labels }) => labels?.["outcome"] === "moved")?.read();
  return { carried, moved };
}

for (const name of OTHERS) {
  Deno.test(`a call of Simple and ${name} goes on when Simple's client comes back to another node`, async () => {
    for (const older of ["simple", "other"] as const) {
      using bench = newBench();
      const { simple, other, node } = await inCall(bench, name, older);
      await simple.client.lose();
      // The signal waits for the client.
      await other.candidate(simple.id, "c1");
      await settle();
      const { party: back } = await comeBack(bench, 1 - node, simple);
      assertEquals(counted(bench.at(node, "simple")), { carried: 1, moved: 0 });
      assertEquals(back.news().filter((word) => word === "candidate"), ["candidate"]);
      other.news();
      await back.candidate(other.id, "c2");
      await settle();
      assertEquals(other.news().length, 1, name);
      await back.hangUp(other.id);
      await settle();
      assert(other.news().some((word) => word.startsWith(ENDS[name])), name);
      assertEquals([bench.calls.count, bench.pairs()], [0, []]);
    }
  });

  Deno.test(`a call of Simple and ${name} ends for both clients when Simple's node ends as planned`, async () => {
    for (const older of ["simple", "other"] as const) {
      // With a third node the peer moves there, because that one has the fewest ids.
      for (const nodes of [2, 3]) {
        using bench = newBench({ nodes });
        const { simple, other, node } = await inCall(bench, name, older);
        await simple.client.lose();
        other.news();
        await endAsPlanned(bench, node);
        assertEquals(counted(bench.at(node, "simple")).moved, 1);
        assert(
          other.news().some((word) => word.startsWith(ENDS[name])),
          `${name} ${older} ${nodes}`,
        );
        assertEquals([bench.calls.count, bench.pairs()], [0, []]);

        const to = nodes === 3 ? 2 : 1 - node;
        const { party: back, frames } = await comeBack(bench, to, simple);
        const isHere = JSON.stringify(frames[0]).includes(other.id);
        // A client of GStreamer in no room says goodbye by its connection.
        assertEquals(isHere, name !== "gstreamer");
        const news = frames.filter(({ event }) => event === "signal").map(({ type }) => type);
        assertEquals(news, isHere ? ["bye"] : []);
        if (!isHere) continue;
        const calling = ["simple", back] as const;
        await callAndHangUp(clockStage(bench), calling, [name, other], "caller");
        assertEquals([bench.calls.count, bench.pairs()], [0, []]);
      }
    }
  });
}

Deno.test("a peer of Simple without a call goes to the node to which its client comes back", async () => {
  using bench = newBench();
  const other = await PARTIES.peerjs(bench, "one");
  const simple = await PARTIES.simple(bench, "two");
  await simple.client.lose();
  const { party: back } = await comeBack(bench, 0, simple);
  assertEquals(counted(bench.at(1, "simple")), { carried: 0, moved: 1 });
  await callAndHangUp(clockStage(bench), ["simple", back], ["peerjs", other], "callee");
});

Deno.test("a signal to a client of another protocol and node has one outcome, in the right words", async () => {
  for (const older of ["simple", "other"] as const) {
    using bench = newBench();
    const { simple, other } = await inCall(bench, "peerjs", older);
    const outcomes = async (frame: SimpleFrame): Promise<unknown[]> => {
      const signal = { event: "signal", peer_id: other.id, ref: 1, ...frame };
      const before = simple.client.sent.length;
      await simple.client.say(JSON.stringify(signal));
      await settle();
      return framesOf(simple.client).slice(before).map((frame) => [
        frame["event"],
        frame["code"] ?? frame["delivered"],
        frame["ref"],
      ]);
    };
    const peer_ice = [{ candidate: "c", sdpMid: "0" }];
    assertEquals(await outcomes({ type: "candidate", peer_ice }), [["ok", 1, 1]]);
    // PeerJS has no form for a second offer.
    assertEquals(await outcomes({ type: "offer", sdp: sdpOf("A") }), [["error", "unsupported", 1]]);
    assertEquals(await outcomes({ type: "data", data: 1 }), [["error", "unsupported", 1]]);
    await other.client.leave();
    await settle();
    simple.news();
    assertEquals(await outcomes({ type: "candidate", peer_ice }), [["error", "unknown_peer", 1]]);
  }
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Homes } from "../../src/core/nodes/elsewhere.ts";
import { FarJoins } from "../../src/dialects/simple/far_joins.ts";
import type { ToHome } from "../../src/dialects/simple/node_messages.ts";
import type { FarClient } from "../../src/dialects/simple/other_nodes.ts";
import { MemoryCluster, type MemoryClusterOptions } from "../helpers/cluster/memory_cluster.ts";
import { type NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FakeLink } from "../helpers/session/fake_link.ts";
import { settle } from "../helpers/session/hub.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Simple's peers on their way from node to node, where something is in the way.

interface Journey extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
}

async function begin(
  options: MemoryClusterOptions = {},
  simple: Readonly<Record<string, unknown>> = {},
): Promise<Journey> {
  const cluster = await MemoryCluster.form({ delayMs: 2, ...options });
  const stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)), simple);
  return { cluster, stage, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() };
}

function dataTo({ id }: NodeClient, data: unknown, more: SimpleFrame = {}): SimpleFrame {
  return { event: "signal", peer_id: id, type: "data", data, ...more };
}

function moved({ benches }: SimpleStage, at: 0 | 1): Record<string, number> {
  const { counters = [] } = benches[at].open;
  return Object.fromEntries(counters.map(({ labels, read }) => [labels?.["outcome"], read()]));
}

/** Sends so many signals, and waits until all wait for their receiver. */
async function queue(from: NodeClient, to: NodeClient, count: number, bytes = 1): Promise<void> {
  for (let n = 1; n <= count; n++) {
    from.say(dataTo(to, `${n}`.padEnd(bytes, "."), { ref: n }));
    const [receipt] = await from.next(1);
    assertEquals([receipt?.["event"], receipt?.["queued"]], ["ok", 1]);
  }
}

/** The numbers of the signals that a client gets next. */
async function numbers(client: NodeClient, count: number): Promise<number[]> {
  return (await client.next(count)).map(({ data }) => parseInt(String(data)));
}

Deno.test("a peer whose state is more than may wait for other nodes stays, and its client is carried", async () => {
  await using journey = await begin({ maxUnconfirmedBytes: 20_000 });
  const { stage } = journey;
  const fred = await stage.enter(1);
  const barney = await stage.enter(1);
  await fred.next(1);
  const { p_id, p_secret } = barney.credentials;
  const second = await stage.connect(1);
  await second.join({ p_id, p_secret });
  await fred.next(1);
  for (const client of [barney, second]) await client.client.lose();
  for (const n of [0, 1]) {
    const peer_instance = n;
    for (let part = 1; part <= 10; part++) {
      fred.say(dataTo(barney, `${part}`.padEnd(1_200, "."), { peer_instance, ref: part }));
      assertEquals((await fred.next(1))[0]?.["queued"], 1);
    }
  }
  const back = await stage.connect(0);
  assertEquals((await back.join({ ...barney.credentials, seq: 0 })).ready["recovered"], true);
  assertEquals(await numbers(back, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const [carried] =
    stage.benches[1].open.gauges?.filter(({ name }) => name === "cluster_carried_connections") ??
      [];
  assertEquals(carried?.read(), 1);
  assertEquals(moved(stage, 1), { moved: 0, stayed: 0, returned: 0, lost: 0 });
  fred.say(dataTo(barney, 11, { ref: 11, peer_instance: 0 }));
  assertEquals(await numbers(back, 1), [11]);
});

Deno.test("a peer comes back with its queue when its new node dies before it has the state", async () => {
  await using journey = await begin();
  const { cluster, stage } = journey;
  const fred = await stage.enter(0);
  const barney = await stage.enter(0);
  await fred.next(1);
  await barney.client.lose();
  await queue(fred, barney, 3);
  cluster.at(1).link.cut();
  await cluster.during(stage.benches[0].open.moveAway?.());
  // Nobody has noticed that the other node is dead.
  const back = await stage.connect(0);
  back.say({ event: "join", room: "r", ...barney.credentials, seq: 0 });
  await stage.stage.until("its end to be noticed", () => moved(stage, 0)["returned"] !== 0);
  const [handshake, ready] = await back.next(2);
  assertEquals([handshake?.["p_id"], ready?.["recovered"]], [barney.id, true]);
  assertEquals(await numbers(back, 3), [1, 2, 3]);
  cluster.at(1).link.heal();
});

Deno.test("a state that finds no room among what other nodes have not confirmed is sent again", async () => {
  await using journey = await begin({ maxUnconfirmedBytes: 20_000 });
  const { cluster, stage } = journey;
  const fred = await stage.enter(0);
  const barney = await stage.enter(0);
  await fred.next(1);
  await barney.client.lose();
  await queue(fred, barney, 4, 1_000);
  const { node } = cluster.at(0);
  const back = await stage.connect(1);
  back.say({ event: "join", room: "r", ...barney.credentials, seq: 0 });
  // From the moment of the decision on nothing more may be sent for a while.
  const move = node.move.bind(node);
  node.move = (actor, to, answer) =>
    move(actor, to, (outcome) => {
      assert(node.hold(node.spareBytes));
      answer(outcome);
    });
  await stage.stage.until("the full outbox", () => node.spareBytes < 0);
  await cluster.pass(300);
  assertEquals(back.frames, []);
  node.unhold(node.unconfirmedBytes - 256);
  assertEquals((await back.next(2))[1]?.["recovered"], true);
  assertEquals(await numbers(back, 4), [1, 2, 3, 4]);
  assertEquals(moved(stage, 0), { moved: 1, stayed: 0, returned: 0, lost: 0 });
});

Deno.test("a node waits for the state of a peer as long as its option allows", async () => {
  await using journey = await begin({}, { moveMs: 1_000 });
  const { cluster, stage } = journey;
  const barney = await stage.enter(0);
  await barney.client.lose();
  const { node } = cluster.at(0);
  const move = node.move.bind(node);
  node.move = (actor, to, answer) =>
    move(actor, to, (outcome) => {
      assert(node.hold(node.spareBytes));
      answer(outcome);
    });
  const back = await stage.connect(1);
  back.say({ event: "join", room: "r", ...barney.credentials, seq: 0 });
  await stage.stage.until("the full outbox", () => node.spareBytes < 0);
  await cluster.pass(900);
  assertEquals([back.frames, moved(stage, 1)["lost"]], [[], 0]);
  await cluster.pass(200);
  assertEquals([back.frames, moved(stage, 1)["lost"]], [[], 1]);
  // Its client is admitted as soon as the other node can answer.
  node.unhold(node.unconfirmedBytes - 256);
  assertEquals((await back.next(2))[1]?.["event"], "ready");
});

Deno.test("a planned end moves every peer, and waits until the other node has them", async () => {
  await using journey = await begin();
  const { cluster, stage } = journey;
  const fred = await stage.enter(1);
  const barneys: NodeClient[] = [];
  for (let n = 0; n < 100; n++) barneys.push(await stage.enter(0));
  await fred.next(100);
  for (const barney of barneys) await barney.client.lose();
  for (const barney of barneys) await queue(fred, barney, 1);
  await cluster.during(stage.benches[0].open.moveAway?.());
  assertEquals(moved(stage, 0), { moved: 100, stayed: 0, returned: 0, lost: 0 });
  for (const barney of barneys) {
    const back = await stage.connect(1);
    back.say({ event: "join", room: "r", ...barney.credentials, seq: 0 });
    const [, ready, signal] = await back.next(3);
    assertEquals([ready?.["recovered"], signal?.["data"]], [true, "1"]);
  }
  // Fred has noticed nothing.
  assertEquals(fred.frames, []);
});

Deno.test("the last node keeps its peers at a planned end", async () => {
  await using journey = await begin({ nodes: 2 });
  const { cluster, stage } = journey;
  await stage.enter(0);
  await cluster.during(stage.benches[1].open.moveAway?.());
  // The engine has learned that nobody may move there.
  await cluster.quiet();
  await cluster.during(stage.benches[0].open.moveAway?.());
  assertEquals(moved(stage, 0), { moved: 0, stayed: 1, returned: 0, lost: 0 });
});

Deno.test("a change that is under way moves along with its peer", async () => {
  await using journey = await begin();
  const { cluster, stage } = journey;
  const fred = await stage.enter(1);
  const barney = await stage.enter(0, { peer: { name: "Barney" } });
  await fred.next(1);
  // Both steps wait for the call that is under way, and then share one.
  barney.say(dataTo(fred, 1));
  await cluster.pass(0);
  barney.say({ event: "change", peer: { mood: "good" }, ref: 1 });
  await cluster.during(stage.benches[0].open.moveAway?.());
  assertEquals(moved(stage, 0), { moved: 1, stayed: 0, returned: 0, lost: 0 });
  const [receipt] = await barney.next(1);
  assertEquals([receipt?.["event"], receipt?.["ref"]], ["ok", 1]);
  const back = await stage.connect(1);
  assertEquals((await back.join({ ...barney.credentials, seq: 0 })).ready["recovered"], true);
  // The next change begins with the state that came with the move.
  back.say({ event: "change", peer: { hat: "on" }, ref: 2 });
  await back.next(1);
  const { handshake } = await (await stage.connect(1)).join();
  const peers = handshake["peers"] as SimpleFrame[]; // as the protocol has it
  const now = peers.find(({ peer_id }) => peer_id === barney.id);
  assertEquals([now?.["name"], now?.["mood"], now?.["hat"]], ["Barney", "good", "on"]);
});

Deno.test("a field that an operator sets while a peer moves is not lost", async () => {
  await using journey = await begin();
  const { cluster, stage } = journey;
  const barney = await stage.enter(0);
  await barney.client.lose();
  const leaving = stage.benches[0].open.moveAway?.();
  await cluster.pass(0);
  const outcome = stage.benches[0].open.operations?.describe("r", barney.id, { badge: 7 });
  assertEquals(outcome, "described");
  await cluster.during(leaving);
  assertEquals(moved(stage, 0), { moved: 1, stayed: 0, returned: 0, lost: 0 });
  const back = await stage.connect(1);
  await back.join({ ...barney.credentials, seq: 0 });
  back.say({ event: "change", peer: { hat: "on" }, ref: 2 });
  await back.next(1);
  const { handshake } = await (await stage.connect(1)).join();
  const [now] = handshake["peers"] as SimpleFrame[]; // as the protocol has it
  assertEquals([now?.["badge"], now?.["hat"]], [7, "on"]);
});

Deno.test("a client whose instance moved for a connection that ended at once comes back later", async () => {
  await using journey = await begin();
  const { cluster, stage } = journey;
  const fred = await stage.enter(0);
  const barney = await stage.enter(0);
  await fred.next(1);
  // The old connection seems to be there, and the new one ends before its answer.
  const first = await stage.connect(1);
  first.say({ event: "join", room: "r", ...barney.credentials, seq: 0 });
  first.client.cut();
  await stage.stage.until("the move", () => moved(stage, 0)["moved"] === 1);
  fred.say(dataTo(barney, 1, { ref: 1 }));
  await cluster.pass(8_000);
  assertEquals((await fred.next(1))[0]?.["queued"], 1);
  const back = await stage.connect(1);
  assertEquals((await back.join({ ...barney.credentials, seq: 0 })).ready["recovered"], true);
  assertEquals(await numbers(back, 1), [1]);
});

Deno.test("a join that is answered late does not take the place of the next one", async () => {
  const sent: ToHome[] = [];
  const homes = {
    waitMs: 20_000,
    send: (_realm: string, _to: string, message: ToHome) => void sent.push(message),
  };
  const clock = new FakeClock();
  const joins = new FarJoins(
    { realm: "simple", clock, iceServers: () => [] },
    homes as unknown as Homes, // it sends, and nothing else
  );
  let carried = 0;
  const link = new FakeLink();
  const client: FarClient = {
    link,
    stream: undefined,
    pass: undefined,
    departure: undefined,
    carried: () => void carried++,
    uncarried: () => {},
  };
  const frame = { event: "join", room: "r" } as const;
  let isRefused = false;
  const first = assertRejects(() => joins.join("p", frame, client)).then(() => isRefused = true);
  // As long as the engine may be away, and a while for the home.
  clock.advance(24_999);
  await settle();
  assertEquals(isRefused, false);
  clock.advance(1);
  await first;
  const second = joins.join("p", frame, client);
  const [one = "", two = ""] = sent.map((message) => "connection" in message && message.connection);
  joins.told("home", { op: "joined", connection: String(one), peerId: "p" });
  joins.told("home", { op: "joined", connection: String(two), peerId: "p" });
  assertEquals(await second, "joined");
  const closed = { op: "closed", connection: one, departure: "lost", isUnheard: true };
  assertEquals([sent.slice(2), carried], [[closed], 1]);
});

Deno.test("a home that answers a join too late learns that its client has gone", () => {
  const sent: unknown[] = [];
  const homes = { send: (...args: unknown[]) => void sent.push(args.slice(0, 3)) };
  const server = { realm: "simple", clock: new FakeClock(), iceServers: () => [] };
  // It sends, and nothing else.
  const joins = new FarJoins(server, homes as unknown as Homes);
  joins.told("home", { op: "send", connection: "c", frames: ["late"] });
  joins.told("home", { op: "joined", connection: "c", peerId: "p" });
  const closed = { op: "closed", connection: "c", departure: "lost", isUnheard: true };
  assertEquals(sent, [["simple", "p", closed]]);
});

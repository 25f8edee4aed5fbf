import { assert, assertEquals } from "@std/assert";
import { simple } from "../../src/dialects/simple/mod.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Changes of Simple's peers that come while the peer moves: each is made, or refused.

interface Journey extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
  /** A room-mate on a third node. */
  readonly wilma: NodeClient;
}

async function begin(): Promise<Journey> {
  const cluster = await MemoryCluster.form({ nodes: 3, delayMs: 2 });
  const on = stageOver(cluster);
  const stage = await SimpleStage.open(() => Promise.resolve(on));
  const third = new DialectBench(simple, {
    options: { secret: "the same on all nodes" },
    on: { hub: cluster.hub(2), clock: cluster.clock },
  });
  const wilma = new NodeClient(await third.connect("/simple"), on);
  await wilma.join();
  return {
    cluster,
    stage,
    wilma,
    async [Symbol.asyncDispose](): Promise<void> {
      third[Symbol.dispose]();
      await stage[Symbol.asyncDispose]();
    },
  };
}

/** The peer as a newcomer sees it. */
async function seen(stage: SimpleStage, { id }: NodeClient): Promise<SimpleFrame | undefined> {
  const { handshake } = await (await stage.connect(1)).join();
  // As the protocol has it.
  return (handshake["peers"] as SimpleFrame[]).find(({ peer_id }) => peer_id === id);
}

/** Has peers of the first node move to the second; resolves while they do. */
async function moveAway({ cluster, stage }: Journey): Promise<{ readonly end: Promise<void> }> {
  // None may go to the third one.
  void cluster.hub(2).elsewhere.homes.shun();
  await cluster.quiet();
  const end = stage.benches[0].open.moveAway?.() ?? Promise.resolve();
  await cluster.pass(0);
  return { end };
}

Deno.test("Simple: a change that comes while its peer moves is not confirmed and lost", async () => {
  await using journey = await begin();
  const { cluster, stage, wilma } = journey;
  const barney = await stage.enter(0);
  await wilma.next(1);
  const { end } = await moveAway(journey);
  barney.say({ event: "change", peer: { hat: "on" }, ref: 1 });
  await cluster.during(end);
  await cluster.pass(500);
  const confirmed = barney.take().filter(({ event, ref }) => event === "ok" && ref === 1);
  assertEquals(confirmed, []);
  const back = await stage.connect(1);
  assertEquals((await back.join({ ...barney.credentials, seq: 0 })).ready["recovered"], true);
  back.say({ event: "change", peer: { mood: "good" }, ref: 2 });
  assertEquals((await back.next(1))[0]?.["event"], "ok");
  const [change] = await wilma.next(1);
  assertEquals(change?.["peer"], { mood: "good" });
  assertEquals((await seen(stage, barney))?.["hat"], undefined);
});

Deno.test("Simple: a move that does not take place holds no change up", async () => {
  await using journey = await begin();
  const { cluster, stage, wilma } = journey;
  const barney = await stage.enter(0);
  await wilma.next(1);
  void cluster.hub(1).elsewhere.homes.shun();
  const { end } = await moveAway(journey);
  barney.say({ event: "change", peer: { hat: "on" }, ref: 1 });
  await cluster.during(end);
  assertEquals((await barney.next(1))[0]?.["event"], "ok");
  assertEquals((await wilma.next(1))[0]?.["peer"], { hat: "on" });
});

Deno.test("Simple: a field that is set while its peer moves reaches all others", async () => {
  await using journey = await begin();
  const { cluster, stage, wilma } = journey;
  const barney = await stage.enter(0);
  await barney.client.lose();
  await wilma.next(1);
  const { end } = await moveAway(journey);
  const outcome = stage.benches[0].open.operations?.describe("r", barney.id, { badge: 7 });
  assertEquals(outcome, "described");
  await cluster.during(end);
  const [change] = await wilma.next(1);
  assertEquals([change?.["event"], change?.["peer"]], ["change", { badge: 7 }]);
  assertEquals((await seen(stage, barney))?.["badge"], 7);
});

Deno.test("Simple: an instance that leaves while its peer moves has left for all others", async () => {
  await using journey = await begin();
  const { cluster, stage, wilma } = journey;
  const barney = await stage.enter(0);
  const { p_id, p_secret } = barney.credentials;
  const second = await stage.connect(0);
  await second.join({ p_id, p_secret });
  await wilma.next(2);
  const { end } = await moveAway(journey);
  await second.client.leave();
  await cluster.during(end);
  const [leave] = await wilma.next(1);
  assertEquals([leave?.["event"], leave?.["peer_instance"]], ["leave", 1]);
  const instances = (await seen(stage, barney))?.["peer_instances"];
  assert(Array.isArray(instances));
  assertEquals(instances.length, 1);
});

Deno.test("Simple: a peer that leaves while it moves has left for all others, at once", async () => {
  await using journey = await begin();
  const { cluster, stage, wilma } = journey;
  const barney = await stage.enter(0);
  await wilma.next(1);
  const { end } = await moveAway(journey);
  await barney.client.leave();
  await cluster.during(end);
  await cluster.pass(100);
  const [leave] = wilma.take();
  assertEquals([leave?.["event"], leave?.["peer_id"]], ["leave", barney.id]);
  assertEquals(await seen(stage, barney), undefined);
});

import { assertEquals } from "@std/assert";
import type { Hub } from "../../src/core/hub.ts";
import type { Store } from "../../src/store/mod.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import {
  inMemory,
  type OpenStage,
  overRedis,
  type Stage,
  stageOver,
} from "../helpers/cluster/stages.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { claimed, claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import { newMemoryStore, NOBODY, StoreWitness } from "../helpers/store/store.ts";

// Ids that clients reserve for their tokens have one truth in a cluster: the engine.

const LIFETIME_MS = 60_000;

/** Has a hub reserve each id of the realm "test" for its client. */
function reserving(hub: Hub, store: Store, lifetimeMs: number | undefined = LIFETIME_MS): void {
  const { reservations } = store.dialect("test", NOBODY);
  hub.elsewhere?.reserve("test", ({ id, dialect, proof, address }) => {
    const token = dialect === "test" ? proof : undefined;
    return reservations.termsFor({ id, token, lifetimeMs, address });
  });
}

/** Claims an id at one of the hubs, and returns the answer and the receiver. */
async function claimAt(
  { hubs, during }: Pick<Stage, "hubs" | "during">,
  at: 0 | 1,
  id: string,
  proof: string,
  dialect = "test",
): Promise<[answer: string, receiver: FakeReceiver]> {
  const receiver = new FakeReceiver();
  let answer = "";
  const claim = claimed(hubs[at], claimOf(id, receiver, { proof, dialect }));
  await during(claim.then((outcome) => void (answer = outcome)));
  return [answer, receiver];
}

function giveUp(hub: Hub, receiver: FakeReceiver): void {
  hub.release(receiver.peer, receiver);
}

async function openReserving(open: OpenStage): Promise<Stage> {
  const stage = await open();
  for (const hub of stage.hubs) reserving(hub, newMemoryStore());
  return stage;
}

const CHECKS: readonly (readonly [string, (open: OpenStage) => Promise<void>])[] = [
  ["an id stays with its token on every node after its client has gone", async (open) => {
    await using stage = await openReserving(open);
    const [, first] = await claimAt(stage, 0, "x", "mine");
    giveUp(stage.hubs[0], first);
    // Until the release has come, the holder refuses as well.
    for (const at of [0, 1] as const) {
      assertEquals((await claimAt(stage, at, "x", "yours"))[0], "id_taken");
    }
    assertEquals((await claimAt(stage, 1, "x", "mine"))[0], "admitted");
    assertEquals((await claimAt(stage, 0, "other", "yours"))[0], "admitted");
  }],
  [
    "two tokens that claim one free id at once: one has it, and it is reserved for this one",
    async (open) => {
      await using stage = await openReserving(open);
      const claims = ([0, 1] as const).map((at) => claimAt(stage, at, "x", `token ${at}`));
      const answers = await Promise.all(claims);
      assertEquals(answers.map(([answer]) => answer).sort(), ["admitted", "id_taken"]);
      const winner = answers.findIndex(([answer]) => answer === "admitted") === 0 ? 0 : 1;
      giveUp(stage.hubs[winner], answers[winner]?.[1] ?? new FakeReceiver());
      for (const at of [0, 1] as const) {
        assertEquals((await claimAt(stage, at, "x", `token ${1 - winner}`))[0], "id_taken");
      }
      assertEquals((await claimAt(stage, 0, "x", `token ${winner}`))[0], "admitted");
    },
  ],
  ["the claim of an id in use reserves nothing", async (open) => {
    await using stage = await openReserving(open);
    const [, first] = await claimAt(stage, 0, "x", "mine");
    assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "id_taken");
    giveUp(stage.hubs[0], first);
    // The first claim of this one left nothing behind.
    assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "id_taken");
    assertEquals((await claimAt(stage, 0, "x", "mine"))[0], "admitted");
  }],
  ["a peer of another dialect gets no reserved id", async (open) => {
    await using stage = await openReserving(open);
    const [, first] = await claimAt(stage, 0, "x", "mine");
    giveUp(stage.hubs[0], first);
    assertEquals((await claimAt(stage, 1, "x", "mine", "foreign"))[0], "id_taken");
    assertEquals((await claimAt(stage, 1, "x", "mine"))[0], "admitted");
  }],
  ["a reservation that was ended leaves the id free for everybody", async (open) => {
    await using stage = await openReserving(open);
    const [, first] = await claimAt(stage, 0, "x", "mine");
    giveUp(stage.hubs[0], first);
    assertEquals(await during(stage, stage.hubs[1].elsewhere?.unreserve("test", "x")), true);
    let answer = "";
    while (answer !== "admitted") [answer] = await claimAt(stage, 1, "x", "yours");
    assertEquals(await during(stage, stage.hubs[1].elsewhere?.unreserve("test", "y")), false);
  }],
];

/** The outcome of a step of a stage. */
async function during<T>(stage: Stage, step: Promise<T> | undefined): Promise<T | undefined> {
  let outcome: T | undefined;
  await stage.during((async () => void (outcome = await step))());
  return outcome;
}

for (const [sentence, check] of CHECKS) {
  for (const seed of [1, 2]) {
    Deno.test(`cluster, reservations: ${sentence}, seed ${seed}`, () => check(inMemory(seed)));
  }
  clientTest({
    name: `cluster, reservations: ${sentence}, over Redis`,
    needs: ["redis-server"],
    fn: () => check(overRedis),
  });
}

/** Two nodes in this process that reserve ids under the limits of a store. */
async function reservingCluster(
  limits: Parameters<typeof newMemoryStore>[0] = {},
): Promise<{ cluster: MemoryCluster; stage: Stage; witness: StoreWitness }> {
  const cluster = await MemoryCluster.form();
  const witness = new StoreWitness();
  const stage = stageOver(cluster);
  for (const { node, hub } of cluster.nodes) {
    const store = newMemoryStore({ clock: cluster.clock, witness, ...limits });
    await cluster.during(node.records.open(store.shareAs(node.node)));
    reserving(hub, store);
  }
  return { cluster, stage, witness };
}

Deno.test("cluster, reservations: one lasts for its lifetime after its last use, however long that was", async () => {
  const { cluster, stage } = await reservingCluster();
  await using _ = cluster;
  const [, first] = await claimAt(stage, 0, "x", "mine");
  await cluster.pass(LIFETIME_MS + 5_000);
  giveUp(stage.hubs[0], first);
  await cluster.pass(LIFETIME_MS - 1_000);
  assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "id_taken");
  await cluster.pass(1_100);
  assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "admitted");
});

Deno.test("cluster, reservations: an engine that comes back empty learns of those in use", async () => {
  const { cluster, stage } = await reservingCluster();
  await using _ = cluster;
  const [, first] = await claimAt(stage, 0, "x", "mine");
  cluster.engine.kill();
  await cluster.pass(100);
  cluster.engine.start({ keeps: false });
  await cluster.pass(4_000);
  giveUp(stage.hubs[0], first);
  await cluster.pass(10);
  assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "id_taken");
  assertEquals((await claimAt(stage, 1, "x", "mine"))[0], "admitted");
});

Deno.test("cluster, reservations: a dead node's ids stay with their tokens", async () => {
  const { cluster, stage } = await reservingCluster();
  await using _ = cluster;
  await claimAt(stage, 0, "x", "mine");
  cluster.at(0).link.cut();
  await cluster.pass(9_000);
  assertEquals((await claimAt(stage, 1, "x", "yours"))[0], "id_taken");
  assertEquals((await claimAt(stage, 1, "x", "mine"))[0], "admitted");
});

Deno.test("cluster, reservations: the limit of an address counts on all nodes together", async () => {
  const limits = { limits: { reservationsPerHour: 3_600, reservationBurst: 2 } };
  const { cluster, stage, witness } = await reservingCluster(limits);
  await using _ = cluster;
  const at = async (node: 0 | 1, id: string, proof: string): Promise<string> => {
    const receiver = new FakeReceiver();
    const claim = claimOf(id, receiver, { proof, address: "192.0.2.7" });
    const answer = await cluster.during(claimed(stage.hubs[node], claim));
    if (answer === "admitted") giveUp(stage.hubs[node], receiver);
    await cluster.pass(10);
    return answer;
  };
  const answers = [await at(0, "a", "t"), await at(1, "b", "t"), await at(0, "c", "t")];
  assertEquals(answers, ["admitted", "admitted", "admitted"]);
  assertEquals(witness.unreserved, ["address 192.0.2.7"]);
  // The third id is admitted, but it is free afterwards.
  assertEquals([await at(1, "c", "other"), await at(1, "a", "other")], ["admitted", "id_taken"]);
  await cluster.pass(1_000);
  assertEquals([await at(1, "d", "t"), await at(0, "d", "other")], ["admitted", "id_taken"]);
  assertEquals(witness.unreserved.length, 2);
});

Deno.test("cluster, reservations: over the limit of the cluster the oldest makes room that was claimed once", async () => {
  const { cluster, stage, witness } = await reservingCluster({ limits: { maxReservations: 2 } });
  await using _ = cluster;
  const use = async (node: 0 | 1, id: string, proof: string): Promise<string> => {
    const [answer, receiver] = await claimAt(stage, node, id, proof);
    if (answer === "admitted") giveUp(stage.hubs[node], receiver);
    await cluster.pass(10);
    return answer;
  };
  await use(0, "came back", "t");
  await use(1, "came back", "t");
  await use(1, "came once", "t");
  assertEquals(await use(0, "new", "t"), "admitted");
  assertEquals([witness.evicted, witness.unreserved], [1, []]);
  assertEquals(await use(1, "came back", "other"), "id_taken");
  assertEquals(await use(1, "new", "other"), "id_taken");
  // The two that are left have come back, so a third one is admitted without a reservation.
  await use(0, "new", "t");
  assertEquals(await use(0, "came once", "other"), "admitted");
  assertEquals([witness.evicted, witness.unreserved], [1, ["full"]]);
});

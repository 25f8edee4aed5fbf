import { assert, assertEquals } from "@std/assert";
import { AllArrivals, LEAST_NUMBERS, MOST_PROCESSES } from "../../src/cluster/items/inbox.ts";
import type { NodeLimits } from "../../src/cluster/limits.ts";
import { MOST_CLAIMS } from "../../src/core/nodes/far_channels.ts";
import { TestChannels } from "../helpers/cluster/channels.ts";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// Everything that a node keeps while others are out of reach has a bound, also where no client waits for
// it.

/** Longer than a step of a client waits. */
const AWAY_MS = 8_000;
const BACK_MS = 5_000;

/** A cluster whose engine is away. */
async function away(work: Partial<NodeLimits> = {}): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.form({ work });
  cluster.engine.kill();
  await cluster.pass(AWAY_MS);
  return cluster;
}

async function back(cluster: MemoryCluster): Promise<void> {
  cluster.engine.start({ keeps: true });
  await cluster.pass(BACK_MS);
  assertEquals(cluster.at(0).node.waitingSteps, 0);
}

Deno.test("only the newest of the server's steps about one subject waits, and it is carried out", async () => {
  await using cluster = await MemoryCluster.form();
  const a = await admit(cluster, 0, "a");
  const { node } = cluster.at(0);
  const guests = { realm: "test", kind: "guests", room: "" } as const;
  cluster.hub(1).elsewhere.follow(guests);
  await cluster.pass(100);
  cluster.engine.kill();
  await cluster.pass(AWAY_MS);
  const { realm, id } = a.peer;
  const fence = Number(
    cluster.engine.data.call(["HGET", "test:1:ids:test", "a"]).toString().split(" ")[1],
  );
  const before = node.waitingSteps;
  for (let n = 0; n < 1_000; n++) {
    node.list({ realm, id, fence }, n % 2 === 1);
    node.want({ realm, id: "nobody", dialect: "test", lifetimeMs: 60_000 });
    node.tell("stop", ["test", "r"]);
  }
  assertEquals(node.waitingSteps - before, 3);
  await back(cluster);
  const isGuest = (): boolean => cluster.hub(1).find("test", "a") !== undefined;
  assertEquals(isGuest(), true);
  node.list({ realm, id, fence }, false);
  await cluster.pass(100);
  assertEquals(isGuest(), false);
});

Deno.test("the oldest news are dropped and counted if too many wait for the engine", async () => {
  await using cluster = await away({ maxNews: 20 });
  const { node, events } = cluster.at(0);
  events.length = 0;
  for (let n = 0; n < 30; n++) node.tell("stop", ["test", `room ${n}`]);
  assertEquals(node.waitingSteps, 20);
  const dropped = events.filter((event) =>
    event.type === "step" && event.outcome === "unavailable"
  );
  assertEquals(dropped.length, 10);
  await back(cluster);
});

Deno.test("channels that come and go while the engine is away leave a bounded number of steps", async () => {
  await using cluster = await away();
  const channels = new TestChannels(cluster.hub(0));
  const others = new TestChannels(cluster.hub(1));
  for (let n = 0; n < 3 * MOST_CLAIMS; n++) {
    const listener = channels.subscribe(`c${n}`);
    channels.local.unsubscribe(`c${n}`, listener);
  }
  const stays = channels.subscribe("stays");
  assertEquals(cluster.at(0).node.waitingSteps, MOST_CLAIMS);
  await back(cluster);
  others.publish("stays", 1);
  await cluster.pass(500);
  assertEquals(stays.taken, [1]);
});

Deno.test("the numbers of processes that are gone are forgotten, the oldest first", () => {
  const living = new Set(["p0"]);
  const arrivals = new AllArrivals((process) => living.has(process));
  for (let n = 0; n < MOST_PROCESSES + 10; n++) arrivals.of(`p${n}`).take(7);
  const known = Array.from(
    { length: MOST_PROCESSES + 10 },
    (_, n) => arrivals.rangeOf(`p${n}`).last,
  );
  assertEquals(known.filter((number) => number === 7).length, MOST_PROCESSES);
  assertEquals([known[0], known[1], known[10], known[11]], [7, 0, 0, 7]);
  arrivals.gone("p11");
  arrivals.of("new");
  // It was taken for dead after the others were met.
  assertEquals([arrivals.rangeOf("p11").last, arrivals.rangeOf("p12").last], [7, 0]);
  assert(arrivals.of("p11").take(8));
});

Deno.test("the newest numbers of a process are known, however many have come", () => {
  const arrivals = new AllArrivals(() => true).of("p");
  const count = 3 * LEAST_NUMBERS;
  arrivals.refused.add(1).add(count);
  for (let number = 1; number <= count; number++) assert(arrivals.take(number));
  for (let number = count; number > count - LEAST_NUMBERS; number--) assert(!arrivals.take(number));
  // The refusal of a forgotten number is forgotten, too.
  assertEquals([...arrivals.refused], [count]);
});

Deno.test("the key of an id that is waited for is short, whatever its text, and the id's news still come", async () => {
  await using cluster = await MemoryCluster.form();
  const appeared: string[] = [];
  const ids = ["x".repeat(512), "x".repeat(513), "ü".repeat(400), "x".repeat(1_000_000)];
  const { elsewhere } = cluster.hub(0);
  elsewhere.correspond("test", {
    dialect: "test",
    awaited: () => ids,
    lifetimeMs: 60_000,
    returned: () => {},
    appeared: (id) => void appeared.push(id),
  });
  for (const id of ids) elsewhere.want({ realm: "test", id, dialect: "test", lifetimeMs: 60_000 });
  await cluster.pass(100);
  const waiting = cluster.engine.data.keys().filter((key) => key.startsWith("test:1:w:"));
  assertEquals(waiting.map((key) => key.length <= 600), [true, true, true, true]);
  for (const id of ids.slice(0, 3)) await admit(cluster, 1, id);
  assertEquals(appeared, ids.slice(0, 3));
});

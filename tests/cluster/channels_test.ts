import { assert, assertEquals } from "@std/assert";
import { channelsOf, TestChannels } from "../helpers/cluster/channels.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";

// Channels of several nodes while the engine and its connections fail, in an order that a seed decides.

const NEVER_MS = 600_000;

for (const seed of [21, 22, 23, 24]) {
  Deno.test(`channels: subscribers of three nodes get everything once and in order while the engine fails, seed ${seed}`, async () => {
    const options = { seed, delayMs: 6, nodes: 3, waitMs: NEVER_MS };
    await using cluster = await MemoryCluster.form(options);
    const random = randomOf(seed);
    const nodes = cluster.nodes.map(({ hub }) => new TestChannels(hub));
    const listeners = nodes.map((node) => node.subscribe("x"));
    await cluster.pass(200);
    for (let n = 0; n < 60; n++) {
      for (const [at, node] of nodes.entries()) node.publish("x", [at, n]);
      if (random() < 0.1) cluster.engine.breakConnections();
      await cluster.pass(Math.floor(random() * 12));
      if (n % 20 !== 19) continue;
      cluster.engine.kill();
      await cluster.pass(Math.floor(random() * 400));
      cluster.engine.start({ keeps: random() < 0.5 });
    }
    for (let ms = 0; ms < 20_000; ms += 50) await cluster.pass(50);
    for (const { taken } of listeners) {
      for (const at of nodes.keys()) {
        const numbers = taken.flatMap((one) => Array.isArray(one) && one[0] === at ? [one[1]] : []);
        assertEquals(numbers, Array.from({ length: 60 }, (_, n) => n));
      }
    }
    assertEquals(nodes.map(({ local }) => local.count("x")), [3, 3, 3]);
  });
}

Deno.test("channels: a publication crosses once to a node, however many subscribers are there", async () => {
  await using cluster = await MemoryCluster.form({ nodes: 3 });
  const [a, b, c] = cluster.nodes.map(({ hub }) => new TestChannels(hub));
  const listeners = Array.from({ length: 50 }, () => b?.subscribe("x"));
  await cluster.pass(200);
  for (let n = 0; n < 3; n++) a?.publish("x", n);
  await cluster.pass(200);
  for (const listener of listeners) assertEquals(listener?.taken, [0, 1, 2]);
  assertEquals([a?.arrivals, b?.arrivals, c?.arrivals], [0, 3, 0]);
});

Deno.test("channels: the subscribers of a node that has ended are counted no more", async () => {
  await using cluster = await MemoryCluster.form({ nodes: 2 });
  const [a, b] = channelsOf([cluster.hub(0), cluster.hub(1)]);
  const stays = a.subscribe("x");
  b.subscribe("x");
  await cluster.pass(100);
  assertEquals(a.local.count("x"), 2);
  await cluster.during(cluster.nodes[1]?.node.stop());
  await cluster.pass(8_000);
  assertEquals(a.local.count("x"), 1);
  a.publish("x", 1);
  assertEquals(stays.taken, [1]);
});

Deno.test("channels: nothing is sent late that had to wait too long, and subscriptions come back", async () => {
  await using cluster = await MemoryCluster.form({ waitMs: 1_000 });
  const [a, b] = channelsOf([cluster.hub(0), cluster.hub(1)]);
  const early = b.subscribe("x");
  await cluster.pass(100);
  cluster.engine.kill();
  await cluster.pass(100);
  a.publish("x", "late");
  const late = a.subscribe("y");
  await cluster.pass(5_000);
  assertEquals(cluster.nodes[0]?.node.unconfirmedBytes, 0);
  cluster.engine.start({ keeps: false });
  await cluster.pass(5_000);
  a.publish("x", "in time");
  b.publish("y", "for the newcomer");
  await cluster.pass(200);
  assertEquals([early.taken, late.taken], [["in time"], ["for the newcomer"]]);
});

Deno.test("channels: publications beyond the bytes that may wait for other nodes are dropped", async () => {
  await using cluster = await MemoryCluster.form({ maxUnconfirmedBytes: 2_000 });
  const [a, b] = channelsOf([cluster.hub(0), cluster.hub(1)]);
  const { taken } = b.subscribe("x");
  await cluster.pass(100);
  for (let n = 0; n < 20; n++) a.publish("x", n);
  await cluster.pass(500);
  assert(taken.length > 0 && taken.length < 20);
  assertEquals(taken, Array.from({ length: taken.length }, (_, n) => n));
  assertEquals(cluster.nodes[0]?.node.unconfirmedBytes, 0);
  a.publish("x", "end");
  await cluster.pass(500);
  assertEquals(taken.at(-1), "end");
});

Deno.test("channels: nothing stays on the nodes or in the engine when the subscribers have left", async () => {
  await using cluster = await MemoryCluster.form();
  const [a, b] = channelsOf([cluster.hub(0), cluster.hub(1)]);
  const before = cluster.engine.data.keys();
  const names = ["x", "y", "z", "\0", "a b", "\ud800"];
  const listeners = names.map((name) => [a.subscribe(name), b.subscribe(name)] as const);
  await cluster.pass(100);
  for (const name of names) a.publish(name, name);
  b.publish("nowhere", 1);
  await cluster.pass(100);
  for (const [n, [one, other]] of listeners.entries()) {
    assertEquals([one.taken, other.taken], [[names[n]], [names[n]]]);
    a.local.unsubscribe(names[n] ?? "", one);
    b.local.unsubscribe(names[n] ?? "", other);
  }
  await cluster.pass(5_000);
  assertEquals([a.local.far?.size, b.local.far?.size], [0, 0]);
  const left = cluster.engine.data.keys().filter((key) => !before.includes(key));
  assertEquals(left.filter((key) => !key.includes(":in:") && !key.includes(":calls")), []);
});

import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// A node's calls to the engine, where the fault is the node's own.

Deno.test("a node that cannot read its certificate goes on calling the engine once it can", async () => {
  await using cluster = await MemoryCluster.form();
  const a = await admit(cluster, 0, "a");
  const b = await admit(cluster, 1, "b");
  const { link, node, events } = cluster.at(0);
  const connect = link.connect.bind(link);
  let tries = 0;
  const fault = new Deno.errors.NotFound("no such file");
  link.connect = (purpose) => {
    if (purpose === "call") tries++;
    return Promise.reject(fault);
  };
  events.length = 0;
  cluster.engine.breakConnections();
  for (let ms = 0; ms < 10_000 && tries < 8; ms++) await cluster.pass(1);
  assertEquals(node.isUp, false);
  // It is reported once, however often it repeats.
  const faults = events.splice(0).filter(({ type }) => type === "fault");
  assertEquals(faults, [{ type: "fault", error: fault }]);
  link.connect = connect;
  await cluster.pass(1_000);
  assertEquals(node.isUp, true);
  cluster.hub(1).send(b.peer, "a", 1);
  cluster.hub(0).send(a.peer, "b", 2);
  await cluster.pass(300);

  assertEquals([a.told(), b.told()], [["relay b: 1"], ["relay a: 2"]]);
});

Deno.test("a node connects again soon, and more and more seldom up to four times a second", async () => {
  await using cluster = await MemoryCluster.form({ nodes: 1 });
  const { link, clock } = cluster.at(0);
  const connect = link.connect.bind(link);
  const tries: number[] = [];
  link.connect = (purpose) => {
    if (purpose === "call") tries.push(clock.now());
    return connect(purpose);
  };
  cluster.engine.kill();
  await cluster.pass(2_000);
  const pauses = tries.slice(1, 8).map((at, n) => at - (tries[n] ?? 0));
  assertEquals(pauses, [40, 80, 160, 250, 250, 250, 250]);
  cluster.engine.start({ keeps: true });
  await cluster.pass(3_000);
});

Deno.test("a node's inbox keeps nothing that the node has read", async () => {
  await using cluster = await MemoryCluster.form();
  const a = await admit(cluster, 0, "a");
  const b = await admit(cluster, 1, "b");
  for (let n = 0; n < 100; n++) cluster.hub(0).send(a.peer, "b", n);
  await cluster.pass(100);
  assertEquals(b.told().length, 100);
  // Its next call is a beat at the latest.
  await cluster.pass(2_100);
  const inboxes = cluster.engine.data.keys().filter((key) => key.startsWith("test:1:in:n2"));
  const left = inboxes.map((key) => Number(cluster.engine.data.call(["XLEN", key])));
  assertEquals(left.filter((length) => length > 1), []);
});

Deno.test("an engine that goes away before a node's first call is reported once", async () => {
  await using cluster = MemoryCluster.begin({ nodes: 1 });
  const { node, events } = cluster.at(0);
  cluster.engine.kill();
  await cluster.pass(10_000);
  const losses = events.filter(({ type }) => type === "away");
  assertEquals(losses, [{ type: "away", why: "connection refused" }]);
  cluster.engine.start({ keeps: false });
  await cluster.pass(5_000);
  assertEquals(node.isUp, true);
});

Deno.test("a node that calls its engine often waits a moment, so that a call carries more", async () => {
  await using cluster = await MemoryCluster.form();
  const a = await admit(cluster, 0, "a");
  const b = await admit(cluster, 1, "b");
  const { events } = cluster.at(0);
  const calls = (): number => events.filter(({ type }) => type === "call").length;
  await cluster.quiet();
  events.length = 0;
  // After a beat there is none for a while.
  for (let ms = 0; ms < 5_000 && calls() === 0; ms++) await cluster.pass(1);
  await cluster.pass(20);
  events.length = 0;
  for (let n = 0; n < 30; n++) {
    cluster.hub(0).send(a.peer, "b", n);
    await cluster.pass(0);
  }
  // Each message had a call of its own, until there were too many in 10 ms.
  assertEquals([calls(), b.told().length], [13, 13]);
  await cluster.pass(1);
  assertEquals([calls(), b.told().length], [14, 17]);
  // At rest a message waits for nothing.
  await cluster.pass(20);
  cluster.hub(0).send(a.peer, "b", "later");
  await cluster.pass(0);
  assertEquals(b.told(), ['relay a: "later"']);
});

Deno.test("messages that a node gets in one turn of its event loop travel by one call", async () => {
  await using cluster = await MemoryCluster.form();
  const a = await admit(cluster, 0, "a");
  const b = await admit(cluster, 1, "b");
  await cluster.quiet();
  const { clock, events } = cluster.at(0);
  const next = clock.next.bind(clock);
  const ends: (() => void)[] = [];
  clock.next = (action) => void ends.push(action);
  events.length = 0;
  for (const payload of [1, 2]) {
    cluster.hub(0).send(a.peer, "b", payload);
    await cluster.pass(0);
  }
  assertEquals(b.told(), []);
  clock.next = next;
  // The turn ends.
  for (const end of ends.splice(0)) end();
  await cluster.pass(1);

  assertEquals(b.told(), ["relay a: 1", "relay a: 2"]);
  assertEquals(events.filter(({ type }) => type === "call").length, 1);
});

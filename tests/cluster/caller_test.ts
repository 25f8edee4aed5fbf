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

import { assert, assertEquals } from "@std/assert";
import { EngineError } from "../../src/cluster/engine/engine.ts";
import type { NodeLimits } from "../../src/cluster/limits.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// The limits of a node's work for its cluster. Those of bytes are in faults_test.ts.

interface Pair extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly near: FakeReceiver;
  readonly far: FakeReceiver;
  /** Sends from the near peer to the far one. */
  send(payload: unknown): void;
}

/** Two nodes with a peer each. */
async function pairWith(work: Partial<NodeLimits>): Promise<Pair> {
  const cluster = await MemoryCluster.form({ work });
  const [near, far] = [new FakeReceiver(), new FakeReceiver()];
  await cluster.during(cluster.hub(0).claim(claimOf("near", near)));
  await cluster.during(cluster.hub(1).claim(claimOf("far", far)));
  near.told();
  far.told();
  return {
    cluster,
    near,
    far,
    send: (payload) => void cluster.hub(0).send(near.peer, "far", payload),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** The calls that a node makes while something happens. */
async function callsDuring({ cluster }: Pair, work: () => void): Promise<number> {
  const { events } = cluster.at(0);
  await cluster.quiet();
  events.length = 0;
  work();
  await cluster.quiet();
  return events.filter(({ type }) => type === "call").length;
}

Deno.test("a message larger than an item comes back, and the next one arrives", async () => {
  await using pair = await pairWith({ maxItemBytes: 1_000 });
  pair.send("x".repeat(998));
  pair.send("small");
  assertEquals(pair.near.told(), ["undelivered far"]);
  pair.send("x".repeat(997));
  await pair.cluster.pass(500);
  assertEquals(pair.far.told(), ['relay near: "small"', `relay near: "${"x".repeat(997)}"`]);
});

Deno.test("a call carries a limited number of steps", async () => {
  const sendTen = (pair: Pair) => (): void => {
    for (let n = 0; n < 10; n++) pair.send(n);
  };
  await using wide = await pairWith({});
  const once = await callsDuring(wide, sendTen(wide));
  await using narrow = await pairWith({ maxBatchSteps: 2 });
  const often = await callsDuring(narrow, sendTen(narrow));
  assert(often >= 5 && once < 5, `${once} and ${often} calls`);
  assertEquals([wide.far.told().length, narrow.far.told().length], [10, 10]);
});

Deno.test("a call carries a limited number of bytes, or one step of any size", async () => {
  const sendFive = (pair: Pair) => (): void => {
    for (let n = 0; n < 5; n++) pair.send(`${n}${"x".repeat(2_000)}`);
  };
  await using wide = await pairWith({});
  const once = await callsDuring(wide, sendFive(wide));
  await using narrow = await pairWith({ maxBatchBytes: 1_024 });
  const often = await callsDuring(narrow, sendFive(narrow));
  assert(often >= 5 && once < 5, `${once} and ${often} calls`);
  assertEquals([wide.far.told().length, narrow.far.told().length], [5, 5]);
});

Deno.test("an inbox that its node does not read has a limit, and is read in order later", async () => {
  await using pair = await pairWith({ maxInboxItems: 20 });
  const { cluster, near, far, send } = pair;
  const { link } = cluster.at(1);
  const connect = link.connect.bind(link);
  link.connect = (purpose) =>
    purpose === "call" ? connect(purpose) : Promise.reject(new EngineError("unreachable", "cut"));
  cluster.engine.breakConnections();
  await cluster.pass(500);
  for (let n = 0; n < 30; n++) send(n);
  await cluster.pass(500);
  const refused = near.told();
  assert(refused.length >= 10 && refused.every((word) => word === "undelivered far"));
  assertEquals(far.told(), []);

  link.connect = connect;
  await cluster.pass(1_000);
  send("later");
  await cluster.pass(500);
  const taken = Array.from({ length: 30 - refused.length }, (_, n) => `relay near: ${n}`);
  assertEquals([near.told(), far.told()], [[], [...taken, 'relay near: "later"']]);
});

Deno.test("a client's step beyond those that may wait is refused at once", async () => {
  await using cluster = await MemoryCluster.form({ work: { maxWaiting: 5 } });
  cluster.engine.kill();
  await cluster.pass(100);
  const clients = Array.from({ length: 10 }, () => new FakeReceiver());
  const claims = clients.map((client, n) => cluster.hub(0).claim(claimOf(`c${n}`, client)));
  await cluster.pass(1);
  const refused = clients.map((client) => client.told().length > 0);
  assertEquals(refused, clients.map((_, n) => n >= 5));
  cluster.engine.start({ keeps: true });
  await cluster.during(Promise.all(claims));
  const admitted = clients.slice(0, 5).map((client) => client.told());
  assertEquals(admitted, [0, 1, 2, 3, 4].map((n) => [`admitted c${n}`]));
});

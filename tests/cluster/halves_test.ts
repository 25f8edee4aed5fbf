import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import type { DialectBench } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import {
  ANSWER,
  newSignalling,
  OFFER,
  peerMessage,
  type SinkMessage,
  statusMessage,
} from "../helpers/session/webrtcsink.ts";

// The two halves of a session of webrtcsink while the engine between their nodes is away.

/** webrtcsink on one node of a cluster. */
function benchAt(cluster: MemoryCluster, at: number): DialectBench {
  const { clock } = cluster;
  return newSignalling({ bridge: { hub: cluster.hub(at), clock, realm: "webrtcsink" } });
}

/** A client of one node, which its cluster has welcomed. */
async function connect(
  cluster: MemoryCluster,
  bench: DialectBench,
): Promise<{ client: TestClient; id: string }> {
  const client = await bench.connect("/webrtcsink");
  await cluster.pass(100);
  const [welcome] = heard(client);
  assertEquals(welcome?.["type"], "welcome");
  return { client, id: String(welcome?.["peerId"]) };
}

function heard(client: TestClient): SinkMessage[] {
  // The comparison checks the server's frames.
  return client.heardJson() as SinkMessage[];
}

/** Lets a client send a message, and everything come of it. */
async function say(
  cluster: MemoryCluster,
  client: TestClient,
  message: SinkMessage,
): Promise<void> {
  await cluster.during(client.say(JSON.stringify(message)));
  await cluster.pass(100);
}

/** A viewer on one node that has a session with a producer on the other. */
async function openSession(
  cluster: MemoryCluster,
  benches: readonly [DialectBench, DialectBench],
): Promise<{ viewer: TestClient; producer: TestClient; peerId: string; sessionId: string }> {
  const { client: viewer, id } = await connect(cluster, benches[0]);
  const { client: producer, id: peerId } = await connect(cluster, benches[1]);
  await say(cluster, producer, statusMessage(["producer"]));
  await say(cluster, viewer, { type: "startSession", peerId });
  const [started, ...more] = heard(viewer);
  assertEquals([started?.["type"], more], ["sessionStarted", []]);
  const sessionId = String(started?.["sessionId"]);
  assertEquals(heard(producer), [{ type: "startSession", peerId: id, sessionId, offer: null }]);
  return { viewer, producer, peerId, sessionId };
}

for (const keeps of [true, false]) {
  Deno.test(`webrtcsink: an end that no engine takes is sent again, engine ${keeps ? "with its data" : "empty"}`, async () => {
    await using cluster = await MemoryCluster.form({ waitMs: 1_000 });
    using a = benchAt(cluster, 0);
    using b = benchAt(cluster, 1);
    const { viewer, producer, sessionId } = await openSession(cluster, [a, b]);
    cluster.engine.kill();
    await cluster.pass(50);
    await say(cluster, viewer, { type: "endSession", sessionId });
    await cluster.pass(10_000);
    assertEquals(heard(producer), []);
    cluster.engine.start({ keeps });
    await cluster.pass(10_000);
    assertEquals(heard(producer), [{ type: "endSession", sessionId }]);
    assertEquals(heard(viewer), []);
  });
}

Deno.test("webrtcsink: without the engine a message of a session is refused, and the session stays", async () => {
  await using cluster = await MemoryCluster.form({ waitMs: 1_000 });
  using a = benchAt(cluster, 0);
  using b = benchAt(cluster, 1);
  const { viewer, producer, sessionId } = await openSession(cluster, [a, b]);
  cluster.engine.kill();
  await cluster.pass(50);
  await say(cluster, producer, peerMessage(sessionId, OFFER));
  await cluster.pass(2_000);
  const details = "Cannot do this now: the server is not available";
  assertEquals(heard(producer), [{ type: "error", details }]);
  cluster.engine.start({ keeps: false });
  await cluster.pass(5_000);
  await say(cluster, producer, peerMessage(sessionId, OFFER));
  await cluster.pass(100);
  assertEquals(heard(viewer), [peerMessage(sessionId, OFFER)]);
  await say(cluster, viewer, peerMessage(sessionId, ANSWER));
  await cluster.pass(100);
  assertEquals(heard(producer), [peerMessage(sessionId, ANSWER)]);
});

Deno.test("webrtcsink: a viewer that leaves while its session starts leaves nothing behind", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 20, seed: 5 });
  using a = benchAt(cluster, 0);
  using b = benchAt(cluster, 1);
  for (let ms = 0; ms < 120; ms += 8) {
    const { viewer, producer, peerId, sessionId } = await openSession(cluster, [a, b]);
    await say(cluster, viewer, { type: "endSession", sessionId });
    await cluster.pass(200);
    heard(producer);
    const starting = viewer.say(JSON.stringify({ type: "startSession", peerId }));
    await cluster.pass(ms);
    await viewer.leave();
    await cluster.during(starting);
    await cluster.pass(500);
    // The producer hears of the session and of its end, or of neither.
    const types = heard(producer).map(({ type }) => type);
    assertEquals(types, types.length === 0 ? [] : ["startSession", "endSession"]);
    await producer.leave();
    await cluster.pass(200);
    const sessions = [a, b].map(({ open }) =>
      open.gauges?.find(({ name }) => name === "media_sessions")?.read()
    );
    assertEquals(sessions, [0, 0]);
  }
});

import { assertEquals } from "@std/assert";
import { missesEngine, type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { changed, type SinkMessage, statusMessage } from "../helpers/session/webrtcsink.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Producers, consumers and listeners on several real nodes.

const needs = ["redis-server"] as const;

/** A peer that was welcomed. */
interface Peer extends AsyncDisposable {
  readonly client: WsClient;
  readonly id: string;
}

async function next({ client }: Pick<Peer, "client">): Promise<SinkMessage> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SinkMessage;
}

/** Connects to a node and takes roles. */
async function enter(
  nodes: NodeProcesses,
  at: number,
  roles: readonly string[] = [],
  meta: unknown = null,
): Promise<Peer> {
  const client = await WsClient.open(`${nodes.wsUrl(at)}/webrtcsink`);
  const { type, peerId } = await next({ client });
  assertEquals(type, "welcome");
  const id = String(peerId);
  client.send(statusMessage(roles, meta));
  if (roles.includes("listener")) assertEquals(await next({ client }), changed(id, roles));
  return { client, id, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

/** Waits until a peer's node lists the others. */
async function assertLists(peer: Peer, producers: readonly unknown[]): Promise<void> {
  await until("the list", async () => {
    peer.client.send({ type: "list" });
    const message = await next(peer);
    return JSON.stringify(message) === JSON.stringify({ type: "list", producers });
  });
}

/** Has a peer start a session, and returns what came to both of its sides. */
async function startSession(
  caller: Peer,
  callee: Peer,
  offer?: string,
): Promise<[sessionId: string, toCaller: SinkMessage, toCallee: SinkMessage]> {
  caller.client.send({
    type: "startSession",
    peerId: callee.id,
    ...offer === undefined ? {} : { offer },
  });
  const [toCaller, toCallee] = [await next(caller), await next(callee)];
  return [String(toCaller["sessionId"]), toCaller, toCallee];
}

function sdp(sessionId: string, type: "offer" | "answer"): Record<string, unknown> {
  return { type: "peer", sessionId, sdp: { type, sdp: "v=0" } };
}

clientTest({
  name: "cluster, webrtcsink: lists are whole on every node, and listeners hear every change once",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"]);
    await using listener = await enter(nodes, 0, ["listener"]);
    await using stranger = await enter(nodes, 0);
    await using producer = await enter(nodes, 1, ["producer"], { name: "cam" });
    assertEquals(await next(listener), changed(producer.id, ["producer"], { name: "cam" }));
    await assertLists(stranger, [{ id: producer.id, meta: { name: "cam" } }]);
    await using consumer = await enter(nodes, 1, ["consumer"]);
    assertEquals(await next(listener), changed(consumer.id, ["consumer"]));
    listener.client.send({ type: "listConsumers" });
    assertEquals(await next(listener), {
      type: "listConsumers",
      consumers: [{ id: consumer.id, meta: null }],
    });
    // A node without anybody in the list knows it as well.
    await using third = await nodes.add().then(() => enter(nodes, 2));
    await assertLists(third, [{ id: producer.id, meta: { name: "cam" } }]);
    producer.client.send(statusMessage([]));
    assertEquals(await next(listener), changed(producer.id, []));
    await assertLists(stranger, []);
    await producer.client.close();
    assertEquals(await next(listener), changed(producer.id, []));
  },
});

clientTest({
  name: "cluster, webrtcsink: a consumer gets a session with a producer of another node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"]);
    await using producer = await enter(nodes, 1, ["producer"]);
    await using consumer = await enter(nodes, 0);
    await assertLists(consumer, [{ id: producer.id, meta: null }]);
    const [sessionId, toCaller, toCallee] = await startSession(consumer, producer, "v=0 offer");
    assertEquals(toCaller, { type: "sessionStarted", peerId: producer.id, sessionId });
    assertEquals(toCallee, {
      type: "startSession",
      peerId: consumer.id,
      sessionId,
      offer: "v=0 offer",
    });
    producer.client.send(sdp(sessionId, "offer"));
    assertEquals(await next(consumer), sdp(sessionId, "offer"));
    consumer.client.send(sdp(sessionId, "offer"));
    assertEquals((await next(consumer))["type"], "error");
    consumer.client.send(sdp(sessionId, "answer"));
    assertEquals(await next(producer), sdp(sessionId, "answer"));
    consumer.client.send({ type: "endSession", sessionId });
    assertEquals(await next(producer), { type: "endSession", sessionId });
    // Messages of a session that has ended are ignored.
    producer.client.send(sdp(sessionId, "offer"));
    const [again] = await startSession(consumer, producer);
    await producer.client.close();
    assertEquals(await next(consumer), { type: "endSession", sessionId: again });
  },
});

clientTest({
  name: "cluster, webrtcsink: a producer calls a waiting consumer of another node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"]);
    await using consumer = await enter(nodes, 1, ["consumer", "listener"]);
    await using producer = await enter(nodes, 0);
    const [sessionId, toCaller, toCallee] = await startSession(producer, consumer);
    assertEquals(toCaller, { type: "startSession", peerId: consumer.id, sessionId, offer: null });
    assertEquals(toCallee, { type: "sessionStarted", peerId: producer.id, sessionId });
    producer.client.send(sdp(sessionId, "offer"));
    assertEquals(await next(consumer), sdp(sessionId, "offer"));
    // Giving the role up ends the session.
    consumer.client.send(statusMessage(["listener"]));
    assertEquals(await next(producer), { type: "endSession", sessionId });
  },
});

clientTest({
  name: "cluster, webrtcsink: sessions are refused by the peer's own node",
  needs,
  fn: async () => {
    const limit = ["--webrtcsink-max-sessions-per-producer", "1"];
    await using nodes = await startNodes(2, ["webrtcsink"], limit);
    await using producer = await enter(nodes, 1, ["producer"]);
    await using first = await enter(nodes, 1);
    await using second = await enter(nodes, 0);
    const refusal = async (peerId: string): Promise<unknown> => {
      second.client.send({ type: "startSession", peerId });
      return await next(second);
    };
    const [sessionId] = await startSession(first, producer);
    const full = "Cannot start a session: the producer has too many";
    assertEquals(await refusal(producer.id), { type: "error", details: full });
    assertEquals(await refusal("nobody"), {
      type: "error",
      details: 'Cannot start a session: no peer "nobody"',
    });
    assertEquals(await refusal(first.id), {
      type: "error",
      details: `Cannot start a session: "${first.id}" neither produces nor waits for a producer`,
    });
    first.client.send({ type: "endSession", sessionId });
    assertEquals(await next(producer), { type: "endSession", sessionId });
    assertEquals((await startSession(second, producer))[1]["type"], "sessionStarted");
  },
});

clientTest({
  name: "cluster, webrtcsink: a killed node's sessions end, and its peers are listed no more",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"]);
    await using viewer = await enter(nodes, 0);
    await using camera = await enter(nodes, 0, ["producer"]);
    const producer = await enter(nodes, 1, ["producer"]);
    const consumer = await enter(nodes, 1);
    const [sent] = await startSession(viewer, producer);
    const [received] = await startSession(consumer, camera);
    await nodes.nodes[1]?.stop("SIGKILL");
    assertEquals(await next(viewer), { type: "endSession", sessionId: sent });
    assertEquals(await next(camera), { type: "endSession", sessionId: received });
    await assertLists(viewer, [{ id: camera.id, meta: null }]);
    for (const { client } of [producer, consumer]) await within("the end", client.closed);
  },
});

clientTest({
  name: "cluster, webrtcsink: without its engine a node refuses what needs the others",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"], [
      // Without its engine for less than the lease, a node would have newcomers wait.
      ...["--cluster-lease-ms", "6000"],
      // A loaded machine may be slow to form the cluster.
      ...["--cluster-wait-ms", "15000"],
    ]);
    await using producer = await enter(nodes, 1, ["producer"]);
    await using neighbour = await enter(nodes, 0, ["producer"]);
    await using viewer = await enter(nodes, 0);
    await using other = await enter(nodes, 0);
    const [sessionId] = await startSession(viewer, producer);
    await nodes.engine.signal("SIGKILL");
    // A step that was sent and not answered would wait for its outcome.
    await until("the node to miss its engine", () => missesEngine(nodes.nodes[0]?.url ?? ""));
    const details = "Cannot do this now: the server is not available";
    other.client.send({ type: "startSession", peerId: producer.id });
    assertEquals(await next(other), { type: "error", details });
    viewer.client.send(sdp(sessionId, "answer"));
    assertEquals(await next(viewer), { type: "error", details });
    // Peers of one node go on.
    assertEquals((await startSession(other, neighbour))[1]["type"], "sessionStarted");
    const newcomer = await WsClient.open(`${nodes.wsUrl(0)}/webrtcsink`);
    assertEquals(await next({ client: newcomer }), { type: "error", details });
    assertEquals((await within("the end", newcomer.closed)).code, 1013);
  },
});

clientTest({
  name: "cluster, webrtcsink: a frozen node's peers have left, and are closed when it goes on",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["webrtcsink"]);
    await using listener = await enter(nodes, 0, ["listener"]);
    const producer = await enter(nodes, 1, ["producer"]);
    assertEquals(await next(listener), changed(producer.id, ["producer"]));
    const [sessionId] = await startSession(listener, producer);
    Deno.kill(nodes.nodes[1]?.pid ?? 0, "SIGSTOP");
    assertEquals(await next(listener), changed(producer.id, []));
    assertEquals(await next(listener), { type: "endSession", sessionId });
    Deno.kill(nodes.nodes[1]?.pid ?? 0, "SIGCONT");
    assertEquals((await within("the end of the peer", producer.client.closed)).code, 1001);
    await using again = await enter(nodes, 1, ["producer"]);
    assertEquals(await next(listener), changed(again.id, ["producer"]));
  },
});

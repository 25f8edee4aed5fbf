import { assert, assertEquals } from "@std/assert";
import { type NodeProcesses, noticesLoss, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";
import { Stranger, stubConnections, TestRoom } from "../helpers/session/simple_room.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Simple Signalling on several real nodes.

const needs = ["redis-server"] as const;

/** Nodes whose secrets are made by the first of them. */
function start(count: number): Promise<NodeProcesses> {
  return startNodes(count, ["simple"]);
}

interface Joined {
  readonly client: WsClient;
  readonly handshake: SimpleFrame;
  readonly ready: SimpleFrame;
  readonly me: SimpleFrame;
}

/** Joins the room `r` of a node. */
async function join(nodes: NodeProcesses, at: number, more: SimpleFrame = {}): Promise<Joined> {
  const client = await WsClient.open(`${nodes.wsUrl(at)}/simple`);
  client.send({ event: "join", room: "r", ...more });
  const handshake = await next(client);
  const ready = await next(client);
  assertEquals(ready["event"], "ready", JSON.stringify([handshake, ready]));
  const { p_secret, p_instance } = ready;
  return { client, handshake, ready, me: { p_id: handshake["p_id"], p_secret, p_instance } };
}

async function next(client: WsClient): Promise<SimpleFrame> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SimpleFrame;
}

function dataTo(peer_id: unknown, data: unknown): SimpleFrame {
  return { event: "signal", peer_id, type: "data", data, ref: String(data) };
}

clientTest({
  name: "cluster, Simple: three nodes, and the peers of a killed one are lost",
  needs,
  fn: async () => {
    await using nodes = await start(3);
    const [a, b, c] = [await join(nodes, 0), await join(nodes, 1), await join(nodes, 2)];
    assertEquals((await next(a.client))["event"], "join");
    assertEquals((await next(a.client))["event"], "join");
    assertEquals((await next(b.client))["event"], "join");
    a.client.send(dataTo(c.me["p_id"], 1));
    assertEquals((await next(c.client))["data"], 1);
    assertEquals(await next(a.client), { event: "ok", delivered: 1, queued: 0, ref: "1" });
    await nodes.nodes[2]?.stop("SIGKILL");
    for (const { client } of [a, b]) {
      const { event, peer_id, peer_instances, reason } = await next(client);
      assertEquals([event, peer_id, peer_instances, reason], ["leave", c.me["p_id"], [], "lost"]);
    }
    a.client.send(dataTo(c.me["p_id"], 2));
    assertEquals((await next(a.client))["code"], "unknown_peer");
    const again = await join(nodes, 1, { ...c.me, seq: 1 });
    assertEquals([again.handshake["p_id"], again.ready["recovered"]], [c.me["p_id"], false]);
    assertEquals((await next(a.client))["event"], "join");
    for (const { client } of [a, b, again]) await client.close();
  },
});

clientTest({
  name: "cluster, Simple: a client whose home is killed joins anew on its own node",
  needs,
  fn: async () => {
    await using nodes = await start(2);
    const first = await join(nodes, 0);
    const { p_id, p_secret } = first.me;
    const second = await join(nodes, 1, { p_id, p_secret });
    assertEquals(second.me["p_instance"], 1);
    await nodes.nodes[0]?.stop("SIGKILL");
    const { code } = await within("the end of the carried connection", second.client.closed);
    assertEquals(code, 1012);
    const again = await join(nodes, 1, second.me);
    assertEquals([again.me["p_id"], again.ready["recovered"]], [p_id, false]);
    await again.client.close();
  },
});

clientTest({
  name: "cluster, Simple: nodes restarted in turn lose nobody, and no signal",
  needs,
  fn: async () => {
    await using nodes = await start(2);
    const fred = await join(nodes, 1, { peer: { name: "Fred" } });
    const barney = await join(nodes, 0, { peer: { name: "Barney" } });
    assertEquals((await next(fred.client))["event"], "join");
    const id = barney.me["p_id"];
    fred.client.send(dataTo(id, 1));
    assertEquals((await next(barney.client))["seq"], 1);
    await next(fred.client);

    const { code } = await nodes.nodes[0]?.stop() ?? { code: 1 };
    assertEquals(code, 0);
    assertEquals((await within("its end", barney.client.closed)).code, 1012);
    fred.client.send(dataTo(id, 2));
    // Fred has heard nothing of the restart.
    assertEquals(await next(fred.client), { event: "ok", delivered: 0, queued: 1, ref: "2" });

    await nodes.add();
    const back = await join(nodes, 2, { ...barney.me, seq: 1 });
    assertEquals([back.ready["recovered"], back.ready["seq"]], [true, 1]);
    assertEquals((await next(back.client))["data"], 2);
    const [other] = back.handshake["peers"] as SimpleFrame[]; // as the protocol has it
    assertEquals(other?.["name"], "Fred");

    await nodes.nodes[1]?.stop();
    assertEquals((await within("its end", fred.client.closed)).code, 1012);
    back.client.send(dataTo(fred.me["p_id"], 3));
    assertEquals(await next(back.client), { event: "ok", delivered: 0, queued: 1, ref: "3" });
    const fredAgain = await join(nodes, 2, { ...fred.me, seq: 0 });
    assertEquals([fredAgain.ready["recovered"], (await next(fredAgain.client))["data"]], [true, 3]);
    for (const { client } of [back, fredAgain]) await client.close();
  },
});

clientTest({
  name: "cluster, Simple: a client in a call goes on at another node, and the other hears nothing",
  needs,
  fn: async () => {
    await using nodes = await start(2);
    const [first, second] = nodes.nodes.map(({ url }) => url);
    assert(first !== undefined && second !== undefined);
    let target = first;
    await using proxy = startTcpProxy(() => target);
    using stubs = stubConnections();
    await using other = await Stranger.enter(second);
    using fred = new TestRoom(proxy.url);
    await fred.happened("ready");
    await until("the call", () => stubs.made.length === 1);
    const offer = await other.hear("signal");
    assertEquals(offer["type"], "offer");
    const to = { event: "signal", peer_id: offer["peer_id"] };

    target = second;
    proxy.cut();
    other.say({ ...to, type: "answer", sdp: "v=0 answer", call: offer["call"], ref: 1 });
    assertEquals((await other.hear("ok"))["ref"], 1);
    await fred.happened("ready", 2);
    const [call] = fred.calls;
    await until("the answer", () => stubs.made[0] !== undefined && isAnswered(stubs.made[0]));
    assertEquals([fred.calls.length, stubs.made.length], [1, 1]);
    stubs.made[0]?.find("candidate:after");
    let later = await other.hear("signal");
    // The cut may have taken the offer's receipt: the client repeats the offer then.
    if (later["type"] === "offer") later = await other.hear("signal");
    assertEquals([later["type"], later["peer_id"]], ["candidate", call && offer["peer_id"]]);
    assertEquals(await other.hearAll("leave"), []);
    assertEquals([fred.all("leave"), fred.all("error"), fred.all("closed")], [[], [], []]);
  },
});

function isAnswered(connection: object): boolean {
  return "remoteDescription" in connection && connection.remoteDescription !== null;
}

clientTest({
  name: "cluster, Simple: a client that the engine's absence keeps out joins once it is back",
  needs,
  fn: async () => {
    using _stubs = stubConnections();
    await using nodes = await startNodes(1, ["simple"], ["--cluster-wait-ms", "500"]);
    using first = new TestRoom(nodes.nodes[0]?.url ?? "");
    await first.happened("ready");
    await nodes.engine.signal("SIGKILL");
    await until("the node to notice the loss", () => noticesLoss(nodes.nodes[0]));
    using room = new TestRoom(nodes.nodes[0]?.url ?? "");
    await room.happened("error");
    assertEquals(room.all("error")[0]?.code, "unavailable");
    await nodes.engine.restart();
    await room.happened("ready");
    assertEquals(room.all("closed"), []);
  },
});

clientTest({
  name: "cluster, Simple: every node answers a post, also while a home is frozen",
  needs,
  fn: async () => {
    await using nodes = await start(2);
    const barney = await join(nodes, 0);
    const [, second] = nodes.nodes.map(({ url }) => url);
    const post = async (): Promise<[number, SimpleFrame]> => {
      const body = JSON.stringify({ event: "ping", ref: 1, ...barney.me });
      const response = await fetch(`${second}/simple`, { method: "POST", body });
      return [response.status, await response.json()];
    };
    assertEquals(await post(), [200, { event: "pong", ref: 1 }]);
    const pid = nodes.nodes[0]?.pid ?? 0;
    Deno.kill(pid, "SIGSTOP");
    const [status, { code }] = await post();
    assertEquals([status, code], [503, "unavailable"]);
    Deno.kill(pid, "SIGCONT");
    // A machine may take long enough for the node to be taken for dead: its peer is gone then.
    await until("an answer", async () => [200, 404].includes((await post())[0]));
    await barney.client.close();
  },
});

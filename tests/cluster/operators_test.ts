import { assert, assertEquals } from "@std/assert";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { type AdminAnswer, AdminClient } from "../helpers/wire/admin_client.ts";
import { EventReader } from "../helpers/wire/event_reader.ts";
import { openGst, openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Operators act on the whole cluster from any of its nodes.

const needs = ["redis-server"] as const;
const TOKEN = "a-token-of-an-operator";
const ARGS = ["--admin-tokens", `ann:full:${TOKEN}`];
const DIALECTS = ["peerjs", "gstreamer", "ssp"];

/** The API of each node, once each knows all of them: a node hears of a new one by its next beat. */
async function desks({ nodes }: NodeProcesses): Promise<AdminClient[]> {
  const all = await Promise.all(nodes.map(({ url }) => AdminClient.open(url, TOKEN)));
  for (const desk of all) {
    await until("all nodes to be known", async () => {
      return (await desk.get("/server")).body.cluster.nodes.length === nodes.length;
    });
  }
  return all;
}

/** An answer to which every node has contributed: on a loaded machine one may be late. */
async function whole(desk: AdminClient, path: string): Promise<AdminAnswer> {
  let answer = await desk.get(path);
  await until(`every node to contribute to ${path}`, async () => {
    if (answer.status !== 503 && answer.body.missing === undefined) return true;
    answer = await desk.get(path);
    return false;
  });
  return answer;
}

/** All pages of a list. */
// deno-lint-ignore no-explicit-any -- tests look into items freely
async function allOf(desk: AdminClient, path: string): Promise<any[]> {
  const items = [];
  let cursor = "";
  for (;;) {
    const { body } = await whole(desk, `${path}${cursor}`);
    items.push(...body.items);
    if (body.next === null) return items;
    cursor = `&cursor=${body.next}`;
  }
}

clientTest({
  name: "cluster, operators: every node shows the peers, rooms and calls of all",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, DIALECTS, ARGS);
    await using clients = new AsyncDisposableStack();
    for (let n = 0; n < 9; n++) clients.use(await openPeerJs(nodes.wsUrl(n % 3), `p${n}`));
    await using _room = await openRoomOfTwo(nodes);
    clients.use(await openGst(nodes.wsUrl(2), "callee"));
    const caller = clients.use(await openGst(nodes.wsUrl(1), "caller"));
    caller.send("SESSION callee");
    assertEquals(await caller.nextText(), "SESSION_OK");
    for (const desk of await desks(nodes)) {
      const peers = await allOf(desk, "/peers?limit=2");
      assertEquals(peers.map(({ id }) => id).sort(), [
        ...["a", "b", "callee", "caller"],
        ...Array.from({ length: 9 }, (_, n) => `p${n}`),
      ]);
      for (const { id, node, connection } of peers) {
        if (id.startsWith("p")) assertEquals(node, ["a", "b", "c"][Number(id.slice(1)) % 3]);
        assert(connection !== null);
      }
      assertEquals((await whole(desk, "/peers?q=p4&limit=1")).body.total, 1);
      assertEquals((await whole(desk, "/peers/peerjs/p5")).body.node, "c");
      assertEquals((await whole(desk, "/peers/peerjs/nobody")).status, 404);
      const [open, ...others] = await allOf(desk, "/rooms?limit=1");
      assertEquals([open.id, open.members, open.nodes, others], ["r", 2, ["a", "b"], []]);
      assertEquals((await whole(desk, "/rooms")).body.total, 1);
      const room = (await whole(desk, "/rooms/gstreamer/r")).body;
      const members = room.peers.map(({ id, node }: { id: string; node: string }) => [id, node]);
      assertEquals(members, [["a", "a"], ["b", "b"]]);
      const calls = await allOf(desk, "/calls?limit=1");
      assertEquals(calls.map(({ from, to, node }) => [from, to, node]), [[
        "caller",
        "callee",
        "b",
      ]]);
    }
  },
});

clientTest({
  name:
    "cluster, operators: a peer is kicked and a room stopped from a node that has nothing of it",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, DIALECTS, ARGS);
    const [, , desk] = await desks(nodes);
    assert(desk !== undefined);
    await using room = await openRoomOfTwo(nodes);
    await using third = await openInRoom(nodes.wsUrl(1), "third", "r");
    assertEquals(await third.nextText(), "ROOM_OK a b");
    for (const member of [room.a, room.b]) {
      assertEquals(await member.nextText(), "ROOM_PEER_JOINED third");
    }
    assertEquals((await desk.post("/peers/gstreamer/third/kick")).body, { outcome: "kicked" });
    assertEquals((await within("the kick", third.closed)).code, 1008);
    assertEquals(await room.a.nextText(), "ROOM_PEER_LEFT third");
    assertEquals((await desk.post("/peers/gstreamer/third/kick")).status, 404);
    await using dots = await openPeerJs(nodes.wsUrl(1), "..");
    assertEquals((await desk.post('/peers/peerjs/=".."/kick')).body, { outcome: "kicked" });
    await within("the kick", dots.closed);
    assertEquals((await desk.post("/rooms/gstreamer/r/stop")).body, { outcome: "stopped" });
    for (const member of [room.a, room.b]) await within("the end", member.closed);
    assertEquals((await desk.post("/rooms/gstreamer/r/stop")).status, 404);
    // The others have not met a node yet that has just started.
    await nodes.add();
    await using early = await openPeerJs(nodes.wsUrl(3), "early");
    assertEquals((await desk.post("/peers/peerjs/early/kick")).body, { outcome: "kicked" });
    await within("the kick", early.closed);
  },
});

clientTest({
  name: "cluster, operators: a member is described from another node, and others learn of it",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, ARGS);
    const [, desk] = await desks(nodes);
    await using member = await WsClient.open(`${nodes.wsUrl(0)}/ssp`);
    member.send({ type: "rtc:join", data: { pool: "p" } });
    // The first frame of this protocol.
    const joined = await member.nextJson() as { data: { client_id: string } };
    const path = `/rooms/ssp/p/members/${joined.data.client_id}/info`;
    assertEquals((await desk?.put(path, { seat: 7 }))?.body, { outcome: "described" });
    const [peer] = (await desk?.get("/rooms/ssp/p"))?.body.peers;
    assertEquals([peer.info, peer.node], [{ seat: 7 }, "a"]);
    const unknown = await desk?.put("/rooms/ssp/p/members/nobody/info", { seat: 7 });
    assertEquals(unknown?.status, 404);
  },
});

clientTest({
  name: "cluster, operators: the server shows its nodes, and events bear the name of one",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, ARGS);
    await using _a = await openPeerJs(nodes.wsUrl(0), "one");
    await using _b = await openPeerJs(nodes.wsUrl(0), "two");
    const [a, b] = await desks(nodes);
    let body = (await b?.get("/server"))?.body;
    // A node that is late has no numbers.
    await until("the other node's numbers", async () => {
      if (body.cluster.nodes[0]?.peers !== null) return true;
      body = (await b?.get("/server"))?.body;
      return false;
    });
    const { instance, totals, cluster } = body;
    assertEquals([instance, totals.peers, cluster.name, cluster.node, cluster.up], [
      "b",
      0,
      "signalbox",
      "b",
      true,
    ]);
    const figures = cluster.nodes.map((
      one: Record<string, unknown>,
    ) => [one["name"], one["peers"]]);
    assertEquals(figures, [["a", 2], ["b", 0]]);
    for (const { since } of cluster.nodes) assert(!Number.isNaN(Date.parse(since)));
    assertEquals((await a?.get("/drain"))?.body.instance, "a");
    assert(a !== undefined);
    await using events = new EventReader(await a.events("?types=peer.*"));
    await using _there = await openPeerJs(nodes.wsUrl(1), "there");
    await using _here = await openPeerJs(nodes.wsUrl(0), "here");
    const { data } = await events.next();
    assertEquals([data.instance, data.data["id"]], ["a", "here"]);
    await until("the name", () => nodes.nodes[0]?.stderr().includes("instance=a") === true);
    await nodes.nodes[1]?.stop("SIGKILL");
    await until("the dead node to be gone", async () => {
      const { body } = await a.get("/server");
      return body.cluster.nodes.length === 1;
    });
  },
});

clientTest({
  name: "cluster, operators: a list names the nodes that do not answer, and shows the rest",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, [...ARGS, "--cluster-lease-ms", "60000"]);
    await using _a = await openPeerJs(nodes.wsUrl(0), "one");
    await using _b = await openPeerJs(nodes.wsUrl(1), "two");
    const [a] = await desks(nodes);
    const { pid = 0 } = nodes.nodes[1] ?? {};
    Deno.kill(pid, "SIGSTOP");
    try {
      const { body } = await a?.get("/peers") ?? { body: undefined };
      assertEquals([body.items.length, body.missing], [1, ["b"]]);
      assertEquals((await a?.get("/peers/peerjs/two"))?.status, 503);
      // The frozen node gets the request later, so it must not concern a peer that is needed then.
      assertEquals((await a?.post("/peers/peerjs/three/kick"))?.status, 503);
      const [, frozen] = (await a?.get("/server"))?.body.cluster.nodes;
      assertEquals([frozen.name, frozen.peers], ["b", null]);
    } finally {
      Deno.kill(pid, "SIGCONT");
    }
    await until("the other node's answer", async () => {
      return (await a?.get("/peers"))?.body.total === 2;
    });
    await nodes.engine.signal("SIGKILL");
    await until("the engine's loss", async () => {
      const { body } = await a?.get("/server") ?? { body: undefined };
      return body.cluster.up === false;
    });
    const { body } = await a?.get("/peers") ?? { body: undefined };
    assertEquals([body.items.length, body.missing], [1, ["b"]]);
    await nodes.engine.restart();
  },
});

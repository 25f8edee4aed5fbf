import { assert, assertEquals } from "@std/assert";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { event, type SspEvent } from "../helpers/session/ssp.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { within } from "../helpers/wire/waiting.ts";
import { openGst, openInRoom } from "../helpers/wire/peers.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Rooms, pools and sessions whose members are on several real nodes.

const needs = ["redis-server"] as const;

clientTest({
  name: "cluster, GStreamer: a session between nodes, busy peers, and the end of a partner",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
    await using a = await openGst(nodes.wsUrl(0), "a");
    await using b = await openGst(nodes.wsUrl(1), "b");
    await using c = await openGst(nodes.wsUrl(1), "c");
    a.send("SESSION b");
    assertEquals(await a.nextText(), "SESSION_OK");
    c.send("SESSION a");
    assertEquals(await c.nextText(), "ERROR peer 'a' busy");
    c.send("SESSION nobody");
    assertEquals(await c.nextText(), "ERROR peer 'nobody' not found");
    a.send("from a");
    assertEquals(await b.nextText(), "from a");
    b.send(new Uint8Array([1, 2]));
    assertEquals(await a.next(), new Uint8Array([1, 2]));
    await b.close();
    assertEquals((await within("the partner's end", a.closed)).code, 1000);
  },
});

clientTest({
  name: "cluster, GStreamer: of two calls at once one succeeds, on whichever node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
    await using _target = await openGst(nodes.wsUrl(0), "target");
    const callers: WsClient[] = [];
    for (let n = 0; n < 6; n++) callers.push(await openGst(nodes.wsUrl(n % 2), `caller${n}`));
    for (const caller of callers) caller.send("SESSION target");
    const answers = await Promise.all(callers.map((caller) => caller.nextText()));
    assertEquals(answers.filter((answer) => answer === "SESSION_OK").length, 1);
    assertEquals(answers.filter((answer) => answer === "ERROR peer 'target' busy").length, 5);
    for (const caller of callers) await caller.close();
  },
});

clientTest({
  name: "cluster, GStreamer: members of a room on two nodes see and reach each other",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
    await using room = await openRoomOfTwo(nodes);
    const { a, b } = room;
    await using c = await openInRoom(nodes.wsUrl(1), "c", "r");
    assertEquals(await c.nextText(), "ROOM_OK a b");
    assertEquals(await a.nextText(), "ROOM_PEER_JOINED c");
    assertEquals(await b.nextText(), "ROOM_PEER_JOINED c");
    a.send("ROOM_PEER_LIST");
    assertEquals(await a.nextText(), "ROOM_PEER_LIST b c");
    a.send("ROOM_PEER_MSG c hello");
    assertEquals(await c.nextText(), "ROOM_PEER_MSG a hello");
    a.send("ROOM_PEER_MSG nobody hello");
    assert((await a.nextText()).startsWith("ERROR peer 'nobody'"));
    await c.close();
    assertEquals(await a.nextText(), "ROOM_PEER_LEFT c");
    assertEquals(await b.nextText(), "ROOM_PEER_LEFT c");
  },
});

clientTest({
  name: "cluster, GStreamer: a killed node's members have left, and its partners are closed",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
    await using room = await openRoomOfTwo(nodes);
    const { a } = room;
    await using caller = await openGst(nodes.wsUrl(0), "caller");
    await using _callee = await openGst(nodes.wsUrl(1), "callee");
    caller.send("SESSION callee");
    assertEquals(await caller.nextText(), "SESSION_OK");
    await nodes.nodes[1]?.stop("SIGKILL");
    assertEquals(await a.nextText(), "ROOM_PEER_LEFT b");
    assertEquals((await within("the partner's end", caller.closed)).code, 1000);
  },
});

/** Joins a pool, and returns the answer. */
async function join(url: string, path = "/ssp"): Promise<{ client: WsClient; joined: SspEvent }> {
  const client = await WsClient.open(url + path);
  client.send({ type: "rtc:join", data: { pool: "p" } });
  return { client, joined: await next(client) };
}

async function next(client: WsClient): Promise<SspEvent> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SspEvent;
}

clientTest({
  name: "cluster, ssp: members of a pool on two nodes meet, talk and part",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["ssp"]);
    const a = await join(nodes.wsUrl(0));
    const b = await join(nodes.wsUrl(1));
    const [idA, idB] = [a, b].map(({ joined }) => String(joined.data["client_id"]));
    assertEquals(a.joined.data["peers"], []);
    assertEquals(b.joined.data["peers"], [idA]);
    const announced = await next(a.client);
    assertEquals([announced.type, announced.data["id"]], ["rtc:peer", idB]);
    const description = { type: "offer", sdp: "v=0" };
    a.client.send(JSON.stringify(event("rtc:sdp", { to: idB, description })));
    const sdp = await next(b.client);
    assertEquals([sdp.type, sdp.data["peer"]], ["rtc:sdp", idA]);
    await b.client.close();
    const closed = await next(a.client);
    assertEquals(closed.type, "rtc:close");
    await a.client.close();
  },
});

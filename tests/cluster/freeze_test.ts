import { assertEquals } from "@std/assert";
import { missesEngine, startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn } from "../helpers/cluster/owt_client.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import type { SspEvent } from "../helpers/session/ssp.ts";
import { openGst, openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// A node that stands still for longer than its lease is dead for the others, and begins anew.

clientTest({
  name: "cluster: a frozen node's members have left, and are closed when it goes on",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
    await using room = await openRoomOfTwo(nodes);
    const { a, b } = room;
    await using alone = await openInRoom(nodes.wsUrl(1), "alone", "other");
    assertEquals(await alone.nextText(), "ROOM_OK ");
    const frozen = nodes.nodes[1]?.pid ?? 0;
    Deno.kill(frozen, "SIGSTOP");
    assertEquals(await a.nextText(), "ROOM_PEER_LEFT b");
    Deno.kill(frozen, "SIGCONT");
    const end = await within("the end of the member whose departure was announced", b.closed);
    assertEquals(end.code, 1001);
    // Nobody was announced to those who were alone.
    await using again = await openInRoom(nodes.wsUrl(1), "again", "other");
    assertEquals(await again.nextText(), "ROOM_OK alone");
    assertEquals(await alone.nextText(), "ROOM_PEER_JOINED again");
    await using fresh = await openGst(nodes.wsUrl(0), "b");
    fresh.send("ROOM r");
    assertEquals(await fresh.nextText(), "ROOM_OK a");
    assertEquals(await a.nextText(), "ROOM_PEER_JOINED b");
  },
});

clientTest({
  name: "cluster: clients of a frozen node whose ids others have, or whose pools learned of it, go",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs", "owt", "ssp"]);
    const [first, frozen] = nodes.nodes;
    if (first === undefined || frozen === undefined) throw new RangeError("Cannot use two nodes");
    await using watcher = await joinPool(nodes.wsUrl(0));
    await using member = await joinPool(nodes.wsUrl(1));
    assertEquals((await nextOf(watcher)).type, "rtc:peer");
    await using peer = await openPeerJs(nodes.wsUrl(1), "x");
    await using other = await openPeerJs(nodes.wsUrl(1), "alone");
    using owt = await logIn(frozen.url, "x");

    Deno.kill(frozen.pid, "SIGSTOP");
    assertEquals((await nextOf(watcher)).type, "rtc:close");
    await using stranger = await openPeerJs(nodes.wsUrl(0), "x", { token: "another one" });
    using login = await logIn(first.url, "x");
    Deno.kill(frozen.pid, "SIGCONT");

    const ends = await within("the ends", Promise.all([member.closed, peer.closed, owt.closed]));
    const [memberEnd, peerEnd, owtEnd] = ends;
    // A client that the server had disconnected would not come back by itself.
    assertEquals([memberEnd.code, peerEnd.code, owtEnd], [1001, 1001, "transport close"]);
    assertEquals(owt.heard, []);
    const offer = { type: "OFFER", payload: "hello" };
    other.send({ ...offer, dst: "x" });
    assertEquals(await stranger.nextJson(), { ...offer, dst: "x", src: "alone" });
    stranger.send({ ...offer, dst: "alone" });
    assertEquals(await other.nextJson(), { ...offer, dst: "alone", src: "x" });
    assertEquals(await login.send("x", "to myself"), []);
  },
});

/** Enters a pool, and reads the answer. */
async function joinPool(wsUrl: string): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool: "p" } });
  await nextOf(client);
  return client;
}

async function nextOf(client: WsClient): Promise<SspEvent> {
  // The comparison checks the server's frames.
  return await client.nextJson() as SspEvent;
}

clientTest({
  name: "cluster: an engine that stands still costs no living node its ids",
  needs: ["redis-server"],
  fn: async () => {
    const args = ["--cluster-lease-ms", "6000", "--cluster-wait-ms", "60000"];
    await using nodes = await startNodes(2, ["gstreamer"], args);
    await using room = await openRoomOfTwo(nodes);
    const { a, b } = room;
    await nodes.engine.signal("SIGSTOP");
    await using thief = await WsClient.open(`${nodes.wsUrl(0)}/`);
    thief.send("HELLO b");
    // Longer than the lease.
    await until("the node to miss its engine", () => missesEngine(nodes.nodes[0]?.url ?? ""));
    await nodes.engine.signal("SIGCONT");
    const refusal = await within("the thief's refusal", thief.closed);
    assertEquals([refusal.reason, thief.unread], ["invalid peer uid", []]);
    a.send("ROOM_PEER_MSG b hello");
    assertEquals(await b.nextText(), "ROOM_PEER_MSG a hello");
  },
});

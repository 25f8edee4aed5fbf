import { assertEquals } from "@std/assert";
import { missesEngine, startNodes } from "../helpers/cluster/node_processes.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openGst, openInRoom } from "../helpers/wire/peers.ts";
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
    await within("the end of the member whose departure was announced", b.closed);
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
  name: "cluster: an engine that stands still costs no living node its ids",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, ["gstreamer"]);
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

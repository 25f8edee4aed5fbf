import { assertEquals } from "@std/assert";
import { openInRoom } from "../wire/peers.ts";
import type { WsClient } from "../wire/ws_client.ts";
import type { Nodes } from "./node_processes.ts";

/** Two members of the GStreamer room `r` who have met. */
export interface RoomOfTwo extends AsyncDisposable {
  /** On the first node. */
  readonly a: WsClient;
  /** On the second node. */
  readonly b: WsClient;
}

export async function openRoomOfTwo(nodes: Nodes): Promise<RoomOfTwo> {
  await using undo = new AsyncDisposableStack();
  const a = undo.use(await openInRoom(nodes.wsUrl(0), "a", "r"));
  assertEquals(await a.nextText(), "ROOM_OK ");
  const b = undo.use(await openInRoom(nodes.wsUrl(1), "b", "r"));
  assertEquals(await b.nextText(), "ROOM_OK a");
  assertEquals(await a.nextText(), "ROOM_PEER_JOINED b");
  const members = undo.move();
  return { a, b, [Symbol.asyncDispose]: () => members.disposeAsync() };
}

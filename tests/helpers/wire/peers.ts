import { assertEquals } from "@std/assert";
import { WsClient } from "./ws_client.ts";

/** Where a PeerJS client's socket goes (contract section 2). */
export function peerJsUrl(
  wsUrl: string,
  id: string,
  { token = `token-of-${id}`, key = "peerjs" }: { token?: string; key?: string } = {},
): string {
  return `${wsUrl}/peerjs?${new URLSearchParams({ key, id, token })}`;
}

/** A PeerJS client that has been given its id. */
export async function openPeerJs(
  wsUrl: string,
  id: string,
  options?: { token?: string; key?: string },
): Promise<WsClient> {
  const client = await WsClient.open(peerJsUrl(wsUrl, id, options));
  assertEquals(await client.nextText(), '{"type":"OPEN"}');
  return client;
}

/** A GStreamer peer that is idle. */
export async function openGst(wsUrl: string, uid: string): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/`);
  client.send(`HELLO ${uid}`);
  assertEquals(await client.nextText(), "HELLO");
  return client;
}

/** Two GStreamer peers in a session. */
export async function openGstSession(
  wsUrl: string,
  uids: readonly [caller: string, callee: string],
): Promise<[caller: WsClient, callee: WsClient]> {
  const callee = await openGst(wsUrl, uids[1]);
  const caller = await openGst(wsUrl, uids[0]);
  caller.send(`SESSION ${uids[1]}`);
  assertEquals(await caller.nextText(), "SESSION_OK");
  return [caller, callee];
}

/** A GStreamer peer in a room, whose `ROOM_OK` is still to be read. */
export async function openInRoom(wsUrl: string, uid: string, room: string): Promise<WsClient> {
  const client = await openGst(wsUrl, uid);
  client.send(`ROOM ${room}`);
  return client;
}

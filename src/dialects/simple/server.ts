import { SignalError } from "../../core/errors.ts";
import type { Carrier } from "./instance.ts";
import type { JoinFrame } from "./messages.ts";
import { SimplePeer, type SimpleServer } from "./peer.ts";

const NO_MATCH = "p_id and p_secret do not match";

/** Joins a connection to a room: as a new peer, as an earlier one, or as an instance it was. */
export async function join(
  server: SimpleServer,
  frame: JoinFrame,
  carrier: Carrier,
): Promise<void> {
  const { room, p_id, p_secret, p_instance, seq } = frame;
  checkRoom(room, server.limits.maxRoomLength);
  const isKnown = p_id !== undefined || p_secret !== undefined;
  if (isKnown && !server.secrets.isValid(p_secret ?? "", p_id ?? "", room)) {
    throw new SignalError("id_not_issued", NO_MATCH);
  }
  const id = p_id ?? crypto.randomUUID();
  // Another connection may claim the same id in the meantime: then this one joins that peer.
  while (carrier.link.isOpen) {
    const peer = server.peers.get(id);
    if (peer === undefined) {
      if (await new SimplePeer(id, room, server, carrier).found(frame, carrier)) return;
      if (!server.peers.has(id)) throw new SignalError("id_taken", "the id is in use elsewhere");
      continue;
    }
    if (peer.room !== room) throw new SignalError("id_not_issued", NO_MATCH);
    const instance = p_instance === undefined ? undefined : peer.instance(p_instance);
    if (instance === undefined || instance.secret !== p_secret) return peer.add(frame, carrier);
    return peer.takeBack(instance, frame, seq, carrier);
  }
}

/** Ends the holding of instances whose time is up. */
export function expire({ lost, clock, resumeMs }: SimpleServer): void {
  const before = clock.now() - resumeMs;
  for (const instance of lost) {
    if (instance.lostAtMs > before) return;
    instance.peer.remove(instance, "lost");
  }
}

function checkRoom(room: string, maxLength: number): void {
  const isControl = (unit: string): boolean => unit < " " || unit === "\x7f";
  if (room.length === 0 || room.length > maxLength || [...room].some(isControl)) {
    const most = `1 to ${maxLength} characters`;
    throw new SignalError(
      "room_invalid",
      `the name of a room is ${most}, none a control character`,
    );
  }
}

import type { RoomOperations } from "../dialect.ts";
import { roomOperations } from "../kit/room_operations.ts";
import { isObject } from "../kit/json.ts";
import { peerOf } from "./peer.ts";
import type { SimpleServer } from "./server.ts";

/**
 * An operator's commands for rooms. A description sets fields that win over the peer's own, and that
 * its client may not change (§3); null removes them. They are kept for the id, present or not.
 */
export function operations(server: SimpleServer): RoomOperations {
  return roomOperations(server.hub, server.realm, (room, id, description) => {
    const fields = description ?? {};
    const peer = peerOf(server, id);
    if (peer === undefined) return "unknown";
    if (!isObject(fields)) return "invalid";
    const before = server.rooms.description(room, id) ?? null;
    const isNothing = Object.keys(fields).length === 0;
    const kept = server.rooms.describe(room, id, isNothing ? null : fields);
    if (kept !== "kept") return kept;
    const outcome = peer.setFields(fields);
    if (outcome === "described") return outcome;
    server.rooms.describe(room, id, before);
    if (outcome === "unknown") return outcome;
    return outcome === "description_too_large" ? "too_large" : "invalid";
  });
}

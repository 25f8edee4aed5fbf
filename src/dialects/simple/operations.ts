import { SignalError } from "../../core/errors.ts";
import type { RoomOperations } from "../dialect.ts";
import { roomOperations } from "../room_operations.ts";
import { isObject } from "../json.ts";
import type { SimpleServer } from "./peer.ts";

/**
 * What an operator may do with rooms. Describing a peer is setting fields of it which win over its
 * own, and which its client may not change (§3); null takes them away.
 */
export function operations(server: SimpleServer): RoomOperations {
  return roomOperations(server.hub, server.realm, ({ id }, description) => {
    const fields = description ?? {};
    const peer = server.peers.get(id);
    if (peer === undefined) return "unknown";
    if (!isObject(fields)) return "invalid";
    try {
      peer.setFields(fields);
      return "described";
    } catch (error) {
      if (!(error instanceof SignalError)) throw error;
      return error.code === "description_too_large" ? "too_large" : "invalid";
    }
  });
}

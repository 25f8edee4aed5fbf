import { Buffer } from "node:buffer";
import type { Hub } from "../../core/hub.ts";
import type { RoomOperations } from "../dialect.ts";
import { roomOperations } from "../room_operations.ts";

/** What an operator may do with pools (§9.7): any JSON is a description, null is none. */
export function poolOperations(
  hub: Hub,
  realm: string,
  maxDescriptionBytes: number,
): RoomOperations {
  return roomOperations(hub, realm, (member, description) => {
    const bytes = description === null ? 0 : Buffer.byteLength(JSON.stringify(description));
    if (bytes > maxDescriptionBytes) return "too_large";
    return hub.describe(member, description, bytes);
  });
}

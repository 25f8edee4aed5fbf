import { Buffer } from "node:buffer";
import type { Hub } from "../../core/hub.ts";
import type { RoomReport } from "../../core/rooms.ts";
import type { RoomOperations } from "../dialect.ts";
import { roomOperations } from "../room_operations.ts";

/**
 * What an operator may do with pools (§9.7): any JSON is a description, null is none.
 * @param pools those that are there although nobody is in them
 */
export function poolOperations(
  hub: Hub,
  realm: string,
  maxDescriptionBytes: number,
  pools: ReadonlySet<string> | undefined,
): RoomOperations {
  const operations = roomOperations(hub, realm, (member, description) => {
    // What is no JSON, such as nothing at all, has no text.
    const text: string | undefined = JSON.stringify(description);
    if (text === undefined) return "invalid";
    const bytes = description === null ? 0 : Buffer.byteLength(text);
    if (bytes > maxDescriptionBytes) return "too_large";
    return hub.describe(member, description, bytes);
  });
  const list = (): RoomReport[] => {
    const rooms = operations.list();
    const known = new Set(rooms.map(({ id }) => id));
    const empty = [...pools ?? []].filter((id) => !known.has(id));
    return [...rooms, ...empty.map((id) => ({ id, members: [] }))];
  };
  return { ...operations, list };
}

import type { Actor, RoomKey, SharedEntry } from "../core/nodes/backplane.ts";
import { packName, unpackName } from "./texts.ts";

/** The process of an incarnation. */
export function processOf(node: string): string {
  return node.slice(0, node.indexOf("."));
}

const KINDS = ["room", "list", "guests"] as const;

/** A room's name in the engine, kind first. */
export function roomName({ kind, room }: RoomKey): string {
  return `${kind}:${packName(room)}`;
}

export function readRoom(realm: string, name: string): RoomKey {
  const at = name.indexOf(":");
  const kind = KINDS.find((one) => one === name.slice(0, at)) ?? "room";
  return { realm, kind, room: unpackName(name.slice(at + 1)) };
}

/** A limit as a script compares it. */
export function limitText(limit: number): string {
  return String(Math.min(limit, Number.MAX_SAFE_INTEGER));
}

/** The arguments of a step that name the peer that acts. */
export function actorArgs(
  { realm, id, fence }: Actor,
): [realm: string, id: string, fence: string] {
  return [realm, packName(id), String(fence)];
}

/** The arguments of a step that enters a room. */
export function entryArgs(entry: SharedEntry): [string, string, string] {
  return [roomName(entry), limitText(entry.maxMembers), limitText(entry.maxBytes)];
}

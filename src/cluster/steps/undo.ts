import type { Actor, PeerKey, RoomKey, SharedDescription } from "../../core/nodes/backplane.ts";
import type { Registry } from "../items/held.ts";
import { actorArgs, roomName } from "../names.ts";
import { packBody, packName } from "../texts.ts";

// The steps that undo others which were refused although they had been sent. The engine carries them
// out right behind those, if it carries those out at all. Each compares first, and may change nothing.

/** Gives an id up that the claim of this ticket got. */
export function undoClaim(
  registry: Registry,
  { realm, id }: PeerKey,
  ticket: string,
): readonly string[] {
  const name = packName(id);
  // A connection of this node that had the id before keeps it.
  return ["undoClaim", realm, name, ticket, registry.ticketOf(realm, name) ?? ""];
}

/** Ends the stay of a peer that has entered a room: its client was refused, and begins anew. */
export function undoJoin(registry: Registry, actor: Actor, room: RoomKey): string[] | undefined {
  const name = roomName(room);
  const [realm, id, fence] = actorArgs(actor);
  if (registry.find(realm, id, fence)?.rooms.has(name) === true) return undefined;
  return ["undoEntry", realm, id, fence, name];
}

/**
 * The same for a peer that has got a partner by the step of this ticket. Another step, of either side, may
 * have asked for the same.
 */
export function undoPair(
  registry: Registry,
  actor: Actor,
  to: string,
  ticket: string,
): string[] | undefined {
  return undoPartner("undoPair", registry, actor, [packName(to), ticket]);
}

/** Parts two peers that have met by the step of this ticket, which no client has learned of. */
export function undoMeeting(
  registry: Registry,
  actor: Actor,
  to: string,
  ticket: string,
): string[] | undefined {
  return undoPartner("undoMeeting", registry, actor, [packName(to), ticket]);
}

function undoPartner(
  step: "undoPair" | "undoMeeting",
  registry: Registry,
  actor: Actor,
  asked: readonly [to: string, ticket: string],
): string[] | undefined {
  const who = actorArgs(actor);
  if (registry.find(...who)?.pairs.has(asked[0]) === true) return undefined;
  return [step, ...who, ...asked];
}

/** Gives a peer the description again that its own client knows, unless a newer one came after it. */
export function undoDescription(
  registry: Registry,
  actor: Actor,
  { bytes, info }: Pick<SharedDescription, "bytes" | "info">,
): string[] | undefined {
  const who = actorArgs(actor);
  const held = registry.find(...who);
  return held && ["undoInfo", ...who, String(bytes), packBody(info), held.bytes, held.info];
}

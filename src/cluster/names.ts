import type { ReservationTerms } from "../core/kept.ts";
import type {
  Actor,
  Awaited,
  Caller,
  RoomKey,
  SharedClaim,
  SharedEntry,
} from "../core/nodes/backplane.ts";
import { packBody, packName, packNames, packProof, unpackName } from "./texts.ts";

/**
 * A name that no other process ever has. Those of earlier versions have dashes: their nodes also need the
 * parts of a message one by one.
 */
export function newProcessName(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** The process of an incarnation. */
export function processOf(node: string): string {
  return node.slice(0, node.indexOf("."));
}

/** The number of an incarnation, which later ones exceed. */
export function numberOf(node: string): number {
  return Number(node.slice(node.indexOf(".") + 1));
}

/** The later one of two incarnations of a process. */
export function newerOf(one: string, other: string): string {
  return numberOf(one) > numberOf(other) ? one : other;
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

/** The arguments of a claim that say for whom its id is reserved. */
function reservationArgs(terms: ReservationTerms | undefined): string[] {
  if (terms === undefined) return ["", "", "", "", ""];
  const { dialect, id, digest = "-", lifetimeMs, address = "" } = terms;
  const limits = [terms.maxRecords, terms.perHour, terms.burst].map(limitText);
  const words = [lifetimeMs === undefined ? "-" : String(lifetimeMs), ...limits].join(" ");
  return [ownName(dialect, id), packNames([dialect, id]), digest, words, address];
}

/** The name of an id that a client reserved. */
export function ownName(dialect: string, id: string): string {
  return `${dialect}:${packName(id)}`;
}

/** Reads what `ownName` wrote. */
export function readOwnName(name: string): string[] {
  const at = name.indexOf(":");
  return [name.slice(0, at), unpackName(name.slice(at + 1))];
}

/** All arguments of a claim but its ticket. */
export function claimArgs(claim: SharedClaim): string[] {
  const { realm, id, dialect, policy, proof, isExclusive, bytes, info, entry, terms } = claim;
  const facts = [dialect, policy, packProof(proof), isExclusive ? "1" : "0"];
  const described = [String(bytes), packBody(info)];
  const room = entry === undefined ? ["", "0", "0"] : entryArgs(entry);
  const name = packName(id);
  return [realm, name, ...facts, ...described, ...room, ...reservationArgs(terms)];
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

/** A caller and the peer that it calls. */
export function partnerArgs(caller: Caller, to: string): string[] {
  return [...actorArgs(caller), packName(to), packBody(caller.permits)];
}

/** The arguments of a step that enters a room. */
export function entryArgs(entry: SharedEntry): [string, string, string] {
  return [roomName(entry), limitText(entry.maxMembers), limitText(entry.maxBytes)];
}

/** The step that asks for the news of an absent id. */
export function wantStep({ realm, id, dialect, lifetimeMs }: Awaited): string[] {
  return ["N", realm, packName(id), dialect, String(lifetimeMs)];
}

import type { Actor, SharedClaim, SharedEntry } from "./backplane.ts";
import { SignalError } from "../errors.ts";
import type { Refused } from "../events.ts";
import type { ReservationTerms } from "../kept.ts";
import type { HubLimits } from "../limits.ts";
import {
  type Claim,
  type PresentPeer,
  type RoomRequest,
  type SelfDescription,
  tell,
} from "../peer.ts";
import type { Realm } from "../realm.ts";

export type ClaimRefusal = Extract<Refused, { step: "claim" }>["reason"];

/** A peer of this node, as the other nodes know it. */
export interface Own {
  actor: Actor;
  readonly dialect: string;
  /** Set once the peer has described itself where nobody else saw it. */
  fresh?: SelfDescription | undefined;
  /** It is on the list of its realm's guests. */
  isGuest: boolean;
  /** Names of the rooms that it is in. */
  readonly rooms: Set<string>;
}

/** No limits: a hub of one node among several checks its own, and the engine those of rooms. */
export const NO_LIMITS: HubLimits = {
  maxPeers: Infinity,
  maxRooms: Infinity,
  maxRoomMembers: Infinity,
  maxRoomInfoBytes: Infinity,
};

/** A peer that enters a room, or is about to be admitted to one. */
type Newcomer = Pick<Claim, "realm" | "dialect">;

/** A request for a room with the limits of the whole cluster, and those of all its dialects. */
export function entryOf(
  { maxRoomMembers, maxRoomInfoBytes: maxBytes }: HubLimits,
  rules: Pick<Realm, "maxMembers">,
  { realm, dialect }: Newcomer,
  { room, kind = "room", maxMembers = Infinity }: RoomRequest,
): SharedEntry {
  const others = kind === "list" ? Infinity : rules.maxMembers(dialect, room);
  return { realm, kind, room, maxMembers: Math.min(maxMembers, others, maxRoomMembers), maxBytes };
}

/** Whether another dialect keeps a room behind tokens. */
export function isShut(
  rules: Pick<Realm, "admits">,
  { dialect }: Newcomer,
  { kind, room, token }: RoomRequest,
): boolean {
  return kind !== "list" && !rules.admits(dialect, room, token);
}

/** A claim as the other nodes need it. */
export function sharedClaim(
  claim: Claim,
  entry: SharedEntry | undefined,
  terms: ReservationTerms | undefined,
): SharedClaim {
  const { realm, id, dialect, policy = "proof", proof, isExclusive = false } = claim;
  const { bytes, info } = claim.description ?? { bytes: 0, info: null };
  return { realm, id, dialect, policy, proof, isExclusive, bytes, info, entry, terms };
}

/** Ends the stay of a peer that lost its id; one that was not replaced is to come back. */
export function endStay(peer: PresentPeer, why: "replaced" | "lost"): void {
  if (why === "replaced") return tell(peer, { type: "replaced" });
  if (peer.receiver.sendAway !== undefined) return peer.receiver.sendAway();
  for (const link of peer.receiver.links) link.close(1001);
}

/** The refusal of a step whose peer has moved to another node meanwhile. */
export function movedAway(): SignalError {
  return new SignalError("unavailable", "the peer has moved to another node");
}

/**
 * Carries a step out when its answer comes. An exception of that is the step's outcome.
 * @param done called last, whatever the answer
 */
export function whenAnswered<Answer>(
  ask: (answer: (outcome: Answer) => void) => void,
  carryOut: (outcome: Answer) => void,
  done: () => void = () => {},
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  ask((outcome) => {
    try {
      carryOut(outcome);
      resolve();
    } catch (error) {
      reject(error);
    } finally {
      done();
    }
  });
  return promise;
}

/** Adds to the values of a key. */
export function append<Value>(to: Map<string, Value[]>, key: string, value: Value): void {
  to.set(key, [...to.get(key) ?? [], value]);
}

// The seam between a hub and the other nodes of a cluster. A server without one has no backplane.

import type { Claim } from "../peer.ts";
import type { Sent } from "../events.ts";
import type { Granted } from "../session.ts";
import type { ReservationTerms } from "../kept.ts";

/** The name of an id in the whole cluster. */
export interface PeerKey {
  readonly realm: string;
  readonly id: string;
}

/**
 * The name of a room in the whole cluster. "guests": a list of peers that can be called outside of
 * rooms, which takes up none of them.
 */
export interface RoomKey {
  readonly realm: string;
  readonly kind: "room" | "list" | "guests";
  readonly room: string;
}

/** The only list of guests in a realm. */
export function guestsOf(realm: string): RoomKey {
  return { realm, kind: "guests", room: "" };
}

/**
 * Tells the holders of one id apart, one after the other, on all nodes. Never equal to a fence that a
 * hub makes by itself.
 */
export type Fence = number;

/** A peer as other nodes see it. */
export interface SharedPeer {
  readonly id: string;
  readonly node: string;
  readonly fence: Fence;
  readonly dialect: string;
  readonly isExclusive: boolean;
  readonly bytes: number;
  readonly info: unknown;
}

/** The permits of a peer, as other nodes read them. */
export interface SharedPermits {
  /** Null for a token that names nobody. */
  readonly user: string | null;
  readonly granted: readonly Granted[];
}

/** A peer that calls another one. */
export interface SharedCaller extends SharedPeer {
  readonly permits: SharedPermits | undefined;
}

/** A request to enter a room; the limits are those of the whole cluster. */
export interface SharedEntry extends RoomKey {
  readonly maxMembers: number;
  readonly maxBytes: number;
}

/** A request for an id. */
export interface SharedClaim extends PeerKey {
  readonly dialect: string;
  readonly policy: "proof" | "newest";
  readonly proof: string | undefined;
  readonly isExclusive: boolean;
  readonly bytes: number;
  readonly info: unknown;
  readonly entry: SharedEntry | undefined;
  /** Where given, only the owner of a reserved id gets it, and the terms may reserve it. */
  readonly terms: ReservationTerms | undefined;
}

/** A message for a peer of another node. */
export interface SharedMessage extends PeerKey {
  readonly from: string;
  readonly room: string | undefined;
  /** JSON, or the bytes of a frame. */
  readonly payload: unknown;
  /** If given, a later holder of the id does not get the message. */
  readonly fence: Fence | undefined;
  /** The message is about a call of two peers, not for the receiver's client. */
  readonly isCall?: boolean;
}

/** A message of a peer of this node, whose receiver has to speak its dialect. */
export interface OutgoingMessage extends SharedMessage {
  readonly dialect: string;
}

/**
 * The outcome of a message. "absent": no node holds the id. "gone": its node, or the peer on it, went
 * away before the message was taken. "unavailable": the other nodes cannot be reached.
 */
export type Passed = "taken" | "absent" | "gone" | "unavailable";

/** The same; "foreign": the holder of the id speaks another dialect. */
export type PassAnswer = Passed | "foreign";

export type ClaimAnswer =
  | { readonly fence: Fence }
  | { readonly refused: "id_taken" | "room_full" | "unavailable" };

export type JoinAnswer = "entered" | "room_full" | "unavailable" | "stale";
export type DescribeAnswer = "described" | "too_large" | "unavailable" | "stale";
export type LookAnswer = "listed" | "unavailable";
export type PairAnswer = "paired" | "unknown" | "busy" | "unavailable" | "stale";
/** "kin": the holder of the id speaks the same dialect, and needs no meeting. */
export type MeetAnswer = "met" | "unknown" | "busy" | "kin" | "unavailable" | "stale";

/** A peer of this node that acts. */
export interface Actor extends PeerKey {
  readonly fence: Fence;
}

/** The same, with what its token permits. */
export interface Caller extends Actor {
  readonly permits: SharedPermits | undefined;
}

/** A peer's description of itself, as text and in its dialect's words. */
export interface SharedDescription {
  readonly bytes: number;
  readonly info: unknown;
  readonly news?: unknown;
}

/** A living node. */
export interface NodeInfo {
  readonly name: string;
  readonly sinceMs: number;
}

/**
 * The requests of a hub to the other nodes. Steps are carried out in the order of these calls. Each answer
 * comes once, at the step's place in the order of everything that this node learns.
 */
export interface Backplane {
  /** This node's name. */
  readonly node: string;
  /** Takes the hub's side of the seam; called once, before anything else. */
  attach(sink: Sink): void;
  /** @param isPatient waits for nodes that cannot be reached, however long it takes */
  claim(claim: SharedClaim, answer: (outcome: ClaimAnswer) => void, isPatient?: boolean): void;
  /** Gives an id up, with its rooms and pairs. */
  release(actor: Actor, news: unknown): void;
  /**
   * Passes a message on. "taken" is certain where `isConfirmed` is set; otherwise there is no answer
   * for a message that reached its node.
   */
  send(
    message: OutgoingMessage,
    isConfirmed: boolean,
    answer: (outcome: PassAnswer) => void,
  ): void;
  /** Enters a room, with a new description where one is given. */
  join(
    actor: Actor,
    entry: SharedEntry,
    description: SharedDescription | undefined,
    answer: (outcome: JoinAnswer) => void,
  ): void;
  describe(
    actor: Actor,
    maxBytes: number,
    description: SharedDescription,
    answer: (outcome: DescribeAnswer) => void,
    isPatient?: boolean,
  ): void;
  pair(caller: Caller, to: string, answer: (outcome: PairAnswer) => void): void;
  /** Has two peers of different dialects know each other, for a call. */
  meet(caller: Caller, to: string, answer: (outcome: MeetAnswer) => void): void;
  /** Ends that, when their call is over. */
  part(actor: Actor, from: string): void;
  /** Puts a peer of this node on the list of its realm's guests, or takes it off. */
  list(actor: Actor, isGuest: boolean): void;
  /** Lists a room in which this node has no member; `listed` comes before the answer. */
  look(room: RoomKey, answer: (outcome: LookAnswer) => void): void;
  /** Has the news of a room come from now on, `listed` first, also without a member on this node. */
  follow(room: RoomKey): void;
  /** Counts a message that cannot be sent yet; false if too many bytes wait for other nodes. */
  hold(bytes: number): boolean;
  /** That message is sent or dropped. */
  unhold(bytes: number): void;
  /** Sends to the hubs of all other nodes. */
  tell(topic: string, body: unknown): void;
  /** Ends a client's reservation; false if there is none, and rejects while unavailable. */
  unreserve(dialect: string, id: string): Promise<boolean>;
  /** Has `wanted` called once an id is on any node, which may be now. */
  want(key: PeerKey): void;
  /** The ids of one dialect on all nodes, in order of registration; rejects while unavailable. */
  ids(realm: string, dialect: string): Promise<string[]>;
}

/** A hub's way to the peers of other nodes, for dialects; a hub without other nodes has none. */
export interface Elsewhere {
  /** Grows with every change of a peer of another node that is known here. */
  readonly changes: number;
  /** Has the members of a room on other nodes known here, also while no peer of this node is in it. */
  follow(room: RoomKey): void;
  /** Passes a message to an id that this node does not hold; resolves when the outcome is certain. */
  pass(
    from: PeerKey & { readonly dialect: string },
    to: string,
    payload: unknown,
  ): Promise<Sent>;
  /**
   * Has peers that take one call at a time known here while they can be called, on whichever node.
   */
  followGuests(realm: string): void;
  /**
   * Passes a message that begins a call to a peer of another dialect, on any node. The answer comes
   * before anything that the other peer says.
   */
  call(
    from: PeerKey & { readonly dialect: string },
    to: string,
    payload: unknown,
    answer: (sent: Sent) => void,
  ): void;
  /** Has the terms of each claim of an id decided by the nodes together. */
  reserve(realm: string, terms: (claim: Claim) => ReservationTerms): void;
  /** Ends a client's reservation; false if there is none, and rejects while unavailable. */
  unreserve(dialect: string, id: string): Promise<boolean>;
  /** Has a dialect hold messages for absent ids. */
  correspond(realm: string, correspondent: Correspondent): void;
  /** Has `appeared` called once an id is on any node, which may be now. */
  want(key: PeerKey): void;
  /** The ids of one dialect on all nodes, in order of registration; rejects while unavailable. */
  ids(realm: string, dialect: string): Promise<string[]>;
}

/** A dialect that holds messages for absent ids. */
export interface Correspondent {
  readonly dialect: string;
  /** An id has appeared on any node that a message of this node was for. */
  appeared(id: string): void;
  /** The ids that messages wait for here. */
  awaited(): Iterable<string>;
  /** No node holds the id of a message, and its sender has left meanwhile. */
  returned(from: string, to: string, payload: unknown): void;
}

/** Everything on other nodes that this node relies on, to be asked for where the engine lost it. */
export interface Remembered {
  /** The peers of other nodes that are known here only by a pair. */
  readonly partners: Iterable<Actor>;
  /** The absent ids that messages wait for here. */
  readonly awaited: Iterable<PeerKey>;
}

/** The news for a hub, in order, each in one turn. */
export interface Sink {
  /** A message for a peer of this node; false if the peer is not here, or takes nothing more. */
  deliver(message: SharedMessage): boolean;
  /**
   * A peer of this node lost its id. "replaced": its client has another connection now. "lost": the
   * other nodes took it for gone, or another client has the id.
   */
  lost(key: PeerKey, fence: Fence, why: "replaced" | "lost"): void;
  /** The cluster has confirmed an id that this node gave out alone: it has a fence of all nodes now. */
  confirmed(key: PeerKey, fence: Fence, shared: Fence): void;
  /** An id has appeared for which messages of this node wait. */
  wanted(key: PeerKey): void;
  /** The members of a room in joining order, in place of everything known before. */
  listed(room: RoomKey, members: readonly SharedPeer[]): void;
  /** A peer of another node entered a room. */
  joined(room: RoomKey, member: SharedPeer): void;
  described(key: PeerKey, fence: Fence, description: SharedDescription): void;
  /** A peer of another node is no guest any more. */
  unlisted(key: PeerKey, fence: Fence): void;
  /** A peer of another node is gone, with its rooms and pairs. */
  left(key: PeerKey, fence: Fence, news: unknown): void;
  /** A peer of another node has called one of this node, or was called by it. */
  paired(realm: string, caller: SharedCaller, callee: SharedPeer): void;
  /** Two peers of different dialects know each other from now on; one or both are of this node. */
  met(realm: string, caller: SharedCaller, callee: SharedPeer): void;
  /** They do so no longer. */
  parted(realm: string, one: string, other: string): void;
  told(topic: string, body: unknown): void;
  remembered(): Remembered;
  /** This node was taken for dead: its departures were announced to the other nodes. */
  severed(): void;
}

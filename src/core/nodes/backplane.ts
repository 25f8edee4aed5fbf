import type { ReservationTerms } from "../kept.ts";
import type { Granted } from "../session.ts";

// The seam between a hub and the other nodes of a cluster. A server without one has no backplane.

/** The realm of the nodes themselves: each process holds its address in it as an id. */
export const NODES = "@nodes";
export const NODE_DIALECT = "node";

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
  /** The client whose share of bytes it takes, where that is not its sender. */
  readonly payer?: string | undefined;
  /** Sealed in the engine, if the nodes have a secret for that. */
  readonly isPrivate?: boolean;
  /** Names one that is sent again: a node that took it at an earlier try drops it. */
  readonly firstNumber?: number | undefined;
}

/**
 * The outcome of a message. "absent": no node holds the id. "gone": its node, or the peer on it, went
 * away before the message was taken. "unavailable": the other nodes cannot be reached.
 */
export type Passed = "taken" | Failed;
export type Failed = "absent" | "gone" | "unavailable";

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

/**
 * The outcome of a move: the address and the name of the peer's new node. "alone": there is no node to
 * move to, or not the one that was named.
 */
export type MoveAnswer =
  | { readonly to: string; readonly node: string }
  | { readonly refused: MoveRefusal };

export type MoveRefusal = "alone" | "unavailable" | "stale";

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
  /** Names this process among all that ever were nodes; other nodes send to it. */
  readonly address: string;
  /** How long a client's step waits for the other nodes, in ms. */
  readonly waitMs: number;
  /** Takes the hub's side of the seam; called once, before anything else. */
  attach(sink: Sink): void;
  /** @param isPatient waits for nodes that cannot be reached, however long it takes */
  claim(claim: SharedClaim, answer: (outcome: ClaimAnswer) => void, isPatient?: boolean): void;
  /** Gives an id up, with its rooms and pairs. */
  release(actor: Actor, news: unknown): void;
  /**
   * Passes a message on. "taken" is certain where `isConfirmed` is set; otherwise there is no answer
   * for a message that reached its node.
   * @param answer gets the first number of a message that may be sent again, too
   */
  send(
    message: OutgoingMessage,
    isConfirmed: boolean,
    answer: (outcome: PassAnswer, firstNumber?: number) => void,
  ): void;
  /**
   * Whether a message for an id may still come to a peer of this node, or back to its sender.
   * @param from looks for messages of this sender's client alone
   */
  isSending(to: PeerKey, from?: string): boolean;
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
  /**
   * Gives a peer of this node to another one, with its rooms. At the answer all that was sent to it here
   * has come, and everything later goes to the other node.
   * @param to the other node's address; the node with the fewest ids by default
   */
  move(actor: Actor, to: string | undefined, answer: (outcome: MoveAnswer) => void): void;
  /** A peer that moved to this node is here, with its state. */
  settled(actor: Actor): void;
  /** Lets no peer move to this node. At the answer all that do so have been announced. */
  shun(answer: () => void): void;
  /** Puts a peer of this node on the list of its realm's guests, or takes it off. */
  list(actor: Actor, isGuest: boolean): void;
  /** Lists a room in which this node has no member; `listed` comes before the answer. */
  look(room: RoomKey, answer: (outcome: LookAnswer) => void): void;
  /** Has the news of a room come from now on, `listed` first, also without a member on this node. */
  follow(room: RoomKey): void;
  /** Bytes of private messages that this node may still send before others confirm some. */
  readonly spareBytes: number;
  /**
   * Counts a message that cannot be sent or delivered yet; false if too many bytes wait already.
   * @param receiver its name, if the messages for it may take one sender's share of the bytes only
   */
  hold(bytes: number, receiver?: string): boolean;
  /** That message is sent, delivered or dropped. */
  unhold(bytes: number, receiver?: string): void;
  /** Sends to the hubs of all other nodes. @param isPrivate as of a message */
  tell(topic: string, body: unknown, isPrivate?: boolean): void;
  /** Ends a client's reservation; false if there is none, and rejects while unavailable. */
  unreserve(dialect: string, id: string): Promise<boolean>;
  /** Has `wanted` called once an absent id is on any node. */
  want(awaited: Awaited): void;
  /**
   * The ids of one dialect on all nodes, in order of registration; rejects while unavailable.
   * @param isBridged adds the peers of other dialects that can be called outside of rooms
   */
  ids(realm: string, dialect: string, isBridged: boolean): Promise<string[]>;
}

/** Everything on other nodes that this node relies on, to be asked for where the engine lost it. */
export interface Remembered {
  /** The peers of other nodes that are known here only by a pair. */
  readonly partners: Iterable<Actor>;
  /** The absent ids that messages wait for here. */
  readonly awaited: Iterable<Awaited>;
}

/** An absent id that messages wait for. */
export interface Awaited extends PeerKey {
  /** Their dialect. A peer of another one that is there already may have refused them. */
  readonly dialect: string;
  /** How long they can wait, in ms. */
  readonly lifetimeMs: number;
}

/** The news for a hub, in order, each in one turn. */
export type Sink = PeerNews & PairNews & MoveNews;

/** The news of single peers and of rooms. */
export interface PeerNews {
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
  /**
   * The members of a room in joining order, in place of everything known before.
   * @param isMoving a member is about to come from another node
   */
  listed(room: RoomKey, members: readonly SharedPeer[], isMoving: boolean): void;
  /** A peer of another node entered a room. */
  joined(room: RoomKey, member: SharedPeer): void;
  described(key: PeerKey, fence: Fence, description: SharedDescription): void;
  /** A peer of another node is no guest any more. */
  unlisted(key: PeerKey, fence: Fence): void;
  /** A peer of another node is gone, with its rooms and pairs. */
  left(key: PeerKey, fence: Fence, news: unknown): void;
  told(topic: string, body: unknown): void;
  remembered(): Remembered;
  /** This node was taken for dead: its departures were announced to the other nodes. */
  severed(): void;
}

/** The news of pairs. */
export interface PairNews {
  /** A peer of another node has called one of this node, or was called by it. */
  paired(realm: string, caller: SharedCaller, callee: SharedPeer): void;
  /** Two peers of different dialects know each other from now on; one or both are of this node. */
  met(realm: string, caller: SharedCaller, callee: SharedPeer): void;
  /** They do so no longer. */
  parted(realm: string, one: string, other: string): void;
  /** This node's peers of dialects other than this one that can be called outside of rooms. */
  callable(realm: string, dialect: string): string[];
}

/** The news of peers that move, and of the nodes that they move between. */
export interface MoveNews {
  /** A peer moves to this node; lists of its rooms came before, where this node did not know them. */
  arriving(realm: string, peer: SharedPeer, rooms: readonly RoomKey[]): void;
  /** The process of an address is gone. */
  nodeGone(address: string): void;
}

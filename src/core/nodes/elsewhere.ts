import type { PeerHandle, Sent } from "../events.ts";
import type { ReservationTerms } from "../kept.ts";
import type { Claim } from "../peer.ts";
import type { Receiver } from "../session.ts";
import type { Awaited, Failed, MoveAnswer, PeerKey, RoomKey, SharedMessage } from "./backplane.ts";

// The ways of dialects to the other nodes of a cluster.

/** A hub's way to the peers of other nodes, for dialects; a hub without other nodes has none. */
export interface Elsewhere {
  /** Grows with every change of a peer of another node that is known here. */
  readonly changes: number;
  /** Has the members of a room on other nodes known here, also while no peer of this node is in it. */
  follow(room: RoomKey): void;
  /**
   * Whether a message for an id that is known here goes by the engine: its peer is on another node, or
   * messages for the id are still on their way, which later ones must not overtake.
   */
  isBehind(from: PeerHandle, to: string): boolean;
  /**
   * Passes a message to an id by the engine; resolves when the outcome is certain.
   * @param firstNumber of one that came back before
   */
  pass(
    from: PeerKey & { readonly dialect: string },
    to: string,
    payload: unknown,
    firstNumber?: number,
  ): Promise<Sent>;
  /** Sends a message again that has come back. It comes back once more if no node takes it. */
  sendAgain(
    from: PeerKey & { readonly dialect: string },
    to: string,
    payload: unknown,
    firstNumber: number | undefined,
  ): void;
  /** For dialects whose peers can move. */
  readonly homes: Homes;
  /**
   * Has peers that take one call at a time known here while they can be called, on whichever node.
   */
  followGuests(realm: string): void;
  /**
   * Passes a message that begins a call, or may do so, to a peer of another dialect, on any node. The
   * answer comes before anything that the other peer says.
   * @param room that both are in; a guest of the lobby is in none
   */
  call(
    from: PeerKey & { readonly dialect: string },
    to: string,
    payload: unknown,
    answer: (sent: Sent) => void,
    room?: string,
  ): void;
  /** Has the terms of each claim of an id decided by the nodes together. */
  reserve(realm: string, terms: (claim: Claim) => ReservationTerms): void;
  /** Ends a client's reservation; false if there is none, and rejects while unavailable. */
  unreserve(dialect: string, id: string): Promise<boolean>;
  /** Has a dialect hold messages for absent ids. */
  correspond(realm: string, correspondent: Correspondent): void;
  /** Has `appeared` called once an absent id is on any node. */
  want(awaited: Awaited): void;
  /**
   * The ids of one dialect on all nodes, in order of registration, with the peers of other dialects that
   * it can call outside of rooms. Rejects while unavailable.
   */
  ids(realm: string, dialect: string): Promise<string[]>;
}

/** A dialect's way to the other nodes, if its peers have a home and can move to another one. */
export interface Homes {
  /** This process' own. */
  readonly address: string;
  /** How long what is sent waits for the other nodes, in ms. */
  readonly waitMs: number;
  /** Has a dialect of this node take part. */
  attend(realm: string, part: HomePart): void;
  /**
   * Sends to the peer of an id, wherever it is: a relay from this address.
   * @param payer the client whose share of bytes it takes; the node itself has no share
   */
  send(
    realm: string,
    to: string,
    payload: unknown,
    failed: (passed: Failed) => void,
    payer?: string,
  ): void;
  /** Sends to the part of another node. */
  sendNode(
    realm: string,
    address: string,
    payload: unknown,
    failed: (passed: Failed) => void,
  ): void;
  /** Sends to the part of another node, and learns in the end whether that took it. */
  entrust(
    realm: string,
    address: string,
    payload: unknown,
    answer: (outcome: "taken" | Failed) => void,
  ): void;
  /** Bytes that may still be sent before other nodes confirm some. */
  readonly spareBytes: number;
  /** Sends to the parts of all other nodes. What an engine forgets is lost. */
  tell(realm: string, payload: unknown): void;
  /** Whether a peer of this node is in a call with one of another dialect. */
  isCalling(handle: PeerHandle): boolean;
  /**
   * Gives a peer of this node to another one; see Backplane. Its state has to follow. Its calls with
   * peers of other dialects end.
   */
  move(handle: PeerHandle, to: string | undefined, answer: (outcome: MoveAnswer) => void): void;
  /** Lets no peer move to this node; resolves when the last one is announced. */
  shun(): Promise<void>;
  /**
   * The state of an arriving peer has come: `receiver` speaks for it from now on. It gets `admitted`, then
   * everything that was sent meanwhile.
   * @returns false if no such peer is on its way
   */
  settle(realm: string, id: string, receiver: Receiver): boolean;
  /** True for a peer that has come just now: earlier messages for it may still be on their way. */
  isNew(peer: PeerKey): boolean;
  /** Passes a message to such a peer behind those. */
  relay(from: PeerHandle, to: PeerHandle, payload: unknown): void;
  /** The state of an arriving peer does not come: the peer is gone. */
  abandon(realm: string, id: string): void;
}

/** A dialect's side of Homes. */
export interface HomePart {
  readonly dialect: string;
  /** Another node's part has sent something; to all nodes if `from` is empty. False if it is not taken. */
  told(from: string, payload: unknown): boolean;
  /** A peer moves to this node, and its state follows. */
  arriving(id: string): void;
  /**
   * A message for an arriving peer that it does not get. "gone": its state did not come, or it left.
   * "full": too much waits for it.
   */
  untaken(message: SharedMessage, why: "gone" | "full"): void;
  /** A node is gone, with everything that was on it. */
  nodeGone(address: string): void;
  /** This node was taken for dead. */
  severed(): void;
}

/** A dialect that holds messages for absent ids. */
export interface Correspondent {
  readonly dialect: string;
  /** An id has appeared on any node that a message of this node was for. */
  appeared(id: string): void;
  /** The ids that messages wait for here. */
  awaited(): Iterable<string>;
  /** How long they wait at most. */
  readonly lifetimeMs: number;
  /** No node holds the id of a message, and its sender has left meanwhile. */
  returned(from: string, to: string, payload: unknown, firstNumber: number | undefined): void;
}

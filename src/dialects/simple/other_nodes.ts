import type { Expulsion } from "../../core/expulsion.ts";
import type { PeerHandle, PeerId } from "../../core/events.ts";
import type { PresentPeer } from "../../core/peer.ts";
import type { Departure, Link } from "../../core/session.ts";
import type { ConnectionPass, JoinRequest, StreamEnd } from "./connection.ts";
import type { FarMates } from "./far_mates.ts";
import type { Instance } from "./instance.ts";
import type { InstanceCredentials, SentSignal } from "./messages.ts";
import type { CarriedIdentity, Renewal, SentPosted, ToHome } from "./node_messages.ts";
import type { Settled, Ticket } from "./settled.ts";

/** The other nodes, as peers and connections of this one see them. */
export interface OtherNodes {
  readonly joins: {
    /** Asks the peer's home. Rejects with the refusal. */
    join(peerId: PeerId, frame: JoinRequest, client: FarClient): Promise<FarJoin>;
  };
  readonly posts: FarPosting;
  /** Another node has sent something to a peer of this one. */
  received(peerId: PeerId, from: string, message: ToHome): void;
  /** Notes that a signal of a peer waits for its outcome. @returns the name that its receipt has */
  await(peer: AwaitingPeer, signal: SentSignal): Ticket;
  /** True for a peer that has come just now, to which signals are still on their way. */
  isNew(peer: PresentPeer): boolean;
  /** Sends a signal behind those. */
  relay(from: PeerHandle, to: PeerHandle, signal: SentSignal): void;
  /** Sends a receipt to the peer that waits for it, for as long as it takes. @param by its receiver */
  settle(to: PeerId, settled: Settled, by: PeerId): void;
  /** Refuses signals whose outcome does not come. */
  sweep(): void;
  /** States of peers that another node does not have for sure. */
  readonly unsure: readonly unknown[];
  /** A stream has left: its client need not come back, on whichever node. */
  departed(secret: string): void;
}

/**
 * Posted frames for peers whose home is another node. Each resolves with undefined if no node has the
 * peer, and rejects with the refusal if nothing was carried out for want of the other nodes.
 */
export interface FarPosting {
  /** Finds out within 2 s whether the home takes frames for an instance; nothing comes of it later. */
  reach(credentials: InstanceCredentials): Promise<SentPosted | undefined>;
  /**
   * Has a frame carried out at a home that was reached. Its outcome is waited for as long as the home
   * lives: a refusal while it is open could turn out to be untrue.
   */
  post(credentials: InstanceCredentials, body: string): Promise<SentPosted | undefined>;
  /** The same for a posted token, which was judged here. */
  renew(renewal: Renewal): Promise<SentPosted | undefined>;
}

/** A peer whose signals wait for their outcome. */
export interface AwaitingPeer {
  readonly slots: readonly (Instance | undefined)[];
  readonly far: FarMates;
}

/** A connection of this node that joins a peer of another one. */
export interface FarClient {
  readonly link: Link;
  readonly stream: StreamEnd | undefined;
  readonly pass: ConnectionPass | undefined;
  /** How the connection ended; undefined while it is open. */
  readonly departure: Departure | undefined;
  /** The peer's home has the client from now on. */
  carried(line: Line): void;
  /** The home has ended the client's stay. */
  uncarried(): void;
}

/** The connection's way to its home. */
export interface Line {
  readonly peerId: PeerId;
  receive(text: string): void;
  identify(identity: CarriedIdentity): void;
  expel(reason: Expulsion): void;
  closed(departure: Departure): void;
}

/**
 * The outcome of a join. "absent": no node has the peer. "again": the peer has moved, perhaps to this node.
 * "joined": it is answered, also if the client has nothing to join.
 */
export type FarJoin = "absent" | "again" | "joined";

import type { Expulsion } from "../../core/expulsion.ts";
import type { PeerId } from "../../core/events.ts";
import type { Departure, Link } from "../../core/session.ts";
import type { ConnectionPass, JoinRequest, StreamEnd } from "./connection.ts";
import type { CarriedIdentity, SentPosted, ToHome } from "./node_messages.ts";

/** The other nodes, as peers and connections of this one see them. */
export interface OtherNodes {
  readonly joins: {
    /** Asks the peer's home. Rejects with the refusal. */
    join(peerId: PeerId, frame: JoinRequest, client: FarClient): Promise<FarJoin>;
    /** Has a posted frame carried out at the home; undefined if no node has the peer. */
    post(peerId: PeerId, body: string): Promise<SentPosted | undefined>;
  };
  /** Another node has sent something to a peer of this one. */
  received(peerId: PeerId, from: string, message: ToHome): void;
  /** A stream has left: its client need not come back, on whichever node. */
  departed(secret: string): void;
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

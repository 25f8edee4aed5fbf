import type { ErrorCode, SignalError } from "./errors.ts";
import type { PeerEvent, PeerId, PeerSummary, RoomId } from "./events.ts";
import type { Expulsion, LeaveReason } from "./expulsion.ts";
import type { LinkLimits } from "./limits.ts";
import type { NamePattern } from "./patterns.ts";
import type { CallRole, Leg, Untaken } from "./calls/signal.ts";

/** One WebSocket message: text, or the bytes of a binary one. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** One client connection of any transport. */
export interface Link {
  /** Unique in this process; for logs. */
  readonly id: string;
  /** The client's network address without a port. */
  readonly address: string;
  /** False as soon as either side has decided to end the connection. */
  readonly isOpen: boolean;
  /** Queues one frame. A link over its output limit closes itself as slow. */
  send(frame: Frame): void;
  /**
   * Ends the connection; without a code the closing frame carries no status. 1001 means that the client
   * is to come back, and a dialect may have another code for that.
   */
  close(code?: number, reason?: string): void;
  /** Ends the connection because of a fault of the server, which is logged. */
  fail(error: unknown): void;
  /**
   * Counts a frame of `size` bytes that the client sent by another way, such as a POST, against the
   * rates of the connection; false if it exceeds them. Absent from a link without rates.
   */
  takes?(size: number): boolean;
  /**
   * Refuses a frame whose step has ended: it counts as a refusal, and the session's `refuse` answers
   * it. Absent from a link whose sessions answer every frame in its own step.
   */
  refuse?(error: SignalError): void;
}

/** The part of a client's token that counts outside its dialect. */
export interface Permits {
  /** Named by the token. */
  readonly user: string | undefined;
  /** True if the client's token is good for the room. */
  grantsRoom(room: RoomId): boolean;
  /** True if the client may send streams to a peer, or receive a peer's. */
  grantsRole(role: "produce" | "consume"): boolean;
  /** The grants themselves, by token: each of them has to cover a room or role. */
  readonly granted: readonly Granted[];
}

/** The rooms and streams that a token grants. */
export interface Granted {
  readonly rooms: readonly NamePattern[];
  readonly roles: readonly ("produce" | "consume")[];
}

/** The same for the token of one connection. */
export interface TimedPermits extends Permits {
  /** The moment on the server's clock at which the token ends the connection, if at all. */
  readonly expiresAt: number | undefined;
}

/**
 * The receiver of a peer's events: its session or, where a dialect's peers have several connections or
 * outlive them, an object that stands for the peer.
 */
export interface Receiver {
  readonly link: Pick<Link, "isOpen" | "fail">;
  /** The connections by which the peer is reached, the first one first; empty while it has none. */
  readonly links: readonly Link[];
  /** True for a peer of another node. */
  readonly isElsewhere?: true;
  /** The other node's name, for such a peer. */
  readonly node?: string;
  /** Undefined if the client needed no token. */
  readonly permits?: Permits | undefined;
  /**
   * Takes one event. An exception fails the link, except at `refused`: there it becomes the outcome of
   * the refused step.
   */
  deliver(event: PeerEvent): void;
  /** Ends the client's stay in the dialect's words: the connection, or all of a peer's. */
  expel(reason: Expulsion): void;
  /**
   * The other nodes have announced the peer's departure: ends its connections, for clients that come
   * back. Absent in dialects whose connections just end.
   */
  sendAway?(): void;
  /** False if the client's version of its protocol has no words for a payload of its dialect. */
  understands?(payload: unknown): boolean;
  /**
   * Makes its client's end of a call with a peer of another dialect, or refuses the call. Absent in a
   * dialect that cannot be bridged. The leg of a callee makes itself known with its first signal.
   * @param room the room in which the call is made, if the two are members of one
   */
  leg?(other: PeerSummary, role: CallRole, room: RoomId | undefined): Leg | Untaken;
}

/**
 * The way a connection ended: by the client's farewell ("left"); by a client or proxy that goes away,
 * which need not be a farewell ("away", close code 1001); by this server that goes away ("drained");
 * or in any other way ("lost").
 */
export type Departure = "left" | "away" | "lost" | "drained";

/** A frame's outcome that later frames need not wait for; a rejection is the frame's refusal. */
export interface Later {
  readonly outcome: Promise<void>;
}

/** One client's protocol state. It knows its wire format, but not the network. */
export interface Session extends Receiver {
  /** False until the client has identified itself; a connection that stays so is closed. */
  readonly isIdentified: boolean;
  /** The client's current id, for logs, if it has one. */
  readonly peerId?: PeerId | undefined;
  /** The reason for which the client is being removed, or leaves by its own words. */
  readonly leaveReason?: LeaveReason | undefined;
  readonly permits?: TimedPermits | undefined;
  /** The connection is open: greet, or claim what the URL asks for. Called once, or never. */
  opened(): void | Promise<void>;
  /** Handles one frame. A returned promise holds back later frames until it settles. */
  receive(frame: Frame): void | Promise<void> | Later;
  /** Sends a refusal to the client, and closes the link if the dialect does. */
  refuse(error: SignalError): void;
  /** Called about once a second with the time for which the client has not identified itself, in ms. */
  waits?(ms: number): void;
  /** A frame came too fast and was dropped unread; for protocols that answer every message. */
  dropped?(frame: Frame): void;
  /** The dialect's own name for a refusal, for logs. */
  wordFor?(code: ErrorCode): string | undefined;
  /** The connection is over, by either side's decision: release everything. Called exactly once. */
  closed(departure: Departure): void;
}

/** The dialect that owns a connection, and the rules that follow from it. */
export interface Terms {
  readonly dialect: string;
  readonly limits: LinkLimits;
  /** The close code for a server that goes away; 1001 by default. */
  readonly goingAwayCode?: number | undefined;
}

/** A connection whose dialect is not known yet. */
export interface Unsettled {
  readonly link: Link;
  /** Continues with this session, on terms of its own if they differ from those of the path. */
  settle(session: Session, terms?: Terms): void;
}

import type { ErrorCode, SignalError } from "./errors.ts";
import type { LinkLimits } from "./limits.ts";

/** A peer's name in its realm, as its dialect spells it. */
export type PeerId = string;

/** A room's name in its realm. */
export type RoomId = string;

/** One WebSocket message: text, or the bytes of a binary one. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** What one peer may know of another. */
export interface PeerSummary {
  readonly id: PeerId;
  readonly dialect: string;
  /** What the peer says of itself to others, as JSON; null where it says nothing. */
  readonly info: unknown;
}

/** A message from a peer of the same dialect, verbatim. The hub never looks into `payload`. */
export interface Relay {
  readonly type: "relay";
  readonly from: PeerId;
  /** The room it was said in, where it was not said to the peer alone. */
  readonly room: RoomId | undefined;
  readonly payload: unknown;
}

/** News of a room, handed to all its other members as one object: encode it once (see EncodeOnce). */
export interface RoomEvent {
  readonly type: "joined" | "left" | "described";
  readonly room: RoomId;
  readonly peer: PeerSummary;
  /** What exactly has happened, in the words of the peer's dialect, where it has any for it. */
  readonly news?: unknown;
}

/**
 * What the hub tells one peer. A session turns each into its own wire frames. Answers to the peer's
 * own steps (`admitted`, `entered`, `paired`) are events too: they are delivered inside the step,
 * so that nothing which the step makes possible can overtake its answer.
 */
export type PeerEvent =
  | Relay
  /** The claim was carried out: from here on the peer can be reached. */
  | { readonly type: "admitted"; readonly peer: PeerHandle }
  /** The peer is in the room; `members` are those who were there before, in joining order. */
  | { readonly type: "entered"; readonly room: RoomId; readonly members: readonly PeerSummary[] }
  /** Two peers are now in a call of their own; the handle is the quick way to the other one. */
  | { readonly type: "paired"; readonly peer: PeerHandle; readonly isCaller: boolean }
  /** Told to the other members of a room; "described": the peer's info has changed. */
  | RoomEvent
  /** An operator ends the room. */
  | { readonly type: "stopped"; readonly room: RoomId }
  /** A peer this one was paired with has left. */
  | { readonly type: "gone"; readonly peer: PeerId }
  /** What was said to `peer` was held for it and could not be delivered in time. */
  | { readonly type: "undelivered"; readonly peer: PeerId }
  /** Another connection has taken the id over: this one speaks for it no longer. */
  | { readonly type: "replaced" };

/** The hub's word for a claimed id, its own or a partner's; it means something to the hub only. */
export interface PeerHandle extends PeerSummary {
  readonly realm: string;
  /** The id was given up: nothing can be done with the handle any more. */
  readonly isReleased: boolean;
}

/** One client connection, whatever carries it (a WebSocket, a test). */
export interface Link {
  /** Unique in this process; for logs. */
  readonly id: string;
  /** The client's network address without a port. */
  readonly address: string;
  /** False as soon as either side has decided to end the connection. */
  readonly isOpen: boolean;
  /** Queues one frame; a link over its output limit gives the connection up as slow. */
  send(frame: Frame): void;
  /** Ends the connection; without a code the closing frame carries no status. */
  close(code?: number, reason?: string): void;
  /** Ends the connection because of a fault of ours, which is logged. */
  fail(error: unknown): void;
  /**
   * Counts a frame of `size` bytes that its client sent by another way, such as a POST, against the
   * rates of the connection; false over them. Not there where a link has no rates of its own.
   */
  takes?(size: number): boolean;
}

/** A link that an HTTP answer carries: it only sends, and each frame is an event of the stream. */
export interface StreamLink extends Link {
  /** Answers with this instead of a stream, and ends the link; only before the first frame. */
  decline(response: Response): void;
}

/**
 * One namespace of a Socket.IO connection. Its frames are the namespace's own packets without
 * "4" and without the namespace's name: in come EVENTs (`2["name",…]`, with an acknowledgement id
 * `217["name",…]`), out go EVENTs and ACKs (`317[…]`). The client's CONNECT is accepted by the first
 * frame, or when `opened` is done. Closing says DISCONNECT first; the connection follows when none
 * of its namespaces is left.
 */
export interface NamespaceLink extends Link {
  /** Answers the client's CONNECT with CONNECT_ERROR, and ends the link; before anything else. */
  decline(message: string): void;
}

/** What a Socket.IO client says of itself where it asks for a namespace: as it came, perhaps empty. */
export interface NamespaceGreeting {
  /** What stands after `?` in the namespace's name, as clients up to Socket.IO 2 have it. */
  readonly query: string;
  /** The JSON of `auth`, as clients since Socket.IO 3 send it. */
  readonly auth: string;
}

/**
 * What the hub delivers a peer's events to: a session or, where a dialect's peers have several
 * connections or outlive them, whatever stands for the peer meanwhile.
 */
export interface Receiver {
  readonly link: Pick<Link, "isOpen" | "fail">;
  deliver(event: PeerEvent): void;
}

/**
 * How a connection ended: by the client's farewell ("left"), by a client or a proxy that goes away,
 * which need not be a farewell ("away", close code 1001), or in any other way ("lost").
 */
export type Departure = "left" | "away" | "lost";

/** One client's protocol state. Knows its wire format, not the network. */
export interface Session extends Receiver {
  /** False until the client has said who it is; a client that takes too long is hung up on. */
  readonly isIdentified: boolean;
  /** The id under which the client is known now, for logs; where it has one. */
  readonly peerId?: PeerId | undefined;
  /** The connection is open: greet, or claim what the URL asked for. Called once, or never. */
  opened(): void | Promise<void>;
  /** Handles one frame. A returned promise holds back later frames until it settles. */
  receive(frame: Frame): void | Promise<void>;
  /** Says on the wire that something was refused, and hangs up where the dialect does. */
  refuse(error: SignalError): void;
  /** A frame came too fast and was dropped unread; for protocols that answer every message. */
  dropped?(frame: Frame): void;
  /** What the dialect calls a refusal, for logs. */
  wordFor?(code: ErrorCode): string | undefined;
  /** The connection is over, by either side's decision: release everything. Called exactly once. */
  closed(departure: Departure): void;
}

/** Whose a connection is, and what follows from that. */
export interface Terms {
  readonly dialect: string;
  readonly limits: LinkLimits;
  /** The close code that says that the server is going away, where it is not 1001. */
  readonly goingAwayCode?: number | undefined;
}

/** A connection of which it is not clear yet whose it is. */
export interface Unsettled {
  readonly link: Link;
  /** Goes on with this session; on its own terms, where they are not those of the path. */
  settle(session: Session, terms?: Terms): void;
}

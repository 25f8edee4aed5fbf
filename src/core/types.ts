import type { ErrorCode, SignalError } from "./errors.ts";
import type { LinkLimits } from "./limits.ts";
import type { Leg, Role, Untaken } from "./signal.ts";

/** A peer's name in its realm, as its dialect spells it. */
export type PeerId = string;

/** A room's name in its realm. */
export type RoomId = string;

/**
 * The purpose of a room. "room": people meet in it under its name. "list": a dialect's own register
 * of peers, which no room of the same name can meet.
 */
export type RoomKind = "room" | "list";

/** One WebSocket message: text, or the bytes of a binary one. */
export type Frame = string | Uint8Array<ArrayBuffer>;

// Handles, payloads and events are plain data. They can be written as JSON and read again, and
// nobody may change them: on one node sender and receivers share the objects, on several they do not.

/** The public part of a peer. */
export interface PeerSummary {
  readonly id: PeerId;
  readonly dialect: string;
  /** The peer's description of itself, as JSON; null if it has none. */
  readonly info: unknown;
}

/** The hub's word for a claimed id. Handles are equal if realm, id and fence are. */
export interface PeerHandle {
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  /** Distinguishes the holders of one id, one after the other. A take-over does not change it. */
  readonly fence: number;
}

/** A message from a peer of the same dialect, verbatim. The hub never looks into `payload`. */
export interface Relay {
  readonly type: "relay";
  readonly from: PeerId;
  /** The room in which it was sent; undefined if it was sent to the peer alone. */
  readonly room: RoomId | undefined;
  /** JSON, or the bytes of a frame. */
  readonly payload: unknown;
}

/** News of a room. All other members get the same object: encode it once (see EncodeOnce). */
export interface RoomEvent {
  readonly type: "joined" | "left" | "described";
  readonly room: RoomId;
  /** Absent for a room that people meet in. */
  readonly kind?: "list";
  readonly peer: PeerSummary;
  /** The change in the words of the peer's dialect, if it has any for it. */
  readonly news?: unknown;
}

/** Reasons for which a peer cannot enter a room. "credentials_missing": another dialect's tokens. */
export type RoomRefusal = "room_full" | "rooms_full" | "credentials_missing";

/** The hub's refusal of a step; `reason` is the code for the client's refusal. */
export type Refused =
  & { readonly type: "refused" }
  & (
    | {
      readonly step: "claim";
      readonly id: PeerId;
      /** The room that the claim names. */
      readonly room: RoomId | undefined;
      readonly reason: "id_taken" | "peers_full" | RoomRefusal;
    }
    | { readonly step: "join"; readonly room: RoomId; readonly reason: RoomRefusal }
    | { readonly step: "describe"; readonly reason: "description_too_large" }
    | {
      readonly step: "pair";
      readonly peer: PeerId;
      readonly reason: "peer_unknown" | "peer_busy";
    }
  );

/**
 * An event for one peer. Its session turns each into frames of its own wire format.
 *
 * The answers to a peer's own steps (`admitted`, `entered`, `updated`, `paired`, `refused`) are events
 * too. They are delivered inside the step, so that nothing which the step makes possible can overtake
 * its answer. A session throws a SignalError at `refused`: the step ends with it.
 */
export type PeerEvent =
  | Relay
  /** The claim was carried out: from here on the peer can be reached. */
  | { readonly type: "admitted"; readonly peer: PeerHandle }
  /** The peer is in the room; `members` are the earlier ones, in joining order. */
  | {
    readonly type: "entered";
    readonly room: RoomId;
    readonly kind?: "list";
    readonly self: PeerSummary;
    readonly members: readonly PeerSummary[];
  }
  /** The peer's own description has changed; its rooms know already. */
  | { readonly type: "updated"; readonly info: unknown }
  /** Two peers are now in a call of their own. */
  | { readonly type: "paired"; readonly peer: PeerHandle; readonly isCaller: boolean }
  /** The step was not carried out, and changed nothing. */
  | Refused
  /** For the other members of a room; "described": the peer's info has changed. */
  | RoomEvent
  /** An operator ends the room. */
  | { readonly type: "stopped"; readonly room: RoomId }
  /** A peer this one was paired with has left. */
  | { readonly type: "gone"; readonly peer: PeerId }
  /** A message for `peer` was held for it and could not be delivered in time. */
  | { readonly type: "undelivered"; readonly peer: PeerId }
  /** Another connection has taken the id over: this one speaks for it no longer. */
  | { readonly type: "replaced" };

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
 * The receiver of a peer's events: its session or, where a dialect's peers have several connections or
 * outlive them, an object that stands for the peer.
 */
export interface Receiver {
  readonly link: Pick<Link, "isOpen" | "fail">;
  /**
   * Takes one event. An exception fails the link, except at `refused`: there it becomes the outcome of
   * the refused step.
   */
  deliver(event: PeerEvent): void;
  /** False if the client's version of its protocol has no words for a payload of its dialect. */
  understands?(payload: unknown): boolean;
  /**
   * Makes its client's end of a call with a peer of another dialect, or refuses the call. Absent in a
   * dialect that cannot be bridged. The leg of a callee makes itself known with its first signal.
   * @param room the room in which the call is made, if the two are members of one
   */
  leg?(other: PeerSummary, role: Role, room: RoomId | undefined): Leg | Untaken;
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
  /** The moment on the server's clock at which the client's token ends the connection, if at all. */
  readonly expiresAt?: number | undefined;
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

/** A peer's name in its realm, as its dialect spells it. */
export type PeerId = string;

/** A room's name in its realm. */
export type RoomId = string;

/**
 * The purpose of a room. "room": people meet in it under its name. "list": a dialect's own register
 * of peers, which no room of the same name can meet.
 */
export type RoomKind = "room" | "list";

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

/**
 * Reasons for which a peer cannot enter a room. "credentials_missing": another dialect's tokens.
 * "unavailable": the other nodes cannot be reached.
 */
export type RoomRefusal = "room_full" | "rooms_full" | "credentials_missing" | "unavailable";

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
    | {
      readonly step: "describe";
      readonly reason: "description_too_large" | "unavailable";
    }
    | {
      readonly step: "pair";
      readonly peer: PeerId;
      readonly reason: "peer_unknown" | "peer_busy" | "unavailable";
    }
  );

/**
 * Outcomes of `Hub.send`. "elsewhere": the peer exists, but is not in the room. "unavailable": it may
 * be on another node, and those cannot be reached.
 */
export type Sent =
  | "sent"
  | "unavailable"
  | "unknown"
  | "elsewhere"
  | "busy"
  | "untranslatable"
  | "not_askable"
  | "not_renegotiable";

/** A message that another node did not take. */
export interface Returned {
  readonly payload: unknown;
  /** Another try makes no sense now: the other nodes cannot be reached. */
  readonly isUnavailable: boolean;
  /** Why its receiver, which is there, did not take it. */
  readonly refusal?: Exclude<Sent, "sent" | "unknown" | "unavailable">;
  /** Names the message to the other nodes if it is sent again: one of them may have taken it. */
  readonly firstNumber?: number | undefined;
}

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
  /**
   * A message for `peer` was held for it and could not be delivered in time; or it comes back, because
   * no other node holds the id.
   */
  | { readonly type: "undelivered"; readonly peer: PeerId; readonly returned?: Returned }
  /** Another connection has taken the id over: this one speaks for it no longer. */
  | { readonly type: "replaced" };

/**
 * Every reason for which signalbox refuses something a client did. Each dialect maps every code to
 * its own wire form, so a new code does not compile until all dialects answer it.
 */
export type ErrorCode =
  /** The frame is no message of the dialect, or none that is allowed now. */
  | "bad_frame"
  /** The frame is not even JSON, where the dialect speaks JSON. */
  | "not_json"
  /** The frame is binary, where the dialect speaks text. */
  | "binary_frame"
  /** The message is well-formed, but asks for something the dialect does not know. */
  | "action_unknown"
  /** The first frame of a connection is not the dialect's greeting. */
  | "bad_greeting"
  /** The frame is larger than the dialect's limit. */
  | "frame_too_large"
  /** Frames come faster than the limit; this one was dropped. */
  | "rate_limited"
  /** Frames kept coming far too fast: the connection ends. */
  | "flooding"
  /** The client did not say who it is in time. */
  | "not_identified"
  | "credentials_missing"
  | "credentials_wrong"
  | "id_invalid"
  | "id_taken"
  /** The id was not made by this server, where only such ids are admitted. */
  | "id_not_issued"
  /** As many peers of this dialect, or in all, as the configuration allows. */
  | "peers_full"
  | "peer_unknown"
  | "peer_busy"
  /** The peer exists, but not in the sender's room. */
  | "peer_elsewhere"
  /** The peer exists, but not the one of its connections that is meant. */
  | "instance_unknown"
  /** As many connections of one peer as the configuration allows. */
  | "instances_full"
  /** The receiver is away, and as much waits for it as the configuration allows. */
  | "queue_full"
  /** The message does not say for whom it is. */
  | "target_missing"
  | "room_missing"
  | "room_invalid"
  /** There is no such room, where clients may not open rooms. */
  | "room_unknown"
  | "room_full"
  | "rooms_full"
  /** The client is in a room already, and may be in one only. */
  | "already_joined"
  /** The client has to be in a room for this. */
  | "not_joined"
  | "description_invalid"
  /** Part of the description has a name that only the server may use. */
  | "field_reserved"
  /** The description is over its limit, or the sum of those in the room. */
  | "description_too_large"
  /** The configuration keeps clients from doing this. */
  | "not_allowed"
  /** As many connections in all as the configuration allows. */
  | "server_full"
  /** As many connections from one address as the configuration allows. */
  | "address_full"
  /** Connections from one address come faster than the limit. */
  | "address_rate"
  | "origin_forbidden"
  /** An operator has banned the address. */
  | "address_banned"
  /** A fault of the server; the connection ends. */
  | "internal";

/** A refusal of something that a client did; the client's session words it for the wire. */
export class SignalError extends Error {
  override readonly name = "SignalError";

  /**
   * @param code what happened, for programs
   * @param message what was attempted, then the value in quotes, for humans
   * @param details what else the dialect's answer has to hold
   */
  constructor(
    readonly code: ErrorCode,
    message: string = code,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

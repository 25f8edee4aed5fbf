/** The kinds of refusals. A dialect words a family once, and only its exceptions by code. */
export type ErrorFamily =
  /** The frame is not a message of the dialect, or not one that is allowed now. */
  | "frame"
  /** The client sends too much or too fast. */
  | "rate"
  /** The client may not have the id that it asks for, or did not identify itself. */
  | "identity"
  /** The message cannot reach the peer that it is for. */
  | "peer"
  /** The room does not exist, or the client may not be in it. */
  | "room"
  /** A limit of the configuration is reached. */
  | "capacity"
  /** The peer's public description is not acceptable. */
  | "description"
  /** The configuration forbids it. */
  | "policy"
  /** The connection itself is refused, before anything was said on it. */
  | "door"
  /** A fault of the server. */
  | "fault";

interface CodeFacts {
  readonly family: ErrorFamily;
  /** True if the connection ends with the refusal, in every dialect. */
  readonly isFatal?: true;
}

/** Every reason for which signalbox refuses something a client did. */
export const CODES = {
  /** The frame is malformed, or not allowed now. */
  bad_frame: { family: "frame" },
  /** The frame is not even JSON, where the dialect speaks JSON. */
  not_json: { family: "frame" },
  /** The frame is binary, where the dialect speaks text. */
  binary_frame: { family: "frame" },
  /** The message is well-formed, but asks for something the dialect does not know. */
  action_unknown: { family: "frame" },
  /** The first frame of a connection is not the dialect's greeting. */
  bad_greeting: { family: "frame" },
  /** The message names no receiver. */
  target_missing: { family: "frame" },
  /** The frame is larger than the dialect's limit. */
  frame_too_large: { family: "rate", isFatal: true },
  /** Frames come faster than the limit; this one was dropped. */
  rate_limited: { family: "rate" },
  /** Frames kept coming far too fast. */
  flooding: { family: "rate", isFatal: true },
  /** The client did not identify itself in time. */
  not_identified: { family: "identity", isFatal: true },
  credentials_missing: { family: "identity" },
  credentials_wrong: { family: "identity" },
  credentials_expired: { family: "identity" },
  /** The token cannot be checked at the moment. */
  auth_unavailable: { family: "identity" },
  /** The token is not good for the dialect, the id, the room or the role. */
  dialect_forbidden: { family: "identity" },
  id_forbidden: { family: "identity" },
  room_forbidden: { family: "room" },
  role_forbidden: { family: "policy" },
  /** The token was good when its holder connected, and has expired since. */
  login_expired: { family: "identity", isFatal: true },
  id_invalid: { family: "identity" },
  id_taken: { family: "identity" },
  /** The id was not made by this server, where only such ids are admitted. */
  id_not_issued: { family: "identity" },
  peer_unknown: { family: "peer" },
  peer_busy: { family: "peer" },
  /** The peer exists, but not in the sender's room. */
  peer_elsewhere: { family: "peer" },
  /** The peer exists, but not the one of its connections that is meant. */
  instance_unknown: { family: "peer" },
  /** The peer's client has no words for the message. */
  untranslatable: { family: "peer" },
  /** The peer, of another dialect, cannot be asked to make the offer. */
  not_askable: { family: "peer" },
  /** The peer, of another dialect, takes no further offer in a call. */
  not_renegotiable: { family: "peer" },
  room_missing: { family: "room" },
  room_invalid: { family: "room" },
  /** There is no such room, where clients may not open rooms. */
  room_unknown: { family: "room" },
  /** The client is in a room already, and may be in one only. */
  already_joined: { family: "room" },
  /** The client has to be in a room for this. */
  not_joined: { family: "room" },
  /** The server, or this dialect, has as many peers as the configuration allows. */
  peers_full: { family: "capacity" },
  room_full: { family: "capacity" },
  rooms_full: { family: "capacity" },
  /** One peer has as many connections as the configuration allows. */
  instances_full: { family: "capacity" },
  /** The receiver is away, and as much waits for it as the configuration allows. */
  queue_full: { family: "capacity" },
  description_invalid: { family: "description" },
  /** Part of the description has a name that only the server may use. */
  field_reserved: { family: "description" },
  /** The description is over its limit, or the sum of those in the room. */
  description_too_large: { family: "description" },
  not_allowed: { family: "policy" },
  /** The server has as many connections as the configuration allows. */
  server_full: { family: "door", isFatal: true },
  /** One address has as many connections as the configuration allows. */
  address_full: { family: "door", isFatal: true },
  /** Connections from one address come faster than the limit. */
  address_rate: { family: "door", isFatal: true },
  origin_forbidden: { family: "door", isFatal: true },
  /** An operator has removed the client. */
  kicked: { family: "policy", isFatal: true },
  /** An operator has banned the address. */
  address_banned: { family: "door", isFatal: true },
  /** The other nodes of the cluster cannot be reached at the moment. */
  unavailable: { family: "capacity" },
  internal: { family: "fault", isFatal: true },
} as const satisfies Record<string, CodeFacts>;

/** A key of the catalogue. */
export type ErrorCode = keyof typeof CODES;

/** A code whose refusal ends the connection. */
export type FatalCode = {
  [Code in ErrorCode]: (typeof CODES)[Code] extends { readonly isFatal: true } ? Code : never;
}[ErrorCode];

/** Every code, in the catalogue's order. */
// `Object.keys` loses the type of the keys, which are all the catalogue's.
export const ERROR_CODES = Object.keys(CODES) as readonly ErrorCode[];

/** True if the connection ends with the refusal, in every dialect. */
export function isFatal(code: ErrorCode): code is FatalCode {
  return "isFatal" in CODES[code];
}

/** One dialect's answer to every code: its families' answers, and its exceptions by code. */
export function byCode<Answer>(
  families: Readonly<Record<ErrorFamily, Answer>>,
  exceptions: Readonly<Partial<Record<ErrorCode, Answer>>> = {},
): Readonly<Record<ErrorCode, Answer>> {
  const answers = ERROR_CODES.map((code) =>
    [code, exceptions[code] ?? families[CODES[code].family]] as const
  );
  // Every code of the catalogue is among the entries.
  return Object.fromEntries(answers) as Record<ErrorCode, Answer>;
}

/** A refusal of something that a client did; the client's session words it for the wire. */
export class SignalError extends Error {
  override readonly name = "SignalError";

  /**
   * @param code the outcome, for programs
   * @param message the attempt, then the value in quotes, for people
   * @param details further fields of the dialect's answer
   * @param why the reason for logs and metrics, where the code is too general
   * @param remark the reason in the words of its source, for logs alone
   */
  constructor(
    readonly code: ErrorCode,
    message: string = code,
    readonly details: Readonly<Record<string, unknown>> = {},
    readonly why?: string,
    readonly remark?: string,
  ) {
    super(message);
  }
}

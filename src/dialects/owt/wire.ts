import { byCode, type ErrorCode } from "../../core/errors.ts";
import type { Sent } from "../../core/hub.ts";

/** A refusal in the clients' error numbers (§6). */
export interface OwtRefusal {
  readonly error: number;
  /** True if the connection ends with it. */
  readonly isFinal: boolean;
}

const UNKNOWN = 2100;
export const BUSY = 2102;
const UNSUPPORTED_VERSION = 2103;
const NOT_LOGGED_IN = 2120;
const WRONG_TOKEN = 2121;
const UNREACHABLE = 2201;
const UNSUPPORTED = 2401;
const ILLEGAL_ARGUMENT = 2402;
const NOT_ALLOWED = 2404;

function refused(error: number): OwtRefusal {
  return { error, isFinal: false };
}

function hungUp(error: number): OwtRefusal {
  return { error, isFinal: true };
}

/** The answer to each refusal; OWT has no rooms or descriptions that could be refused. */
export const WIRE = byCode<OwtRefusal>({
  // An argument that is not an object, before the login or after it (§5).
  frame: refused(ILLEGAL_ARGUMENT),
  rate: refused(BUSY),
  identity: hungUp(WRONG_TOKEN),
  peer: refused(UNREACHABLE),
  room: refused(UNKNOWN),
  capacity: hungUp(BUSY),
  description: refused(UNKNOWN),
  policy: refused(NOT_ALLOWED),
  door: hungUp(BUSY),
  // The connection fails with it.
  fault: refused(UNKNOWN),
}, {
  // A binary packet, or one that Socket.IO does not know (§2).
  not_json: hungUp(ILLEGAL_ARGUMENT),
  binary_frame: hungUp(ILLEGAL_ARGUMENT),
  frame_too_large: hungUp(ILLEGAL_ARGUMENT),
  // The handshake's `clientVersion` (§4).
  bad_greeting: hungUp(UNSUPPORTED_VERSION),
  action_unknown: refused(UNKNOWN),
  target_missing: refused(UNREACHABLE),
  flooding: hungUp(BUSY),
  auth_unavailable: hungUp(BUSY),
  // A login ends with it, a message does not.
  unavailable: refused(BUSY),
  not_joined: hungUp(NOT_LOGGED_IN),
  not_identified: hungUp(NOT_LOGGED_IN),
  untranslatable: refused(UNSUPPORTED),
  not_askable: refused(UNSUPPORTED),
  not_renegotiable: refused(UNSUPPORTED),
  queue_full: refused(BUSY),
  room_full: refused(BUSY),
  rooms_full: refused(BUSY),
  origin_forbidden: hungUp(NOT_ALLOWED),
  address_banned: hungUp(NOT_ALLOWED),
});

/** Explanations of a refused login. */
export const REASONS: Partial<Record<ErrorCode, string>> = {
  id_taken: "Id is in use",
  unavailable: "The other nodes cannot be reached",
};

/** Refusals of a message, by the outcome of its sending. */
export const UNSENT: Readonly<Record<Exclude<Sent, "sent">, readonly [ErrorCode, string]>> = {
  unknown: ["peer_unknown", "No such peer"],
  elsewhere: ["peer_unknown", "No such peer"],
  busy: ["peer_busy", "The peer is busy"],
  untranslatable: ["untranslatable", "The peer has no form for this message"],
  not_askable: ["not_askable", "The peer cannot be asked for an offer"],
  not_renegotiable: ["not_renegotiable", "The peer takes no further offers"],
  unavailable: ["unavailable", "The other nodes cannot be reached"],
};

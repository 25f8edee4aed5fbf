import type { ErrorCode } from "../../core/errors.ts";
import type { Refusal } from "../kit/refusal.ts";
import { encodeError } from "./messages.ts";

/** An `error`, after which the connection goes on. */
const ERROR: Refusal = { frame: ({ message }) => encodeError(message) };
/** What the reference cannot read it ignores: elements would take an answer for the end. */
const IGNORED: Refusal = {};

/** What the protocol says of each refusal. */
export const WIRE: Record<ErrorCode, Refusal> = {
  bad_frame: IGNORED,
  not_json: IGNORED,
  binary_frame: IGNORED,
  action_unknown: IGNORED,
  bad_greeting: ERROR,
  rate_limited: ERROR,
  credentials_missing: ERROR,
  credentials_wrong: ERROR,
  id_invalid: ERROR,
  id_taken: ERROR,
  id_not_issued: ERROR,
  peer_unknown: ERROR,
  peer_busy: ERROR,
  peer_elsewhere: ERROR,
  instance_unknown: ERROR,
  instances_full: ERROR,
  queue_full: ERROR,
  target_missing: ERROR,
  room_missing: ERROR,
  room_invalid: ERROR,
  room_unknown: ERROR,
  room_full: ERROR,
  rooms_full: ERROR,
  already_joined: ERROR,
  not_joined: ERROR,
  description_invalid: ERROR,
  field_reserved: ERROR,
  description_too_large: ERROR,
  not_allowed: ERROR,
  internal: ERROR,
  frame_too_large: { close: [1009, "message too big"] },
  flooding: { ...ERROR, close: [1008, "too many messages"] },
  not_identified: { close: [1008, "no message in time"] },
  origin_forbidden: { ...ERROR, close: [1008, "origin not allowed"] },
  address_banned: { ...ERROR, close: [1008, "address is banned"] },
  peers_full: { ...ERROR, close: [1013, "server is full"] },
  server_full: { ...ERROR, close: [1013, "server is full"] },
  address_full: { ...ERROR, close: [1013, "too many connections"] },
  address_rate: { ...ERROR, close: [1013, "too many connections"] },
};

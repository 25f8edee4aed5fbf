import type { ErrorCode, SignalError } from "../../core/errors.ts";
import type { Refusal } from "../kit/refusal.ts";
import { encodeError } from "./messages.ts";

/** The protocol's error codes (§7) and what they are as an HTTP status. */
const STATUS = {
  bad_json: 400,
  bad_frame: 400,
  bad_room: 400,
  reserved_field: 400,
  bad_field: 400,
  not_joined: 400,
  already_joined: 400,
  unauthorized: 401,
  bad_secret: 403,
  forbidden: 403,
  unknown_peer: 404,
  unknown_instance: 404,
  too_many_instances: 409,
  room_full: 409,
  too_large: 413,
  rate_limited: 429,
  queue_full: 503,
  internal: 500,
} as const;

type Word = keyof typeof STATUS;

interface WordedRefusal extends Refusal {
  /** The error code; a socket that is only closed is not told it, an HTTP client is. */
  readonly word: Word;
}

/** After this long some of the allowance is there again, whatever the configured rate. */
const RETRY_MS = 1_000;

function error(word: Word): WordedRefusal {
  return { word, frame: (error) => encode(word, error) };
}

function closing(word: Word, code: number, reason: string): WordedRefusal {
  return { word, close: [code, reason] };
}

/** What is said of each refusal; hardly anything costs the connection (§7). */
export const WIRE: Record<ErrorCode, WordedRefusal> = {
  not_json: error("bad_json"),
  binary_frame: error("bad_json"),
  bad_frame: error("bad_frame"),
  bad_greeting: error("bad_frame"),
  action_unknown: error("bad_frame"),
  target_missing: error("bad_frame"),
  room_missing: error("bad_room"),
  room_invalid: error("bad_room"),
  field_reserved: error("reserved_field"),
  description_invalid: error("bad_field"),
  description_too_large: error("too_large"),
  not_joined: error("not_joined"),
  already_joined: error("already_joined"),
  credentials_missing: error("unauthorized"),
  credentials_wrong: error("unauthorized"),
  // An id is known by its secret: any other claim to one is a wrong secret.
  id_not_issued: error("bad_secret"),
  id_invalid: error("bad_secret"),
  id_taken: error("bad_secret"),
  not_allowed: error("forbidden"),
  peer_unknown: error("unknown_peer"),
  peer_elsewhere: error("unknown_peer"),
  peer_busy: error("unknown_peer"),
  room_unknown: error("unknown_peer"),
  instance_unknown: error("unknown_instance"),
  instances_full: error("too_many_instances"),
  room_full: error("room_full"),
  rooms_full: error("room_full"),
  peers_full: error("room_full"),
  queue_full: error("queue_full"),
  rate_limited: error("rate_limited"),
  frame_too_large: closing("too_large", 1009, "message too big"),
  not_identified: closing("not_joined", 4000, "no join in time"),
  flooding: closing("rate_limited", 4008, "too many messages"),
  origin_forbidden: { ...error("forbidden"), close: [1008, "origin not allowed"] },
  address_banned: { ...error("forbidden"), close: [1008, "address is banned"] },
  server_full: { ...error("rate_limited"), close: [1013, "server is full"] },
  address_full: { ...error("rate_limited"), close: [1013, "too many connections"] },
  address_rate: { ...error("rate_limited"), close: [1013, "too many connections"] },
  // The connection fails with it: the instance is lost, and can be taken back.
  internal: { word: "internal" },
};

/** A refusal as an HTTP answer: a status, and the `error` frame as body (§8). */
export function refusalResponse(error: SignalError): Response {
  const { word } = WIRE[error.code];
  return frameResponse(encode(word, error), STATUS[word]);
}

/** A frame as an HTTP answer. */
export function frameResponse(frame: string, status: number = 200): Response {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return new Response(frame, { status, headers });
}

function encode(word: Word, { message, details }: SignalError): string {
  const retry = word === "rate_limited" ? { retry_ms: RETRY_MS } : {};
  return encodeError(word, message, { ...retry, ...details });
}

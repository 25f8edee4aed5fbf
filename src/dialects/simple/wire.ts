import type { SignalError } from "../../core/errors.ts";
import { type Refusal, wordRefusals } from "../kit/refusal.ts";
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
  kicked: 403,
  unknown_peer: 404,
  unknown_instance: 404,
  too_many_instances: 409,
  room_full: 409,
  too_large: 413,
  rate_limited: 429,
  queue_full: 503,
  unsupported: 501,
  unavailable: 503,
  internal: 500,
} as const;

type Word = keyof typeof STATUS;

interface WordedRefusal extends Refusal {
  /** The error code; an HTTP client gets it, a socket that is only closed does not. */
  readonly word: Word;
}

/** Refusals of the moment: the client tries again. */
const PASSING: ReadonlySet<Word> = new Set(["rate_limited", "unavailable"]);
/** After this long some of the allowance is there again, whatever the configured rate. */
const RETRY_MS = 1_000;

function error(word: Word): WordedRefusal {
  return { word, frame: (error) => encode(word, error) };
}

function closing(word: Word, code: number, reason: string): WordedRefusal {
  return { word, close: [code, reason] };
}

/** The answer to each refusal; hardly any costs the connection (§7). */
export const WIRE = wordRefusals<WordedRefusal>({
  frame: error("bad_frame"),
  rate: error("rate_limited"),
  // A secret proves an id: every other claim to one shows a wrong secret.
  identity: error("bad_secret"),
  peer: error("unknown_peer"),
  room: error("not_joined"),
  capacity: error("room_full"),
  description: error("bad_field"),
  policy: error("forbidden"),
  door: error("rate_limited"),
  // The connection fails with it: the instance is lost, and can be taken back.
  fault: { word: "internal" },
}, {
  not_json: error("bad_json"),
  binary_frame: error("bad_json"),
  room_missing: error("bad_room"),
  room_invalid: error("bad_room"),
  room_unknown: error("unknown_peer"),
  already_joined: error("already_joined"),
  field_reserved: error("reserved_field"),
  description_too_large: error("too_large"),
  credentials_missing: error("unauthorized"),
  credentials_wrong: error("unauthorized"),
  credentials_expired: error("unauthorized"),
  auth_unavailable: error("unavailable"),
  unavailable: error("unavailable"),
  dialect_forbidden: error("forbidden"),
  id_forbidden: error("forbidden"),
  room_forbidden: error("forbidden"),
  login_expired: { ...error("unauthorized"), close: [4003, "token expired"] },
  kicked: { ...error("kicked"), close: [4003, "removed by an operator"] },
  instance_unknown: error("unknown_instance"),
  untranslatable: error("unsupported"),
  not_askable: error("unsupported"),
  not_renegotiable: error("unsupported"),
  instances_full: error("too_many_instances"),
  queue_full: error("queue_full"),
  frame_too_large: closing("too_large", 1009, "message too big"),
  not_identified: closing("not_joined", 4000, "no join in time"),
  flooding: closing("rate_limited", 4008, "too many messages"),
  origin_forbidden: error("forbidden"),
  address_banned: error("forbidden"),
});

/** A refusal as an HTTP answer: a status, and the `error` frame as body (§8). */
export function refusalResponse(error: SignalError): Response {
  const { word } = WIRE[error.code];
  const response = frameResponse(encode(word, error), STATUS[word]);
  const { retry_ms: retryMs } = detailsOf(word, error);
  if (typeof retryMs === "number") {
    response.headers.set("retry-after", String(Math.ceil(retryMs / 1_000)));
  }
  return response;
}

/** A frame as an HTTP answer. */
export function frameResponse(frame: string, status: number = 200): Response {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return new Response(frame, { status, headers });
}

function encode(word: Word, error: SignalError): string {
  return encodeError(word, error.message, detailsOf(word, error));
}

function detailsOf(word: Word, { details }: SignalError): Readonly<Record<string, unknown>> {
  return { ...(PASSING.has(word) && { retry_ms: RETRY_MS }), ...details };
}

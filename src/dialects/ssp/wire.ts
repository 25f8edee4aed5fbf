import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { Refused, RoomId } from "../../core/events.ts";
import type { Sent } from "../../core/hub.ts";
import { type Refusal, wordRefusals } from "../kit/refusal.ts";
import { encodeError, STOP } from "./messages.ts";

/** An `rtc:error` with a reason that is the same in every version (§6). */
function reason(word: string): Refusal {
  return { word, frame: ({ message, details }) => encodeError(message, word, details) };
}

/** The answer to each refusal; a wrong message never costs the connection (§6). */
export const WIRE = wordRefusals<Refusal>({
  frame: reason("invalid-event"),
  rate: reason("rate-limited"),
  identity: reason("not-authorized"),
  peer: reason("unknown-peer"),
  room: reason("not-joined"),
  capacity: reason("pool-full"),
  description: reason("invalid-description"),
  policy: reason("not-allowed"),
  // §6 is about messages: a refusal of the connection itself closes it.
  door: reason("rate-limited"),
  fault: reason("internal"),
}, {
  not_json: reason("invalid-json"),
  binary_frame: reason("binary-frame"),
  action_unknown: reason("unknown-action"),
  target_missing: reason("missing-target"),
  room_missing: reason("missing-pool"),
  room_invalid: reason("invalid-pool"),
  room_unknown: reason("no-such-pool"),
  already_joined: reason("already-joined"),
  untranslatable: reason("not-supported"),
  not_askable: reason("not-supported"),
  not_renegotiable: reason("not-supported"),
  queue_full: reason("rate-limited"),
  description_too_large: reason("too-large"),
  auth_unavailable: reason("unavailable"),
  unavailable: reason("unavailable"),
  room_forbidden: reason("not-authorized"),
  origin_forbidden: reason("not-authorized"),
  address_banned: reason("not-authorized"),
  kicked: { word: "kicked", frame: () => STOP, close: [1000, ""] },
  frame_too_large: { close: [1009, "message too big"] },
  not_identified: { close: [1008, "no join in time"] },
});

const EXPLANATIONS = {
  room_full: "The pool is full",
  rooms_full: "The server holds no more pools",
  peers_full: "The server holds no more members",
  description_too_large: "The pool's descriptions are too large",
  credentials_missing: "No token was shown that is good for the pool",
  unavailable: "The other nodes cannot be reached",
} as const;

/** Refusals of a message, by the outcome of its sending; the rest is an unknown peer. */
export const UNSENT: Partial<Record<Sent, [code: ErrorCode, message: string]>> = {
  untranslatable: ["untranslatable", "The peer has no form for this message"],
  not_askable: ["not_askable", "The peer cannot be asked for an offer"],
  not_renegotiable: ["not_renegotiable", "The peer takes no further offers"],
  unavailable: ["unavailable", EXPLANATIONS.unavailable],
};
/** The same for a description that is neither offer nor answer. */
export const UNTOLD: typeof UNSENT = {
  untranslatable: ["description_invalid", "The peer has no form for this kind of description"],
  unavailable: ["unavailable", EXPLANATIONS.unavailable],
};

/** The refusal of a step in the hub. */
export function explained(refused: Refused): SignalError {
  const { reason } = refused;
  switch (reason) {
    // No other client claims an id that was made here, and the dialect makes no pairs.
    case "id_taken":
    case "peer_busy":
    case "peer_unknown":
      return new SignalError("peers_full", EXPLANATIONS.peers_full, poolIn(refused));
    case "peers_full":
    case "room_full":
    case "rooms_full":
    case "description_too_large":
    case "credentials_missing":
    case "unavailable":
      return new SignalError(reason, EXPLANATIONS[reason], poolIn(refused));
  }
}

/** The pool that a refusal names, for the answer. */
function poolIn(refused: Refused): { readonly pool?: RoomId } {
  return "room" in refused && refused.room !== undefined ? { pool: refused.room } : {};
}

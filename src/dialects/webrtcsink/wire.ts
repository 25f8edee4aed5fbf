import { type ErrorCode, SignalError } from "../../core/errors.ts";
import type { PeerId, Refused } from "../../core/events.ts";
import type { Sent } from "../../core/hub.ts";
import { type Refusal, wordRefusals } from "../kit/refusal.ts";
import { encodeError } from "./messages.ts";

/** An `error`, after which the connection goes on. */
const ERROR: Refusal = { frame: ({ message }) => encodeError(message) };
/** The reference ignores what it cannot read: elements would take an answer for the end. */
const IGNORED: Refusal = {};

function closing(code: number, reason: string): Refusal {
  return { ...ERROR, close: [code, reason] };
}

/** The protocol's answer to each refusal. */
export const WIRE = wordRefusals<Refusal>({
  frame: IGNORED,
  rate: ERROR,
  identity: ERROR,
  peer: ERROR,
  room: ERROR,
  capacity: ERROR,
  description: ERROR,
  policy: ERROR,
  door: ERROR,
  fault: ERROR,
}, {
  bad_greeting: ERROR,
  target_missing: ERROR,
  frame_too_large: { close: [1009, "message too big"] },
  not_identified: { close: [1008, "no message in time"] },
  credentials_missing: closing(1008, "token is missing"),
  credentials_wrong: closing(1008, "token is not valid"),
  credentials_expired: closing(1008, "token has expired"),
  dialect_forbidden: closing(1008, "not allowed here"),
  auth_unavailable: closing(1013, "cannot check the token now"),
  peers_full: { ...ERROR, close: [1013, "server is full"] },
});

const NOT_AVAILABLE = "Cannot do this now: the server is not available";

/** Refusals of a message for a peer of another dialect. */
const UNSENT: Readonly<Record<Exclude<Sent, "sent">, readonly [ErrorCode, string]>> = {
  unknown: ["peer_unknown", "Cannot reach the peer"],
  elsewhere: ["peer_unknown", "Cannot reach the peer"],
  busy: ["peer_busy", "Cannot reach the peer: it is busy"],
  untranslatable: ["untranslatable", "Cannot tell the peer: it speaks another protocol"],
  not_askable: ["not_askable", "Cannot ask the peer for an offer: make one"],
  not_renegotiable: ["not_renegotiable", "Cannot renegotiate: the peer takes no further offers"],
  unavailable: ["unavailable", NOT_AVAILABLE],
};

/** Characters of a client's text that an answer repeats. */
const MAX_QUOTED = 64;

/** A client's text in an answer. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED));
}

/** The refusal of a session with a peer that is not there. */
export function noPeer(id: PeerId): SignalError {
  return new SignalError("peer_unknown", `Cannot start a session: no peer ${quote(id)}`);
}

/** The refusal of a message that could not be sent. */
export function unsent(outcome: Exclude<Sent, "sent">): SignalError {
  return new SignalError(...UNSENT[outcome]);
}

/** The refusal of a step in the hub. */
export function explained(refused: Refused): SignalError {
  if (refused.step === "pair" && refused.reason === "peer_unknown") return noPeer(refused.peer);
  const { reason } = refused;
  switch (reason) {
    // No other client claims an id that was made here, and no peer is busy.
    case "id_taken":
    case "peer_busy":
    case "peer_unknown":
    case "peers_full":
      return new SignalError("peers_full", "Cannot admit another peer: the server is full");
    case "room_full":
    case "rooms_full":
    case "credentials_missing":
      return new SignalError("room_full", "Cannot take a role: too many peers have one");
    case "description_too_large":
      return new SignalError(
        reason,
        "Cannot change the status: meta of all peers together is too large",
      );
    case "unavailable":
      return new SignalError(reason, NOT_AVAILABLE);
    default:
      return reason satisfies never;
  }
}

import type { ErrorCode, SignalError } from "../../core/errors.ts";
import type { Sent } from "../../core/hub.ts";
import { type Refusal, wordRefusals } from "../kit/refusal.ts";
import { encodeError } from "./messages.ts";

const errorLine = { frame: (error: SignalError) => encodeError(error.message) };
const INVALID_PROTOCOL = { close: [1002, "invalid protocol"] } as const;
const INVALID_UID = { close: [1002, "invalid peer uid"] } as const;

/** Clients print the text and end. */
function atHello(code: number, text: string): Refusal {
  return { frame: () => encodeError(text), close: [code, text] };
}

/** The text protocol's answer to each refusal (§3 to §6). */
export const WIRE = wordRefusals<Refusal>({
  frame: errorLine,
  rate: errorLine,
  identity: INVALID_UID,
  peer: errorLine,
  room: errorLine,
  capacity: errorLine,
  description: errorLine,
  policy: errorLine,
  door: errorLine,
  fault: errorLine,
}, {
  bad_greeting: INVALID_PROTOCOL,
  credentials_missing: atHello(1008, "token is missing"),
  credentials_wrong: atHello(1008, "token is not valid"),
  credentials_expired: atHello(1008, "token has expired"),
  dialect_forbidden: atHello(1008, "not allowed here"),
  auth_unavailable: atHello(1013, "cannot check the token now"),
  kicked: { close: [1008, "kicked"] },
  login_expired: { close: [1008, "token expired"] },
  not_identified: { close: [1002, "no HELLO in time"] },
  peers_full: { ...errorLine, close: [1013, "server is full"] },
  frame_too_large: { close: [1009, "message too big"] },
  flooding: { close: [1008, "too many messages"] },
});

/** The explanation of a message that was not passed on. */
export const UNSENT: Readonly<
  Record<Exclude<Sent, "sent">, readonly [code: ErrorCode, words: string]>
> = {
  unknown: ["peer_unknown", "not found"],
  elsewhere: ["peer_elsewhere", "is not in the room"],
  busy: ["peer_busy", "busy"],
  untranslatable: ["untranslatable", "has no form for this message"],
  not_askable: ["not_askable", "cannot be asked for an offer"],
  not_renegotiable: ["not_renegotiable", "takes no further offers"],
  unavailable: ["unavailable", "cannot be reached now"],
};

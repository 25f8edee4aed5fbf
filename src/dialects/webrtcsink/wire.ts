import { type Refusal, wordRefusals } from "../kit/refusal.ts";
import { encodeError } from "./messages.ts";

/** An `error`, after which the connection goes on. */
const ERROR: Refusal = { frame: ({ message }) => encodeError(message) };
/** The reference ignores what it cannot read: elements would take an answer for the end. */
const IGNORED: Refusal = {};

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
  peers_full: { ...ERROR, close: [1013, "server is full"] },
});

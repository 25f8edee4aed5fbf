import { type Refusal, wordRefusals } from "../kit/refusal.ts";

/** Neither protocol has an error message, and y-webrtc returns at once to a closed socket (§4). */
const SILENCE: Refusal = {};

/** The protocol's answer to each refusal: only what ends the connection shows. */
export const WIRE = wordRefusals<Refusal>({
  frame: SILENCE,
  rate: SILENCE,
  identity: SILENCE,
  peer: SILENCE,
  room: SILENCE,
  capacity: SILENCE,
  description: SILENCE,
  policy: SILENCE,
  door: SILENCE,
  fault: SILENCE,
}, {
  credentials_missing: { close: [1008, "token is missing"] },
  credentials_wrong: { close: [1008, "token is not valid"] },
  credentials_expired: { close: [1008, "token has expired"] },
  dialect_forbidden: { close: [1008, "not allowed here"] },
  auth_unavailable: { close: [1013, "cannot check the token now"] },
});

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
});

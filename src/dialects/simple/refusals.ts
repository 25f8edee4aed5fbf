import { SignalError } from "../../core/errors.ts";
import type { Sent } from "../../core/hub.ts";
import type { Refused } from "../../core/events.ts";
import type { SignalRefusal } from "./settled.ts";

const FULL = {
  room_full: "the room holds no more peers, or not what this one says of itself",
  rooms_full: "the server holds no more rooms",
  peers_full: "the server holds no more peers",
  credentials_missing: "a token is needed",
  unavailable: "the other nodes cannot be reached",
  id_taken: "the id is in use elsewhere",
} as const;

/** Refusals of a signal, by the outcome of its sending. */
export const UNSENT: Readonly<Record<Exclude<Sent, "sent">, SignalRefusal>> = {
  unknown: "peer_unknown",
  elsewhere: "peer_unknown",
  busy: "peer_busy",
  untranslatable: "untranslatable",
  not_askable: "not_askable",
  not_renegotiable: "not_renegotiable",
  unavailable: "unavailable",
};

/** The words for a signal that no instance got. */
const UNTAKEN: Readonly<Record<SignalRefusal, string>> = {
  queue_full: "too much waits for the peer, which is away",
  instance_unknown: "the peer has no such instance",
  peer_unknown: "no such peer in the room",
  peer_busy: "the peer is busy",
  untranslatable: "the peer has no form for this message",
  not_askable: "the peer cannot be asked for an offer",
  not_renegotiable: "the peer takes no further offers",
  unavailable: "the other nodes cannot be reached",
};

/** The refusal of a signal, by its receipt. */
export function untaken(refused: SignalRefusal): SignalError {
  return new SignalError(refused, UNTAKEN[refused]);
}

/** The refusal of a fresh token for a client that has no connection. */
export function noConnection(): SignalError {
  return new SignalError("instance_unknown", "no connection: show the token when you join again");
}

/**
 * Throws the refusal of a peer's step.
 * @param hasClient false for a peer of an earlier run, which has no client to tell
 */
export function throwIfTold(reason: Refused["reason"], hasClient: boolean): void {
  switch (reason) {
    case "description_too_large":
      throw new SignalError(reason, "the room's descriptions are too large");
    case "peers_full":
    case "room_full":
    case "rooms_full":
    case "credentials_missing":
    case "unavailable":
    case "id_taken":
      if (hasClient) throw new SignalError(reason, FULL[reason]);
      return;
    // Hub pairs are not used.
    case "peer_busy":
    case "peer_unknown":
      return;
    default:
      reason satisfies never;
  }
}

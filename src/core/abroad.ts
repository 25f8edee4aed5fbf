import type { Calls } from "./calls.ts";
import type { LobbyName } from "./lobby.ts";
import type { Untaken } from "./signal.ts";

/** The way between peers of different dialects. */
export interface Abroad {
  readonly calls?: Calls;
  readonly lobby?: LobbyName | undefined;
}

/**
 * Outcomes of `Hub.send`. "elsewhere": the peer exists, but is not in the room. "unavailable": it may
 * be on another node, and those cannot be reached.
 */
export type Sent =
  | "sent"
  | "unavailable"
  | "unknown"
  | "elsewhere"
  | "busy"
  | "untranslatable"
  | "not_askable"
  | "not_renegotiable";

/** The outcome, for its sender, of a signal that its call did not take. */
const UNTAKEN: Readonly<Record<Untaken, Sent>> = {
  absent: "unknown",
  busy: "busy",
  cannot_be_asked: "not_askable",
  cannot_renegotiate: "not_renegotiable",
  cannot_be_told: "untranslatable",
};

/** The outcome of a message that went by way of a call. */
export function sentBy(outcome: "sent" | Untaken): Sent {
  return outcome === "sent" ? outcome : UNTAKEN[outcome];
}

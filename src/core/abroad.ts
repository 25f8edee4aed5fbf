import type { CallPeer } from "./call_end.ts";
import type { Calls } from "./calls.ts";
import type { RoomId } from "./events.ts";
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
function sentBy(outcome: "sent" | Untaken): Sent {
  return outcome === "sent" ? outcome : UNTAKEN[outcome];
}

/** Sends to a peer of another dialect; one outside the room may be addressed in a call under way. */
export function sendAbroad(
  calls: Calls | undefined,
  { from, to, payload, room, isInside }: {
    readonly from: CallPeer;
    readonly to: CallPeer;
    readonly payload: unknown;
    readonly room: RoomId | undefined;
    readonly isInside: boolean;
  },
): Sent {
  if (!isInside && calls?.has(from, to) !== true) return "elsewhere";
  return calls === undefined ? "untranslatable" : sentBy(calls.send(from, to, payload, room));
}

import type { CallPeer } from "./call_end.ts";
import type { Calls } from "./calls.ts";
import type { RoomId, Sent } from "../events.ts";
import type { LobbyName } from "./lobby.ts";
import type { PresentPeer } from "../peer.ts";
import type { Untaken } from "./signal.ts";

export type { Sent } from "../events.ts";

/** Calls between peers of different dialects, as the hub uses them. */
export type CallRoutes = Pick<Calls, "has" | "send" | "open" | "leave">;

/** The same with the lobby, for a hub. */
export interface Bridging {
  readonly calls?: CallRoutes | undefined;
  readonly lobby?: LobbyName | undefined;
  /** A peer may have become one that can be called outside of rooms, or be one no longer. */
  readonly moved?: ((peer: PresentPeer) => void) | undefined;
}

/** The way between peers of different dialects. */
export interface Abroad {
  readonly calls?: Calls;
  readonly lobby?: LobbyName | undefined;
}

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

/** Sends to a peer of another dialect; one outside the room may be addressed in a call under way. */
export function sendAbroad(
  calls: CallRoutes | undefined,
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

// The words of two nodes about a call whose ends are on both of them. The node of the older peer keeps
// the call; on the other one, the younger peer's leg carries out its orders.

import { type Description, readDescription } from "../calls/description.ts";
import type { RoomId } from "../events.ts";
import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../calls/signal.ts";

/** Takes the outcome of a message, at once or later. */
export type OnOutcome = (outcome: "sent" | Untaken) => void;

/** A message of a peer of this node, as its session gave it to the hub. */
export interface Mail {
  readonly payload: unknown;
  readonly room: RoomId | undefined;
  readonly answer: OnOutcome;
  /** Grows with all that the clients of this node say, and with the offers of others. */
  readonly saidAt: number;
  /** It was sent once before, to a node that knew the sender no longer. */
  readonly isSecond?: true;
  /** The other client has made an offer since: the message is no answer to that. */
  isLate?: true;
}

/** A leg's behaviour, as far as a call depends on it. */
export interface Traits {
  readonly crossing: Crossing;
  readonly offersFirst: boolean;
  readonly takesOneOffer: boolean;
  readonly refusesAsks: boolean;
  readonly askTimeoutMs?: number;
  readonly showsPresence: boolean;
  readonly restarts: boolean;
}

/** A signal without what its SDP tells. */
type Bare<One> = One extends { readonly description: Description } ? Omit<One, "description"> : One;
export type BareSignal = Bare<Signal>;

/**
 * Names the call that an order belongs to, so that nothing of a call reaches a later one of the same
 * peers. Either node may begin a call, and each has a name for it.
 */
export interface CallNames {
  /** Its name at the node that keeps the call. */
  readonly call: number;
  /** The other node's name of its leg; undefined before it is known. */
  readonly leg: number | undefined;
  /** The number of the other node's newest report with a description that was taken. */
  readonly heard: number;
  /** The other node cannot know the call yet. */
  readonly isFirst?: boolean;
}

/** From the node that keeps the call, about the other one's client. */
export type Order =
  | CallNames & OrderOfCall
  /** The outcome of what the client said. */
  | {
    readonly do: "settle";
    readonly leg: number;
    readonly number: number;
    readonly outcome: "sent" | Untaken;
  };

/** An order about one call. */
export type OrderOfCall =
  /** Makes the leg of a client that is about to be called. */
  | { readonly do: "reach"; readonly room?: RoomId | undefined }
  | {
    readonly do: "lower";
    readonly signal: BareSignal;
    readonly room?: RoomId | undefined;
    /** The other client shows its presence. */
    readonly showsPresence: boolean;
    /** The number of the newest description of this node's client. */
    readonly seen: number;
  }
  | { readonly do: "end"; readonly why: End; readonly isOwn: boolean }
  /** The client has replaced the call: its newest offer begins another one. */
  | { readonly do: "renew"; readonly next: number }
  | { readonly do: "restart" }
  /** There is no call, of which the client knows nothing. */
  | { readonly do: "drop" };

/** From the other node. */
export type Report = LegNames & ReportOfLeg;

/** Names the leg that a report comes from. */
export interface LegNames {
  /** Undefined where no leg was made. */
  readonly leg: number | undefined;
  /** The call of the newest order for the leg; undefined before the first one. */
  readonly call: number | undefined;
  /** The number of the other client's newest description that was taken. */
  readonly seen: number;
}

export type ReportOfLeg =
  | { readonly say: "reached"; readonly traits: Traits }
  | { readonly say: "unreached"; readonly reason: Untaken }
  | {
    readonly say: "lifted";
    readonly lifted: readonly Lifted[] | End;
    readonly traits: Traits;
    readonly room?: RoomId | undefined;
    /** Named by the answer. */
    readonly number: number;
    /** It belongs to no earlier call, and begins one unless the peers have one. */
    readonly opens: boolean;
  }
  /** The client has begun a call by a command alone. */
  | { readonly say: "opened"; readonly traits: Traits }
  /** The client has no form for a signal. */
  | { readonly say: "refused"; readonly kind: Signal["kind"]; readonly reason: Untaken }
  /** There is no such leg any more. */
  | { readonly say: "over" };

/** The first name of a node's calls or legs. It is random: a peer may come from another node with names of its own. */
export function firstName(): number {
  return Math.floor(Math.random() * 2 ** 40);
}

export function traitsOf(leg: Leg): Traits {
  const { crossing, askTimeoutMs, showsPresence, restart } = leg;
  const { offersFirst = false, takesOneOffer = false, refusesAsks = false } = leg;
  const restarts = restart !== undefined;
  const traits = { crossing, offersFirst, takesOneOffer, refusesAsks, showsPresence, restarts };
  return askTimeoutMs === undefined ? traits : { ...traits, askTimeoutMs };
}

export function bare(signal: Signal): BareSignal {
  if (signal.kind !== "offer" && signal.kind !== "answer") return signal;
  const { description: _, ...rest } = signal;
  return rest;
}

/** Reads the SDP of a signal again. */
export function whole(signal: BareSignal): Signal {
  if (signal.kind !== "offer" && signal.kind !== "answer") return signal;
  return { ...signal, description: readDescription(signal.sdp) };
}

export function isAnswer({ kind }: { readonly kind: Signal["kind"] }): boolean {
  return kind === "answer";
}

/** Whether words of another node begin a call, or a part in one that this node has begun meanwhile. */
export function isOpening(words: Order | Report): boolean {
  if ("do" in words) return words.do !== "settle" && words.isFirst === true;
  return words.say === "opened" || (words.say === "lifted" && words.opens);
}

/** Whether words of another node bring an offer of its client, or an ask. */
export function asks(words: Order | Report): boolean {
  if ("do" in words) return words.do === "lower" && begins(words.signal);
  return words.say === "lifted" && typeof words.lifted !== "string" && words.lifted.some(begins);
}

/** Whether a signal can begin a call. */
export function begins({ kind }: { readonly kind: Signal["kind"] }): boolean {
  return kind === "offer" || kind === "ask";
}

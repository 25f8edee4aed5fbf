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
  /** It was sent once before, to a node that knew the sender no longer. */
  readonly isSecond?: true;
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

/** From the node that keeps the call, about the other one's client. */
export type Order =
  /** Makes the leg of a client that is about to be called. */
  | { readonly do: "reach"; readonly room?: RoomId | undefined }
  | {
    readonly do: "lower";
    readonly signal: BareSignal;
    readonly room?: RoomId | undefined;
    /** The other client shows its presence. */
    readonly showsPresence: boolean;
  }
  | { readonly do: "end"; readonly why: End; readonly isOwn: boolean }
  /** The client has replaced the call: its newest offer begins another one. */
  | { readonly do: "renew" }
  | { readonly do: "restart" }
  /** There is no call, of which the client knows nothing. */
  | { readonly do: "drop" }
  /** The outcome of what the client said. */
  | { readonly do: "settle"; readonly number: number; readonly outcome: "sent" | Untaken };

/** From the other node. */
export type Report =
  | { readonly say: "reached"; readonly traits: Traits }
  | { readonly say: "unreached"; readonly reason: Untaken }
  | {
    readonly say: "lifted";
    readonly lifted: readonly Lifted[] | End;
    readonly traits: Traits;
    readonly room?: RoomId | undefined;
    /** Named by the answer. */
    readonly number: number;
  }
  /** The client has begun a call by a command alone. */
  | { readonly say: "opened"; readonly traits: Traits }
  /** The client has no form for a signal. */
  | { readonly say: "refused"; readonly kind: Signal["kind"]; readonly reason: Untaken };

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

/** Whether a signal can begin a call. */
export function begins({ kind }: Pick<Lifted, "kind">): boolean {
  return kind === "offer" || kind === "ask";
}

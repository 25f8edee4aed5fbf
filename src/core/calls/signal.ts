import type { Description } from "./description.ts";

/** An ICE candidate that names its media section in both ways, as far as the SDP has names. */
export interface Candidate {
  readonly candidate: string;
  /** Null where the sender's description gives the section no name. */
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number;
  readonly usernameFragment?: string;
}

/**
 * One message of a client, lifted out of its wire format. A candidate is still in the client's
 * words, because only the sender's description tells whether it is valid. SDP is never edited.
 */
export type Lifted =
  | { readonly kind: "offer"; readonly sdp: string }
  | { readonly kind: "answer"; readonly sdp: string; readonly isProvisional?: boolean }
  | { readonly kind: "candidate"; readonly candidate: unknown }
  /** Asks the other client to make the offer. */
  | { readonly kind: "ask" }
  /** Application data, which only some protocols carry. */
  | { readonly kind: "data"; readonly data: unknown };

/** One message on its way to the other client, complete and checked. */
export type Signal =
  | {
    readonly kind: "offer";
    readonly sdp: string;
    readonly description: Description;
    /** The offer changes a connection that was answered already. */
    readonly isRenegotiation: boolean;
    /** The receiving client has an unanswered offer of its own, which is void from now on. */
    readonly isCrossing: boolean;
  }
  | {
    readonly kind: "answer";
    readonly sdp: string;
    readonly description: Description;
    readonly isProvisional: boolean;
  }
  | { readonly kind: "candidate"; readonly candidate: Candidate }
  | { readonly kind: "end-of-candidates" }
  | { readonly kind: "ask" }
  | { readonly kind: "data"; readonly data: unknown };

/** Why a call is over. "replaced": the client itself has begun another call with the same peer. */
export type End = typeof ENDS[number];

const ENDS = ["hung-up", "refused", "gone", "replaced", "failed", "unanswered"] as const;

/** Why a signal was not passed on; the sender's session words it. */
export type Untaken =
  | "absent"
  | "busy"
  | "cannot_be_asked"
  | "cannot_renegotiate"
  | "cannot_be_told";

/** "caller": the peer begins the call, or may begin it; "callee": the other one has begun it. */
export type CallRole = "caller" | "callee";

/** How a client behaves when another client's offer crosses its own. */
export type Crossing =
  /** It drops its own offer and answers the other one. */
  | "yields"
  /** It keeps its own offer, but may answer the other one nevertheless. */
  | "insists"
  /** It does not read the other offer at all: only its own can be answered. */
  | "ignores"
  /** It takes the other offer as another call, beside its own. */
  | "calls";

/** One client's end of a call. Its session makes it, and it lives as long as the call. */
export interface Leg {
  readonly crossing: Crossing;
  /** The client makes an offer by itself; offers of the other client wait for it. */
  readonly offersFirst?: boolean;
  /** The client cannot be asked for an offer. */
  readonly refusesAsks?: boolean;
  /** The client refuses every offer after the first that was answered. */
  readonly takesOneOffer?: boolean;
  /** How soon an ask has to be followed by an offer, where sooner than any offer by its answer. */
  readonly askTimeoutMs?: number;
  /** Other peers know from its connection whether the client is there, so its departure is an end. */
  readonly showsPresence: boolean;
  /**
   * Reads a message of its client: its signals, empty for a message without a counterpart; the end
   * of the call; or why the message cannot be passed.
   */
  lift(payload: unknown): readonly Lifted[] | End | Untaken;
  /**
   * Sends a signal to its client. A leg that refuses the first signal of a call has not introduced
   * the other peer, and is dropped without `end`.
   */
  lower(signal: Signal): Untaken | undefined;
  /**
   * The call is over; called once.
   * @param isOwn the client itself has ended it
   */
  end(why: End, isOwn: boolean): void;
  /** Makes the client drop its connection and wait for an offer; absent without such a message. */
  restart?(): void;
}

/** Tells what a leg's `lift` returned. */
export function isEnd(lifted: readonly Lifted[] | End | Untaken): lifted is End {
  return ENDS.some((end) => end === lifted);
}

import type { FrameRef, Receipt, Ticket } from "./messages.ts";

/** The answer to a signal, for the instance that sent it. */
export interface Settled {
  readonly instance: number;
  readonly via: string | undefined;
  readonly ticket: Ticket | undefined;
  readonly ref: FrameRef;
  readonly outcome: Receipt | { readonly refused: SignalRefusal };
}

/** Reasons for which no instance gets a signal. */
export type SignalRefusal =
  | "queue_full"
  | "instance_unknown"
  | "peer_unknown"
  | "peer_busy"
  | "untranslatable"
  | "not_askable"
  | "not_renegotiable"
  | "unavailable";

import type { FrameRef, Receipt } from "./messages.ts";

/** Names a signal in its receipt: no other process and no later peer uses the same. */
export type Ticket = string;

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

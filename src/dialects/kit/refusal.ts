import type { SignalError } from "../../core/errors.ts";
import type { Link } from "../../core/types.ts";

/** A dialect's wire form of one kind of refusal. */
export interface Refusal {
  /** What the dialect calls it, for logs. */
  readonly word?: string;
  /** The frame that says it; without one the client is told nothing, or only by the close. */
  readonly frame?: (error: SignalError) => string;
  /** Hang up: with a code and reason, or "bare" for a closing frame without either. */
  readonly close?: "bare" | readonly [code: number, reason: string];
}

/** Carries a refusal out. */
export function sendRefusal(link: Link, refusal: Refusal, error: SignalError): void {
  if (refusal.frame !== undefined) link.send(refusal.frame(error));
  if (refusal.close === "bare") link.close();
  else if (refusal.close !== undefined) link.close(...refusal.close);
}

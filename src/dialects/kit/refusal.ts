import {
  byCode,
  ERROR_CODES,
  type ErrorCode,
  type ErrorFamily,
  type FatalCode,
  isFatal,
  type SignalError,
} from "../../core/errors.ts";
import type { Link } from "../../core/session.ts";

/** A dialect's wire form of one kind of refusal. */
export interface Refusal {
  /** The dialect's own name for it, for logs. */
  readonly word?: string;
  /** The frame that tells the client; without one the client learns of it by the close, if at all. */
  readonly frame?: (error: SignalError) => string;
  /** Ends the connection: with a code and reason, or "bare" for a closing frame without either. */
  readonly close?: "bare" | readonly [code: number, reason: string];
}

/** How connections end where a dialect has no code of its own. */
const CLOSINGS: Readonly<Record<Exclude<FatalCode, "internal">, Refusal["close"]>> = {
  frame_too_large: [1009, "message too big"],
  flooding: [1008, "too many messages"],
  not_identified: [1008, "not identified in time"],
  login_expired: [1008, "token expired"],
  kicked: [1008, "kicked"],
  origin_forbidden: [1008, "origin not allowed"],
  address_banned: [1008, "address is banned"],
  // 1013 makes clients try again later.
  server_full: [1013, "server is full"],
  address_full: [1013, "too many connections"],
  address_rate: [1013, "too many connections"],
};

/**
 * Completes a dialect's table of refusals: a fatal refusal that names no close gets the common one.
 * An internal fault closes the link by itself (see `Link.fail`).
 */
export function wordRefusals<Word extends Refusal>(
  families: Readonly<Record<ErrorFamily, Word>>,
  exceptions: Readonly<Partial<Record<ErrorCode, Word>>> = {},
): Readonly<Record<ErrorCode, Word>> {
  const words = { ...byCode(families, exceptions) };
  for (const code of ERROR_CODES) {
    if (!isFatal(code) || code === "internal" || words[code].close !== undefined) continue;
    words[code] = { ...words[code], close: CLOSINGS[code] };
  }
  return words;
}

/** Sends a refusal, and closes the link where the refusal ends the connection. */
export function sendRefusal(link: Link, refusal: Refusal, error: SignalError): void {
  if (refusal.frame !== undefined) link.send(refusal.frame(error));
  if (refusal.close === "bare") link.close();
  else if (refusal.close !== undefined) link.close(...refusal.close);
}

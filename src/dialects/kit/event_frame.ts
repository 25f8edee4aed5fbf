import type { Frame } from "../../core/session.ts";

// EVENT and ACK packets as a NamespaceLink carries them. The transport has checked the head already.

/** An EVENT packet, its JSON unread. */
export interface EventFrame {
  /** The acknowledgement id as it came; undefined where no acknowledgement is wanted. */
  readonly ack: string | undefined;
  /** `["name",…]` */
  readonly json: string;
}

/** Takes a packet apart; undefined where it is no EVENT. */
export function splitEvent(frame: Frame): EventFrame | undefined {
  if (typeof frame !== "string" || !frame.startsWith("2")) return undefined;
  let end = 1;
  while (isDigit(frame.charCodeAt(end))) end++;
  return { ack: end > 1 ? frame.slice(1, end) : undefined, json: frame.slice(end) };
}

/** Writes an EVENT that wants no acknowledgement. */
export function encodeEvent(name: string, ...args: readonly unknown[]): string {
  return `2${JSON.stringify([name, ...args])}`;
}

/** Writes an ACK: the answer to the event that came with this id. */
export function encodeAck(ack: string, ...args: readonly unknown[]): string {
  return `3${ack}${JSON.stringify(args)}`;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

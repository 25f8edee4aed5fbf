import * as z from "zod";
import type { Frame } from "../../core/session.ts";
import { isTooDeep, parseJson } from "../kit/json.ts";

// The wire contract is protocols/peerjs.md of the project's notes; sections are cited as §n.

/** Messages about a connection attempt: held for a peer that is not here (§5, §7). */
const Attempt = z.object({
  type: z.enum(["OFFER", "ANSWER", "CANDIDATE"]),
  dst: z.string().min(1),
  payload: z.unknown().optional(),
});
/** Relayed to a connected peer, ignored otherwise (§5). */
const Expire = z.object({
  type: z.literal("EXPIRE"),
  dst: z.string().min(1),
  payload: z.unknown().optional(),
});
/** With `dst` relayed; without one the sender gives its id up (§5). */
const Leave = z.object({
  type: z.literal("LEAVE"),
  dst: z.string().nullish(),
  payload: z.unknown().optional(),
});
const Heartbeat = z.object({ type: z.literal("HEARTBEAT") });

const ClientMessage = z.discriminatedUnion("type", [Attempt, Expire, Leave, Heartbeat]);
export type ClientMessage = z.infer<typeof ClientMessage>;
export type AttemptMessage = z.infer<typeof Attempt>;

/** What one peer is handed of another's message; the receiver's own id is added on the way out. */
export interface RelayedMessage {
  readonly type: "OFFER" | "ANSWER" | "CANDIDATE" | "LEAVE" | "EXPIRE";
  /** Any JSON value; undefined where the sender gave none. */
  readonly payload?: unknown;
}

const HasConnectionId = z.object({ connectionId: z.string().max(256) });

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a frame: a message, "ignored" for JSON that means nothing to a server (an unknown type, an
 * `OPEN` or `ERROR` that would harm whoever received it, a missing `dst`), or "malformed" (§5).
 */
export function decode(frame: Frame): ClientMessage | "ignored" | "malformed" {
  let value: unknown;
  try {
    // A binary frame that holds the same JSON is treated alike (§5).
    const text = typeof frame === "string" ? frame : utf8.decode(frame);
    value = parseJson(text);
    if (isTooDeep(text, value)) return "malformed";
  } catch {
    return "malformed";
  }
  if (typeof value !== "object" || value === null) return "malformed";
  const result = ClientMessage.safeParse(value);
  return result.success ? result.data : "ignored";
}

/** Writes a relayed message: exactly these keys in this order, `src` as the server knows it (§5). */
export function encodeRelay(message: RelayedMessage, src: string, dst: string): string {
  return JSON.stringify({ type: message.type, src, dst, payload: message.payload });
}

/** `OPEN` carries nothing else (§4). */
export const OPEN = JSON.stringify({ type: "OPEN" });

/** Tells a sender that what it said to `absent` was dropped (§7). */
export function encodeExpire(absent: string, sender: string): string {
  return JSON.stringify({ type: "EXPIRE", src: absent, dst: sender });
}

/** A refusal that the client reports as `server-error`, or for `ID-TAKEN` as `unavailable-id` (§4). */
export function encodeRefusal(type: "ERROR" | "ID-TAKEN", msg: string): string {
  return JSON.stringify({ type, payload: { msg } });
}

/** The connection attempt that a payload belongs to; "" where it names none (§9.6). */
export function attemptOf(payload: unknown): string {
  const result = HasConnectionId.safeParse(payload);
  return result.success ? result.data.connectionId : "";
}

import * as z from "zod";
import type { Frame } from "../../core/session.ts";
import { isObject, isTooDeep, parseJson } from "../kit/json.ts";

// The wire contract is PROTOCOL.md; sections are cited as §n.

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

export const ClientMessage = z.discriminatedUnion("type", [Attempt, Expire, Leave, Heartbeat]);
export type ClientMessage = z.infer<typeof ClientMessage>;
export type AttemptMessage = z.infer<typeof Attempt>;

/** A message on its way to another peer; the receiver's id is added when it is written. */
export interface RelayedMessage {
  readonly type: "OFFER" | "ANSWER" | "CANDIDATE" | "LEAVE" | "EXPIRE";
  /** Any JSON value; undefined where the sender gave none. */
  readonly payload?: unknown;
}

/** Server -> client (§4, §5, §7); the keys in the original server's order. */
export type ServerMessage =
  | { readonly type: "OPEN" }
  | { readonly type: "ERROR" | "ID-TAKEN"; readonly payload: { readonly msg: string } }
  | RelayedMessage & { readonly src: string; readonly dst: string }
  | { readonly type: "EXPIRE"; readonly src: string; readonly dst: string };

/** The payload of an OFFER or ANSWER, as far as another dialect can take it up. */
const Description = z.object({
  sdp: z.object({ sdp: z.string() }),
  connectionId: z.string().min(1).max(256),
  type: z.string().optional(),
});
const CandidatePayload = z.object({ candidate: z.unknown(), connectionId: z.string() });

const HasConnectionId = z.object({ connectionId: z.string().max(256) });

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a frame: a message, "ignored" for JSON that means nothing to a server (an unknown type, an
 * `OPEN` or `ERROR` that would harm its receiver, a missing `dst`), or "malformed" (§5).
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
  const attempt = isObject(value) ? quickAttempt(value) : undefined;
  return attempt ?? ClientMessage.safeParse(value).data ?? "ignored";
}

/**
 * Reads a relayed message without the schema, which takes a seventh of its time. Returns undefined
 * for everything that the schema may refuse.
 */
function quickAttempt(
  { type, dst, payload }: Readonly<Record<string, unknown>>,
): AttemptMessage | undefined {
  const isAttempt = type === "CANDIDATE" || type === "OFFER" || type === "ANSWER";
  if (!isAttempt || typeof dst !== "string" || dst === "") return undefined;
  return payload === undefined ? { type, dst } : { type, dst, payload };
}

/** Writes a relayed message: exactly these keys in this order, `src` as the server knows it (§5). */
export function encodeRelay(message: RelayedMessage, src: string, dst: string): string {
  return encode({ type: message.type, src, dst, payload: message.payload });
}

/** `OPEN` carries nothing else (§4). */
export const OPEN = encode({ type: "OPEN" });

/** Tells a sender that what it said to `absent` was dropped (§7). */
export function encodeExpire(absent: string, sender: string): string {
  return encode({ type: "EXPIRE", src: absent, dst: sender });
}

/** A refusal that the client reports as `server-error`, or for `ID-TAKEN` as `unavailable-id` (§4). */
export function encodeRefusal(type: "ERROR" | "ID-TAKEN", msg: string): string {
  return encode({ type, payload: { msg } });
}

/** The connection attempt that a payload belongs to; "" where it names none (§9.6). */
export function attemptOf(payload: unknown): string {
  const result = HasConnectionId.safeParse(payload);
  return result.success ? result.data.connectionId : "";
}

/** A description and the connection that it is for; undefined if the payload holds none. */
export function readDescription(
  payload: unknown,
): { readonly sdp: string; readonly connectionId: string; readonly type: CallType } | undefined {
  const { data } = Description.safeParse(payload);
  if (data === undefined) return undefined;
  const { sdp: { sdp }, connectionId, type } = data;
  return { sdp, connectionId, type: type === "media" ? "media" : "data" };
}

/** A candidate and the connection that it is for; undefined if the payload holds none. */
export function readCandidate(
  payload: unknown,
): { readonly candidate: unknown; readonly connectionId: string } | undefined {
  const { data } = CandidatePayload.safeParse(payload);
  return data && { candidate: data.candidate, connectionId: data.connectionId };
}

/** The two kinds of connections that the client knows. */
export type CallType = "data" | "media";

/** The part that all messages of one connection have. */
export interface CallHead {
  readonly type: CallType;
  readonly connectionId: string;
}

/** The payload of an OFFER, for a client that is called from another dialect. */
export function offerPayload(sdp: string, head: CallHead, dialect: string): unknown {
  const { type, connectionId } = head;
  const data = { label: connectionId, reliable: true, serialization: "raw" };
  return {
    sdp: { sdp, type: "offer" },
    type,
    connectionId,
    metadata: { dialect },
    ...type === "data" ? data : {},
  };
}

/** The payload of an ANSWER. */
export function answerPayload(sdp: string, { type, connectionId }: CallHead): unknown {
  return { sdp: { sdp, type: "answer" }, type, connectionId };
}

/** The payload of a CANDIDATE. */
export function candidatePayload(candidate: unknown, { type, connectionId }: CallHead): unknown {
  return { candidate, type, connectionId };
}

function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}

import * as z from "zod";
import { SignalError } from "../../core/errors.ts";
import type { Frame } from "../../core/session.ts";
import { isObject, isTooDeep, parseJson } from "../kit/json.ts";
import type { JsonOnce } from "../kit/json_once.ts";
import type {
  PeerDescription,
  PeerInstance,
  ProfileChange,
  PublishedCandidate,
} from "./description.ts";

// The wire contract is PROTOCOL.md; sections are cited as §n.

/** Bounds of a frame beside its size. */
export interface FrameLimits {
  /** Levels of nesting (§7). */
  readonly maxDepth: number;
  readonly maxCallLength: number;
}

// Every signal has one: a union of schemas would be tried one by one.
const Ref = z.custom<string | number | undefined>(isRef, "expected string or number").optional();
/** Checked, but not taken apart: unknown members of a candidate pass through. */
const AnyIce = z.custom<readonly (PublishedCandidate | null)[]>(isIce, "expected candidates")
  .transform(normalised);
const SomeIce = z.custom<readonly (PublishedCandidate | null)[]>(
  (value) => isIce(value) && value.length > 0,
  {
    error: ({ input }) => isIce(input) ? "expected at least one candidate" : "expected candidates",
  },
).transform(normalised);
/** As it was read: a name such as `__proto__` has to be seen to be refused. */
const Fields = z.custom<Readonly<Record<string, unknown>>>(isObject, "expected an object");
const Json = z.custom<unknown>((value) => value !== undefined, "expected a value");
const Index = z.int().min(0);

const Join = z.object({
  event: z.literal("join"),
  ref: Ref,
  room: z.string(),
  peer: Fields.optional(),
  sdp: z.string().optional(),
  peer_ice: AnyIce.optional(),
  p_id: z.string().optional(),
  p_secret: z.string().optional(),
  p_instance: Index.optional(),
  seq: Index.optional(),
  token: z.string().optional(),
});
const ChangeFrame = z.object({
  event: z.literal("change"),
  ref: Ref,
  peer: Fields.optional(),
  sdp: z.string().optional(),
  peer_ice: SomeIce.optional(),
}).refine(
  ({ peer = {}, sdp, peer_ice }) => (sdp ?? peer_ice) !== undefined || Object.keys(peer).length > 0,
  { error: "nothing to change" },
);

// Each key of a schema costs a signal two objects and a call. `objection` checks the keys that all
// signals have in common.
export const SignalBody = z.discriminatedUnion("type", [
  z.object({ peer_id: z.string(), type: z.enum(["offer", "answer", "pranswer"]), sdp: z.string() }),
  z.object({ peer_id: z.string(), type: z.literal("candidate"), peer_ice: SomeIce }),
  z.object({ peer_id: z.string(), type: z.literal("bye"), reason: z.string().optional() }),
  z.object({ peer_id: z.string(), type: z.literal("data"), data: Json }),
], { error: "expected offer, answer, pranswer, candidate, bye or data" });
const Leave = z.object({ event: z.literal("leave"), ref: Ref });
const Ping = z.object({ event: z.literal("ping"), ref: Ref });
const Refresh = z.object({ event: z.literal("refresh"), ref: Ref, token: z.string() });
const OtherFrame = z.discriminatedUnion("event", [Join, ChangeFrame, Leave, Ping, Refresh], {
  error: "expected join, change, signal, leave, ping or refresh",
});

/** Over HTTP a frame says itself whose it is (§8). */
const InstanceCredentials = z.object({ p_id: z.string(), p_secret: z.string(), p_instance: Index });

/** The keys that every signal may have. */
interface SignalHead {
  readonly event: "signal";
  readonly ref?: FrameRef;
  readonly peer_instance?: number | undefined;
  readonly call?: string | undefined;
}

type Body = z.infer<typeof SignalBody>;
export type JoinFrame = z.infer<typeof Join>;
export type SignalFrame = SignalHead & Body;
export type ClientFrame = z.infer<typeof OtherFrame> | SignalFrame;
export type InstanceCredentials = z.infer<typeof InstanceCredentials>;
export type FrameRef = z.infer<typeof Ref>;

/** Reads a frame. What is wrong with it carries its `ref`, if that much can be read. */
export function decode(frame: Frame, limits: FrameLimits): ClientFrame {
  return decodeObject(frame, readObject(frame), limits);
}

/** A posted frame of which only that much is read: whose it is. */
export interface PostedFrame {
  /** Throws where it does not say. */
  readonly credentials: () => InstanceCredentials;
  /** Where it is one. */
  readonly ref: FrameRef;
  /** It brings a token. */
  readonly isRefresh: boolean;
  /** Reads the rest. */
  readonly decode: () => ClientFrame;
}

/** Reads whose a posted frame is: a stranger's is not worth more. */
export function decodePosted(text: string, limits: FrameLimits): PostedFrame {
  const value = readObject(text);
  const { ref } = value;
  return {
    credentials: () => {
      const { success, data, error } = InstanceCredentials.safeParse(value);
      if (success) return data;
      if (value["event"] === "join") throw bad("a join has to accept text/event-stream", value);
      const isAnonymous = value["p_id"] === undefined || value["p_secret"] === undefined;
      if (isAnonymous) throw new SignalError("id_not_issued", "p_id and p_secret are needed");
      throw bad(complaint(error), value);
    },
    ref: isRef(ref) ? ref : undefined,
    isRefresh: value["event"] === "refresh",
    decode: () => decodeObject(text, value, limits),
  };
}

function decodeObject(
  frame: Frame,
  value: Record<string, unknown>,
  { maxDepth, maxCallLength }: FrameLimits,
): ClientFrame {
  if (isTooDeep(String(frame), value, maxDepth)) throw bad("nested too deeply", value);
  if (value["event"] === "signal") return decodeSignal(value, maxCallLength);
  const { success, data, error } = OtherFrame.safeParse(value);
  if (success) return data;
  const isRoomless = value["event"] === "join" && value["room"] === undefined;
  throw bad(isRoomless ? "a join names a room" : complaint(error), value, isRoomless);
}

function decodeSignal(value: Record<string, unknown>, maxCallLength: number): SignalFrame {
  const body = quickBody(value) ?? readBody(value);
  const words = objection(value, maxCallLength) ??
    ("sdp" in body && body.sdp === "" ? "sdp: empty" : undefined);
  if (words !== undefined) throw bad(words, value);
  // `objection` has checked these.
  const { ref, peer_instance, call } = value as unknown as SignalHead;
  return { ...body, event: "signal", ref, peer_instance, call };
}

/**
 * Reads a description or candidates without the schema, which takes a fifth of a relayed signal's
 * time. Returns undefined for everything that the schema may refuse.
 */
function quickBody({ peer_id, type, sdp, peer_ice }: Record<string, unknown>): Body | undefined {
  if (typeof peer_id !== "string") return undefined;
  switch (type) {
    case "candidate":
      if (!isIce(peer_ice) || peer_ice.length === 0) return undefined;
      return { peer_id, type, peer_ice: normalised(peer_ice) };
    case "offer":
    case "answer":
    case "pranswer":
      return typeof sdp === "string" ? { peer_id, type, sdp } : undefined;
    default:
      return undefined;
  }
}

function readBody(value: Record<string, unknown>): Body {
  const { success, data, error } = SignalBody.safeParse(value);
  if (!success) throw bad(complaint(error), value);
  return data;
}

/** Names what is wrong with the keys that all signals have in common. */
function objection(
  { ref, peer_instance, call }: Record<string, unknown>,
  maxCallLength: number,
): string | undefined {
  if (ref !== undefined && !isRef(ref)) return "ref: expected string or number";
  if (peer_instance !== undefined && !isIndex(peer_instance)) {
    return "peer_instance: expected a whole number, 0 or more";
  }
  if (call !== undefined) {
    if (typeof call !== "string") return "call: expected string";
    if (call === "") return "call: empty";
    if (call.length > maxCallLength) return `call: longer than ${maxCallLength} characters`;
  }
}

/** An error that names the frame that caused it. */
export function withRef(error: unknown, ref: FrameRef): unknown {
  if (!(error instanceof SignalError) || ref === undefined) return error;
  const { code, message, details, why, remark } = error;
  return new SignalError(code, message, { ...details, ref }, why, remark);
}

/** Server -> client after the handshake (§2 to §7); `seq` numbers what a client must not miss. */
export type ServerFrame =
  | Ready & { readonly event: "ready" }
  | {
    readonly event: "join";
    readonly peer: PeerDescription;
    readonly peer_instance: number;
  }
  | ProfileChange & {
    readonly event: "change";
    readonly peer_id: string;
    readonly peer_instance: number;
  }
  | {
    readonly event: "leave";
    readonly peer_id: string;
    readonly peer_instance: number;
    readonly peer_instances: readonly PeerInstance[];
    readonly reason: string;
  }
  | {
    readonly event: "signal";
    readonly seq: number;
    readonly peer_id: string;
    readonly peer_instance: number;
    readonly type: SignalFrame["type"];
    readonly call: string | undefined;
    readonly sdp?: string;
    readonly peer_ice?: readonly PublishedCandidate[];
    readonly reason?: string | undefined;
    readonly data?: unknown;
  }
  | Partial<Receipt> & { readonly event: "ok"; readonly ref: FrameRef }
  | { readonly event: "pong"; readonly ref: FrameRef }
  | {
    readonly event: "error";
    readonly code: string;
    readonly message: string;
    readonly [detail: string]: unknown;
  };

/** The handshake, exactly these three keys (§2). */
export function encodeHandshake(
  p_id: string,
  room: string,
  peers: readonly PeerDescription[],
  json: JsonOnce,
): string {
  const head = JSON.stringify({ p_id, room });
  return `${head.slice(0, -1)},"peers":[${peers.map((peer) => json.textOf(peer)).join()}]}`;
}

/** The keys of `ready` (§2). */
export interface Ready {
  readonly p_instance: number;
  readonly p_secret: string;
  readonly recovered: boolean;
  readonly seq: number;
  readonly resume_ms: number;
  readonly max_bytes: number;
  readonly ice_servers: readonly unknown[];
}

export function encodeReady(ready: Ready): string {
  return encode({ event: "ready", ...ready });
}

/** A peer or a further instance of one has come. */
export function encodeJoin(peer: PeerDescription, peer_instance: number): string {
  return encode({ event: "join", peer, peer_instance });
}

/** Exactly what was sent; candidates need no instance here. */
export function encodeChange(
  peer_id: string,
  peer_instance: number,
  { peer, sdp, peer_ice }: ProfileChange,
): string {
  return encode({ event: "change", peer_id, peer_instance, peer, sdp, peer_ice });
}

export function encodeLeave(
  peer_id: string,
  peer_instance: number,
  peer_instances: readonly PeerInstance[],
  reason: string,
): string {
  return encode({ event: "leave", peer_id, peer_instance, peer_instances, reason });
}

/** A signal on its way, with the instance that sent it. */
export interface SentSignal {
  readonly peer_id: string;
  readonly peer_instance: number;
  readonly frame: SignalFrame;
  /** Names the connection or the request that gets the receipt; absent if nobody waits for one. */
  readonly via?: string | undefined;
  /** Names those that leave the node and wait for a receipt. */
  readonly ticket?: string | undefined;
}

/** The frame of a signal for one receiver, who numbers it. */
export function encodeSignal(seq: number, { peer_id, peer_instance, frame }: SentSignal): string {
  const { type, call } = frame;
  const event = "signal";
  switch (frame.type) {
    case "candidate": {
      const { peer_ice } = frame;
      return encode({ event, seq, peer_id, peer_instance, type, peer_ice, call });
    }
    case "bye": {
      const { reason } = frame;
      return encode({ event, seq, peer_id, peer_instance, type, reason, call });
    }
    case "data": {
      const { data } = frame;
      return encode({ event, seq, peer_id, peer_instance, type, data, call });
    }
    case "offer":
    case "answer":
    case "pranswer": {
      const { sdp } = frame;
      return encode({ event, seq, peer_id, peer_instance, type, sdp, call });
    }
  }
}

/** How many instances a signal reached. */
export interface Receipt {
  readonly delivered: number;
  readonly queued: number;
}

export function encodeOk(ref: FrameRef, receipt: Receipt | undefined): string {
  return encode({ event: "ok", ...receipt, ref });
}

export function encodePong(ref: FrameRef): string {
  return encode({ event: "pong", ref });
}

export function encodeError(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): string {
  return encode({ event: "error", code, message, ...details });
}

function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

function readObject(frame: Frame): Record<string, unknown> {
  const words = "not a JSON object in a text frame";
  if (typeof frame !== "string") throw new SignalError("binary_frame", words);
  const value = parseJson(frame, words);
  if (!isObject(value)) throw new SignalError("not_json", words);
  return value;
}

function isRef(value: unknown): value is string | number {
  return typeof value === "string" || Number.isFinite(value);
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isIce(value: unknown): value is (PublishedCandidate | null)[] {
  return Array.isArray(value) &&
    value.every((one) => one === null || (isObject(one) && typeof one["candidate"] === "string"));
}

/** The end of candidates may be null; a `peer_instance` would be the server's to say (§4). */
function normalised(ice: readonly (PublishedCandidate | null)[]): readonly PublishedCandidate[] {
  return ice.map((candidate) => {
    if (candidate === null) return { candidate: "" };
    if (!Object.hasOwn(candidate, "peer_instance")) return candidate;
    const { peer_instance: _, ...rest } = candidate as PublishedCandidate & {
      peer_instance: unknown;
    };
    return rest;
  });
}

function bad(words: string, { ref }: Record<string, unknown>, isRoomless = false): unknown {
  const error = new SignalError(isRoomless ? "room_missing" : "bad_frame", words);
  return withRef(error, isRef(ref) ? ref : undefined);
}

/** The first thing that is wrong, with the key that it is about. */
function complaint({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return "unreadable";
  const key = issue.path.map(String).join(".").slice(0, 64);
  const words = issue.message.replace(/^Invalid input: /, "");
  return key === "" ? words : `${key}: ${words}`;
}

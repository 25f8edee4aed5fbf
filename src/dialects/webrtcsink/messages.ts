import * as z from "zod";
import { SignalError } from "../../core/errors.ts";
import type { PeerId, PeerSummary, RoomEvent } from "../../core/events.ts";
import type { Frame } from "../../core/session.ts";
import { conform, isObject, isTooDeep, parseJson } from "../kit/json.ts";

// The wire format is in PROTOCOL.md. It leaves open what is as in the original server,
// gst-webrtc-signalling-server of gst-plugins-rs.

/** The version that a client speaks; 1.1 tells why a session ended. */
export type Version = "v1_0" | "v1_1";

/** A peer's offer: streams, listening to all status changes, or waiting for a producer's call. */
export type Role = "producer" | "listener" | "consumer";

/** A peer's own description. */
export interface Status {
  /** In the client's order; none for a peer that only calls others. */
  readonly roles: readonly Role[];
  /** Any JSON value; null where the client says nothing. */
  readonly meta: unknown;
}

/** More roles than there are mean nothing. */
const MAX_ROLES = 8;
const MAX_LINE_INDEX = 0xffff_ffff;

const Roles = z.array(z.enum(["producer", "listener", "consumer"])).max(MAX_ROLES);
/** Loose: browsers say more of a candidate than the reference passes on. */
const Sdp = z.looseObject({ type: z.enum(["offer", "answer"]), sdp: z.string() });
const Ice = z.looseObject({
  candidate: z.string(),
  sdpMLineIndex: z.int().min(0).max(MAX_LINE_INDEX),
});

export const ClientMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("peer"),
    sessionId: z.string(),
    sdp: Sdp.optional(),
    ice: Ice.optional(),
  }).refine(({ sdp, ice }) => (sdp === undefined) !== (ice === undefined)),
  z.object({ type: z.literal("setProtocolVersion"), version: z.enum(["v1_0", "v1_1"]) }),
  z.object({
    type: z.literal("setPeerStatus"),
    roles: Roles,
    meta: z.unknown().optional(),
    peerId: z.string().nullish(),
  }),
  z.object({
    type: z.literal("startSession"),
    peerId: z.string(),
    offer: z.string().nullish(),
  }),
  z.object({ type: z.literal("endSession"), sessionId: z.string() }),
  z.object({
    type: z.literal("endSessionV1_1"),
    sessionId: z.string(),
    error: z.string().nullish(),
  }),
  z.object({ type: z.literal("list") }),
  z.object({ type: z.literal("listConsumers") }),
]);

/** A client's message to the server. */
export type ClientMessage = z.infer<typeof ClientMessage>;
export type PeerMessage = Extract<ClientMessage, { type: "peer" }>;
export type StatusMessage = Extract<ClientMessage, { type: "setPeerStatus" }>;

/** News of a session for one of its peers, which come from the other one. */
export type SessionNews =
  /** To the consumer. */
  | { readonly type: "sessionStarted"; readonly sessionId: string }
  /** To the producer, which answers the offer, or makes one where that is null. */
  | { readonly type: "startSession"; readonly sessionId: string; readonly offer: string | null }
  /** Exactly one of `sdp` and `ice`. */
  | PeerMessage
  | { readonly type: "endSession"; readonly sessionId: string; readonly error: string | null };

/** Server -> client. */
export type ServerMessage =
  | { readonly type: "welcome"; readonly peerId: PeerId }
  | Status & { readonly type: "peerStatusChanged"; readonly peerId: PeerId }
  | { readonly type: "list"; readonly producers: readonly ListedPeer[] }
  | { readonly type: "listConsumers"; readonly consumers: readonly ListedPeer[] }
  | PeerMessage
  | { readonly type: "sessionStarted"; readonly peerId: PeerId; readonly sessionId: string }
  | {
    readonly type: "startSession";
    readonly peerId: PeerId;
    readonly sessionId: string;
    readonly offer: string | null;
  }
  | { readonly type: "endSession"; readonly sessionId: string }
  | { readonly type: "endSessionV1_1"; readonly sessionId: string; readonly error: string | null }
  | { readonly type: "error"; readonly details: string };

/** Reads a frame. What throws here is ignored on the wire: see the session's answers. */
export function decode(frame: Frame): ClientMessage {
  if (typeof frame !== "string") throw new SignalError("binary_frame", "Message is binary");
  const value = parseJson(frame);
  const peer = isTooDeep(frame, value) ? undefined : quickPeer(value);
  return peer ?? conform(ClientMessage, frame, value, "Message is not one of the protocol");
}

/**
 * Reads a relayed message without the schema, which takes a fifth of its time. Returns undefined for
 * everything that the schema may refuse.
 */
function quickPeer(value: unknown): PeerMessage | undefined {
  if (!isObject(value) || value["type"] !== "peer") return undefined;
  const { sessionId, sdp, ice } = value;
  if (typeof sessionId !== "string") return undefined;
  if (sdp !== undefined) {
    return ice === undefined && isSdp(sdp) ? { type: "peer", sessionId, sdp } : undefined;
  }
  if (!isIce(ice)) return undefined;
  const { candidate, sdpMLineIndex, ...rest } = ice;
  // The members in the order in which the schema has them.
  return { type: "peer", sessionId, ice: { candidate, sdpMLineIndex, ...rest } };
}

function isSdp(value: unknown): value is z.infer<typeof Sdp> {
  return isObject(value) && (value["type"] === "offer" || value["type"] === "answer") &&
    typeof value["sdp"] === "string";
}

function isIce(value: unknown): value is z.infer<typeof Ice> {
  if (!isObject(value) || typeof value["candidate"] !== "string") return false;
  const index = value["sdpMLineIndex"];
  return Number.isInteger(index) && Number(index) >= 0 && Number(index) <= MAX_LINE_INDEX;
}

/** The first message of every conversation. */
export function encodeWelcome(peerId: PeerId): string {
  return encode({ type: "welcome", peerId });
}

/** A peer's status for listeners; one that has left has no roles any more. */
export function encodeStatus(peerId: PeerId, { roles, meta }: Status): string {
  return encode({ type: "peerStatusChanged", roles, meta, peerId });
}

/** News of a peer in the list, for listeners. */
export function encodeChange({ type, peer }: RoomEvent, own: string): readonly string[] {
  const { roles, meta } = statusOf(peer, own);
  return [encodeStatus(peer.id, { roles: type === "left" ? [] : roles, meta })];
}

export function encodeProducers(producers: readonly ListedPeer[]): string {
  return encode({ type: "list", producers });
}

export function encodeConsumers(consumers: readonly ListedPeer[]): string {
  return encode({ type: "listConsumers", consumers });
}

/** A peer in the answer to `list` or `listConsumers`. */
export interface ListedPeer {
  readonly id: PeerId;
  readonly meta: unknown;
}

/**
 * Writes news of a session in the receiver's version. The fields are the protocol's; `sdp` and
 * `ice` pass unchanged.
 */
export function encodeNews(news: SessionNews, from: PeerId, version: Version): string {
  const { sessionId } = news;
  switch (news.type) {
    case "peer":
      return encode(news);
    case "sessionStarted":
      return encode({ type: "sessionStarted", peerId: from, sessionId });
    case "startSession":
      return encode({
        type: "startSession",
        peerId: from,
        sessionId,
        offer: news.offer,
      });
    case "endSession":
      return version === "v1_0"
        ? encode({ type: "endSession", sessionId })
        : encode({ type: "endSessionV1_1", sessionId, error: news.error });
  }
}

/** A refusal; the connection stays. Elements of GStreamer take it for the end of their stream. */
export function encodeError(details: string): string {
  return encode({ type: "error", details });
}

/** The status of a peer that has not given any, or speaks another dialect. */
export const NO_STATUS: Status = { roles: [], meta: null };

/**
 * The status of a peer, as its description has it.
 * @param own the name of this dialect
 */
export function statusOf({ dialect, info }: PeerSummary, own: string): Status {
  return dialect === own ? statusIn(info) : NO_STATUS;
}

/** The status in a description of this dialect: its sessions give the hub nothing else. */
export function statusIn(info: unknown): Status {
  return info === null ? NO_STATUS : info as Status;
}

/** True for a peer that others can start a session with. */
export function isCallable({ roles }: Status): boolean {
  return roles.includes("producer") || roles.includes("consumer");
}

export function isGivenUp(role: Role, old: Status, status: Status): boolean {
  return old.roles.includes(role) && !status.roles.includes(role);
}

function encode(message: ServerMessage): string {
  return JSON.stringify(message);
}

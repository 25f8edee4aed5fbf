import * as z from "zod";
import { SignalError } from "../../core/errors.ts";
import type { PeerSummary, RoomEvent } from "../../core/events.ts";
import type { Frame } from "../../core/session.ts";
import { splitEvent } from "../kit/event_frame.ts";
import { jsonIn } from "../../system/json.ts";
import { isObject, isTooDeep, parseJson } from "../kit/json.ts";
import type { JsonOnce } from "../kit/json_once.ts";

// The wire contract is PROTOCOL.md; sections are cited as §n.

/**
 * The version of a member's client. "auto" is a client at the URL for both versions before its
 * first version-specific event: it gets all events in both forms, and ignores those that it does
 * not know.
 */
export type Version = "v1" | "v2" | "auto";

/** Checked and not copied: it is passed on as it came. */
const Opaque = z.custom<SessionDescription>(isObject);
/** A message before its type is known. */
interface Envelope {
  readonly type: string;
  readonly data: SessionDescription;
}
/** Credentials of a Socket.IO client. */
const Auth = z.looseObject({ token: z.string() });
const RtcMessage = z.looseObject({ type: z.string().startsWith("rtc:") });

/** A client's requests. */
export type ClientMessage =
  | { readonly type: "join"; readonly pool: unknown }
  | { readonly type: "describe"; readonly description: SessionDescription }
  | { readonly type: "sdp"; readonly to: string; readonly description: SessionDescription }
  | { readonly type: "candidate"; readonly to: string; readonly candidate: unknown }
  | { readonly type: "offers"; readonly offers: ReadonlyMap<string, unknown> }
  | { readonly type: "answer"; readonly to: string; readonly answer: SessionDescription };

/** A session description or an answer: an object that is passed on as it came. */
export type SessionDescription = Readonly<Record<string, unknown>>;

/** A member's message to another one, in either version. */
export type Relayed =
  | { readonly kind: "offer" | "answer"; readonly description: SessionDescription }
  /** A rollback or something unknown, which only version 2 can express (§7). */
  | { readonly kind: "other"; readonly description: SessionDescription }
  | { readonly kind: "candidate"; readonly candidate: unknown };

/** The receiver; refused with a code of its own, unlike the rest of an action. */
const Target = z.string().min(1);

/** Reads an action's data, in the versions that have the action. */
interface ActionRow {
  readonly spokenBy: "v1" | "v2" | "both";
  readonly schema: z.ZodType<ClientMessage>;
  /**
   * Reads the same without the schema, which takes a third of a relayed message's time. Returns
   * undefined for everything that the schema may refuse.
   */
  readonly quick?: (data: SessionDescription) => ClientMessage | undefined;
}

/** Client -> server, after `describe` (§2, §3). */
export const ACTIONS: ReadonlyMap<string, ActionRow> = new Map<string, ActionRow>([
  ["rtc:join", {
    spokenBy: "both",
    schema: z.object({ pool: z.unknown().optional() }).transform(({ pool }) => ({
      type: "join",
      pool,
    })),
  }],
  ["rtc:candidate", {
    spokenBy: "both",
    // An absent candidate is passed on as null (§2).
    schema: z.object({ for: Target, candidate: z.unknown().optional() })
      .transform((data) => ({
        type: "candidate",
        to: data.for,
        candidate: data.candidate ?? null,
      })),
    quick: ({ for: to, candidate }) =>
      isText(to) ? { type: "candidate", to, candidate: candidate ?? null } : undefined,
  }],
  ["rtc:sdp", {
    spokenBy: "v2",
    schema: z.object({ to: Target, description: Opaque })
      .transform((data) => ({ type: "sdp", ...data })),
    quick: ({ to, description }) =>
      isText(to) && isObject(description) ? { type: "sdp", to, description } : undefined,
  }],
  ["rtc:offers", {
    spokenBy: "v1",
    schema: Opaque.transform((data) => ({ type: "offers", offers: new Map(Object.entries(data)) })),
  }],
  ["rtc:answer", {
    spokenBy: "v1",
    schema: z.object({ for: Target, answer: Opaque })
      .transform(({ for: to, answer }) => ({ type: "answer", to, answer })),
  }],
]);

/** How frames are read: `readMessage` or `readEvent`. */
export type Read = (frame: Frame) => Envelope;

/**
 * Reads a frame; undefined if it belongs to the application (§5). @param isMember others may only
 * join; this is checked before the rest of the frame
 */
export function decode(
  frame: Frame,
  version: Version,
  isMember: boolean,
  read: Read,
): ClientMessage | undefined {
  const { type, data } = read(frame);
  if (type === "describe") {
    checkMember(isMember);
    return { type, description: data };
  }
  const action = ACTIONS.get(type);
  if (action === undefined) {
    const [prefix, name, ...more] = type.split(":");
    if (prefix !== "rtc" || name === undefined || more.length > 0) return undefined;
    throw new SignalError("action_unknown", `Unknown action "${type.slice(0, 64)}"`);
  }
  const { spokenBy } = action;
  if (spokenBy !== "both" && version !== "auto" && spokenBy !== version) {
    const where = spokenBy === "v1" ? "/ssp/v1" : "/ssp";
    throw new SignalError("action_unknown", `Unknown action "${type}" here: connect to ${where}`);
  }
  checkMember(isMember || type === "rtc:join");
  return action.quick?.(data) ?? readAction(action.schema, data);
}

/** Reads a message of a WebSocket. */
export function readMessage(frame: Frame): Envelope {
  const text = textOf(frame);
  return readEnvelope(text, parseJson(text));
}

/** Reads an event of Socket.IO: its name is the type, its first argument the data (§9). */
export function readEvent(frame: Frame): Envelope {
  const packet = splitEvent(textOf(frame));
  // Anything else is no packet that Socket.IO clients send.
  if (packet === undefined) throw new SignalError("not_json", "Packet is no event");
  const value = parseJson(packet.json);
  const [type, data] = Array.isArray(value) ? value : [];
  return readEnvelope(packet.json, { type, data });
}

/** The token in what a Socket.IO client sends with its CONNECT; undefined where there is none. */
export function tokenInAuth(auth: string): string | undefined {
  return Auth.safeParse(jsonIn(auth)).data?.token;
}

/** Rewrites a message of the server as an event of Socket.IO: cut up, not parsed. */
export function toEvent(message: string): string {
  // No type has anything in it that JSON would quote.
  const at = message.indexOf(DATA);
  return `2[${message.slice(TYPE.length, at)},${message.slice(at + DATA.length, -1)}]`;
}

/** The version that an action gives away; undefined where both have it. */
export function versionOf(action: ClientMessage): "v1" | "v2" | undefined {
  if (action.type === "sdp") return "v2";
  return action.type === "offers" || action.type === "answer" ? "v1" : undefined;
}

/** A description that is no object breaks the client that receives it (§5). */
export function descriptionIn(value: unknown): SessionDescription {
  if (!isObject(value)) throw new SignalError("description_invalid", "Description is no object");
  return value;
}

/** The type of a description, in words that both versions have. */
export function relayOf(description: SessionDescription): Relayed {
  const { type } = description;
  if (type === "offer") return { kind: "offer", description };
  if (type === "answer" || type === "pranswer") return { kind: "answer", description };
  return { kind: "other", description };
}

/** The text of a description; undefined if it has none, as a rollback. */
export function sdpOf(description: SessionDescription): string | undefined {
  const sdp = description["sdp"];
  return typeof sdp === "string" ? sdp : undefined;
}

/**
 * Whether a first frame can only be this protocol's (§9): a JSON object whose type begins with
 * `rtc:`, even if the rest of it is worth an error.
 */
export function isSsp(frame: Frame): boolean {
  if (typeof frame !== "string" || !frame.trimStart().startsWith("{")) return false;
  return RtcMessage.safeParse(jsonIn(frame)).success;
}

/** Server -> client: the data of each type (§2, §6, §7). `rtc:joined` is put together as text. */
interface ServerMessages {
  readonly "rtc:peer": { readonly id: string };
  readonly "rtc:request_offers": { readonly for: string };
  readonly "rtc:close": { readonly uid: string; readonly id?: string };
  readonly "rtc:describe": {
    readonly description: unknown;
    readonly uid: string;
    readonly id?: string;
  };
  readonly "rtc:candidate": { readonly candidate: unknown; readonly from: string };
  readonly "rtc:sdp": { readonly peer: string; readonly description: SessionDescription };
  readonly "rtc:offer": { readonly for: string; readonly offer: SessionDescription };
  readonly "rtc:answer": { readonly for: string; readonly answer: SessionDescription };
  readonly "rtc:stop": Readonly<Record<string, never>>;
  readonly "rtc:error": {
    readonly message: string;
    readonly reason: string;
    readonly [detail: string]: unknown;
  };
}

/** The answer to a join. */
export interface Joined {
  readonly pool: string;
  readonly self: PeerSummary;
  /** The other members, in joining order. */
  readonly peers: readonly PeerSummary[];
  /** The server's descriptions under other names: clients look up members only. */
  readonly standing: readonly PeerSummary[];
}

/** `rtc:joined`, the answer to a join: oneself is in `descriptions`, but not in `peers` (§2). */
export function encodeJoined({ pool, self, peers, standing }: Joined, json: JsonOnce): string {
  const ids = peers.map(({ id }) => id);
  const members = new Set(ids);
  // A member's own goes before what is said under its name.
  const described = [...standing.filter(({ id }) => !members.has(id)), ...peers, self];
  // Descriptions do not cross dialects.
  const descriptions = described.map(({ id, dialect, info }) =>
    `${JSON.stringify(id)}:${dialect === self.dialect ? json.textOf(info) : "null"}`
  );
  return `${TYPE}"rtc:joined"${DATA}{"client_id":${JSON.stringify(self.id)},` +
    `"peers":${JSON.stringify(ids)},"descriptions":{${descriptions.join()}},` +
    `"pool":${JSON.stringify(pool)}}}`;
}

/** News of the pool, in each version's own words (§7). */
export function encodeNews({ type, peer }: RoomEvent, version: Version): readonly string[] {
  const { id, info: description } = peer;
  switch (type) {
    case "joined":
      return both(
        version,
        () => event("rtc:peer", { id }),
        () => event("rtc:request_offers", { for: id }),
      );
    case "left":
      return [event("rtc:close", version === "v1" ? { uid: id } : { uid: id, id })];
    case "described":
      return [
        event(
          "rtc:describe",
          version === "v1" ? { description, uid: id } : { description, uid: id, id },
        ),
      ];
  }
}

/** A member's message, in the receiver's words; empty if version 1 has no words for it (§7). */
export function encodeRelay(relayed: Relayed, from: string, version: Version): readonly string[] {
  if (relayed.kind === "candidate") {
    return [event("rtc:candidate", { candidate: relayed.candidate, from })];
  }
  const { kind, description } = relayed;
  const v2 = () => event("rtc:sdp", { peer: from, description });
  if (kind === "other") return version === "v1" ? [] : [v2()];
  const v1 = () =>
    kind === "offer"
      ? event("rtc:offer", { for: from, offer: description })
      : event("rtc:answer", { for: from, answer: description });
  return both(version, v2, v1);
}

/** `rtc:stop`: the pool is closed by force (§2). */
export const STOP = event("rtc:stop", {});

/** `rtc:error`, which never closes the connection (§6). */
export function encodeError(
  message: string,
  reason: string,
  details: Readonly<Record<string, unknown>>,
): string {
  return event("rtc:error", { message, reason, ...details });
}

function both(version: Version, v2: () => string, v1: () => string): string[] {
  if (version === "auto") return [v2(), v1()];
  return [version === "v2" ? v2() : v1()];
}

/** The beginning of the server's messages, and the part after the type: see `event`. */
const TYPE = '{"type":';
const DATA = ',"data":';

function event<Type extends keyof ServerMessages>(
  type: Type,
  data: ServerMessages[Type],
): string {
  return JSON.stringify({ type, data });
}

function textOf(frame: Frame): string {
  if (typeof frame === "string") return frame;
  throw new SignalError("binary_frame", "Cannot read a binary message");
}

/** @param text what `value` was read from */
function readEnvelope(text: string, value: unknown): Envelope {
  if (isEnvelope(value) && !isTooDeep(text, value)) return value;
  throw new SignalError("bad_frame", "Message is no object with a type and a data object");
}

function isEnvelope(value: unknown): value is Envelope {
  return isObject(value) && isText(value["type"]) && isObject(value["data"]);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function readAction(schema: ActionRow["schema"], data: SessionDescription): ClientMessage {
  const { success, data: action, error } = schema.safeParse(data);
  if (success) return action;
  const key = String(error.issues[0]?.path[0]);
  if (key === "for" || key === "to") throw wrongTarget(data[key]);
  throw new SignalError("description_invalid", "Description is no object");
}

function checkMember(isMember: boolean): void {
  if (!isMember) throw new SignalError("not_joined", "Join a pool first");
}

function wrongTarget(value: unknown): SignalError {
  return value === undefined || value === null || value === ""
    ? new SignalError("target_missing", "Message does not say for whom it is")
    : new SignalError("peer_unknown", "No such peer in the pool");
}

import * as z from "zod";
import { SignalError } from "../../core/errors.ts";
import type { Frame } from "../../core/session.ts";
import { encodeAck, encodeEvent, splitEvent } from "../kit/event_frame.ts";
import { jsonIn } from "../../system/json.ts";
import { isObject, isTooDeep, parseJson } from "../kit/json.ts";

// The wire contract is PROTOCOL.md; sections are cited as §n.

const MAX_TRACKS = 64;
const MAX_TRACK_LENGTH = 256;

/** A token that is missing, null or empty stands for a client without a name (§4). */
const Token = z.union([z.string(), z.number()]).nullish();
const LoginQuery = z.object({
  clientVersion: z.string().optional(),
  token: z.string().optional(),
});

/** The parameters of a client in the URL of its connection (§4). */
export type LoginQuery = z.infer<typeof LoginQuery>;

/**
 * The argument of a message. A number is taken as text, and no client has any other value as its id
 * (§5). All further members pass through.
 */
export const MessageArgument = z.looseObject({
  to: z.union([z.string(), z.number().transform(String)]).catch(""),
});

/** Clients before 4.2 call it `ics-message` (§1). */
type MessageName = "owt-message" | "ics-message";
const LOGIN = "authentication";
const LOGIN_BEGINNING = `["${LOGIN}"`;

/** A client's request. */
export type ClientMessage =
  /** Empty for a client without a name. */
  | { readonly type: "login"; readonly token: string; readonly ack: string | undefined }
  | {
    readonly type: "message";
    /** The receiver; empty if the message is for nobody. */
    readonly to: string;
    readonly relayed: Relayed;
    readonly ack: string | undefined;
  };

/** A message on its way to another peer. */
export interface Relayed {
  /** The event that it came as, and is passed on as. */
  readonly name: MessageName;
  /** The argument as it came. */
  readonly message: Readonly<Record<string, unknown>>;
}

/** Server -> client: each event with its arguments (§3, §4). */
interface ServerEvents extends Record<MessageName, readonly [Readonly<Record<string, unknown>>]> {
  readonly "server-authenticated": readonly [{ readonly uid: string }];
  readonly "server-disconnect": readonly [];
}

/** The arguments of acknowledgements: of a message, a login, and their refusals (§3, §4, §6). */
type Acknowledgement =
  | readonly []
  | readonly [{ readonly uid: string }]
  | readonly [number | { readonly error: number }];

/** The part of an event that a refusal answers; part of an error's details. */
export interface Asked {
  readonly ack: string | undefined;
  readonly isLogin: boolean;
}

/** Reads the handshake's query; values are text, and the first of several counts. */
export function readLoginQuery({ searchParams }: URL): LoginQuery {
  const values = ["clientVersion", "token"].map((name) => [name, searchParams.get(name)]);
  return LoginQuery.parse(Object.fromEntries(values.filter(([, value]) => value !== null)));
}

/** Reads a frame; undefined for events that mean nothing to a server (§3). */
export function decode(frame: Frame): ClientMessage | undefined {
  if (typeof frame !== "string") throw new SignalError("binary_frame");
  const packet = splitEvent(frame);
  if (packet === undefined) throw notAnEvent();
  const { ack, json } = packet;
  const value = parseJson(json, NOT_AN_EVENT);
  const [name, message]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof name !== "string") throw notAnEvent();
  const isLogin = name === LOGIN;
  if (!isLogin && !isMessageName(name)) return undefined;
  if (!isObject(message) || isTooDeep(json, value)) {
    throw new SignalError("bad_frame", `Argument of "${name}" is no object, or too deep`, {
      ack,
      isLogin,
    });
  }
  if (isLogin) return { type: "login", token: readToken(message["token"], ack), ack };
  return { type: "message", to: readTarget(message), relayed: { name, message }, ack };
}

function isMessageName(name: string): name is MessageName {
  return name === "owt-message" || name === "ics-message";
}

/** Reads of a frame that was dropped what an answer needs; undefined where none is wanted. */
export function readDropped(frame: Frame): Asked | undefined {
  const packet = splitEvent(frame);
  if (packet?.ack === undefined) return undefined;
  return { ack: packet.ack, isLogin: packet.json.startsWith(LOGIN_BEGINNING) };
}

/** `server-authenticated` (§4). */
export function encodeAuthenticated(uid: string): string {
  return encode("server-authenticated", { uid });
}

/** The acknowledgement of a login (§4). */
export function encodeLoginAck(ack: string, uid: string): string {
  return acknowledge(ack, { uid });
}

/** The acknowledgement of a message: no argument at all, since clients count them (§3). */
export function encodeMessageAck(ack: string): string {
  return acknowledge(ack);
}

/** Tells of a refusal by number: native clients take a text for success (§6). */
export function encodeRefusal({ ack, isLogin }: Asked, error: number): string | undefined {
  if (ack === undefined) return undefined;
  return acknowledge(ack, isLogin ? { error } : error);
}

/**
 * Writes a peer's message for its receiver: without `to`, and with the sender's real id as `from`,
 * whatever the sender claimed (§5).
 */
export function encodeRelay({ name, message }: Relayed, from: string): string {
  return encode(name, { ...message, to: undefined, from });
}

/** Tells a client that another connection has its id now (§4). */
export const SERVER_DISCONNECT = encode("server-disconnect");

const NOT_AN_EVENT = "Packet is no event";

function notAnEvent(): SignalError {
  return new SignalError("not_json", NOT_AN_EVENT);
}

/** A finite number is taken as its text, an object, a list or a truth value as a wrong token (§4). */
function readToken(value: unknown, ack: string | undefined): string {
  const result = Token.safeParse(value);
  if (!result.success) {
    throw new SignalError("credentials_wrong", "Token is no text", { ack, isLogin: true });
  }
  return String(result.data ?? "");
}

/**
 * Returns the receiver's id; empty for none. A text is read without the schema, which takes a fourth
 * of the time of reading a message.
 */
function readTarget(message: Record<string, unknown>): string {
  const { to } = message;
  return typeof to === "string" ? to : MessageArgument.parse(message).to;
}

/** A message between two clients (§7), as far as another dialect can take it up. */
const ForeignP2p = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("chat-signal"),
    data: z.discriminatedUnion("type", [
      z.object({ type: z.enum(["offer", "answer"]), sdp: z.string() }),
      z.object({
        type: z.literal("candidates"),
        candidate: z.unknown(),
        sdpMid: z.unknown(),
        sdpMLineIndex: z.unknown(),
      }),
    ]),
  }),
  z.object({
    type: z.literal("chat-closed"),
    data: z.object({ code: z.number().optional() }).nullish(),
  }),
  z.object({
    type: z.literal("chat-stream-info"),
    data: z.object({ tracks: z.array(z.string().max(MAX_TRACK_LENGTH)).max(MAX_TRACKS) }),
  }),
]);

/** A message for a client; `data` is any JSON value. */
export interface P2p {
  readonly type: string;
  readonly data?: unknown;
}

/** Reads what a client sends to a peer of another dialect; undefined without a counterpart there. */
export function readP2p({ message: { data } }: Relayed): z.infer<typeof ForeignP2p> | undefined {
  if (typeof data !== "string") return undefined;
  const value = jsonIn(data);
  return isTooDeep(data, value) ? undefined : ForeignP2p.safeParse(value).data;
}

/** Writes a message of a peer of another dialect: always JSON text, as native clients need it (§7). */
export function encodeP2p(message: P2p, from: string): string {
  return encodeRelay({ name: "owt-message", message: { data: JSON.stringify(message) } }, from);
}

function encode<Name extends keyof ServerEvents>(name: Name, ...args: ServerEvents[Name]): string {
  return encodeEvent(name, ...args);
}

function acknowledge(ack: string, ...args: Acknowledgement): string {
  return encodeAck(ack, ...args);
}

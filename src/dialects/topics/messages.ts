import { isUtf8 } from "node:buffer";
import { SignalError } from "../../core/errors.ts";
import type { Frame } from "../../core/session.ts";
import { jsonIn } from "../../system/json.ts";
import { isObject } from "../kit/json.ts";
import { lastNamed, membersOf } from "./members.ts";

// The wire is described in PROTOCOL.md; sections are cited as §n. Messages are read by hand and not
// by schemas, because nearly every value of every member is allowed and has a meaning (§3), and
// because a publication is delivered in its own bytes.

/** The two spellings of the protocol; a topic of one is not a topic of the other (§2). */
export type Shape = "yjs" | "trystero";

/** Subscriptions to begin or to end: a message may name topics in both shapes. */
export interface SubscriptionChange {
  readonly type: "subscribe" | "unsubscribe";
  readonly yjs: readonly string[];
  readonly trystero: readonly string[];
}

/** A message of y-webrtc itself that the server can read in a publication (§5). */
export type YjsNote =
  | { readonly type: "announce"; readonly from: string }
  | { readonly type: "signal"; readonly to: string };

/** A publication as it came. */
export type Publish =
  | {
    readonly type: "publish";
    readonly shape: "yjs";
    readonly topic: string;
    readonly text: string;
    /** The client wrote a member `clients` itself. */
    readonly hasClients: boolean;
    readonly note: YjsNote | undefined;
  }
  | {
    readonly type: "publish";
    readonly shape: "trystero";
    readonly topic: string;
    readonly text: string;
    /** The page's id, where the payload announces one. */
    readonly announces: string | undefined;
  };

export type Command = SubscriptionChange | Publish | { readonly type: "ping" };

/** The reason for which a frame is no command. */
interface Fault {
  readonly fault: "not_json" | "bad_frame" | "action_unknown";
  readonly words: string;
}

/**
 * Server -> client: a publication in either shape, and the answer to a ping. Yjs' subscribers get
 * their number beside what was published.
 */
export type ServerMessage =
  | {
    readonly type: "yjs";
    readonly publish: Publish & { readonly shape: "yjs" };
    readonly clients: number;
  }
  | { readonly type: "trystero"; readonly publish: Publish & { readonly shape: "trystero" } }
  | { readonly type: "pong" };

/** Longer ids are not those of a real client, and are not remembered. */
const MAX_ID_LENGTH = 64;
/** An announcement of Trystero is this short, and begins like this. */
const MAX_ANNOUNCEMENT = 100;
const ANNOUNCEMENT = '{"peerId":"';

/** Reads a message; throws SignalError if it is not JSON, or not a command. */
export function readCommand(frame: Frame): Command {
  const read = commandIn(frame);
  if (isFault(read)) throw new SignalError(read.fault, read.words);
  return read;
}

function commandIn(frame: Frame): Command | Fault {
  const text = textOf(frame);
  if (text === undefined) return { fault: "not_json", words: "Message is not text" };
  const message = jsonIn(text);
  if (message === undefined) return { fault: "not_json", words: "Message is not JSON" };
  if (!isObject(message)) return { fault: "bad_frame", words: "Message is not an object" };
  switch (message["type"]) {
    case "publish":
      return readPublish(message, text);
    case "subscribe":
    case "unsubscribe":
      return readChange(message["type"], message);
    case "ping":
      return { type: "ping" };
    default:
      return { fault: "action_unknown", words: "Message is not a command" };
  }
}

/**
 * True if a first frame can only be this protocol's, at a path where others are at home (§5): a
 * command with the members that belong to it.
 */
export function isTopics(frame: Frame): boolean {
  if (typeof frame === "string" ? !frame.trimStart().startsWith("{") : frame[0] !== 0x7b) {
    return false;
  }
  return !isFault(commandIn(frame));
}

/** Writes a message; a publication keeps the bytes in which it came. */
export function encode(message: ServerMessage): string {
  switch (message.type) {
    case "yjs":
      return encodeYjs(message.publish, message.clients);
    case "trystero":
      return encodeTrystero(message.publish);
    case "pong":
      return JSON.stringify(message);
  }
}

function isFault(read: Command | Fault): read is Fault {
  return "fault" in read;
}

/** The publication as its subscribers of Yjs' shape receive it: with the number of subscribers. */
function encodeYjs({ text, hasClients }: Publish & { shape: "yjs" }, clients: number): string {
  const own = hasClients ? lastNamed(membersOf(text), "clients") : undefined;
  if (own !== undefined) return `${text.slice(0, own.start)}${clients}${text.slice(own.end)}`;
  return `${text.slice(0, text.lastIndexOf("}"))},"clients":${clients}}`;
}

/** The publication as its subscribers of Trystero's shape receive it: topic and payload alone. */
function encodeTrystero({ text }: Publish & { shape: "trystero" }): string {
  const members = membersOf(text);
  const topic = lastNamed(members, "topic");
  const payload = lastNamed(members, "payload");
  if (topic === undefined || payload === undefined) throw new RangeError("Message has no payload");
  return `{"topic":${text.slice(topic.start, topic.end)},"payload":${
    text.slice(payload.start, payload.end)
  }}`;
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A binary frame counts as text (§1). */
function textOf(frame: Frame): string | undefined {
  if (typeof frame === "string") return frame;
  return isUtf8(frame) ? UTF8.decode(frame) : undefined;
}

function readPublish(message: Record<string, unknown>, text: string): Publish | Fault {
  const { topic } = message;
  if (typeof topic !== "string") return { fault: "bad_frame", words: "Publication has no topic" };
  if (Object.hasOwn(message, "payload")) {
    const announces = announcedBy(message["payload"]);
    return { type: "publish", shape: "trystero", topic, text, announces };
  }
  const hasClients = Object.hasOwn(message, "clients");
  const note = noteIn(message["data"]);
  return { type: "publish", shape: "yjs", topic, text, hasClients, note };
}

function readChange(
  type: SubscriptionChange["type"],
  message: Record<string, unknown>,
): SubscriptionChange | Fault {
  const { topic, topics } = message;
  if (topic === undefined && topics === undefined) return { type, yjs: [], trystero: [] };
  if (topic !== undefined && typeof topic !== "string") {
    return { fault: "bad_frame", words: "Topic is not a text" };
  }
  return {
    type,
    yjs: Array.isArray(topics) ? topics.filter((one) => typeof one === "string") : [],
    trystero: topic === undefined ? [] : [topic],
  };
}

function noteIn(data: unknown): YjsNote | undefined {
  if (!isObject(data)) return undefined;
  const { type, from, to } = data;
  if (type === "signal" && typeof to === "string") return { type, to };
  if (type === "announce" && isId(from)) return { type, from };
  return undefined;
}

/** The id in `{"peerId":"…"}`; undefined for any other payload, most of which are not looked into. */
function announcedBy(payload: unknown): string | undefined {
  if (typeof payload !== "string" || payload.length >= MAX_ANNOUNCEMENT) return undefined;
  if (!payload.startsWith(ANNOUNCEMENT)) return undefined;
  const message = jsonIn(payload);
  return isObject(message) && isId(message["peerId"]) ? message["peerId"] : undefined;
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_ID_LENGTH;
}

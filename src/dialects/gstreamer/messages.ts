import * as z from "zod";
import { SignalError } from "../../core/errors.ts";
import type { Candidate, Lifted } from "../../core/calls/signal.ts";
import type { PeerSummary, RoomEvent } from "../../core/events.ts";
import type { Frame } from "../../core/session.ts";
import { jsonIn } from "../../system/json.ts";
import { isTooDeep } from "../kit/json.ts";
import { isWhitespace, isWord, repr, split } from "./python_text.ts";

// The wire contract is PROTOCOL.md; sections are cited as §n.
// Commands are words, not JSON: this module is the dialect's only reader and writer of frames.

/** The commands of a peer that is in no session or room. */
export type IdleCommand =
  | { readonly type: "SESSION"; readonly peer: string }
  | { readonly type: "ROOM"; readonly room: string };

/** The commands of a peer in a room. */
export type RoomCommand =
  | { readonly type: "ROOM_PEER_MSG"; readonly peer: string; readonly text: string }
  | { readonly type: "ROOM_PEER_LIST" };

/** Server -> client, beside the texts of a partner, which pass as they came (§4, §5). */
export type ServerText =
  | "HELLO"
  | "SESSION_OK"
  | `ROOM_OK ${string}`
  | `ROOM_PEER_LIST ${string}`
  | `ROOM_PEER_MSG ${string}`
  | `ROOM_PEER_JOINED ${string}`
  | `ROOM_PEER_LEFT ${string}`
  | `ERROR ${string}`;

export const HELLO = "HELLO";
export const SESSION_OK = "SESSION_OK";

/** Reads the first message, `HELLO <uid>` (§3). */
export function decodeHello(frame: Frame, maxIdLength: number): string {
  if (typeof frame !== "string") throw new SignalError("bad_greeting", "Greeting is binary");
  const [hello, uid] = split(frame, 2);
  if (hello !== HELLO) throw new SignalError("bad_greeting", "First message is not HELLO");
  if (uid === undefined || !isWord(uid) || uid.length > maxIdLength) {
    throw new SignalError("id_invalid", "Peer uid is missing, too long or has a blank");
  }
  return uid;
}

/**
 * Reads what an idle peer says. Undefined means nothing to us: clients hang up on an `ERROR` that
 * they did not expect, so unknown text stays unanswered (§6).
 */
export function decodeIdle(frame: Frame, maxIdLength: number): IdleCommand | undefined {
  if (typeof frame !== "string") return undefined;
  switch (commandOf(frame)) {
    case "SESSION":
      return { type: "SESSION", peer: argumentOf(frame, "SESSION needs a peer uid") };
    case "ROOM": {
      const room = argumentOf(frame, "ROOM needs a room id");
      if (room === "session" || !isWord(room) || room.length > maxIdLength) {
        throw new SignalError("room_invalid", `invalid room id ${quoted(room, maxIdLength)}`);
      }
      return { type: "ROOM", room };
    }
    // In the original server these would join a room of that name, or drop the peer (§9.2).
    case "ROOM_PEER_MSG":
    case "ROOM_PEER_LIST":
      throw new SignalError("bad_frame", "not in a room");
    default:
      return undefined;
  }
}

/** Reads what a peer says in a room (§5). */
export function decodeInRoom(frame: Frame): RoomCommand {
  if (frame === "ROOM_PEER_LIST") return { type: "ROOM_PEER_LIST" };
  if (typeof frame !== "string" || commandOf(frame) !== "ROOM_PEER_MSG") {
    throw new SignalError("bad_frame", "invalid msg, already in room");
  }
  const [, peer, text] = split(frame, 3);
  if (peer === undefined || text === undefined) {
    throw new SignalError("bad_frame", "ROOM_PEER_MSG needs a peer uid and a text");
  }
  return { type: "ROOM_PEER_MSG", peer, text };
}

/** The trailing blank is part of the answer when nobody else is there: clients cut it off (§5). */
export function encodeRoomOk(members: readonly string[]): ServerText {
  return `ROOM_OK ${members.join(" ")}`;
}

export function encodeRoomPeerList(members: readonly string[]): ServerText {
  return `ROOM_PEER_LIST ${members.join(" ")}`;
}

export function encodeRoomPeerMsg(from: string, text: string): ServerText {
  return `ROOM_PEER_MSG ${from} ${text}`;
}

/** "You make the offer" (§7). */
export const OFFER_REQUEST = "OFFER_REQUEST";

/** Messages between peers (§7), as far as another dialect can express them. */
const Signal = z.union([
  z.object({ sdp: z.object({ type: z.enum(["offer", "answer"]), sdp: z.string() }) }),
  z.object({ ice: z.record(z.string(), z.unknown()).nullable() }),
]);

/** Reads a peer's text for a peer of another dialect; empty for a text without a counterpart. */
export function readSignal(text: Frame): readonly Lifted[] {
  if (text === OFFER_REQUEST) return [{ kind: "ask" }];
  if (typeof text !== "string" || !text.startsWith("{")) return [];
  const value = jsonIn(text);
  const { data } = isTooDeep(text, value) ? {} : Signal.safeParse(value);
  if (data === undefined) return [];
  if ("ice" in data) return [{ kind: "candidate", candidate: data.ice }];
  return [{ kind: data.sdp.type, sdp: data.sdp.sdp }];
}

export function encodeSdp(type: "offer" | "answer", sdp: string): string {
  return JSON.stringify({ sdp: { type, sdp } });
}

export function encodeIce({ candidate, sdpMLineIndex, sdpMid }: Candidate): string {
  return JSON.stringify({ ice: { candidate, sdpMLineIndex, sdpMid } });
}

/** True if clients of this protocol can name the peer: their lists are cut at blanks. */
export function isNameable({ id }: PeerSummary): boolean {
  return isWord(id);
}

export function encodePeerJoined(id: string): ServerText {
  return `ROOM_PEER_JOINED ${id}`;
}

export function encodePeerLeft(id: string): ServerText {
  return `ROOM_PEER_LEFT ${id}`;
}

/** A room's news (§5), once for all members; the text protocol has no descriptions. */
export function encodeNews({ type, peer }: RoomEvent): readonly ServerText[] {
  if (!isNameable(peer)) return [];
  switch (type) {
    case "joined":
      return [encodePeerJoined(peer.id)];
    case "left":
      return [encodePeerLeft(peer.id)];
    case "described":
      return [];
  }
}

/** Every client takes a text that begins so for the end of its call (§8). */
export function encodeError(message: string): ServerText {
  return `ERROR ${message}`;
}

/** A client's value in an error text, cut where no name could be so long. */
export function quoted(value: string, maxLength: number): string {
  return repr(value.length > maxLength ? `${value.slice(0, maxLength)}…` : value);
}

/** A command is a whole word at the very start (§9.3). */
function commandOf(text: string): string {
  let end = 0;
  // No command is longer, so that the rest need not be read.
  while (end < text.length && end <= 16 && !isWhitespace(text.charCodeAt(end))) end++;
  return text.slice(0, end);
}

function argumentOf(text: string, complaint: string): string {
  const [, argument] = split(text, 2);
  if (argument === undefined) throw new SignalError("bad_frame", complaint);
  return argument;
}

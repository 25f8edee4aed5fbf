import { assert } from "@std/assert";
import type { Frame } from "../../../src/core/session.ts";
import type { Version } from "../../../src/dialects/ssp/messages.ts";
import type { RoomKind, RoomNews, Voice, VoiceKind } from "../../helpers/session/rooms.ts";
import { frameOf, PATHS, type SspEvent } from "../../helpers/session/ssp.ts";

/** Events of one version of the protocol only. */
const WORDS = {
  v1: new Set(["rtc:request_offers", "rtc:offer", "rtc:answer"]),
  v2: new Set(["rtc:peer", "rtc:sdp"]),
};

/**
 * A member of a pool that speaks one version. Every fourth word is a description, in the words of its
 * version; the others are candidates.
 */
class PoolVoice implements Voice {
  readonly #speaks: "v1" | "v2";
  readonly #isAtBoth: boolean;
  /** A word of the other version is a fault; where the server cannot know it yet, it is ignored. */
  #isTold: boolean;
  /** It has said what only its version has. */
  #hasShown = false;
  #words = 0;

  constructor(speaks: "v1" | "v2", isAtBoth: boolean) {
    this.#speaks = speaks;
    this.#isAtBoth = isAtBoth;
    this.#isTold = !isAtBoth;
  }

  enter(_name: string, pool: string): Frame[] {
    this.#isTold = !this.#isAtBoth;
    this.#hasShown = false;
    return [frameOf("rtc:join", { pool })];
  }

  talk(to: string, word: string): Frame {
    if (this.#words++ % 4 > 0) return frameOf("rtc:candidate", { for: to, candidate: { word } });
    this.#hasShown = true;
    const type = this.#words % 8 === 1 ? "offer" : "answer";
    const description = { type, word };
    if (this.#speaks === "v2") return frameOf("rtc:sdp", { to, description });
    if (type === "answer") return frameOf("rtc:answer", { for: to, answer: description });
    return frameOf("rtc:offers", { nobody: description, [to]: description });
  }

  describe(text: string): Frame {
    return frameOf("describe", { text });
  }

  wasHeard(): void {
    if (this.#hasShown) this.#isTold = true;
  }

  read(frame: Frame): RoomNews | undefined {
    const { type, data } = JSON.parse(String(frame)) as SspEvent;
    if (WORDS[this.#speaks === "v1" ? "v2" : "v1"].has(type)) {
      assert(!this.#isTold, `version ${this.#speaks} received ${type}`);
      return undefined;
    }
    switch (type) {
      case "rtc:joined":
        return {
          type: "entered",
          id: String(data["client_id"]),
          others: data["peers"] as string[],
        };
      case "rtc:peer":
        return { type: "joined", id: String(data["id"]) };
      case "rtc:request_offers":
        return { type: "joined", id: String(data["for"]) };
      case "rtc:sdp":
        return heard(data["peer"], data["description"]);
      case "rtc:offer":
      case "rtc:answer":
        return heard(data["for"], data["offer"] ?? data["answer"]);
      case "rtc:candidate":
        return heard(data["from"], data["candidate"]);
      case "rtc:describe":
        return { type: "described", id: String(data["uid"]) };
      case "rtc:close":
        return { type: "left", id: String(data["uid"]) };
      case "rtc:error":
        return { type: "refused" };
      default:
        throw new Error(`Nobody expected ${String(frame)}`);
    }
  }
}

/** The same over Socket.IO: every message is an event. */
class EventVoice implements Voice {
  readonly #voice: PoolVoice;

  constructor(speaks: "v1" | "v2") {
    this.#voice = new PoolVoice(speaks, false);
  }

  enter(name: string, pool: string): Frame[] {
    return this.#voice.enter(name, pool).map(eventOf);
  }

  talk(to: string, word: string): Frame {
    return eventOf(this.#voice.talk(to, word));
  }

  describe(text: string): Frame {
    return eventOf(this.#voice.describe(text));
  }

  wasHeard(): void {
    this.#voice.wasHeard();
  }

  read(frame: Frame): RoomNews | undefined {
    const text = String(frame);
    const [type, data, ...more] = JSON.parse(text.slice(1));
    assert(text.startsWith("2[") && more.length === 0, text);
    return this.#voice.read(JSON.stringify({ type, data }));
  }
}

function eventOf(message: Frame): Frame {
  const { type, data } = JSON.parse(String(message));
  return `2${JSON.stringify([type, data])}`;
}

function heard(from: unknown, said: unknown): RoomNews {
  return { type: "heard", from: String(from), word: Object(said).word };
}

/** Somebody who connects for a version; for both, it is version 2 that it understands. */
export function voiceAt(at: Version): VoiceKind {
  return voice(at === "auto" ? "v2" : at, at);
}

function voice(speaks: "v1" | "v2", at: Version): VoiceKind {
  return { path: PATHS[at], create: () => new PoolVoice(speaks, at === "auto") };
}

function eventVoice(speaks: "v1" | "v2"): VoiceKind {
  const path = speaks === "v2" ? "/ssp" : "/ssp/v1";
  return { path, isNamespace: true, create: () => new EventVoice(speaks) };
}

const ofBoth = [voice("v1", "auto"), voice("v2", "auto")] as const;

/** Members of both versions: at the URLs of their own, at the one for both, and over Socket.IO. */
export const MIXED_POOL: RoomKind = {
  name: "a pool of both versions",
  voices: [voice("v1", "v1"), voice("v2", "v2"), ...ofBoth, eventVoice("v1"), eventVoice("v2")],
  options: { maxMembers: 100_000 },
};

export const ROOM_KINDS: readonly RoomKind[] = [
  { name: "a pool of version 2", voices: [voice("v2", "v2")] },
  { name: "a pool of version 1", voices: [voice("v1", "v1")] },
  { name: "a pool at the URL for both versions", voices: ofBoth },
  { name: "a pool over Socket.IO", voices: [eventVoice("v1"), eventVoice("v2")] },
  MIXED_POOL,
];

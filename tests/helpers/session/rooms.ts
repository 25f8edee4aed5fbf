import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../../src/core/session.ts";

/** How a member learned of another one: WebRTC clients derive from it who offers. */
export type Source = "found" | "announced";

/** Somebody, and how a member learned of it. */
export type Learned = readonly [id: string, source: Source];

/** News of a room for a member, whatever the wire format. */
export type RoomNews =
  /** The answer to its joining, or to its coming back. */
  | { readonly type: "entered"; readonly id: string; readonly others: readonly string[] }
  | { readonly type: "joined" | "described" | "left"; readonly id: string }
  /** A member's message; undefined if it is not a word of a test. */
  | { readonly type: "heard"; readonly from: string; readonly word: unknown }
  | { readonly type: "refused" };

/** A client that speaks one wire format. */
export interface Voice {
  /**
   * The first frame on a connection; `name` is its id if clients choose theirs. A client that can
   * come back as the same peer does so.
   */
  enter(name: string, room: string): readonly Frame[];
  talk(to: string, word: string): Frame;
  /** Undefined where members do not describe themselves. */
  describe?(text: string): Frame;
  /**
   * The news in a frame; undefined if the frame is about something else. Called once for each
   * frame.
   */
  read(frame: Frame): RoomNews | undefined;
  /** Everything that it said was heard by the server. */
  wasHeard?(): void;
}

export interface VoiceKind {
  /** Where it connects. */
  readonly path: string;
  /** The path is the name of a Socket.IO namespace. */
  readonly isNamespace?: boolean;
  readonly create: () => Voice;
}

/** One kind of room, by its members' protocols. */
export interface RoomKind {
  readonly name: string;
  readonly voices: readonly [VoiceKind, ...VoiceKind[]];
  /** Limits of the dialect, so that no test reaches one by accident. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** How long a member whose connection was lost is held, where it is. */
  readonly resumeMs?: number;
}

/**
 * A client's memory of its room, which checks all news against all that came before: it throws at
 * the first one that a client could not make sense of.
 */
export class RoomWitness {
  /** Those who are here. */
  readonly known = new Set<string>();
  id: string | undefined = undefined;

  /** Takes news in, and returns the members of which it learned by it, or may have while it was away. */
  take(news: RoomNews): readonly Learned[] {
    if (news.type === "entered") return this.#enter(news.id, news.others);
    if (news.type === "refused") return [];
    assert(this.id !== undefined, `${news.type} before its joining was answered`);
    switch (news.type) {
      case "joined":
        return this.#learn([news.id], "announced");
      case "left":
        assert(this.known.delete(news.id), `the leaving of ${news.id}, who is not here`);
        return [];
      case "described":
        assert(this.known.has(news.id), `a description of ${news.id}, who is not here`);
        return [];
      case "heard":
        assert(this.known.has(news.from), `a word of ${news.from}, who is not here`);
        return [];
    }
  }

  /**
   * A returning member gets the list of present members: those that joined meanwhile found it in
   * the room.
   */
  #enter(id: string, others: readonly string[]): readonly Learned[] {
    const source = this.id === undefined ? "found" : "announced";
    if (this.id !== undefined) assertEquals(this.id, id, "it is another one now");
    this.id = id;
    this.known.clear();
    return this.#learn(others, source);
  }

  #learn(ids: readonly string[], source: Source): readonly Learned[] {
    for (const id of ids) {
      assert(id !== this.id, "it got news of itself");
      assert(!this.known.has(id), `it got news of ${id} twice`);
      this.known.add(id);
    }
    return ids.map((id) => [id, source]);
  }
}

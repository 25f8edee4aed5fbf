import { assert, assertEquals } from "@std/assert";
import type { Frame } from "../../src/core/session.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import {
  type RoomNews,
  RoomWitness,
  type Source,
  type Voice,
  type VoiceKind,
} from "../helpers/session/rooms.ts";

/** One membership, from asking for it to its end: with the next one under the same id begin anew. */
export class Life {
  readonly witness = new RoomWitness();
  readonly met = new Map<Life, Source>();
  /** How many words it has said to whom, and heard of whom. */
  readonly said = new Map<Life, number>();
  readonly heard = new Map<Life, number>();
  readonly #serial: number;

  constructor(serial: number) {
    this.#serial = serial;
  }

  word(to: Life, n: number): string {
    return `${this.#serial}-${to.#serial}-${n}`;
  }
}

export interface Actor {
  readonly name: string;
  readonly room: string;
  readonly kind: VoiceKind;
  readonly voice: Voice;
  client: TestClient;
  life: Life;
  /**
   * The expected state; "asking" and "refused" until everything has settled, "absent" while held.
   */
  state: "asking" | "refused" | "inside" | "absent" | "outside";
  /** The id that it had last. */
  lastId: string | undefined;
  /** A claim of it was denied, and perhaps made once more. */
  isDenied: boolean;
  lostAtMs: number;
  /** Words to people who are not there, which may be refused. */
  strays: number;
  /** Frames of its connection that were looked at. */
  read: number;
}

/** News that an actor has received since the last call. */
export function readNews(actor: Actor): RoomNews[] {
  const frames: readonly Frame[] = actor.client.sent;
  const news: RoomNews[] = [];
  for (; actor.read < frames.length; actor.read++) {
    const one = actor.voice.read(frames[actor.read] ?? "");
    if (one !== undefined) news.push(one);
  }
  return news;
}

/** Compares what a member knows of its room with who is there. */
export function checkMember({ client, life, name }: Actor, mates: readonly Actor[]): void {
  assertEquals([client.isOpen, client.link.faults], [true, []], name);
  const others = mates.filter((mate) => mate.life !== life);
  assertEquals(
    [...life.witness.known].sort(),
    others.map((mate) => mate.life.witness.id ?? "").sort(),
  );
  for (const { life: mate, state } of others) {
    const [mine, theirs] = [life.met.get(mate), mate.met.get(life)];
    // An absent member has met a newcomer only if it was there before.
    const isUnaware = state === "absent" && theirs === undefined;
    const isOneWay = mine === "found" && (theirs === "announced" || isUnaware);
    const isOther = mine === "announced" && theirs === "found";
    assert(isOneWay || isOther, `${name} ${mine} another one, which ${theirs} it`);
    if (state === "inside") assert(mate.heard.get(life) === life.said.get(mate), "words are lost");
  }
}

import { assertEquals } from "@std/assert";
import {
  canCall,
  IN_ROOMS,
  type Party,
  type PartyClient,
  type PartyName,
} from "./bridge_parties.ts";
import type { FakeClock } from "./fake_clock.ts";
import { settle } from "./hub.ts";

// One whole call, for every ordered pair of protocols that call each other.

/** The words of a protocol for what its client gets in a call. */
interface Words {
  readonly offer: string;
  readonly answer: string;
  readonly candidate: string;
  /** How the word for the end begins. */
  readonly over: readonly string[];
}

const WORDS: Readonly<Record<PartyName, Words>> = {
  peerjs: { offer: "OFFER", answer: "ANSWER", candidate: "CANDIDATE", over: ["LEAVE"] },
  gstreamer: { offer: "offer", answer: "answer", candidate: "ice", over: ["closed 1000"] },
  "gstreamer room": {
    offer: "ROOM_PEER_MSG offer",
    answer: "ROOM_PEER_MSG answer",
    candidate: "ROOM_PEER_MSG ice",
    over: ["ROOM_PEER_LEFT"],
  },
  ssp: {
    offer: "rtc:sdp offer",
    answer: "rtc:sdp answer",
    candidate: "rtc:candidate",
    over: ["rtc:close"],
  },
  simple: { offer: "offer", answer: "answer", candidate: "candidate", over: ["bye", "leave"] },
  owt: {
    offer: "chat-signal offer",
    answer: "chat-signal answer",
    candidate: "chat-signal candidates",
    over: ["chat-closed"],
  },
  webrtcsink: { offer: "startSession", answer: "peer", candidate: "peer", over: ["endSession"] },
};

/** How messages come to pass where the clients are. */
export interface CallStage {
  /** Waits until a condition holds. */
  until(what: string, condition: () => boolean): Promise<void>;
}

/** Longer than an offer waits for that of a newcomer. */
const WAIT_MS = 1_500;

/** Every message has come to pass when its sender goes on, but for one that waits its time. */
export function clockStage({ clock }: { readonly clock: FakeClock }): CallStage {
  return {
    async until(what, condition): Promise<void> {
      if (condition()) return;
      clock.advance(WAIT_MS);
      await settle();
      if (!condition()) throw new Error(`It did not come to pass: ${what}`);
    },
  };
}

/** Every ordered pair of these protocols whose clients call each other. */
export function pairsOf(names: readonly PartyName[]): (readonly [PartyName, PartyName])[] {
  return names.flatMap((calling) =>
    names.filter((called) => canCall(calling, called)).map((called) => [calling, called] as const)
  );
}

/** Listens to the words of a call; those about presence are left out. */
class Ear {
  readonly party: Party<PartyClient>;
  readonly words: Words;
  readonly #stage: CallStage;
  readonly #name: PartyName;
  #fresh: string[] = [];

  constructor(stage: CallStage, name: PartyName, party: Party<PartyClient>) {
    this.#stage = stage;
    this.#name = name;
    this.party = party;
    this.words = WORDS[name];
  }

  /** Waits for a word that is about presence. */
  async sees(expected: string): Promise<void> {
    await this.#stage.until(`${this.#name} to see ${expected}`, () => {
      const words = this.party.news();
      this.#fresh.push(...words.filter((word) => this.#isOfCall(word)));
      return words.includes(expected);
    });
  }

  /** Waits for exactly these words. */
  async hears(...expected: string[]): Promise<void> {
    await this.#stage.until(`${this.#name} to hear ${expected}`, () => {
      this.#listen();
      return this.#fresh.length >= expected.length;
    });
    assertEquals(this.#fresh.splice(0), expected, this.#name);
  }

  /** Waits for one word for the end, after which there is nothing but news of presence. */
  async hearsEnd(): Promise<void> {
    const isEnd = (word: string): boolean => this.words.over.some((over) => word.startsWith(over));
    await this.#stage.until(`${this.#name} to hear the end`, () => {
      this.#fresh.push(...this.party.news().filter((word) => isEnd(word) || this.#isOfCall(word)));
      return this.#fresh.some(isEnd);
    });
    assertEquals(this.#fresh.filter((word) => !isEnd(word)), [], this.#name);
    this.#fresh = [];
  }

  #listen(): void {
    this.#fresh.push(...this.party.news().filter((word) => this.#isOfCall(word)));
  }

  #isOfCall(word: string): boolean {
    const { offer, answer, candidate } = this.words;
    return word === offer || word === answer || word === candidate || /error|^3\d?\[\d/i.test(word);
  }
}

/** Has one client call another one, and one of them hang up. */
export async function callAndHangUp(
  stage: CallStage,
  [calling, caller]: readonly [PartyName, Party<PartyClient>],
  [called, callee]: readonly [PartyName, Party<PartyClient>],
  hangsUp: "caller" | "callee",
): Promise<void> {
  const [one, other] = [new Ear(stage, calling, caller), new Ear(stage, called, callee)];
  if (IN_ROOMS.has(calling)) {
    const isSeen = (): boolean => {
      caller.news();
      return caller.client.sent.some((frame) => String(frame).includes(callee.id));
    };
    await stage.until("the caller to see the callee", isSeen);
  }
  await caller.offer(callee.id, "A");
  // Its other messages name the session.
  if (calling === "webrtcsink") await one.sees("sessionStarted");
  await caller.candidate(callee.id, "c1");
  // A producer gets candidates after its answer.
  const isProducer = called === "webrtcsink";
  const early = isProducer ? [] : [other.words.candidate];
  await other.hears(other.words.offer, ...early);
  await callee.answer(caller.id, "B");
  await callee.candidate(caller.id, "c2");
  await one.hears(one.words.answer, one.words.candidate);
  await caller.candidate(callee.id, "c3");
  await other.hears(other.words.candidate, ...isProducer ? [other.words.candidate] : []);
  const [gone, left] = hangsUp === "caller" ? [caller, other] : [callee, one];
  await gone.hangUp(left.party.id);
  await left.hearsEnd();
}

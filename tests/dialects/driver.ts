import type fc from "fast-check";
import type { Frame } from "../../src/core/session.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import type { DialectBench } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { type RoomKind, RoomWitness, type Voice } from "../helpers/session/rooms.ts";

/** A client that the server knows. */
export interface Member {
  readonly id: string;
  readonly client: TestClient;
}

/** A dialect's facts that the common suites need. */
export interface Driver {
  readonly dialect: Dialect;
  /** How two of its peers talk. */
  readonly ways: readonly [Way, ...Way[]];
  /** Connects a client as one was recorded that connected to a URL. */
  connect(bench: DialectBench, url: string): Promise<TestClient>;
  /**
   * Connects and stays nobody, where most of the dialect's frames can be said; undefined where every
   * connection is somebody at once.
   */
  linger?(bench: DialectBench): Promise<TestClient>;
  /** Undefined where the server makes the ids, so that nobody can ask for one. */
  readonly rival?: Rival;
  /** Its clients are not peers of the hub. */
  readonly isAnonymous?: true;
  /** Options with which it behaves as the reference server did while clients were recorded. */
  readonly asReference?: Readonly<Record<string, unknown>>;
  /** The peer that a frame from the server comes from or tells of; "" for the server itself. */
  about(frame: Frame): string;
  /** Frames as a client sends them, to mutate; `names` are ids and rooms that may exist. */
  valid(names: readonly string[]): fc.Arbitrary<string>;
  /**
   * Finds in a frame what the server makes up, such as ids: the whole match, or its first group.
   * Global; undefined where it makes up nothing.
   */
  readonly madeUp?: RegExp;
  /** Paths at which real clients must have been recorded, where there are several. */
  readonly recordedAt?: readonly string[];
  /** A frame without what the server counts, which depends on all that came before. */
  uncounted?(frame: Frame): Frame;
  /** The wire formats of its rooms, none where it has no rooms. */
  readonly rooms: readonly RoomKind[];
}

/** One way in which two peers of a dialect talk. */
export interface Way {
  readonly name: string;
  /** Connects and identifies itself; `name` is its id if clients choose theirs. */
  enter(bench: DialectBench, name: string): Promise<TestClient>;
  /** Reads the answer to that, and tells the id. */
  welcome(client: TestClient, name: string): string;
  /** Brings two peers together, and lets them read what that says to them. */
  meet(one: Member, other: Member): Promise<Talk>;
  /** Undefined where nothing can be said before an answer has come. */
  readonly hasty?: {
    readonly talk: Talk;
    /** Frames of a client that has entered and does not wait for answers. */
    say(to: string, texts: readonly string[]): readonly Frame[];
  };
  /**
   * Reads the frames that a member gets after entering under this name; undefined outside rooms.
   */
  voice?(name: string): Voice;
  /** Whether a frame is one that may come of what a stranger does, and names none of the friends. */
  isHarmless(frame: Frame, friends: readonly string[]): boolean;
}

/** The words of two peers that have met. */
export interface Talk {
  /** The frame that says a text to a peer. */
  say(to: string, text: string): Frame;
  /** The frame that the peer receives. */
  heard(from: string, to: string, text: string): Frame;
}

/** Somebody else who asks for an id that is in use. */
export interface Rival {
  connect(bench: DialectBench, id: string): Promise<TestClient>;
  /** The owner of the id afterwards; the other client is closed. */
  readonly prevails: "holder" | "rival";
  /** Whether a frame asks for one of the ids, where the rival prevails: that is no attack. */
  asks?(frame: Frame, ids: readonly string[]): boolean;
}

/** Connects an attacker, which may be nobody. */
export function intrude(
  { linger }: Driver,
  way: Way,
  bench: DialectBench,
  { name, isNobody }: { name: string; isNobody: boolean },
): Promise<TestClient> {
  return isNobody && linger !== undefined ? linger(bench) : way.enter(bench, name);
}

/** Connects, identifies itself and reads the greeting. */
export async function greet(way: Way, bench: DialectBench, name: string): Promise<Member> {
  const client = await way.enter(bench, name);
  return { client, id: way.welcome(client, name) };
}

/** Frames to a client since the last call, without the server's counters. */
export function heardBy({ client }: Member, { uncounted }: Driver): Frame[] {
  const frames = client.heard();
  return uncounted === undefined ? frames : frames.map(uncounted);
}

/** Two peers of a dialect that know each other, to see whether anything disturbs them. */
export class Friends {
  readonly #driver: Driver;
  readonly #way: Way;
  readonly alice: Member;
  readonly bob: Member;
  readonly #talk: Talk;
  readonly #histories: readonly History[];

  private constructor(driver: Driver, way: Way, [alice, bob]: [Member, Member], talk: Talk) {
    this.#driver = driver;
    this.#way = way;
    this.alice = alice;
    this.bob = bob;
    this.#talk = talk;
    this.#histories = way.voice === undefined ? [] : [
      new History(alice.client, way.voice("alice")),
      new History(bob.client, way.voice("bob")),
    ];
  }

  static async meet(driver: Driver, way: Way, bench: DialectBench): Promise<Friends> {
    const alice = await greet(way, bench, "alice");
    const bob = await greet(way, bench, "bob");
    return new Friends(driver, way, [alice, bob], await way.meet(alice, bob));
  }

  get ids(): readonly string[] {
    return [this.alice.id, this.bob.id];
  }

  /** Text from a member, or from an impostor, to a peer. */
  wordTo(id: string): Frame {
    return this.#talk.say(id, "hi");
  }

  /** The others in the room, as far as the members know. */
  strangers(): string[] {
    for (const history of this.#histories) history.read();
    return this.#histories.flatMap(({ witness: { known } }) =>
      [...known].filter((id) => !this.ids.includes(id))
    );
  }

  /**
   * The first frame that should not have arrived; undefined if all is well. Throws if the news of a
   * room make no sense.
   */
  disturbance(): string | undefined {
    for (const history of this.#histories) history.read();
    for (const { client } of [this.alice, this.bob]) {
      if (client.link.faults.length > 0) return `a fault: ${client.link.faults[0]}`;
      if (!client.isOpen) return "the end";
      if (client.refusals.length > 0) return `refused: ${client.refusals}`;
      const frame = client.heard().find((frame) => !this.#way.isHarmless(frame, this.ids));
      if (frame !== undefined) return `heard ${frame}`;
    }
    return undefined;
  }

  /** Says texts both ways, each in one go, and returns what came and what should have come. */
  async exchange(...texts: string[]): Promise<[heard: Frame[][], expected: Frame[][]]> {
    const { alice, bob } = this;
    await alice.client.say(...texts.map((text) => this.#talk.say(bob.id, text)));
    await bob.client.say(...texts.map((text) => this.#talk.say(alice.id, text)));
    const heard = [alice, bob].map((member) => heardBy(member, this.#driver));
    const expected = [[bob.id, alice.id], [alice.id, bob.id]].map(([from = "", to = ""]) =>
      texts.map((text) => this.#talk.heard(from, to, text))
    );
    return [heard, expected];
  }

  async leave(): Promise<void> {
    await this.alice.client.leave();
    await this.bob.client.leave();
  }
}

/** All news that a member of a room has received. */
class History {
  readonly witness = new RoomWitness();
  readonly #client: TestClient;
  readonly #voice: Voice;
  #read = 0;

  constructor(client: TestClient, voice: Voice) {
    this.#client = client;
    this.#voice = voice;
  }

  read(): void {
    const { sent } = this.#client;
    for (; this.#read < sent.length; this.#read++) {
      const news = this.#voice.read(sent[this.#read] ?? "");
      if (news !== undefined) this.witness.take(news);
    }
  }
}

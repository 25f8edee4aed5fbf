import { assert, assertEquals } from "@std/assert";
import { Calls } from "../../../src/core/calls/calls.ts";
import type { Crossing, End, Leg, Lifted, Signal } from "../../../src/core/calls/signal.ts";
import type { Backplane } from "../../../src/core/nodes/backplane.ts";
import type { HomePart } from "../../../src/core/nodes/elsewhere.ts";
import { SharedHub } from "../../../src/core/nodes/shared_hub.ts";
import { CallingClient } from "../session/calling_client.ts";
import { FakeClock } from "../session/fake_clock.ts";
import { NO_LIMITS } from "../session/hub.ts";
import { sdpOf, WIDE_CALLS } from "../session/legs.ts";
import { claimOf } from "../session/receiver.ts";
import { MemoryCluster } from "./memory_cluster.ts";
import { randomOf } from "./memory_engine.ts";

/** The realm of these clients. */
const REALM = "test";
const QUIET_MS = 3_000;
const STEPS = 60;
/** The clock of calls follows that of the cluster. */
const TICK_MS = 20;

type Act = "offer" | "reoffer" | "answer" | "candidate" | "hang up";

const ACTS: readonly Act[] = [
  ...["offer", "offer", "offer", "reoffer", "answer", "answer", "answer"] as const,
  ...["candidate", "candidate", "hang up"] as const,
];

/** A client whose messages are signals. It judges what it hears by what it has said. */
class Client extends CallingClient {
  readonly faults: string[] = [];
  /** Everything that it said and heard. */
  readonly log: string[];
  readonly #crossing: Crossing;
  /** The offer that an answer is for, by the answer's connection. */
  readonly #answers: Map<string, string>;
  #connections = 0;
  #ufrags = 0;
  /** The connection of its newest offer, and of its newest description. */
  #offered: string | undefined;
  #mine: string | undefined;
  /** The other client's offer that it has not answered. */
  #open: string | undefined;

  constructor(
    id: string,
    crossing: Crossing,
    { answers, log }: { readonly answers: Map<string, string>; readonly log: string[] },
  ) {
    super(id, () => this.log.push(`${this.id} gets it back`));
    this.#crossing = crossing;
    this.#answers = answers;
    this.log = log;
  }

  /** Its words for a step; undefined if it has none now. */
  say(act: Act): Lifted[] | End | undefined {
    switch (act) {
      case "offer":
        this.#offered = `${this.id}${++this.#connections}`;
        return this.#describe("offer", this.#offered);
      case "reoffer":
        if (this.#mine === undefined) return undefined;
        this.#offered = this.#mine;
        return this.#describe("offer", this.#mine);
      case "answer": {
        if (this.#open === undefined) return undefined;
        const answer = `${this.id}${++this.#connections}`;
        this.#answers.set(answer, this.#open);
        this.#open = undefined;
        return this.#describe("answer", answer);
      }
      case "candidate": {
        if (this.#mine === undefined) return undefined;
        const usernameFragment = `${this.#mine}.${this.#ufrags}`;
        const candidate = { candidate: usernameFragment, sdpMid: "0", usernameFragment };
        return [{ kind: "candidate", candidate }];
      }
      case "hang up":
        this.#open = this.#mine = undefined;
        return "hung-up";
    }
  }

  leg(): Leg {
    let isOver = false;
    /** The newest description that it was sent, by its ufrag. */
    let theirs: string | undefined;
    return {
      crossing: this.#crossing,
      showsPresence: true,
      lift: (payload) => payload as Lifted[] | End, // the test sends nothing else
      lower: (signal): undefined => {
        this.#check(!isOver, `a ${signal.kind} after the end`);
        if (signal.kind === "offer" || signal.kind === "answer") {
          theirs = [...signal.description.ufrags].join();
        }
        this.#hear(signal, theirs);
      },
      end: (why, isOwn) => {
        this.#check(!isOver, "a second end");
        isOver = true;
        this.log.push(`${this.id} < ${isOwn ? "own end" : `end: ${why}`}`);
        if (!isOwn) this.#open = undefined;
      },
    };
  }

  #describe(kind: "offer" | "answer", connection: string): Lifted[] {
    this.#mine = connection;
    return [{ kind, sdp: sdpOf(connection, { ufrag: `${connection}.${++this.#ufrags}` }) }];
  }

  #hear(signal: Signal, theirs: string | undefined): void {
    this.log.push(`${this.id} < ${wordOf(signal)}`);
    if (signal.kind === "candidate") {
      const { candidate } = signal.candidate;
      this.#check(candidate === theirs, `${candidate} under ${theirs}`);
    }
    if (signal.kind !== "offer" && signal.kind !== "answer") return;
    const { sessionId } = signal.description;
    if (signal.kind === "offer") this.#open = sessionId;
    else {
      this.#open = undefined;
      const answered = this.#answers.get(sessionId);
      this.#check(answered === this.#offered, `an answer to ${answered} for ${this.#offered}`);
    }
  }

  #check(isRight: boolean, fault: string): void {
    if (!isRight) this.faults.push(`${this.id} was sent ${fault}`);
  }
}

function wordOf(signal: Lifted | Signal): string {
  if (signal.kind === "candidate") return JSON.stringify(signal.candidate);
  if (signal.kind !== "offer" && signal.kind !== "answer") return signal.kind;
  return `${signal.kind} ${/a=ice-ufrag:(\S+)/.exec(signal.sdp)?.[1]}`;
}

/** How often something happens before a step of a story. */
export interface Disturbances {
  /** All connections to the engine break. */
  readonly breaks?: number;
  /** The engine is killed. It comes back, every other time empty. */
  readonly kills?: number;
  /** A client's peer moves to the other node. */
  readonly moves?: number;
}

/** A client, and the node that its peer is on. */
interface Side {
  readonly client: Client;
  readonly dialect: string;
  at: 0 | 1;
  isMoving: boolean;
}

/** Two clients of different dialects over two nodes. */
class Story {
  readonly log: string[] = [];
  readonly calls: Calls[];
  readonly cluster: MemoryCluster;
  readonly #clock: FakeClock;
  readonly #room: string | undefined;
  readonly sides: readonly [Side, Side];

  private constructor(
    { cluster, clock, calls }: Pick<Story, "cluster" | "calls"> & { readonly clock: FakeClock },
    crossings: readonly [Crossing, Crossing],
    room: string | undefined,
  ) {
    this.cluster = cluster;
    this.calls = calls;
    this.#clock = clock;
    this.#room = room;
    const shared = { answers: new Map<string, string>(), log: this.log };
    const side = (id: string, at: 0 | 1): Side => {
      const client = new Client(id, crossings[at], shared);
      return { client, dialect: at === 0 ? "one" : "two", at, isMoving: false };
    };
    this.sides = [side("a", 0), side("b", 1)];
  }

  static async begin(
    seed: number,
    crossings: readonly [Crossing, Crossing],
    room: string | undefined,
  ): Promise<Story> {
    const clock = new FakeClock();
    const calls: Calls[] = [];
    const hubOf = (node: Backplane): SharedHub => {
      const own = new Calls(WIDE_CALLS, clock, () => {});
      calls.push(own);
      return new SharedHub(NO_LIMITS, node, { calls: own });
    };
    const cluster = await MemoryCluster.form({ seed, delayMs: 6, hubOf });
    const story = new Story({ cluster, clock, calls }, crossings, room);
    for (const at of [0, 1] as const) {
      cluster.hub(at).elsewhere.homes.attend(REALM, story.#partOf(at));
    }
    return story;
  }

  /** Claims the ids of both clients. */
  async admit(order: readonly (0 | 1)[]): Promise<void> {
    const room = this.#room;
    const entry = room === undefined ? {} : { room: { room, kind: "room" as const } };
    for (const index of order) {
      const { client, dialect, at } = this.sides[index];
      const claim = claimOf(client.id, client, { dialect, ...entry });
      await this.cluster.during(this.cluster.hub(at).claim(claim));
    }
    await this.cluster.quiet();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= TICK_MS) {
      await this.cluster.pass(Math.min(left, TICK_MS));
      this.#clock.advance(Math.min(left, TICK_MS));
    }
  }

  say(index: 0 | 1, act: Act): void {
    const { client, at, isMoving } = this.sides[index];
    const words = isMoving ? undefined : client.say(act);
    if (words === undefined) return;
    const to = this.sides[index === 0 ? 1 : 0].client.id;
    this.log.push(`${client.id} > ${typeof words === "string" ? words : words.map(wordOf).join()}`);
    const sent = this.cluster.hub(at).send(client.peer, to, words, this.#room);
    if (sent !== "sent") this.log.push(`${client.id} < ${sent}`);
  }

  isCalling(index: 0 | 1): boolean {
    const { client, at } = this.sides[index];
    return this.cluster.hub(at).elsewhere.homes.isCalling(client.peer);
  }

  /** Has a client's peer move to the other node. Its client is silent until it is there. */
  move(index: 0 | 1): void {
    const side = this.sides[index];
    const { client, at, isMoving } = side;
    if (isMoving) return;
    side.isMoving = true;
    const { homes } = this.cluster.hub(at).elsewhere;
    homes.move(
      client.peer,
      this.cluster.hub(at === 0 ? 1 : 0).elsewhere.homes.address,
      (answer) => {
        this.log.push(`${client.id} ${"to" in answer ? "moves" : answer.refused}`);
        if ("to" in answer) this.#sendState(index, answer.to);
        else side.isMoving = false;
      },
    );
  }

  /** The old node sends the state of a peer until the new one has it. */
  #sendState(index: 0 | 1, to: string): void {
    const { homes } = this.cluster.hub(this.sides[index].at).elsewhere;
    homes.entrust(REALM, to, index, (outcome) => {
      if (outcome !== "taken") this.#sendState(index, to);
    });
  }

  #partOf(at: 0 | 1): HomePart {
    return {
      dialect: "one",
      told: (_from, payload) => {
        const index = payload === 0 ? 0 : 1;
        const side = this.sides[index];
        const { homes } = this.cluster.hub(at).elsewhere;
        if (!homes.settle(REALM, side.client.id, side.client)) return false;
        Object.assign(side, { at, isMoving: false });
        return true;
      },
      arriving: (id) => this.log.push(`${id} arrives`),
      untaken: ({ from }, why) => this.log.push(`${from} gets it back: ${why}`),
      nodeGone: () => {},
      severed: () => {},
    };
  }
}

/**
 * Lets two clients call, answer and hang up in an order that a seed decides. Fails where something of one
 * call or connection reaches a later one, or where anything of a call is left in the end.
 */
export async function playCalls(
  seed: number,
  room: string | undefined,
  { breaks = 0, kills = 0, moves = 0 }: Disturbances = {},
): Promise<void> {
  const random = randomOf(seed);
  const pick = <T>(among: readonly [T, ...T[]]): T =>
    among[Math.floor(random() * among.length)] ?? among[0];
  const happens = (share: number): boolean => share > 0 && random() < share;
  const crossings = ["yields", "insists", "calls", "ignores"] as const;
  const story = await Story.begin(seed, [pick(crossings), pick(crossings)], room);
  await using cluster = story.cluster;
  await story.admit(pick([[0, 1], [1, 0]] as const));
  for (let step = 0; step < STEPS; step++) {
    story.say(pick([0, 1]), pick(ACTS as [Act, ...Act[]]));
    if (random() < breaks) cluster.engine.breakConnections();
    if (random() < kills) {
      cluster.engine.kill();
      await story.pass(Math.floor(random() * 300));
      cluster.engine.start({ keeps: random() < 0.5 });
    }
    if (happens(moves)) story.move(pick([0, 1]));
    if (random() < 0.6) await story.pass(Math.floor(random() * 16));
    if (random() < 0.02) await story.pass(600);
  }
  await story.pass(QUIET_MS);
  const told = `seed ${seed}\n${story.log.join("\n")}`;
  assertEquals(story.sides.flatMap(({ client }) => client.faults), [], told);
  assertEquals(story.isCalling(0), story.isCalling(1), `only one of them is in a call, ${told}`);
  for (const index of [0, 1] as const) story.say(index, "hang up");
  await story.pass(QUIET_MS);
  assert(!story.isCalling(0) && !story.isCalling(1), `still in a call, ${told}`);
  assertEquals(story.calls.map(({ count }) => count), [0, 0]);
  const pairs = cluster.engine.data.keys().filter((key) => key.includes(":pairs:"));
  assertEquals([...pairs], [], told);
}

import { assert, assertEquals } from "@std/assert";
import { Calls } from "../../src/core/calls/calls.ts";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import type { Crossing, End, Leg, Lifted, Signal } from "../../src/core/calls/signal.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { CallingClient } from "../helpers/session/calling_client.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { NO_LIMITS } from "../helpers/session/hub.ts";
import { sdpOf, WIDE_CALLS } from "../helpers/session/legs.ts";
import { claimOf } from "../helpers/session/receiver.ts";

// Two clients of different dialects on two nodes, which call, answer and hang up in an order that a
// seed decides: nothing of one call or connection reaches a later one.

const ROOM = "room";
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

async function play(
  seed: number,
  room: string | undefined,
  { breaks = 0 }: { readonly breaks?: number } = {},
): Promise<void> {
  const random = randomOf(seed);
  const pick = <T>(among: readonly [T, ...T[]]): T =>
    among[Math.floor(random() * among.length)] ?? among[0];
  const clock = new FakeClock();
  const calls: Calls[] = [];
  await using cluster = await MemoryCluster.form({
    seed,
    delayMs: 6,
    hubOf: (node) => {
      const own = new Calls(WIDE_CALLS, clock, () => {});
      calls.push(own);
      return new SharedHub(NO_LIMITS, node, { calls: own });
    },
  });
  const log: string[] = [];
  const shared = { answers: new Map<string, string>(), log };
  const crossings = ["yields", "insists", "calls", "ignores"] as const;
  const clients = [
    new Client("a", pick(crossings), shared),
    new Client("b", pick(crossings), shared),
  ] as const;
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= TICK_MS) {
      await cluster.pass(Math.min(left, TICK_MS));
      clock.advance(Math.min(left, TICK_MS));
    }
  };
  for (const at of pick([[0, 1], [1, 0]] as const)) {
    const [id, dialect] = at === 0 ? ["a", "one"] : ["b", "two"];
    const entry = room === undefined ? {} : { room: { room, kind: "room" as const } };
    await cluster.during(cluster.hub(at).claim(claimOf(id, clients[at], { dialect, ...entry })));
  }
  await cluster.quiet();
  const say = (at: 0 | 1, act: Act): void => {
    const words = clients[at].say(act);
    if (words === undefined) return;
    const [id, to] = at === 0 ? ["a", "b"] : ["b", "a"];
    log.push(`${id} > ${typeof words === "string" ? words : words.map(wordOf).join()}`);
    const sent = cluster.hub(at).send(clients[at].peer, to, words, room);
    if (sent !== "sent") log.push(`${id} < ${sent}`);
  };
  const isCalling = (at: 0 | 1): boolean =>
    cluster.hub(at).elsewhere.homes.isCalling(clients[at].peer);
  for (let step = 0; step < STEPS; step++) {
    say(pick([0, 1]), pick(ACTS as [Act, ...Act[]]));
    if (random() < breaks) cluster.engine.breakConnections();
    if (random() < 0.6) await pass(Math.floor(random() * 16));
    if (random() < 0.02) await pass(600);
  }
  await pass(QUIET_MS);
  const story = `seed ${seed}\n${log.join("\n")}`;
  assertEquals(clients.flatMap(({ faults }) => faults), [], story);
  assertEquals(isCalling(0), isCalling(1), `only one of them is in a call, ${story}`);
  for (const at of [0, 1] as const) say(at, "hang up");
  await pass(QUIET_MS);
  assert(!isCalling(0) && !isCalling(1), `still in a call, ${story}`);
  assertEquals(calls.map(({ count }) => count), [0, 0]);
  const pairs = cluster.engine.data.keys().filter((key) => key.includes(":pairs:"));
  assertEquals([...pairs], [], story);
}

const SEEDS = [1001, 2000, 2047, 5014, 5041, 5079, 10006];

for (const room of [undefined, ROOM]) {
  const where = room === undefined ? "without a room" : "in a room";
  for (const seed of SEEDS) {
    Deno.test(`nothing of a call reaches a later one, ${where}, seed ${seed}`, () =>
      play(seed, room));
    Deno.test(`nothing of a call reaches a later one, ${where} while connections break, seed ${seed}`, () =>
      play(seed, room, { breaks: 0.1 }));
  }
}

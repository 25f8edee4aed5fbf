import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { type NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";
import type { Credentials, SimpleFrame } from "../helpers/session/simple.ts";

// Each acknowledged signal reaches a client that wanders from node to node, in an order that a seed
// decides.

const SEEDS = [1, 2, 3, 4, 5, 6];
const NEVER_MS = 600_000;
const STEPS = 120;
const OPTIONS = { maxTakeBacks: 100_000, resumeMs: NEVER_MS, maxKeptSignals: 1_000 };

/** A client that comes back to one node or the other, and asks for what it missed. */
class Wanderer {
  /** The data of all signals, each once. */
  readonly heard: unknown[] = [];
  readonly #stage: SimpleStage;
  readonly #random: () => number;
  readonly #credentials: Credentials;
  #now: NodeClient;
  #seq = 0;

  constructor(stage: SimpleStage, random: () => number, first: NodeClient) {
    this.#stage = stage;
    this.#random = random;
    this.#credentials = first.credentials;
    this.#now = first;
  }

  /** Reads what has come, and comes back where the server refused it or ended the connection. */
  async read(): Promise<void> {
    let isRefused = false;
    for (const frame of this.#now.take()) {
      if (frame["event"] === "ready") assertEquals(frame["recovered"], true);
      isRefused ||= frame["event"] === "error";
      if (frame["event"] !== "signal" || Number(frame["seq"]) <= this.#seq) continue;
      assertEquals(frame["seq"], ++this.#seq, "a signal is missing");
      this.heard.push(frame["data"]);
    }
    if (isRefused || !this.#now.client.isOpen) await this.comeBack();
  }

  /** Comes back to any node, sometimes while the old connection seems to be there. */
  async comeBack(): Promise<void> {
    const old = this.#now.client;
    if (old.isOpen && this.#random() < 0.5) old.cut();
    this.#now = await this.#stage.connect(this.#random() < 0.5 ? 0 : 1);
    this.#now.say({ event: "join", room: "r", ...this.#credentials, seq: this.#seq });
  }
}

/** A client that numbers its signals for another one, and keeps their outcomes. */
class Sender {
  sent = 0;
  readonly taken: number[] = [];
  readonly refused: SimpleFrame[] = [];
  readonly #client: NodeClient;
  readonly #name: string;
  readonly #to: string;

  constructor(client: NodeClient, name: string, to: string) {
    this.#client = client;
    this.#name = name;
    this.#to = to;
  }

  say(): void {
    const [ref, data] = [++this.sent, [this.#name, this.sent]];
    this.#client.say({ event: "signal", peer_id: this.#to, type: "data", data, ref });
  }

  read(): void {
    for (const frame of this.#client.take()) {
      if (frame["event"] === "ok") this.taken.push(Number(frame["ref"]));
      else if (frame["event"] === "error") this.refused.push(frame);
    }
  }

  get isDone(): boolean {
    return this.taken.length + this.refused.length === this.sent;
  }

  /** The numbers that another client should have heard. */
  of(heard: readonly unknown[]): number[] {
    return heard.flatMap((data) => {
      const [name, n]: unknown[] = Array.isArray(data) ? data : [];
      return name === this.#name ? [Number(n)] : [];
    });
  }
}

/** Something that happens to the engine. */
type Disturb = (cluster: MemoryCluster, random: () => number) => Promise<void>;

async function wander(seed: number, disturb: Disturb): Promise<void> {
  const cluster = await MemoryCluster.form({ seed, delayMs: 6, waitMs: NEVER_MS });
  await using stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)), OPTIONS);
  const random = randomOf(seed);
  const first = await stage.enter(random() < 0.5 ? 0 : 1);
  const wanderer = new Wanderer(stage, random, first);
  const senders = [
    new Sender(await stage.enter(0), "Fred", first.id),
    new Sender(await stage.enter(1), "Wilma", first.id),
  ] as const;
  for (let step = 0; step < STEPS; step++) {
    const dice = random();
    if (dice < 0.8) senders[dice < 0.4 ? 0 : 1].say();
    else if (dice < 0.95) await wanderer.comeBack();
    else await disturb(cluster, random);
    await cluster.pass(Math.floor(random() * 25));
    await wanderer.read();
  }
  const isDone = (): boolean =>
    senders.every(({ isDone }) => isDone) &&
    wanderer.heard.length >= senders.reduce((sum, { taken }) => sum + taken.length, 0);
  for (let ms = 0; ms < 60_000 && !isDone(); ms += 50) {
    await cluster.pass(50);
    await wanderer.read();
    for (const sender of senders) sender.read();
  }
  for (const sender of senders) {
    assertEquals([sender.isDone, sender.refused], [true, []]);
    assertEquals(sender.of(wanderer.heard), sender.taken);
  }
}

const DISTURBANCES: readonly (readonly [string, Disturb])[] = [
  ["while connections break", ({ engine }) => Promise.resolve(engine.breakConnections())],
  ["while engines come back empty", async (cluster, random) => {
    cluster.engine.kill();
    await cluster.pass(Math.floor(random() * 400));
    cluster.engine.start({ keeps: random() < 0.3 });
  }],
];

for (const [when, disturb] of DISTURBANCES) {
  for (const seed of SEEDS) {
    Deno.test(`Simple: a wanderer hears all that was acknowledged, once and in order, ${when}, seed ${seed}`, async () => {
      await wander(seed, disturb);
    });
  }
}

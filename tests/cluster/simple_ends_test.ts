import { assert, assertEquals } from "@std/assert";
import { simple } from "../../src/dialects/simple/mod.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { randomOf } from "../helpers/cluster/memory_engine.ts";
import { NodeClient } from "../helpers/cluster/simple_stage.ts";
import { type Stage, stageOver } from "../helpers/cluster/stages.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Planned ends of several nodes: clients that can resume do so on another node, or are sealed by one.

const OPTIONS = { secret: "the same on all nodes", resumeMs: 600_000 };
const SEEDS = [1, 2, 3, 4, 5, 6];
const PEERS = 12;

/** Nodes with Simple on each, which come and go. */
class Fleet implements AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: Stage;
  readonly benches: DialectBench[] = [];

  readonly #options: Readonly<Record<string, unknown>>;

  private constructor(cluster: MemoryCluster, options: Readonly<Record<string, unknown>>) {
    this.cluster = cluster;
    this.#options = { ...OPTIONS, ...options };
    this.stage = stageOver(cluster);
    for (let at = 0; at < cluster.nodes.length; at++) this.#open(at);
  }

  static async form(
    nodes: number,
    seed: number,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<Fleet> {
    return new Fleet(await MemoryCluster.form({ nodes, seed, delayMs: 4 }), options);
  }

  #open(at: number): void {
    const on = { hub: this.cluster.hub(at), clock: this.cluster.clock };
    this.benches.push(new DialectBench(simple, { options: this.#options, on }));
  }

  /** One more node, once it serves. */
  async add(): Promise<void> {
    this.cluster.add();
    this.#open(this.benches.length);
    await this.cluster.pass(100);
  }

  at(index: number): DialectBench {
    const bench = this.benches[index];
    if (bench === undefined) throw new RangeError(`Cannot use node ${index}: there is none`);
    return bench;
  }

  async connect(at: number): Promise<NodeClient> {
    return new NodeClient(await this.at(at).connect("/simple"), this.stage);
  }

  /** A planned end; returns what the node seals. */
  async end(at: number): Promise<unknown[]> {
    const { open } = this.at(at);
    await open.moveAway?.();
    const sealed = [...open.seal?.().items ?? []];
    this.at(at)[Symbol.dispose]();
    await this.cluster.at(at).node.stop();
    return sealed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** A lost peer on each node in turn, for which a signal waits. */
async function lose(fleet: Fleet, nodes: number): Promise<NodeClient[]> {
  const peers: NodeClient[] = [];
  for (let n = 0; n < PEERS; n++) {
    const sender = await fleet.connect(n % nodes);
    await sender.join({ room: `r${n}` });
    const peer = await fleet.connect(n % nodes);
    await peer.join({ room: `r${n}` });
    await peer.client.lose();
    sender.say({ event: "signal", peer_id: peer.id, type: "data", data: n, ref: n });
    const [, receipt] = await sender.next(2);
    assertEquals([receipt?.["event"], receipt?.["queued"]], ["ok", 1]);
    await sender.client.lose();
    peers.push(peer);
  }
  return peers;
}

async function resumeAll(fleet: Fleet, at: number, peers: readonly NodeClient[]): Promise<void> {
  for (const [n, peer] of peers.entries()) {
    const back = await fleet.connect(at);
    const { ready } = await back.join({ room: `r${n}`, ...peer.credentials, seq: 0 });
    assertEquals(ready["recovered"], true, `peer ${n}`);
    assertEquals((await back.next(1))[0]?.["data"], n);
  }
}

for (const seed of SEEDS) {
  Deno.test(`Simple: two nodes that end at once leave every peer to the third, seed ${seed}`, async () => {
    await using fleet = await Fleet.form(3, seed);
    const { cluster } = fleet;
    const peers = await lose(fleet, 2);
    const first = fleet.end(0);
    await cluster.pass(seed);
    const sealed = await cluster.during(Promise.all([first, fleet.end(1)]));
    assertEquals(sealed, [[], []]);
    await resumeAll(fleet, 2, peers);
  });

  Deno.test(`Simple: nodes that all end at once seal every peer, seed ${seed}`, async () => {
    await using fleet = await Fleet.form(3, seed);
    const { cluster } = fleet;
    const peers = await lose(fleet, 3);
    const ends: Promise<unknown[]>[] = [];
    for (let at = 0; at < 3; at++) {
      ends.push(fleet.end(at));
      await cluster.pass(seed % 3);
    }
    const sealed = (await cluster.during(Promise.all(ends))).flat() as SimpleFrame[];
    const ids = new Set(sealed.map(({ id }) => id));
    assertEquals(peers.filter(({ id }) => !ids.has(id)), []);
  });
}

Deno.test("Simple: a rolling restart of all nodes loses no peer that can resume", async () => {
  await using fleet = await Fleet.form(3, 7);
  const { cluster } = fleet;
  const peers = await lose(fleet, 3);
  for (let at = 0; at < 3; at++) {
    await fleet.add();
    assertEquals(await cluster.during(fleet.end(at)), []);
  }
  await resumeAll(fleet, 4, peers);
});

Deno.test("Simple: a peer whose new node may not have it at the end is sealed, too", async () => {
  await using fleet = await Fleet.form(2, 8);
  const { cluster } = fleet;
  const peer = await fleet.connect(0);
  await peer.join();
  await peer.client.lose();
  // Nobody has noticed that the other node is dead.
  cluster.at(1).link.cut();
  const sealed = await cluster.during(fleet.end(0)) as SimpleFrame[];
  assertEquals(sealed.map(({ id }) => id), [peer.id]);
  cluster.at(1).link.heal();
});

for (const keeps of [true, false]) {
  const how = keeps ? "with its data" : "empty";
  Deno.test(`Simple: a planned end loses no peer while the engine starts again ${how}`, async () => {
    for (let momentMs = 0; momentMs < 20; momentMs += 2) {
      await using fleet = await Fleet.form(3, momentMs);
      const { cluster } = fleet;
      const peers = await lose(fleet, 1);
      const mate = await fleet.connect(1);
      await mate.join({ room: "r0" });
      const end = fleet.end(0);
      await cluster.pass(momentMs);
      cluster.engine.kill();
      await cluster.pass(100);
      cluster.engine.start({ keeps });
      const sealed = await cluster.during(end) as SimpleFrame[];
      for (const [n, peer] of peers.entries()) {
        if (sealed.some(({ id }) => id === peer.id)) continue;
        const back = await fleet.connect(1);
        const { ready } = await back.join({ room: `r${n}`, ...peer.credentials, seq: 0 });
        assertEquals(ready["recovered"], true, `peer ${n} at ${momentMs} ms`);
      }
      // An emptied engine may have lost the news of a move whose peer is on neither node.
      if (keeps) assertEquals(mate.frames, []);
    }
  });
}

Deno.test("Simple: a node that ends takes no state after its time, and the peer goes elsewhere", async () => {
  await using fleet = await Fleet.form(3, 9);
  const { cluster } = fleet;
  const peer = await fleet.connect(0);
  await peer.join();
  await peer.client.lose();
  const [one, two] = [cluster.at(0).node, cluster.at(1).node];
  // The state comes when the other node has given up waiting for it.
  const send = one.send.bind(one);
  let release = (): void => {};
  one.send = (message, isConfirmed, answer) => {
    if (!isConfirmed) return send(message, isConfirmed, answer);
    release = () => send(message, isConfirmed, answer);
  };
  const back = await fleet.connect(1);
  back.say({ event: "join", room: "r", ...peer.credentials, seq: 0 });
  await cluster.pass(100);
  // A node closes its connections before it ends.
  back.client.cut();
  const ending = fleet.at(1).open.moveAway?.();
  await cluster.during(ending);
  one.send = send;
  release();
  await cluster.pass(2_000);
  await cluster.during(two.stop());
  const again = await fleet.connect(2);
  const { ready } = await again.join({ ...peer.credentials, seq: 0 });
  assert(ready["recovered"]);
});

/** A client that comes back to any living node, and misses nothing. */
class Nomad {
  readonly heard: unknown[] = [];
  readonly confirmed: number[] = [];
  readonly #fleet: Fleet;
  readonly #random: () => number;
  #client: NodeClient;
  #seq = 0;
  readonly #credentials: NodeClient["credentials"];

  constructor(fleet: Fleet, random: () => number, client: NodeClient) {
    this.#fleet = fleet;
    this.#random = random;
    this.#client = client;
    this.#credentials = client.credentials;
  }

  get id(): string {
    return this.#client.id || this.#credentials.p_id;
  }

  say(to: Nomad, n: number): void {
    this.#client.say({ event: "signal", peer_id: to.id, type: "data", data: n, ref: n });
  }

  /** Reads what has come, and comes back where the connection has ended or the join was refused. */
  async read(living: readonly number[]): Promise<void> {
    let isRefused = false;
    for (const frame of this.#client.take()) {
      if (frame["event"] === "ready") assertEquals(frame["recovered"], true);
      if (frame["event"] === "ok") this.confirmed.push(Number(frame["ref"]));
      // A refused signal may have arrived; its client does not repeat it.
      isRefused ||= frame["event"] === "error" && frame["ref"] === undefined;
      if (frame["event"] !== "signal" || Number(frame["seq"]) <= this.#seq) continue;
      assertEquals(frame["seq"], ++this.#seq, "a signal is missing");
      this.heard.push(frame["data"]);
    }
    if (isRefused || !this.#client.client.isOpen) await this.comeBack(living);
  }

  async comeBack(living: readonly number[]): Promise<void> {
    if (this.#client.client.isOpen) this.#client.client.cut();
    const at = living[Math.floor(this.#random() * living.length)] ?? 0;
    this.#client = await this.#fleet.connect(at);
    this.#client.say({ event: "join", room: "r", ...this.#credentials, seq: this.#seq });
  }

  /** As at the planned end of its node. */
  cut(): void {
    this.#client.client.cut();
  }
}

for (const seed of SEEDS) {
  Deno.test(`Simple: clients hear what was acknowledged, once and in order, while nodes end in turn, seed ${seed}`, async () => {
    const options = { maxTakeBacks: 100_000, maxKeptSignals: 1_000 };
    await using fleet = await Fleet.form(3, seed, options);
    const { cluster } = fleet;
    const random = randomOf(seed);
    const enter = async (at: number): Promise<Nomad> => {
      const client = await fleet.connect(at);
      await client.join();
      return new Nomad(fleet, random, client);
    };
    const sender = await enter(0);
    const receiver = await enter(1);
    const nomads = [sender, receiver];
    let living = [0, 1, 2];
    let sent = 0;
    const pass = async (ms: number): Promise<void> => {
      await cluster.pass(ms);
      for (const nomad of nomads) await nomad.read(living);
    };
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 12; n++) {
        sender.say(receiver, ++sent);
        if (random() < 0.2) await receiver.comeBack(living);
        await pass(Math.floor(random() * 12));
      }
      const [first = 0, second = 0] = living;
      const ending = random() < 0.5 ? [first] : [first, second];
      for (let n = 0; n < ending.length; n++) {
        await fleet.add();
        living.push(fleet.benches.length - 1);
      }
      living = living.filter((at) => !ending.includes(at));
      // A node closes its connections before it ends.
      for (const nomad of nomads) nomad.cut();
      let isOver = false;
      const ends = Promise.all(ending.map((at) => fleet.end(at)));
      void ends.then((sealed) => {
        isOver = true;
        assertEquals(sealed.flat(), []);
      });
      for (let ms = 0; ms < 20_000 && !isOver; ms += 5) await pass(5);
      await ends;
    }
    for (let ms = 0; ms < 15_000; ms += 100) await pass(100);
    const heard = receiver.heard.map(Number);
    assertEquals(heard, [...new Set(heard)].sort((a, b) => a - b));
    assertEquals(sender.confirmed.filter((n) => !heard.includes(n)), []);
    assert(heard.length >= sent / 2, `${heard.length} of ${sent}`);
  });
}

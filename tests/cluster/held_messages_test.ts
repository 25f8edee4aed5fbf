import { assertEquals } from "@std/assert";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";

// Messages of PeerJS clients for absent ids, on nodes over an engine in this process.

const OPEN = { type: "OPEN" };

function offer(dst: string, n: number): string {
  return JSON.stringify({ type: "OFFER", dst, payload: { connectionId: "c", n } });
}

function relayed(src: string, dst: string, n: number): unknown {
  return { type: "OFFER", src, dst, payload: { connectionId: "c", n } };
}

function expired(src: string, dst: string): unknown {
  return { type: "EXPIRE", src, dst };
}

/** Nodes of a cluster that serve PeerJS. */
class PeerJsNodes implements AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly benches: readonly DialectBench[];

  private constructor(cluster: MemoryCluster, options: Readonly<Record<string, unknown>>) {
    this.cluster = cluster;
    const { clock } = cluster;
    this.benches = cluster.nodes.map(({ hub }) =>
      new DialectBench(peerjs, { options, bridge: { hub, clock, realm: "peerjs" } })
    );
  }

  /** @param options the dialect's part of a configuration */
  static async open(
    nodes = 3,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<PeerJsNodes> {
    return new PeerJsNodes(await MemoryCluster.form({ nodes, delayMs: 2, seed: 5 }), options);
  }

  /** How many absent ids the engine has keys of. */
  get awaited(): number {
    return this.cluster.engine.data.keys().filter((key) => key.startsWith("test:1:w:")).length;
  }

  bench(at: number): DialectBench {
    const bench = this.benches[at];
    if (bench === undefined) throw new RangeError(`Cannot use node ${at}: there is none`);
    return bench;
  }

  /** A client that has been given its id, and what it heard with it. */
  async come(at: number, id: string): Promise<[client: TestClient, heard: unknown[]]> {
    const client = await this.bench(at).connect(`/peerjs?key=peerjs&id=${id}&token=t`);
    for (let ms = 0; ms < 5_000 && client.sent.length === 0; ms++) await this.cluster.pass(1);
    const [first, ...others] = client.heardJson();
    assertEquals(first, OPEN);
    return [client, others];
  }

  /** Hands what a node holds at its end to another one. */
  async hand(from: number, to: number): Promise<void> {
    const items = [...this.bench(from).open.seal?.().items ?? []];
    // As they travel.
    this.bench(to).open.adopt?.(JSON.parse(JSON.stringify(items)));
    await this.cluster.pass(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bench of this.benches) bench[Symbol.dispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

Deno.test("cluster, held messages: one waits also when its sender leaves before its node knows the outcome", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1), offer("x", 2));
  await alice.leave();
  await nodes.cluster.pass(50);
  const [x, heard] = await nodes.come(1, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...x.heardJson()], [relayed("alice", "x", 1), relayed("alice", "x", 2)]);
});

Deno.test("cluster, held messages: EXPIRE reaches a sender that has gone on to another node, once", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1));
  await nodes.cluster.pass(50);
  const [moved] = await nodes.come(1, "alice");
  await nodes.cluster.pass(7_000);
  assertEquals(alice.isOpen, false);
  assertEquals(moved.heardJson(), [expired("x", "alice")]);
});

Deno.test("cluster, held messages: an id that goes again at once gets them when it is back", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1));
  await alice.leave();
  await nodes.cluster.pass(50);
  const [x] = await nodes.come(1, "x");
  await x.leave();
  await nodes.cluster.pass(50);
  assertEquals(x.heardJson(), []);
  const [back, heard] = await nodes.come(2, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...back.heardJson()], [relayed("alice", "x", 1)]);
});

Deno.test("cluster, held messages: they reach an id that appears after the engine came back empty", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1));
  await nodes.cluster.pass(50);
  nodes.cluster.engine.kill();
  await nodes.cluster.pass(100);
  nodes.cluster.engine.start({ keeps: false });
  await nodes.cluster.pass(2_500);
  const [x, heard] = await nodes.come(1, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...x.heardJson()], [relayed("alice", "x", 1)]);
  assertEquals(alice.heardJson(), []);
});

Deno.test("cluster, held messages: a node that ends hands them on, and the id gets them anywhere", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1), offer("here", 2));
  await nodes.cluster.pass(50);
  await alice.leave();
  const [here] = await nodes.come(1, "other");
  await nodes.hand(0, 1);
  const [x, heard] = await nodes.come(2, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...x.heardJson()], [relayed("alice", "x", 1)]);
  assertEquals((await nodes.come(1, "here"))[1], [relayed("alice", "here", 2)]);
  assertEquals(here.heardJson(), []);
});

Deno.test("cluster, held messages: an id that comes while they are handed on gets them once", async () => {
  await using nodes = await PeerJsNodes.open();
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1));
  await nodes.cluster.pass(50);
  await alice.leave();
  const items = [...nodes.bench(0).open.seal?.().items ?? []];
  const [x, heard] = await nodes.come(2, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...x.heardJson()], []);
  nodes.bench(1).open.adopt?.(items);
  await nodes.cluster.pass(50);
  assertEquals(x.heardJson(), [relayed("alice", "x", 1)]);
});

Deno.test("cluster, held messages: EXPIRE of a node that ended reaches the sender, wherever and whenever it is back", async () => {
  for (const [backAfterMs, at] of [[100, 1], [100, 2], [7_000, 1], [7_000, 2]] as const) {
    await using nodes = await PeerJsNodes.open();
    const [alice] = await nodes.come(0, "alice");
    await alice.say(offer("x", 1));
    await nodes.cluster.pass(1_000);
    await alice.leave();
    await nodes.hand(0, 1);
    await nodes.cluster.pass(backAfterMs);
    const [back, heard] = await nodes.come(at, "alice");
    await nodes.cluster.pass(7_000);
    assertEquals([...heard, ...back.heardJson()], [expired("x", "alice")]);
  }
});

Deno.test("cluster, held messages: the engine has a key of an absent id only while messages wait for it", async () => {
  await using nodes = await PeerJsNodes.open(2, { maxHeldAttempts: 3 });
  const [alice] = await nodes.come(0, "alice");
  for (let n = 0; n < 10; n++) {
    await alice.say(JSON.stringify({ type: "LEAVE", dst: `left${n}` }));
    await alice.say(JSON.stringify({ type: "EXPIRE", dst: `expired${n}` }));
    await alice.say(offer("x".repeat(600 + n), n));
  }
  await nodes.cluster.pass(50);
  assertEquals(nodes.awaited, 0);
  for (let n = 0; n < 10; n++) await alice.say(offer(`x${n}`, n));
  await nodes.cluster.pass(50);
  assertEquals(nodes.awaited, 3);
  await nodes.cluster.pass(7_000);
  assertEquals(nodes.awaited, 0);
});

Deno.test("cluster, held messages: a long time to wait is not cut short, by a shorter one neither", async () => {
  await using nodes = await PeerJsNodes.open(2, { expireTimeoutMs: 400_000 });
  const [alice] = await nodes.come(0, "alice");
  await alice.say(offer("x", 1));
  nodes.cluster.hub(1).elsewhere.want({
    realm: "peerjs",
    id: "x",
    dialect: "peerjs",
    lifetimeMs: 5_000,
  });
  await nodes.cluster.pass(380_000);
  const [x, heard] = await nodes.come(1, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...x.heardJson()], [relayed("alice", "x", 1)]);
});

/** Longer than a node that stands still counts as alive, and shorter than a message waits then. */
const FROZEN_MS = 8_000;
/** Longer than a message waits that no node took. */
const OVER_MS = 7_000;

/** Stands a node still until the others have given it up, and lets it go on. */
async function freeze({ cluster }: PeerJsNodes, at: number): Promise<void> {
  const { clock } = cluster.at(at);
  clock.stop();
  await cluster.pass(FROZEN_MS);
  clock.resume();
  await cluster.pass(500);
}

for (const confirmedInMs of [190, 150, 10]) {
  Deno.test(`cluster, held messages: one that came ${confirmedInMs} ms before its confirmation comes once, though its node freezes`, async () => {
    await using nodes = await PeerJsNodes.open(2);
    const [alice] = await nodes.come(0, "alice");
    const [x] = await nodes.come(1, "x");
    await alice.say(offer("x", 1));
    await nodes.cluster.pass(200 - confirmedInMs);
    assertEquals(x.heardJson(), [relayed("alice", "x", 1)]);
    const { clock } = nodes.cluster.at(1);
    clock.stop();
    // This one is in the node's inbox, and was not delivered.
    await alice.say(offer("x", 2));
    await nodes.cluster.pass(FROZEN_MS);
    clock.resume();
    await nodes.cluster.pass(500);
    await alice.say(offer("x", 3));
    await nodes.cluster.pass(OVER_MS);
    assertEquals(x.heardJson(), [relayed("alice", "x", 2), relayed("alice", "x", 3)]);
    assertEquals([x.isOpen, alice.heardJson()], [true, []]);
  });
}

Deno.test("cluster, held messages: one that is sent again comes once, though its node freezes again", async () => {
  await using nodes = await PeerJsNodes.open(2);
  const [alice] = await nodes.come(0, "alice");
  const [x] = await nodes.come(1, "x");
  const { clock } = nodes.cluster.at(1);
  clock.stop();
  await alice.say(offer("x", 1));
  await nodes.cluster.pass(FROZEN_MS);
  clock.resume();
  const heard: unknown[] = [];
  for (let ms = 0; ms < 1_000 && heard.length === 0; ms++) {
    await nodes.cluster.pass(1);
    heard.push(...x.heardJson());
  }
  assertEquals(heard, [relayed("alice", "x", 1)]);
  await freeze(nodes, 1);
  await alice.say(offer("x", 2));
  await nodes.cluster.pass(OVER_MS);
  assertEquals([...x.heardJson(), ...alice.heardJson()], [relayed("alice", "x", 2)]);
});

Deno.test("cluster, held messages: one that came before its node froze comes once, though its sender left", async () => {
  await using nodes = await PeerJsNodes.open(2);
  const [alice] = await nodes.come(0, "alice");
  const [bob] = await nodes.come(0, "bob");
  const [x] = await nodes.come(1, "x");
  await alice.say(offer("x", 1));
  await nodes.cluster.pass(20);
  await alice.leave();
  await freeze(nodes, 1);
  await bob.say(offer("x", 2));
  await nodes.cluster.pass(OVER_MS);
  assertEquals(x.heardJson(), [relayed("alice", "x", 1), relayed("bob", "x", 2)]);
});

Deno.test("cluster, held messages: one whose receiver had left comes when it is back on the same node", async () => {
  await using nodes = await PeerJsNodes.open(2);
  const [alice] = await nodes.come(0, "alice");
  const [x] = await nodes.come(1, "x");
  // The message is in the node's inbox before the departure is known to the engine.
  await alice.say(offer("x", 1));
  await x.leave();
  await nodes.cluster.pass(1_000);
  const causes = nodes.cluster.at(0).events
    .flatMap((event) => event.type === "undelivered" ? [event.cause] : []);
  assertEquals(causes, ["gone"]);
  const [back, heard] = await nodes.come(1, "x");
  await nodes.cluster.pass(50);
  assertEquals([...heard, ...back.heardJson()], [relayed("alice", "x", 1)]);
  assertEquals(x.heardJson(), []);
});

import { assertEquals, assertRejects } from "@std/assert";
import { SignalError } from "../../src/core/errors.ts";
import type { MoveAnswer } from "../../src/core/nodes/backplane.ts";
import type { HomePart, Homes } from "../../src/core/nodes/elsewhere.ts";
import type { Hub } from "../../src/core/hub.ts";
import { Moves } from "../../src/core/nodes/moves.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import {
  inMemory,
  type OpenStage,
  overRedis,
  type Stage,
  stageOver,
} from "../helpers/cluster/stages.ts";
import { type ClientTest, clientTest } from "../helpers/process/clients.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Peers that move from one hub to another, over two backplanes.

const REALM = "test";

/** A dialect's part that keeps its news. */
class Part implements HomePart {
  readonly dialect = "test";
  readonly heard: string[] = [];

  told(_from: string, payload: unknown): boolean {
    this.heard.push(`told ${JSON.stringify(payload)}`);
    return true;
  }
  arriving(id: string): void {
    this.heard.push(`arriving ${id}`);
  }
  untaken({ from, payload }: { from: string; payload: unknown }, why: string): void {
    this.heard.push(`untaken ${from}: ${JSON.stringify(payload)}, ${why}`);
  }
  nodeGone(): void {
    this.heard.push("nodeGone");
  }
  severed(): void {
    this.heard.push("severed");
  }
}

function homesOf(hub: Hub, part: HomePart): Homes {
  const { homes } = hub.elsewhere ?? {};
  if (homes === undefined) throw new Error("Cannot move a peer of a hub that is alone");
  homes.attend(REALM, part);
  return homes;
}

interface Crew {
  readonly parts: readonly [Part, Part];
  readonly homes: readonly [Homes, Homes];
  readonly mover: FakeReceiver;
  /** On the first hub, and on the second. */
  readonly mates: readonly [FakeReceiver, FakeReceiver];
}

/** A peer on the first hub that is about to move, with a room-mate on each. */
async function gather(stage: Stage): Promise<Crew> {
  const parts = [new Part(), new Part()] as const;
  const homes = [homesOf(stage.hubs[0], parts[0]), homesOf(stage.hubs[1], parts[1])] as const;
  const [mover, near, far] = [new FakeReceiver(), new FakeReceiver(), new FakeReceiver()];
  const room = { room: "r" };
  await stage.during(stage.hubs[0].claim(claimOf("mover", mover, { room })));
  await stage.during(stage.hubs[0].claim(claimOf("near", near, { room })));
  await stage.during(stage.hubs[1].claim(claimOf("far", far, { room })));
  await stage.until("the last to come", () => near.events.length === 3);
  for (const receiver of [mover, near, far]) receiver.told();
  return { parts, homes, mover, mates: [near, far] };
}

async function move(stage: Stage, { homes, mover }: Crew, to?: string): Promise<MoveAnswer> {
  const answers: MoveAnswer[] = [];
  homes[0].move(mover.peer, to, (answer) => answers.push(answer));
  await stage.until("the move", () => answers.length > 0);
  return answers[0] ?? { refused: "stale" };
}

const TESTS: readonly (readonly [string, (open: OpenStage) => Promise<void>])[] = [
  ["a peer moves, its room-mates notice nothing, and no message is lost", async (open) => {
    await using stage = await open();
    const crew = await gather(stage);
    const { homes, mover, mates: [near, far], parts: [, part] } = crew;
    for (const n of [1, 2]) stage.hubs[1].send(far.peer, "mover", n, "r");
    const moved = await move(stage, crew, homes[1].address);
    assertEquals("to" in moved ? moved.to : moved, homes[1].address);
    const before = mover.told();
    for (const n of [3, 4]) stage.hubs[0].send(near.peer, "mover", n, "r");
    for (const n of [3, 4]) stage.hubs[1].send(far.peer, "mover", n, "r");
    await stage.until("the announcement", () => part.heard.length > 0);
    assertEquals(part.heard, ["arriving mover"]);
    const successor = new FakeReceiver();
    assertEquals(homes[1].settle(REALM, "mover", successor), true);
    await stage.until("all messages", () => before.length + successor.events.length >= 7);
    const [admitted, ...after] = successor.told();
    assertEquals(admitted, "admitted mover");
    const all = [...before, ...after];
    for (const [from, count] of [["far", [1, 2, 3, 4]], ["near", [3, 4]]] as const) {
      const ofOne = all.filter((event) => event.startsWith(`relay ${from}`));
      assertEquals(ofOne, count.map((n) => `relay ${from} in r: ${n}`));
    }
    assertEquals([near.told(), far.told()], [[], []]);
    const ids = stage.hubs[1].others(far.peer, "r").map(({ id }) => id);
    assertEquals(ids, ["mover", "near"]);
    stage.hubs[1].release(successor.peer, successor);
    await stage.until("both hear of its end", () => near.events.length + far.events.length === 2);
    assertEquals([near.told(), far.told()], [["left r: mover"], ["left r: mover"]]);
  }],
  ["a peer moves to a node that does not know its room, and back", async (open) => {
    await using stage = await open();
    const parts = [new Part(), new Part()] as const;
    const homes = [homesOf(stage.hubs[0], parts[0]), homesOf(stage.hubs[1], parts[1])] as const;
    const [mover, near, other] = [new FakeReceiver(), new FakeReceiver(), new FakeReceiver()];
    const room = { room: "r" };
    await stage.during(stage.hubs[0].claim(claimOf("near", near, { room })));
    await stage.during(stage.hubs[0].claim(claimOf("mover", mover, { room })));
    await stage.during(stage.hubs[1].claim(claimOf("other", other)));
    near.told();
    await move(stage, { homes, parts, mover, mates: [near, other] });
    await stage.until("the announcement", () => parts[1].heard.length > 0);
    const successor = new FakeReceiver();
    homes[1].settle(REALM, "mover", successor);
    assertEquals(stage.hubs[1].others(successor.peer, "r").map(({ id }) => id), ["near"]);
    stage.hubs[1].send(successor.peer, "near", "hello", "r");
    await stage.until("the message", () => near.events.length > 0);
    assertEquals(near.told(), ['relay mover in r: "hello"']);
    const answers: MoveAnswer[] = [];
    homes[1].move(successor.peer, undefined, (answer) => answers.push(answer));
    await stage.until("the way back", () => parts[0].heard.length > 0);
    const back = new FakeReceiver();
    homes[0].settle(REALM, "mover", back);
    assertEquals(near.told(), []);
    assertEquals(stage.hubs[0].others(near.peer, "r").map(({ id }) => id), ["mover"]);
  }],
  [
    "a peer whose state does not come is gone, and what was kept for it is returned",
    async (open) => {
      await using stage = await open();
      const crew = await gather(stage);
      const { homes, mates: [near, far], parts: [, part] } = crew;
      await move(stage, crew);
      stage.hubs[0].send(near.peer, "mover", 1, "r");
      const marked = new FakeReceiver();
      await stage.during(stage.hubs[1].claim(claimOf("marked", marked)));
      stage.hubs[0].send(near.peer, "marked", 0);
      await stage.until("the marker", () => marked.events.length > 1);
      homes[1].abandon(REALM, "mover");
      assertEquals(part.heard, ["arriving mover", "untaken near: 1, gone"]);
      assertEquals(far.told(), ["left r: mover"]);
      await stage.until("the news", () => near.events.length > 0);
      assertEquals(near.told(), ["left r: mover"]);
    },
  ],
  ["nodes reach each other's parts, and peers wherever they are", async (open) => {
    await using stage = await open();
    const crew = await gather(stage);
    const { homes, mates: [, far], parts } = crew;
    const failures: string[] = [];
    const failed = (why: string): void => void failures.push(why);
    homes[0].sendNode(REALM, homes[1].address, { n: 1 }, failed);
    homes[1].tell(REALM, { n: 2 });
    homes[0].send(REALM, "far", { n: 3 }, failed);
    homes[0].send(REALM, "nobody", { n: 4 }, failed);
    await stage.until(
      "all of it",
      () =>
        parts[0].heard.length + parts[1].heard.length + far.events.length + failures.length === 4,
    );
    assertEquals(parts.map(({ heard }) => heard), [['told {"n":2}'], ['told {"n":1}']]);
    assertEquals(far.told(), [`relay ${homes[0].address}: {"n":3}`]);
    assertEquals(failures, ["absent"]);
    const outcomes: string[] = [];
    const entrusted = (outcome: string): void => void outcomes.push(outcome);
    homes[0].entrust(REALM, homes[1].address, { n: 5 }, entrusted);
    homes[0].entrust(REALM, "no node", { n: 6 }, entrusted);
    homes[0].entrust("another", homes[1].address, { n: 7 }, entrusted);
    await stage.until("their outcomes", () => outcomes.length === 3);
    assertEquals(outcomes.toSorted(), ["absent", "gone", "taken"]);
    assertEquals(parts[1].heard.at(-1), 'told {"n":5}');
  }],
  ["a description that its peer's move overtakes is refused", async (open) => {
    await using stage = await open();
    const crew = await gather(stage);
    const moving = move(stage, crew);
    const describing = stage.hubs[0].describe(crew.mover.peer, { bytes: 2, info: "x" });
    const refusal = assertRejects(async () => await describing, SignalError, "has moved");
    await moving;
    await stage.during(refusal.then(() => {}));
  }],
  ["no peer moves to a node that is about to end", async (open) => {
    await using stage = await open();
    const crew = await gather(stage);
    void crew.homes[1].shun();
    crew.homes[1].tell(REALM, "marker");
    await stage.until("the marker", () => crew.parts[0].heard.length > 0);
    assertEquals(await move(stage, crew), { refused: "alone" });
    stage.hubs[1].send(crew.mates[1].peer, "mover", "still here", "r");
    await stage.until("the message", () => crew.mover.events.length > 0);
    assertEquals(crew.mover.told(), ['relay far in r: "still here"']);
  }],
];

function over(name: string, open: OpenStage, register: (test: ClientTest) => void): void {
  const needs = open === overRedis ? ["redis-server"] as const : [];
  for (const [what, check] of TESTS) {
    register({ name: `${what}, ${name}`, needs, fn: () => check(open) });
  }
}

for (const seed of [1, 2, 3]) {
  over(`over an engine in memory, seed ${seed}`, inMemory(seed), ({ name, fn }) => {
    Deno.test(name, fn);
  });
}
over("over Redis", overRedis, clientTest);

Deno.test("a peer moves to a new node only once that can be sent to", async () => {
  const cluster = await MemoryCluster.form({ nodes: 1, delayMs: 8 });
  await using _cluster = cluster;
  const homes = homesOf(cluster.hub(0), new Part());
  const mover = new FakeReceiver();
  await cluster.during(cluster.hub(0).claim(claimOf("mover", mover)));
  const { hub, link, node: { address } } = cluster.add();
  homesOf(hub, new Part());
  const move = (): Promise<MoveAnswer> =>
    cluster.during(new Promise((resolve) => homes.move(mover.peer, undefined, resolve)));
  const isKnown = (): boolean => cluster.engine.execute(["HLEN", "test:1:nodes"]) === 2;
  while (!isKnown()) await cluster.pass(1);
  // The engine knows the node, which has not begun to read.
  link.cut();
  assertEquals(await move(), { refused: "alone" });
  link.heal();
  let answer = await move();
  for (let n = 0; n < 100 && "refused" in answer; n++) answer = await move();
  assertEquals("to" in answer ? answer.to : answer, address);
  const entrusted = new Promise((resolve) => homes.entrust(REALM, address, { n: 1 }, resolve));
  assertEquals(await cluster.during(entrusted), "taken");
});

Deno.test("messages for a peer on its way count as bytes for other nodes, and the excess is returned", async () => {
  await keepForArrival({ maxUnconfirmedBytes: 2_500 });
});

Deno.test("messages for a peer on its way take one sender's share of the bytes, and leave the rest to others", async () => {
  const { stage, near, far } = await keepForArrival({ maxUnconfirmedBytesPerSender: 2_500 });
  assertEquals([near.told(), far.told()], [['relay far: "meanwhile"'], []]);
  assertEquals(stage.hubs[1].peerCount, 2);
});

/** Keeps as much for a peer on its way as the limits of its new node allow. */
async function keepForArrival(
  limits: { readonly maxUnconfirmedBytes: number } | {
    readonly maxUnconfirmedBytesPerSender: number;
  },
): Promise<{ readonly stage: Stage; readonly near: FakeReceiver; readonly far: FakeReceiver }> {
  const cluster = await MemoryCluster.form(limits);
  await using stage = stageOver(cluster);
  const crew = await gather(stage);
  const { homes, mates: [near, far], parts: [, part] } = crew;
  await move(stage, crew);
  await stage.until("the announcement", () => part.heard.length > 0);
  for (const n of [1, 2, 3, 4]) {
    stage.hubs[0].send(near.peer, "mover", `${n}`.padEnd(500, "-"), "r");
    // The sender's node has it confirmed before the next one.
    await cluster.pass(400);
  }
  const [, ...untaken] = part.heard;
  assertEquals(untaken.map((event) => event.replace(/-+/, "")), ['untaken near: "4", full']);
  stage.hubs[1].send(far.peer, "near", "meanwhile");
  await cluster.pass(400);
  const successor = new FakeReceiver();
  assertEquals(homes[1].settle(REALM, "mover", successor), true);
  assertEquals(successor.told().length, 4);
  assertEquals(cluster.at(1).node.unconfirmedBytes, 0);
  return { stage, near, far };
}

Deno.test("messages for a peer on its way are kept when its move is announced once more", async () => {
  const cluster = await MemoryCluster.form();
  await using stage = stageOver(cluster);
  const crew = await gather(stage);
  const { homes, mates: [near], parts: [, part] } = crew;
  // As an engine does that has lost its data.
  const repeats: (() => void)[] = [];
  if (!(homes[1] instanceof Moves)) throw new Error("The homes of a shared hub are its moves");
  const moves = homes[1];
  const arriving = moves.arriving.bind(moves);
  moves.arriving = (...news) => {
    repeats.push(() => arriving(...news));
    arriving(...news);
  };
  await move(stage, crew);
  await stage.until("the announcement", () => part.heard.length > 0);
  for (const n of [1, 2]) {
    stage.hubs[0].send(near.peer, "mover", n, "r");
    await cluster.pass(400);
    for (const repeat of repeats) repeat();
  }
  const successor = new FakeReceiver();
  assertEquals(homes[1].settle(REALM, "mover", successor), true);
  assertEquals(successor.told(), ["admitted mover", "relay near in r: 1", "relay near in r: 2"]);
  assertEquals(cluster.at(1).node.unconfirmedBytes, 0);
});

import { assertEquals } from "@std/assert";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import { clusterTrouble } from "../../src/server/cluster.ts";
import type { ClusterEvent } from "../../src/cluster/events.ts";
import { ClusterJournal } from "../../src/observe/cluster_journal.ts";
import type { Log } from "../../src/observe/log.ts";
import { admit } from "../helpers/cluster/admit.ts";
import type { EngineCopy } from "../helpers/cluster/commands.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { nodeAt } from "../helpers/cluster/stages.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import { newMemoryStore } from "../helpers/store/store.ts";

// A key of the cluster that somebody else has written, with another type.

const KEY = "test:1:members:test:room:r";
const NEVER_MS = 600_000;
/** Longer than a node may lack its engine and be ready. */
const UNREADY_MS = 6_000;
const LIFETIME_MS = 60_000;

/** The keys that are sets, by their first words. */
const SETS = ["of", "rooms", "pairs", "w", "follows"];

/** Gives a key another type, which is returned. */
function usurp({ engine: { data } }: MemoryCluster, key: string): "set" | "hash" {
  const isSet = SETS.includes(key.split(":")[2] ?? "");
  data.call(["DEL", key]);
  data.call(isSet ? ["HSET", key, "x", "x"] : ["SADD", key, "x"]);
  return isSet ? "hash" : "set";
}

/** The key of a node's inbox. */
function inboxOf({ engine: { data } }: MemoryCluster, node: string): string {
  const nodes = data.copy().get("test:1:nodes");
  const names = nodes instanceof Map ? [...nodes.keys()] : [];
  return `test:1:in:${names.find((name) => name.startsWith(node))}`;
}

/** Puts a key back as it was in a copy. */
function putBack({ engine: { data } }: MemoryCluster, key: string, copy: EngineCopy): void {
  const now = data.copy();
  const former = copy.get(key);
  now.delete(key);
  if (former !== undefined) now.set(key, former);
  data.restore(now);
}

/** The troubles with the engine that a node has reported. */
function troublesOf(events: readonly ClusterEvent[]): string[] {
  const told = events.flatMap((event) => "why" in event ? [`${event.type}: ${event.why}`] : []);
  return [...new Set(told)];
}

function words(key: string, holds: string): string {
  return `the key "${key}" holds ${holds}, which is not the cluster's`;
}

/** The peers, rooms and records that the engine has, without the life of the nodes. */
function matterOf({ engine }: MemoryCluster): EngineCopy {
  const copy = engine.data.copy();
  for (const key of copy.keys()) {
    const [, , kind = ""] = key.split(":");
    if (["meta", "nodes", "calls", "known", "in", "quota"].includes(kind)) copy.delete(key);
  }
  return copy;
}

interface Scene {
  readonly cluster: MemoryCluster;
  /** At the first node, a member of the room "home". */
  readonly a: FakeReceiver;
  /** At the second node, likewise. */
  readonly b: FakeReceiver;
}

/** The request for a step at the first node, with its outcome if no client hears of it. */
type Act = (scene: Scene) => void | string | Promise<void | string>;

async function claim(
  { cluster }: Scene,
  more: Parameters<typeof claimOf>[2] = {},
): Promise<string> {
  const receiver = new FakeReceiver();
  await cluster.hub(0).claim(claimOf("new", receiver, more));
  const told = receiver.told();
  if (told[0] === "admitted new") cluster.hub(0).release(receiver.peer, receiver);
  return told.join(", ");
}

async function roomOf({ cluster }: Scene, room: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  cluster.at(0).node.look({ realm: "test", kind: "room", room }, resolve);
  return await promise;
}

async function meet({ cluster, a: { peer } }: Scene): Promise<string> {
  const record = String(cluster.engine.data.call(["HGET", "test:1:ids:test", peer.id]));
  const caller = { ...peer, fence: Number(record.split(" ")[1]), permits: undefined };
  const { promise, resolve } = Promise.withResolvers<string>();
  cluster.at(0).node.meet(caller, "foreign", resolve);
  return await promise;
}

const SEND: Act = ({ cluster, a }) => void cluster.hub(0).send(a.peer, "b", "hello");
const JOIN: Act = ({ cluster, a }) => cluster.hub(0).join(a.peer, { room: "r" });
const DESCRIBE: Act = ({ cluster, a }) =>
  cluster.hub(0).describe(a.peer, { bytes: 3, info: "new" });
const PAIR: Act = ({ cluster, a }) => cluster.hub(0).pair(a.peer, "b");
const CLAIM_AND_JOIN: Act = (scene) => claim(scene, { room: { room: "far" } });
const JOIN_FAR: Act = ({ cluster, a }) => cluster.hub(0).join(a.peer, { room: "far" });

/** Kinds of steps, the keys that each needs, and what becomes of it with and without such a key. */
const STEPS: readonly {
  readonly name: string;
  readonly keys: readonly string[];
  readonly act: Act;
  readonly refused: string;
  readonly done: string;
}[] = [
  {
    name: "a claim",
    keys: ["ids:other", "w:other:new"],
    act: (scene) => claim(scene, { realm: "other" }),
    refused: "refused claim: unavailable",
    done: "admitted new",
  },
  {
    name: "a claim with a reservation",
    keys: ["kept:own", "kept:id"],
    act: (scene) => claim(scene, { realm: "reserved", proof: "token" }),
    refused: "refused claim: unavailable",
    done: "admitted new",
  },
  {
    name: "a claim with a room",
    keys: ["members:test:room:r", "room:test:room:r", "seen:test:room:r", "rooms:test:new"],
    act: (scene) => claim(scene, { room: { room: "r" } }),
    refused: "refused claim: unavailable",
    done: "admitted new, entered r: ",
  },
  {
    name: "a join",
    keys: ["members:test:room:r", "room:test:room:r", "seen:test:room:r", "rooms:test:a"],
    act: JOIN,
    refused: "refused join: unavailable",
    done: "entered r: ",
  },
  {
    name: "a description",
    keys: ["rooms:test:a", "room:test:room:home", "seen:test:room:home"],
    act: DESCRIBE,
    refused: "refused describe: unavailable",
    done: 'updated "new"',
  },
  {
    name: "a pair",
    keys: ["pairs:test:a", "pairs:test:b", "asked:test:a"],
    act: PAIR,
    refused: "refused pair: unavailable",
    done: "paired b as caller",
  },
  {
    name: "a meeting",
    keys: ["pairs:test:a", "pairs:test:foreign", "asked:test:a"],
    act: meet,
    refused: "unavailable",
    done: "met",
  },
  {
    name: "a look into a room",
    keys: ["members:test:room:r"],
    act: (scene) => roomOf(scene, "r"),
    refused: "unavailable",
    done: "listed",
  },
];

/** Two nodes with a member each in a room. */
async function setUp(cluster: MemoryCluster): Promise<Scene> {
  const reserve = cluster.hub(0).elsewhere?.reserve.bind(cluster.hub(0).elsewhere);
  reserve?.("reserved", ({ id, dialect, proof }) => ({
    ...{ dialect, id, digest: proof, lifetimeMs: LIFETIME_MS },
    ...{ address: undefined, maxRecords: 9, perHour: 9, burst: 9 },
  }));
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
  for (const [at, { peer }] of [a, b].entries()) {
    await cluster.during(cluster.hub(at).join(peer, { room: "home" }));
  }
  await admit(cluster, 1, "foreign", { dialect: "foreign" });
  await cluster.pass(100);
  for (const one of [a, b]) one.told();
  return { cluster, a, b };
}

async function outcomeOf(scene: Scene, act: Act): Promise<string> {
  const answer = await scene.cluster.during(Promise.resolve(act(scene)));
  await scene.cluster.pass(100);
  return [...(typeof answer === "string" ? [answer] : []), ...scene.a.told()].join(", ");
}

for (const { name, keys, act, refused, done } of STEPS) {
  for (const key of keys) {
    Deno.test(`${name} that meets a key ${key} of another type is refused, and leaves nothing behind`, async () => {
      await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
      const scene = await setUp(cluster);
      const { node, events } = cluster.at(0);
      const whole = `test:1:${key}`;
      const former = cluster.engine.data.copy();
      const type = usurp(cluster, whole);
      const before = matterOf(cluster);
      events.splice(0);
      // The first time, and once the node knows of such keys.
      for (let time = 0; time < 2; time++) {
        assertEquals(await outcomeOf(scene, act), refused);
        assertEquals(matterOf(cluster), before);
        assertEquals(troublesOf(events), [`mistyped: ${words(whole, `a ${type}`)}`]);
        assertEquals([node.isUp, scene.a.link.isOpen], [true, true]);
      }
      putBack(cluster, whole, former);
      assertEquals(await outcomeOf(scene, act), done);
    });
  }

  Deno.test(`other steps of a call pass in which ${name} meets a key of another type`, async () => {
    await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
    const scene = await setUp(cluster);
    const other = await admit(cluster, 0, "other");
    usurp(cluster, `test:1:${keys[0]}`);
    const { events } = cluster.at(0);
    for (let time = 0; time < 2; time++) {
      events.splice(0);
      const before = cluster.hub(0).join(other.peer, { room: `before ${time}` });
      cluster.hub(0).send(scene.a.peer, "b", "hello");
      const outcome = outcomeOf(scene, act);
      const after = cluster.hub(0).join(other.peer, { room: `after ${time}` });
      assertEquals(await outcome, refused);
      await cluster.during(Promise.all([before, after]));
      assertEquals(other.told(), [`entered before ${time}: `, `entered after ${time}: `]);
      assertEquals(scene.b.told(), ['relay a: "hello"']);
      assertEquals(events.filter(({ type }) => type === "step").length >= 4, true);
    }
  });
}

Deno.test("a message to a node whose inbox has another type is refused, and no other one", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS, nodes: 3 });
  const scene = await setUp(cluster);
  const c = await admit(cluster, 2, "c");
  usurp(cluster, inboxOf(cluster, "n2"));
  const before = cluster.hub(0).send(scene.a.peer, "c", 1);
  const outcome = outcomeOf(scene, SEND);
  const after = cluster.hub(0).send(scene.a.peer, "c", 2);
  assertEquals([await outcome, before, after], ["undelivered b", "sent", "sent"]);
  assertEquals(c.told(), ["relay a: 1", "relay a: 2"]);
  assertEquals(cluster.at(0).node.isUp, true);
});

/** Steps that tell the second node something. */
const FAR_STEPS = [
  { name: "a claim with a room", act: CLAIM_AND_JOIN, refused: "refused claim: unavailable" },
  { name: "a join", act: JOIN_FAR, refused: "refused join: unavailable" },
  { name: "a description", act: DESCRIBE, refused: "refused describe: unavailable" },
  { name: "a pair", act: PAIR, refused: "refused pair: unavailable" },
  { name: "a meeting", act: meet, refused: "unavailable" },
];

for (const { name, act, refused } of FAR_STEPS) {
  for (const delayMs of [0, 2, 20]) {
    Deno.test(`${name} that meets an inbox of another type is refused, and leaves nothing behind, with answers after ${delayMs} ms`, async () => {
      await using cluster = await MemoryCluster.form({ delayMs, waitMs: NEVER_MS });
      const scene = await setUp(cluster);
      const c = await admit(cluster, 1, "c");
      await cluster.during(cluster.hub(1).join(c.peer, { room: "far" }));
      const former = cluster.engine.data.copy();
      const inbox = inboxOf(cluster, "n2");
      usurp(cluster, inbox);
      const before = matterOf(cluster);
      for (let time = 0; time < 2; time++) {
        assertEquals(await outcomeOf(scene, act), refused);
        assertEquals(scene.a.link.isOpen, true);
        assertEquals(matterOf(cluster), before);
      }
      putBack(cluster, inbox, former);
    });
  }
}

for (const kind of ["members", "room", "seen"]) {
  Deno.test(`a peer leaves a room whose key ${kind} has another type: its id is free`, async () => {
    await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
    const { a, b } = await setUp(cluster);
    usurp(cluster, `test:1:${kind}:test:room:home`);
    cluster.hub(0).release(a.peer, a);
    await cluster.pass(100);
    await admit(cluster, 1, "a");
    assertEquals(b.told(), ["left home: a"]);
    assertEquals(cluster.at(0).node.isUp, true);
  });

  Deno.test(`a dead node is reaped whose peers were in a room whose key ${kind} has another type`, async () => {
    await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
    const { b } = await setUp(cluster);
    const away = await admit(cluster, 0, "away");
    await cluster.during(cluster.hub(0).join(away.peer, { room: "other" }));
    await cluster.during(cluster.hub(1).join(b.peer, { room: "other" }));
    b.told();
    usurp(cluster, `test:1:${kind}:test:room:home`);
    cluster.replace(0, "n3");
    await cluster.pass(12_000);
    assertEquals(b.told().sort(), ["left home: a", "left other: away"]);
    for (const id of ["a", "away"]) await admit(cluster, 1, id);
    assertEquals(cluster.at(1).node.nodes.map(({ name }) => name).sort(), ["n2", "n3"]);
  });
}

Deno.test("a ban that met a key of another type is kept when the key is gone", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
  const stores = [newMemoryStore(), newMemoryStore()];
  for (const [at, store] of stores.entries()) {
    const { node } = cluster.at(at);
    await cluster.during(node.records.open(store.shareAs(node.node)));
  }
  const former = cluster.engine.data.copy();
  usurp(cluster, "test:1:kept:ban");
  for (const reason of ["first", "last"]) {
    stores[0]?.bans.set("address", "192.0.2.1", { reason });
    await cluster.pass(5_000);
  }
  // Every other step passes meanwhile, for longer than a lease.
  assertEquals(cluster.at(0).node.isUp, true);
  await admit(cluster, 0, "a");
  putBack(cluster, "test:1:kept:ban", former);
  await cluster.pass(3_000);
  const bans = [...stores[1]?.bans.list() ?? []].map(({ value, reason }) => [value, reason]);
  assertEquals(bans, [["192.0.2.1", "last"]]);
  const late = newMemoryStore();
  const { node } = cluster.add();
  await cluster.pass(1_000);
  await cluster.during(node.records.open(late.shareAs(node.node)));
  assertEquals([...late.bans.list()].map(({ reason }) => reason), ["last"]);
});

Deno.test("a node names the key of another type that keeps all its calls from being carried out", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
  const former = cluster.engine.data.copy();
  const inbox = cluster.engine.data.keys().find((key) => key.startsWith("test:1:in:n1")) ?? "";
  usurp(cluster, inbox);
  const { node, events } = cluster.at(0);
  events.splice(0);
  const joining = cluster.hub(0).join(a.peer, { room: "r" });
  await cluster.pass(UNREADY_MS);
  const why = words(inbox, "a set");
  const failures = events.filter(({ type }) => type === "blocked" || type === "away");
  assertEquals(failures, [{ type: "blocked", why }]);
  const clustered = { cluster: { node } };
  assertEquals(clusterTrouble({ clusterLoss: "refuse" }, clustered), `the cluster: ${why}`);
  // Others neither miss the node nor share its trouble.
  await cluster.during(Promise.resolve(cluster.hub(1).join(b.peer, { room: "other" })));
  assertEquals([b.told(), cluster.at(1).node.nodes.length], [["entered other: "], 2]);

  putBack(cluster, inbox, former);
  await cluster.during(Promise.resolve(joining));
  assertEquals(a.told(), ["entered r: "]);
  assertEquals([node.isUp, clusterTrouble({ clusterLoss: "refuse" }, clustered)], [
    true,
    undefined,
  ]);
});

Deno.test("a key of another type that is there before the nodes tell what they hold is named, too", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
  const a = await admit(cluster, 0, "a");
  await cluster.during(Promise.resolve(cluster.hub(0).join(a.peer, { room: "r" })));
  cluster.engine.kill();
  cluster.engine.start({ keeps: false });
  cluster.engine.data.call(["SADD", KEY, "x"]);
  await cluster.pass(UNREADY_MS);
  const why = words(KEY, "a set");
  const { node } = cluster.at(0);
  assertEquals(
    clusterTrouble({ clusterLoss: "refuse" }, { cluster: { node } }),
    `the cluster: ${why}`,
  );
  cluster.engine.data.call(["DEL", KEY]);
  await cluster.pass(UNREADY_MS);
  assertEquals(node.isUp, true);
  const late = await admit(cluster, 1, "late");
  await cluster.during(Promise.resolve(cluster.hub(1).join(late.peer, { room: "r" })));
  assertEquals(late.told(), ["entered r: a"]);
});

Deno.test("the log names a key of another type once a minute at most", () => {
  const written: unknown[] = [];
  const log: Log = {
    write: (...line) => written.push(line),
    writeForClient: () => {},
    isDebug: false,
  };
  let now = 0;
  const journal = new ClusterJournal(log, () => now);
  for (const at of [0, 1, 59_999, 60_000, 60_001]) {
    now = at;
    journal.tell({ type: "mistyped", why: `at ${at}` });
  }
  const line = (at: number): unknown => ["error", "cluster steps refused", { why: `at ${at}` }];
  assertEquals(written, [line(0), line(60_000)]);
});

clientTest({
  name:
    "cluster: with a real engine a step alone is refused, and its key named, and its type where that may be asked for",
  needs: ["redis-server"],
  fn: async () => {
    await using engine = await startRedis();
    const events: ClusterEvent[] = [];
    const node = nodeAt(engine, "a", (event) => events.push(event));
    const unlimited = { maxPeers: Infinity, maxRooms: Infinity };
    const limits = { ...unlimited, maxRoomMembers: Infinity, maxRoomInfoBytes: Infinity };
    const hub = new SharedHub(limits, node);
    const receiver = new FakeReceiver();
    await hub.claim(claimOf("a", receiver));
    const other = new FakeReceiver();
    await hub.claim(claimOf("other", other));
    receiver.told();
    other.told();
    await engine.command("SET", KEY, "text of another program");
    for (const holds of ["a string", "another type"]) {
      events.splice(0);
      const joins = ["one", "r", "two"].map((room) =>
        hub.join(room === "r" ? receiver.peer : other.peer, { room: `${room}` })
      );
      await Promise.all(joins);
      assertEquals(receiver.told(), ["refused join: unavailable"]);
      assertEquals(other.told(), holds === "a string" ? ["entered one: ", "entered two: "] : []);
      assertEquals(troublesOf(events), [`mistyped: ${words(KEY, holds)}`]);
      await engine.command("ACL", "SETUSER", "default", "-type");
    }
    assertEquals(node.isUp, true);
    assertEquals(await engine.command("GET", KEY), "text of another program");
    await engine.command("DEL", KEY);
    await hub.join(receiver.peer, { room: "r" });
    assertEquals(receiver.told(), ["entered r: "]);
    await node.stop();
  },
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import { InboxDelay } from "../../src/cluster/items/inbox_delay.ts";
import { APPLY } from "../../src/cluster/engine/scripts.ts";
import { CATALOGUE } from "../../src/observe/catalogue.ts";
import { ClusterJournal } from "../../src/observe/cluster_journal.ts";
import type { Log } from "../../src/observe/log.ts";
import { Turns } from "../../src/core/breaks.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { systemClock } from "../../src/system/clock.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";
import { claimed, claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import README from "../../src/cluster/README.md" with { type: "text" };

const SILENT: Log = { write: () => {}, writeForClient: () => {}, isDebug: false };

/** The samples of a node's metrics without the beginning of their names. */
async function samplesOf({ node, events }: MemoryNode): Promise<Map<string, number>> {
  const [metrics, journal] = [
    new Metrics(new Turns(systemClock)),
    new ClusterJournal(SILENT, () => 0),
  ];
  journal.announce(metrics, node);
  for (const event of events) journal.tell(event);
  const lines = (await metrics.expose()).split("\n");
  const own = lines.flatMap((line) => /^signalbox_cluster_(\S+) (\S+)$/.exec(line) ?? []);
  const samples = new Map<string, number>();
  for (let at = 0; at < own.length; at += 3) samples.set(own[at + 1] ?? "", Number(own[at + 2]));
  return samples;
}

function step(name: string, outcome: string): string {
  return `steps_total{step="${name}",outcome="${outcome}"}`;
}

async function admit(cluster: MemoryCluster, at: number, id: string): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  assertEquals(await cluster.during(claimed(cluster.hub(at), claimOf(id, receiver))), "admitted");
  return receiver;
}

Deno.test("cluster, metrics: steps count by their outcome, and messages as items of the receiver's node", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const [a] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
  const refused = claimed(cluster.hub(0), claimOf("b", new FakeReceiver()));
  assertEquals(await cluster.during(refused), "id_taken");
  const before = (await samplesOf(cluster.at(1))).get("items_received_total") ?? 0;
  for (let n = 0; n < 5; n++) cluster.hub(0).send(a.peer, "b", n);
  cluster.hub(0).send(a.peer, "nobody", 5);
  cluster.hub(0).release(a.peer, a);
  await cluster.pass(300);
  const [own, other] = [await samplesOf(cluster.at(0)), await samplesOf(cluster.at(1))];
  const counts = [
    [step("claim", "done"), 1],
    [step("claim", "refused"), 1],
    [step("send", "done"), 5],
    [step("send", "refused"), 1],
    [step("release", "done"), 1],
    ['undelivered_total{cause="absent"}', 1],
    ["items_duplicate_total", 0],
    ["up", 1],
    ["nodes", 2],
    ["unconfirmed_bytes", 0],
    ["waiting_steps", 0],
  ] as const;
  for (const [name, count] of counts) assertEquals(own.get(name), count, name);
  assertEquals(other.get("items_received_total"), before + 5);
  assertEquals(other.get("inbox_delay_seconds_count"), other.get("items_received_total"));
  // The calls of the registration take no steps.
  assert((own.get("call_duration_seconds_count") ?? 0) > (own.get("calls_total") ?? Infinity));
});

Deno.test("cluster, metrics: a start is no loss of data, although a node asks for lists then", async () => {
  await using cluster = MemoryCluster.begin({ nodes: 1, delayMs: 2 });
  const list = { realm: "test", kind: "list", room: "peers" } as const;
  cluster.at(0).node.follow(list);
  await cluster.pass(4_000);
  assertEquals((await samplesOf(cluster.at(0))).get("gaps_total"), 0);
  cluster.engine.kill();
  await cluster.pass(100);
  cluster.engine.start({ keeps: false });
  await cluster.pass(4_000);
  assertEquals((await samplesOf(cluster.at(0))).get("gaps_total"), 1);
});

Deno.test("cluster, metrics: lost connections and data, and a node's death leave their counts", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2 });
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
  await cluster.during(cluster.hub(0).join(a.peer, { room: "r" }));
  await cluster.during(cluster.hub(1).join(b.peer, { room: "r" }));
  // A call is under way when the connections break.
  cluster.engine.freeze();
  cluster.hub(0).send(a.peer, "b", 1);
  await cluster.pass(10);
  cluster.engine.breakConnections();
  cluster.engine.thaw();
  await cluster.pass(1_000);
  const broken = await samplesOf(cluster.at(0));
  assertEquals([broken.get("reconnects_total"), broken.get("retries_total")], [2, 1]);
  assertEquals([broken.get("losses_total"), broken.get("gaps_total")], [1, 0]);
  cluster.engine.kill();
  await cluster.pass(100);
  cluster.engine.start({ keeps: false });
  await cluster.pass(4_000);
  assertEquals((await samplesOf(cluster.at(0))).get("gaps_total"), 1);
  cluster.at(1).link.cut();
  await cluster.pass(12_000);
  const samples = await samplesOf(cluster.at(0));
  assertEquals(samples.get('reaped_total{what="node"}'), 1);
  assertEquals(samples.get('reaped_total{what="id"}'), 1);
  assertEquals(samples.get(step("reap", "done")), 1);
  cluster.at(1).link.heal();
  await cluster.pass(5_000);
  assertEquals((await samplesOf(cluster.at(1))).get("fenced_total"), 1);
});

Deno.test("cluster, metrics: an item's delay is what it takes longer than the fastest one lately", () => {
  const delay = new InboxDelay();
  assertEquals(delay.of("1700000000000-0", 1_000), 0);
  assertEquals(delay.of("1700000000000-1", 1_004), 4);
  assertEquals(delay.of("1700000000010-0", 1_009), 0);
  assertEquals(delay.of("1700000000020-0", 1_020), 1);
  // The engine's clock was set back by a minute; that counts for some minutes only.
  assertEquals(delay.of("1699999940030-0", 1_030), 60_001);
  assertEquals(delay.of("1699999940030-0", 301_030), 360_001);
  assertEquals(delay.of("1700000240030-0", 601_030), 0);
  assertEquals(delay.of("1700000240031-0", 601_033), 2);
});

Deno.test("cluster, metrics: the page about clusters lists each of them", () => {
  const names = Object.keys(CATALOGUE).filter((name) => name.startsWith("signalbox_cluster_"));
  const isListed = (name: string): boolean =>
    new RegExp(`\`${name.slice("signalbox_cluster".length)}[\`{]`).test(README);
  assertEquals(names.filter((name) => !isListed(name)), []);
});

Deno.test("cluster, metrics: items that mean nothing are counted, and logged once a minute", async () => {
  const written: unknown[] = [];
  let now = 0;
  const log: Log = { ...SILENT, write: (...line) => void written.push(line) };
  const [metrics, journal] = [
    new Metrics(new Turns(systemClock)),
    new ClusterJournal(log, () => now),
  ];
  journal.announce(metrics, { isUp: true, nodes: [], unconfirmedBytes: 0, waitingSteps: 0 });
  for (const at of [0, 1, 59_999, 60_000, 60_001]) {
    now = at;
    journal.tell({ type: "unknown" });
  }
  const words = "items without a meaning in the inbox";
  assertEquals(written, [["warning", words, { items: 1 }], ["warning", words, { items: 3 }]]);
  assertMatch(await metrics.expose(), /^signalbox_cluster_items_unknown_total 5$/m);
});

Deno.test("cluster, metrics: every step of the scripts counts with every outcome", async () => {
  const letters = [...APPLY.text.matchAll(/^steps\.(\w+) = /gm)].map(([, letter = ""]) => letter);
  assert(letters.length > 20);
  const [metrics, journal] = [
    new Metrics(new Turns(systemClock)),
    new ClusterJournal(SILENT, () => 0),
  ];
  journal.announce(metrics, { isUp: true, nodes: [], unconfirmedBytes: 0, waitingSteps: 0 });
  for (const step of letters) {
    for (const outcome of ["done", "refused", "unavailable"] as const) {
      journal.tell({ type: "step", step, outcome });
    }
  }
  const lines = (await metrics.expose()).split("\n");
  const counts = lines.flatMap((line) => /^\S+_steps_total\{.*\} (\d+)$/.exec(line)?.[1] ?? []);
  assertEquals(counts.length, CATALOGUE.signalbox_cluster_steps_total.maxSets);
  const sum = counts.reduce((sum, count) => sum + Number(count), 0);
  assertEquals(sum, 3 * letters.length);
});

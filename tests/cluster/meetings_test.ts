import { assertEquals } from "@std/assert";
import type { Caller, MeetAnswer } from "../../src/core/nodes/backplane.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";

// Meetings of peers of different dialects: the end of one is never lost, and a refused one ends no other.

const REALM = "test";
/** How long a step waits, and how much longer if it was sent. */
const WAIT_MS = 5_000;
const SENT_MS = 2_000;

async function claim(
  cluster: MemoryCluster,
  at: number,
  [id, dialect]: readonly [string, string],
): Promise<Caller> {
  const facts = { policy: "proof", proof: undefined, isExclusive: true, bytes: 0 } as const;
  const none = { info: null, entry: undefined, terms: undefined };
  const claimed = { realm: REALM, id, dialect, ...facts, ...none };
  const { node } = cluster.at(at);
  const answer = await cluster.during(
    new Promise<{ fence: number } | { refused: string }>((resolve) => node.claim(claimed, resolve)),
  );
  if ("refused" in answer) throw new Error(`Cannot claim ${id}: ${answer.refused}`);
  return { realm: REALM, id, fence: answer.fence, permits: undefined };
}

/** The ids that the engine has as partners of an id. */
function partnersOf({ engine }: MemoryCluster, id: string): string[] {
  const partners = engine.data.call(["SMEMBERS", `test:1:pairs:${REALM}:${id}`]);
  return Array.isArray(partners) ? partners.map(String) : [];
}

Deno.test("a meeting that was asked for twice stays where the first request is refused late", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 4, waitMs: WAIT_MS });
  const { engine } = cluster;
  const { node } = cluster.at(0);
  const a = await claim(cluster, 0, ["a", "one"]);
  await claim(cluster, 1, ["b", "two"]);
  await cluster.quiet();
  const answers: MeetAnswer[][] = [[], []];
  const ask = (nth: 0 | 1): void => node.meet(a, "b", (answer) => answers[nth]?.push(answer));
  engine.freeze();
  node.want({ realm: REALM, id: "nobody", dialect: "test", lifetimeMs: 60_000 });
  await cluster.pass(200);
  ask(0);
  await cluster.pass(1_200);
  ask(1);
  engine.thaw();
  // Both are in one call, which does not arrive.
  while (node.waitingSteps > 0) await cluster.pass(1);
  engine.freeze();
  await cluster.pass(WAIT_MS + SENT_MS - 900);
  assertEquals(answers, [["unavailable"], []]);
  engine.thaw();
  await cluster.pass(1_000);
  assertEquals(answers, [["unavailable"], ["met"]]);
  assertEquals(partnersOf(cluster, "a"), ["b"]);
  assertEquals(partnersOf(cluster, "b"), ["a"]);
  node.part(a, "b");
  await cluster.pass(100);
  assertEquals([partnersOf(cluster, "a"), partnersOf(cluster, "b")], [[], []]);
});

Deno.test("a meeting whose request is refused late stays where the other side asked for it, too", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: 500 });
  const a = await claim(cluster, 0, ["a", "one"]);
  const b = await claim(cluster, 1, ["b", "two"]);
  const answers: MeetAnswer[] = [];
  await cluster.during(
    new Promise<MeetAnswer>((resolve) => cluster.at(1).node.meet(b, "a", resolve)),
  );
  // The first node reads nothing of it.
  const { node, link } = cluster.at(0);
  node.meet(a, "b", (answer) => answers.push(answer));
  await cluster.pass(1);
  link.cut();
  await cluster.pass(4_000);
  assertEquals(answers, ["unavailable"]);
  link.heal();
  await cluster.pass(2_000);
  assertEquals([partnersOf(cluster, "a"), partnersOf(cluster, "b")], [["b"], ["a"]]);
});

/** From the end of a meeting to the loss of the engine's data. */
const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14];

for (const side of [0, 1] as const) {
  Deno.test(`the end of a meeting outlives an engine that comes back empty, by the ${side === 0 ? "caller" : "callee"}`, async () => {
    for (const [seed, afterMs] of MOMENTS.entries()) {
      await using cluster = await MemoryCluster.form({ seed, delayMs: 4 });
      const peers = [
        await claim(cluster, 0, ["a", "one"]),
        await claim(cluster, 1, ["b", "two"]),
      ] as const;
      const { node } = cluster.at(0);
      await cluster.during(
        new Promise<MeetAnswer>((resolve) => node.meet(peers[0], "b", resolve)),
      );
      await cluster.quiet();
      cluster.at(side).node.part(peers[side], side === 0 ? "b" : "a");
      await cluster.pass(afterMs);
      cluster.engine.kill();
      cluster.engine.start({ keeps: false });
      await cluster.pass(5_000);
      const partners = [partnersOf(cluster, "a"), partnersOf(cluster, "b")];
      assertEquals(partners, [[], []], `after ${afterMs} ms`);
      // Neither is busy.
      await claim(cluster, 0, ["c", "three"]).then(async (c) => {
        const meet = new Promise<MeetAnswer>((resolve) => node.meet(c, "b", resolve));
        assertEquals(await cluster.during(meet), "met");
      });
    }
  });
}

Deno.test("a meeting that goes on outlives an engine that comes back empty", async () => {
  for (const [seed, afterMs] of MOMENTS.entries()) {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 4 });
    const a = await claim(cluster, 0, ["a", "one"]);
    await claim(cluster, 1, ["b", "two"]);
    const met = new Promise<MeetAnswer>((resolve) => cluster.at(0).node.meet(a, "b", resolve));
    if (afterMs > 6) await cluster.quiet();
    await cluster.pass(afterMs);
    cluster.engine.kill();
    cluster.engine.start({ keeps: false });
    await cluster.pass(5_000);
    assertEquals(await cluster.during(met), "met", `after ${afterMs} ms`);
    const partners = (): string[][] => [partnersOf(cluster, "a"), partnersOf(cluster, "b")];
    // Until the callee's node has read of it, the caller's alone knows the meeting: it ends then.
    const isKnownToBoth = afterMs > 6;
    if (!isKnownToBoth && partners().every((ids) => ids.length === 0)) {
      const again = new Promise<MeetAnswer>((resolve) => cluster.at(0).node.meet(a, "b", resolve));
      assertEquals(await cluster.during(again), "met", `again, after ${afterMs} ms`);
    }
    assertEquals(partners(), [["b"], ["a"]], `after ${afterMs} ms`);
  }
});

Deno.test("the end of a meeting with an earlier peer leaves one with the next of its id alone", async () => {
  await using cluster = await MemoryCluster.form();
  const [one, two] = [cluster.at(0), cluster.at(1)];
  const meets = async ({ node }: MemoryNode, peer: Caller, to: string): Promise<MeetAnswer> =>
    await cluster.during(new Promise<MeetAnswer>((resolve) => node.meet(peer, to, resolve)));
  const a = await claim(cluster, 0, ["a", "one"]);
  const b = await claim(cluster, 1, ["b", "two"]);
  assertEquals(await meets(one, a, "b"), "met");
  await cluster.quiet();
  // Its end waits while the other peer leaves, and another one has its id.
  one.link.cut();
  one.node.part(a, "b");
  two.node.release(b, undefined);
  const next = await claim(cluster, 1, ["b", "two"]);
  assertEquals(await meets(two, next, "a"), "met");
  one.link.heal();
  await cluster.pass(1_000);
  assertEquals(partnersOf(cluster, "a"), ["b"]);
  one.node.part(a, "b");
  await cluster.quiet();
  assertEquals(partnersOf(cluster, "a"), []);
});

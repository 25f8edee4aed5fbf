import { assertEquals } from "@std/assert";
import { Chaos } from "../helpers/cluster/chaos.ts";
import { check } from "../helpers/cluster/chaos_checks.ts";
import { type Action, planOf } from "../helpers/cluster/chaos_plan.ts";
import { shrink } from "../helpers/shrinking.ts";

// Faults of all kinds in one run, in an order that a seed decides: broken connections, engines that are
// killed, stand still, take no writes or come back with other data, nodes that are cut off, stand still
// or die, and commands that come late. Whatever happens, ids have one owner, messages arrive once or
// come back, and of two members one learns of the other as it enters. No client is sent away whose node
// had no long outage.

const SEEDS = new Map(Array.from({ length: 8 }, (_, n) => [1 + n, ""]));
// Those that have failed, and why.
SEEDS.set(106, ": an older copy had a node that others had given up");
SEEDS.set(179, ": an older copy had a node that others had given up");
SEEDS.set(328, ": an older copy had one side of a call that was over");
SEEDS.set(20135, ": an older copy named a former incarnation of a message's sender");
/** Engines that fail again soon after they are back. */
const RELAPSES = new Map([[5001, ""], [5002, ""], [5003, ""]]);
RELAPSES.set(5036, ": a node told what it holds, and missed the end of the restart");
RELAPSES.set(5045, ": a node registered twice while the cluster formed");

async function runOf(seed: number, plan: readonly Action[]): Promise<Chaos> {
  await using chaos = await Chaos.begin(seed);
  await chaos.run(plan);
  await check(chaos);
  return chaos;
}

/** Runs a plan; if it fails, finds the shortest one that does. */
async function holds(seed: number, plan: readonly Action[]): Promise<void> {
  try {
    await runOf(seed, plan);
  } catch (error) {
    const shortest = await shrink(plan, async (shorter) => {
      return await runOf(seed, shorter).then(() => false, () => true);
    });
    throw new Error(`Seed ${seed} fails with ${JSON.stringify(shortest)}`, { cause: error });
  }
}

for (const [seed, why] of SEEDS) {
  Deno.test(`the cluster keeps its promises under faults of all kinds, seed ${seed}${why}`, async () => {
    await holds(seed, planOf(seed));
  });
}

for (const [seed, why] of RELAPSES) {
  Deno.test(`the cluster keeps its promises when its engine fails again, seed ${seed}${why}`, async () => {
    await holds(seed, planOf(seed, true));
  });
}

Deno.test("a run of faults can be repeated", async () => {
  const [seed, plan] = [1, planOf(1).slice(0, 150)];
  const heard = async (): Promise<unknown[]> =>
    (await runOf(seed, plan)).clients.map(({ id, heard }) => [id, heard.map(({ type }) => type)]);
  assertEquals(await heard(), await heard());
});

Deno.test("a run of faults that fails is shortened to what makes it fail", async () => {
  const all = Array.from({ length: 40 }, (_, n) => n);
  const fails = (some: readonly number[]): Promise<boolean> =>
    Promise.resolve(some.includes(7) && some.includes(31));
  assertEquals(await shrink(all, fails), [7, 31]);
});

import { assert, assertEquals } from "@std/assert";
import { Arrivals, LEAST_NUMBERS } from "../../src/cluster/items/inbox.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";

// A message that came back is sent again under another number, and names that of its first try.

/** Some that were taken, and one that was refused. */
function newArrivals(): Arrivals {
  const arrivals = new Arrivals();
  for (const number of [1, 2, 4]) {
    assert(arrivals.take(number));
    arrivals.note(number, number !== 2);
  }
  return arrivals;
}

Deno.test("a message was taken at an earlier try only if that number came and was not refused", () => {
  const arrivals = newArrivals();
  assertEquals([1, 2, 3, 4, 5].map((number) => arrivals.hasTaken(number)), [
    true,
    false,
    false,
    true,
    false,
  ]);
  assertEquals(arrivals.hasTaken(undefined), false);
});

Deno.test("a message that was taken under a later number was taken at all its tries", () => {
  const arrivals = newArrivals();
  for (const [number, first] of [[5, 2], [6, 3]] as const) {
    assert(arrivals.take(number));
    arrivals.note(number, true, first);
  }
  assertEquals([2, 3].map((number) => arrivals.hasTaken(number)), [true, true]);
  assert(!arrivals.take(3), "the first try comes too late");
});

Deno.test("a message that was refused at each try was not taken", () => {
  const arrivals = newArrivals();
  arrivals.take(5);
  arrivals.note(5, false, 2);
  assertEquals([2, 5].map((number) => arrivals.hasTaken(number)), [false, false]);
});

Deno.test("numbers that are not remembered one by one were not taken for certain", () => {
  const dead = newArrivals();
  dead.settle();
  assertEquals([1, 3].map((number) => dead.hasTaken(number)), [false, false]);
  const busy = newArrivals();
  for (let number = 5; number < 5 + 2 * LEAST_NUMBERS; number++) busy.take(number);
  assertEquals([1, 2].map((number) => busy.hasTaken(number)), [false, false]);
});

Deno.test("a message that comes back again names its first try", async () => {
  await using cluster = await MemoryCluster.form();
  const address = { realm: "test", id: "nobody", from: "a", dialect: "test" };
  const message = { ...address, room: undefined, fence: undefined, payload: 1 };
  const answers: unknown[] = [];
  const send = (firstNumber?: number): void =>
    cluster.at(0).node.send({ ...message, firstNumber }, false, (...of) => void answers.push(of));
  send();
  await cluster.pass(100);
  send(1);
  await cluster.pass(100);
  assertEquals(answers, [["absent", 1], ["absent", 1]]);
});

import { assertEquals } from "@std/assert";
import { EventQueue } from "../../src/webhooks/queue.ts";
import { isTypePattern, typesOf } from "../../src/webhooks/types.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

class Bench {
  readonly clock = new FakeClock();
  readonly queue: EventQueue;
  #ids = 0;

  constructor(max: number) {
    const newId = () => `evt_${++this.#ids}`;
    this.queue = new EventQueue({ max, instance: "this-process", now: this.clock.now, newId });
  }

  push(nth: number): void {
    this.queue.push({ type: "peer.joined", timestamp: "2026-01-01T00:00:00.000Z", data: { nth } });
  }

  /** The number of the current event, and the lost ones that its body names. */
  current(): [nth: number, dropped: number | undefined] | undefined {
    const current = this.queue.current();
    if (current === undefined) return undefined;
    const { data, dropped } = JSON.parse(current.body);
    return [data.nth, dropped];
  }
}

Deno.test("a body names type, time, instance and facts; its id and text stay the same", () => {
  const { queue, push } = bound(new Bench(10));
  push(1);
  const first = queue.current();
  assertEquals(JSON.parse(first?.body ?? ""), {
    type: "peer.joined",
    timestamp: "2026-01-01T00:00:00.000Z",
    instance: "this-process",
    data: { nth: 1 },
  });
  push(2);
  assertEquals([first?.id, queue.current()], ["evt_1", first]);
});

Deno.test("events are delivered in their order, over many rounds", () => {
  const bench = new Bench(10);
  for (let nth = 1; nth <= 100; nth++) {
    bench.push(nth);
    if (nth < 5) continue;
    assertEquals(bench.current(), [nth - 4, undefined]);
    bench.queue.delivered();
  }
  assertEquals(bench.queue.size, 4);
});

Deno.test("a full queue drops the oldest event that is not in delivery, and the next body tells", () => {
  const bench = new Bench(10);
  for (let nth = 1; nth <= 10; nth++) bench.push(nth);
  assertEquals(bench.current(), [1, undefined]);
  bench.push(11);
  bench.push(12);
  assertEquals([bench.queue.size, bench.queue.dropped], [10, 2]);
  assertEquals(bench.current(), [1, undefined]);
  bench.queue.delivered();
  assertEquals(bench.current(), [4, 2]);
  // A body that does not arrive has told nothing.
  bench.queue.lose();
  assertEquals(bench.current(), [5, 3]);
  bench.queue.delivered();
  assertEquals(bench.current(), [6, undefined]);
});

Deno.test("the age is that of the oldest event", () => {
  const bench = new Bench(10);
  assertEquals(bench.queue.oldestSeconds, 0);
  bench.push(1);
  bench.clock.advance(1_500);
  bench.push(2);
  assertEquals(bench.queue.oldestSeconds, 1.5);
  bench.queue.current();
  bench.queue.delivered();
  assertEquals(bench.queue.oldestSeconds, 0);
});

Deno.test("patterns are types, prefixes up to a dot, or all", () => {
  assertEquals([...typesOf(["peer.*", "server.started"])], [
    "peer.joined",
    "peer.left",
    "server.started",
  ]);
  assertEquals(typesOf(["*"]).size, 11);
  for (const pattern of ["*", "room.*", "call.ended"]) assertEquals(isTypePattern(pattern), true);
  for (const pattern of ["", "peer", "pee*", "refusal", "PEER.*"]) {
    assertEquals(isTypePattern(pattern), false, pattern);
  }
});

/** The bench with its method free of it. */
function bound(bench: Bench): { queue: EventQueue; push: (nth: number) => void } {
  return { queue: bench.queue, push: (nth) => bench.push(nth) };
}

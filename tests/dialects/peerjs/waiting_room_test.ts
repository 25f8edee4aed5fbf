import { assertEquals } from "@std/assert";
import { Returning } from "../../../src/dialects/peerjs/returning.ts";
import { RETURN_MS, WaitingRoom } from "../../../src/dialects/peerjs/waiting_room.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";

const LIMITS = {
  holdMs: 5_000,
  maxMessages: 2,
  maxBytes: 10_000,
  maxBytesPerReceiver: 1_000_000,
  maxBytesPerSender: 10_000,
  maxAttemptsPerSender: 10,
  maxTotalBytes: 10_000,
  maxReturning: 5,
};

interface Bench extends Disposable {
  readonly room: WaitingRoom;
  readonly clock: FakeClock;
  readonly reports: string[];
}

function newBench(): Bench {
  const clock = new FakeClock();
  const reports: string[] = [];
  const room = new WaitingRoom(LIMITS, 1_000, clock, {
    expired: (sender, absent) => reports.push(`${sender} ${absent}`) > 0,
    awaited: () => {},
  });
  return { room, clock, reports, [Symbol.dispose]: () => room[Symbol.dispose]() };
}

const OFFER = { type: "OFFER", payload: { connectionId: "dc_1" } } as const;
const CANDIDATE = { type: "CANDIDATE", payload: { connectionId: "dc_1" } } as const;

Deno.test("a waiting room hands out who said what, in order, once", () => {
  using bench = newBench();
  bench.room.park("a", "x", OFFER, 10);
  bench.room.park("b", "x", CANDIDATE, 10, 7);
  assertEquals(bench.room.collect("x"), [
    { from: "a", message: OFFER, firstNumber: undefined },
    { from: "b", message: CANDIDATE, firstNumber: 7 },
  ]);
  assertEquals([bench.room.collect("x"), bench.room.totalBytes], [[], 0]);
});

Deno.test("a waiting room sweeps by itself, and reports what it dropped", () => {
  using bench = newBench();
  bench.room.park("a", "x", OFFER, 10);
  bench.clock.advance(4_999);
  assertEquals(bench.reports, []);
  bench.clock.advance(1);
  assertEquals([bench.reports, bench.room.totalBytes], [["a x"], 0]);
});

Deno.test("a message that finds no room is reported at once, and those of its attempt once", () => {
  using bench = newBench();
  for (let nth = 0; nth < 5; nth++) bench.room.park("a", "x", OFFER, 10);
  assertEquals([bench.reports, bench.room.collect("x")], [["a x"], []]);
});

Deno.test("a waiting room that is disposed of sweeps no more", () => {
  const bench = newBench();
  bench.room.park("a", "x", OFFER, 10);
  bench[Symbol.dispose]();
  bench.clock.advance(60_000);
  assertEquals([bench.reports, bench.clock.timers], [[], 0]);
});

Deno.test("senders that do not come back are forgotten in time, each in its own", () => {
  using bench = newBench();
  const ended = (from: string): Parameters<WaitingRoom["restore"]>[0] => ({
    items: [{ v: 1, from, to: "x", attempt: "", leftMs: 0, isDropped: false, messages: [] }],
    ageMs: 0,
  });
  bench.room.restore(ended("early"));
  bench.clock.advance(RETURN_MS - 1_000);
  bench.room.restore(ended("late"));
  assertEquals([...bench.room.awaited()], ["early", "late"]);
  bench.clock.advance(1_000);
  assertEquals([...bench.room.awaited()], ["late"]);
  assertEquals([...bench.room.welcome("late")], ["x"]);
  assertEquals([...bench.room.awaited()], []);
});

Deno.test("a waiting room remembers a limited number of senders and absent peers for a return", () => {
  using bench = newBench();
  const [attempt, messages] = ["", []];
  for (const from of ["a", "b", "c"]) {
    const item = { v: 1, from, to: "x", attempt, leftMs: 0, isDropped: false, messages } as const;
    bench.room.restore({ items: [item], ageMs: 0 });
  }
  assertEquals(["a", "b", "c"].map((from) => [...bench.room.welcome(from)]), [[], ["x"], ["x"]]);
});

Deno.test("the oldest senders are forgotten if too many may come back", () => {
  const returning = new Returning(10);
  for (const sender of ["a", "b", "c"]) {
    returning.expect(sender, 100);
    for (const absent of ["x", "y", "x"]) returning.add(sender, absent);
  }
  returning.add("unexpected", "x");
  assertEquals([...returning.awaited()], ["a", "b", "c"]);
  returning.add("c", "z");
  assertEquals([...returning.awaited()], ["a", "b", "c"]);
  returning.add("c", "more");
  assertEquals([...returning.awaited()], ["b", "c"]);
  assertEquals(returning.empty("b"), ["x", "y"]);
  returning.delete("c", "z");
  returning.expire(100);
  assertEquals([...returning.pairs()], []);
});

import { assert, assertEquals } from "@std/assert";
import { Webhooks } from "../../src/webhooks/mod.ts";
import { typesOf } from "../../src/webhooks/types.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const URL = "https://example.org/hook?secret=1";
const [SECOND, MINUTE] = [1_000, 60_000];

/** An attempt that waits for its answer. */
interface Attempt {
  readonly url: string;
  readonly id: string;
  readonly nth: number;
  /** Lost events that the body names. */
  readonly lost: number;
  readonly isAborted: () => boolean;
  readonly answer: (status: number) => Promise<void>;
  readonly fail: () => Promise<void>;
}

class Bench {
  readonly clock = new FakeClock();
  readonly attempts: Attempt[] = [];
  readonly gone: string[] = [];
  readonly undelivered: number[] = [];
  readonly outcomes: string[] = [];
  readonly troubles: string[] = [];
  readonly webhooks: Webhooks;

  constructor({ urls = [URL], random = 0.5, maxAttempts = 8, maxQueued = 100 } = {}) {
    let ids = 0;
    this.webhooks = new Webhooks({
      ...{ urls, maxAttempts, maxQueued, timeoutMs: 10_000, instance: "this-process" },
      types: typesOf(["*"]),
      clock: this.clock,
      newId: () => `evt_${++ids}`,
      random: () => random,
      post: ({ url, id, body, signal }) => {
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        const { data: { nth }, dropped: lost = 0 } = JSON.parse(body);
        this.attempts.push({
          ...{ url, id, nth, lost },
          isAborted: () => signal.aborted,
          answer: (status) => (resolve(status), settle()),
          fail: () => (reject(new Error("no route")), settle()),
        });
        return promise;
      },
      onAttempt: (outcome) => this.outcomes.push(outcome),
      onTrouble: (_url, reason) => this.troubles.push(reason),
      onGone: (url) => this.gone.push(url),
      onUndelivered: (events) => this.undelivered.push(events),
    });
  }

  push(...numbers: number[]): void {
    for (const nth of numbers) {
      this.webhooks.push({ type: "peer.joined", timestamp: "", data: { nth } });
    }
  }

  /** The newest attempt. */
  get last(): Attempt {
    const attempt = this.attempts.at(-1);
    assert(attempt !== undefined);
    return attempt;
  }

  get numbers(): number[] {
    return this.attempts.map(({ nth }) => nth);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }
}

Deno.test("one request at a time, in the order of happening", async () => {
  const bench = new Bench();
  bench.push(1, 2, 3);
  assertEquals(bench.numbers, [1]);
  await bench.last.answer(204);
  await bench.last.answer(200);
  await bench.last.answer(299);
  assertEquals(bench.numbers, [1, 2, 3]);
  const [report] = bench.webhooks.reports();
  assertEquals(report, {
    url: "https://example.org/hook",
    queued: 0,
    oldestSeconds: 0,
    delivered: 3,
    failed: 0,
    dropped: 0,
    stopped: false,
  });
});

Deno.test("a failed event is tried again after 1, 5, 30, 120, 600, 1800 and 3600 s, then lost", async () => {
  const bench = new Bench();
  bench.push(1, 2);
  const delays = [1, 5, 30, 120, 600, 1_800, 3_600];
  for (const [nth, seconds] of delays.entries()) {
    await (nth % 2 === 0 ? bench.last.answer(500) : bench.last.fail());
    await bench.pass(seconds * SECOND - 1);
    assertEquals(bench.attempts.length, nth + 1);
    await bench.pass(1);
    assertEquals(bench.attempts.length, nth + 2);
  }
  assertEquals(new Set(bench.attempts.map(({ id }) => id)), new Set(["evt_1"]));
  await bench.last.answer(302);
  assertEquals(bench.last.nth, 2);
  await bench.last.answer(200);
  const { delivered, failed, dropped } = bench.webhooks.reports()[0] ?? {};
  assertEquals([delivered, failed, dropped], [1, 8, 1]);
  assertEquals(bench.outcomes.length, 9);
});

Deno.test("a receiver that begins to fail is reported, and again after it has worked", async () => {
  const bench = new Bench();
  bench.push(1, 2);
  await bench.last.answer(500);
  await bench.pass(SECOND);
  await bench.last.fail();
  await bench.pass(5 * SECOND);
  await bench.last.answer(204);
  await bench.last.fail();
  assertEquals(bench.troubles, ["status 500", "no route"]);
});

Deno.test("delays vary by a fifth, so that receivers are not asked all at once", async () => {
  for (const [random, ms] of [[0, 800], [1, 1_200]] as const) {
    const bench = new Bench({ random });
    bench.push(1);
    await bench.last.answer(503);
    await bench.pass(ms - 1);
    assertEquals(bench.attempts.length, 1);
    await bench.pass(1);
    assertEquals(bench.attempts.length, 2);
  }
});

Deno.test("an answer that does not come in time is a failure, and its request is aborted", async () => {
  const bench = new Bench();
  bench.push(1);
  const [hanging] = bench.attempts;
  await bench.pass(10_000);
  assertEquals([hanging?.isAborted(), bench.outcomes], [true, ["failed"]]);
  assertEquals(bench.troubles, ["no answer in time"]);
  await bench.pass(SECOND);
  assertEquals(bench.numbers, [1, 1]);
});

Deno.test("a receiver that hangs holds up no other", async () => {
  const bench = new Bench({ urls: ["https://a.example/", "https://b.example/"] });
  bench.push(1, 2);
  const second = bench.attempts.find(({ url }) => url.startsWith("https://b"));
  await second?.answer(200);
  assertEquals(bench.attempts.map(({ url, nth }) => [url, nth]), [
    ["https://a.example/", 1],
    ["https://b.example/", 1],
    ["https://b.example/", 2],
  ]);
});

Deno.test("410 stops a receiver until a reload", async () => {
  const bench = new Bench();
  bench.push(1, 2);
  await bench.last.answer(410);
  bench.push(3);
  await bench.pass(MINUTE);
  assertEquals([bench.numbers, bench.gone], [[1], ["https://example.org/hook"]]);
  const { stopped, queued, dropped } = bench.webhooks.reports()[0] ?? {};
  // The third one happened while nobody wanted it, and is missing all the same.
  assertEquals([stopped, queued, dropped], [true, 0, 3]);
  bench.webhooks.resume();
  bench.push(4);
  assertEquals(bench.numbers, [1, 4]);
  assertEquals(bench.last.lost, 3);
});

Deno.test("types that no webhook knows are not sent", () => {
  const bench = new Bench();
  bench.webhooks.push({ type: "refusal", timestamp: "", data: {} });
  assertEquals(bench.attempts.length, 0);
});

Deno.test("at the end the rest is delivered without pauses, and the end comes with the last", async () => {
  const bench = new Bench();
  bench.push(1, 2);
  await bench.last.answer(500);
  let isDone = false;
  void bench.webhooks.finish().then(() => isDone = true);
  await settle();
  assertEquals(bench.numbers, [1, 1]);
  await bench.last.answer(200);
  assertEquals([bench.numbers, isDone], [[1, 1, 2], false]);
  await bench.last.answer(200);
  assertEquals([isDone, bench.undelivered, bench.clock.timers], [true, [], 0]);
});

Deno.test("the end waits two seconds for receivers that hang, and reports the rest", async () => {
  const bench = new Bench();
  bench.push(1, 2, 3);
  let isDone = false;
  void bench.webhooks.finish().then(() => isDone = true);
  await bench.pass(2 * SECOND - 1);
  assertEquals(isDone, false);
  await bench.pass(1);
  assertEquals([isDone, bench.undelivered, bench.last.isAborted()], [true, [3], true]);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("without events the end is at once", async () => {
  const bench = new Bench();
  await bench.webhooks.finish();
  assertEquals(bench.undelivered, []);
});

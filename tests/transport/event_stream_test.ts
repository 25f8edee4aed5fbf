import { assert, assertEquals, assertRejects } from "@std/assert";
import { EventStreamLink } from "../../src/transport/event_stream.ts";
import type { Ending, LinkObserver } from "../../src/transport/websocket.ts";
import { newBudget } from "../helpers/session/budget.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

/** Keeps what a link tells its owner. */
class Observer implements LinkObserver {
  readonly isGoingAway = false;
  readonly endings: Ending[] = [];
  readonly faults: unknown[] = [];
  released_ = 0;

  opened(): void {}
  receive(): void {}
  exceeded(): void {}

  takes(size: number): boolean {
    return size < 100;
  }

  refuse(): void {}

  ended(ending: Ending): void {
    this.endings.push(ending);
  }
  released(): void {
    this.released_++;
  }
  failed(error: unknown): void {
    this.faults.push(error);
  }
}

function newLink(maxQueuedBytes = 1_000, budget = newBudget()): {
  link: EventStreamLink;
  observer: Observer;
  clock: FakeClock;
} {
  const observer = new Observer();
  const clock = new FakeClock();
  const limits = { maxQueuedBytes, stallTimeoutMs: 5_000 };
  const identity = { id: "1", address: "192.0.2.1" };
  const link = new EventStreamLink(identity, limits, observer, clock.now, budget);
  return { link, observer, clock };
}

async function readerOf(link: EventStreamLink): Promise<ReadableStreamDefaultReader<string>> {
  const response = await link.response;
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(response.headers.get("cache-control"), "no-store, no-transform");
  assertEquals(response.headers.get("content-encoding"), "identity");
  assertEquals(response.headers.get("x-accel-buffering"), "no");
  assert(response.body !== null);
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}

Deno.test("an event stream sends frames as they are, what waited in one piece", async () => {
  const { link, observer } = newLink();
  link.send("a\n\n");
  link.send("é\n\n");
  assertEquals(link.backlog, 7);
  const reader = await readerOf(link);
  assertEquals((await reader.read()).value, "a\n\né\n\n");
  assertEquals(link.backlog, 0);
  const next = reader.read();
  link.send("b\n\n");
  assertEquals((await next).value, "b\n\n");
  link.send("c\n\n");
  link.close(1000);
  link.send("late\n\n");
  assertEquals((await reader.read()).value, "c\n\n");
  assertEquals((await reader.read()).done, true);
  assertEquals(observer.endings, [{ by: "server", code: 1000, reason: "" }]);
  assertEquals(observer.released_, 1);
});

Deno.test("an event stream can be declined before its first frame, not after", async () => {
  const { link, observer } = newLink();
  link.decline(new Response("no", { status: 403 }));
  link.send("late");
  assertEquals((await link.response).status, 403);
  await settle();
  assertEquals([observer.endings.length, observer.released_, link.isOpen], [1, 1, false]);

  const other = newLink();
  other.link.send("a");
  other.link.decline(new Response("no", { status: 403 }));
  assertEquals(other.link.isOpen, true);
  other.link.close();
  await (await other.link.response).body?.cancel();
  await settle();
  assertEquals(other.observer.released_, 1);
});

Deno.test("an event stream that ends before its first frame is answered all the same", async () => {
  const closed = newLink();
  closed.link.close(4000);
  assertEquals((await closed.link.response).status, 503);
  const failed = newLink();
  failed.link.fail(new Error("ours"));
  assertEquals((await failed.link.response).status, 500);
  await settle();
  assertEquals([closed.observer.released_, failed.observer.released_], [1, 1]);
  assertEquals(failed.observer.faults.length, 1);
});

Deno.test("a client that goes away ends its event stream without a farewell", async () => {
  const { link, observer } = newLink();
  link.send("a");
  const reader = await readerOf(link);
  await reader.read();
  await reader.cancel();
  await settle();
  assertEquals(observer.endings, [{ by: "client", code: 0, reason: "" }]);
  assertEquals([observer.released_, link.isOpen], [1, false]);
});

Deno.test("an event stream over its output limit is given up", async () => {
  const { link, observer } = newLink(10);
  link.send("x".repeat(10));
  assertEquals(link.isOpen, true);
  link.send("x");
  await settle();
  assertEquals(observer.endings, [{ by: "slow reader" }]);
  assertEquals([observer.released_, link.backlog], [1, 0]);
  const { body } = await link.response;
  await assertRejects(() => body?.getReader().read() ?? Promise.resolve());
});

Deno.test("an event stream that takes nothing for too long is given up", async () => {
  const { link, observer, clock } = newLink();
  link.send("a");
  clock.advance(4_999);
  link.checkStall(clock.now());
  assertEquals(link.isOpen, true);
  clock.advance(1);
  link.checkStall(clock.now());
  await settle();
  assertEquals(observer.endings, [{ by: "slow reader" }]);
  const { body } = await link.response;
  await assertRejects(() => body?.getReader().read() ?? Promise.resolve());
});

Deno.test("a silent event stream has a comment every 15 s", async () => {
  const { link, clock } = newLink();
  link.send("a");
  const reader = await readerOf(link);
  await reader.read();
  const next = reader.read();
  for (let second = 0; second < 14; second++) {
    clock.advance(1_000);
    link.checkStall(clock.now());
  }
  link.send("b");
  assertEquals((await next).value, "b");
  const comment = reader.read();
  clock.advance(15_000);
  link.checkStall(clock.now());
  assertEquals((await comment).value, ":\n\n");
  await reader.cancel();
});

Deno.test("the network is handed little at a time, however much waits", async () => {
  const { link } = newLink(1_000_000);
  const events = [
    `${"é".repeat(100_000)}\n\n`,
    "small\n\n",
    `${"x".repeat(40_000)}\n\n`,
    "end\n\n",
  ];
  for (const event of events) link.send(event);
  const total = link.backlog;
  assertEquals(total, new TextEncoder().encode(events.join("")).length);
  const { body } = await link.response;
  assert(body !== null);
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [text, taken] = ["", 0];
  while (taken < total) {
    const { value = new Uint8Array() } = await reader.read();
    assert(value.length <= 65_536 && value.length > 0, `${value.length} bytes at once`);
    text += decoder.decode(value, { stream: true });
    taken += value.length;
    assertEquals(link.backlog, total - taken);
  }
  assertEquals(text, events.join(""));
});

Deno.test("a stream beyond its address's budget is given up, and counts no longer", async () => {
  const budget = newBudget({ maxQueuedBytesPerAddress: 100_000 });
  const { link, observer } = newLink(1_000_000, budget);
  const other = newLink(1_000_000, budget);
  const reader = await openedReader(link);
  link.send("x".repeat(90_000));
  other.link.send("small");
  assertEquals([other.link.isOpen, budget.hasRoom(9_900)], [true, true]);
  other.link.send("x".repeat(20_000));
  assertEquals([other.link.isOpen, link.isOpen], [false, true]);
  link.send("x".repeat(20_000));
  await settle();
  assertEquals(observer.endings, [{ by: "slow reader" }]);
  assertEquals([link.backlog, budget.hasRoom(100_000)], [0, true]);
  await assertRejects(async () => {
    for (let read = 0; read < 9; read++) await reader.read();
  });
});

/** Somebody has the answer, and reads nothing of it yet. */
async function openedReader(
  link: EventStreamLink,
): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  link.send("first\n\n");
  const { body } = await link.response;
  assert(body !== null);
  return body.getReader();
}

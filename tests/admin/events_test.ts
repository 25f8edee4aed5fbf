import { assert, assertEquals, assertThrows } from "@std/assert";
import { EventFeed } from "../../src/admin/events.ts";
import { Problem } from "../../src/admin/problem.ts";
import { Happenings } from "../../src/core/happenings.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

/** Longer than events wait for others. */
const GATHERED_MS = 100;

class Bench implements Disposable {
  readonly clock = new FakeClock();
  readonly happenings = new Happenings(this.clock.now);
  readonly feed: EventFeed;
  frames = 0;

  constructor(maxStreams = 20) {
    this.feed = new EventFeed({
      happenings: this.happenings,
      clock: this.clock,
      wallNow: () => 1_000_000,
      instance: "i",
      maxStreams,
      read: () => ({
        ...{ connections: 1, peers: 2, rooms: 3, calls: 4, queuedBytes: 5, residentBytes: 6 },
      }),
      frames: () => Promise.resolve(new Map([["peerjs", this.frames]])),
    });
  }

  /** One event whose text is at least so long. */
  refuse(bytes = 0): void {
    const facts = { dialect: "ssp", address: "192.0.2.1", connection: "1" };
    this.happenings.emit({ type: "refusal", data: { ...facts, reason: "x".repeat(bytes) } });
  }

  open(
    lastId?: number,
    wants: (type: string) => boolean = () => true,
  ): ReadableStreamDefaultReader<Uint8Array> {
    const { body } = this.feed.open(wants, lastId);
    assert(body !== null);
    return body.getReader();
  }

  [Symbol.dispose](): void {
    this.feed[Symbol.dispose]();
  }
}

async function textOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

Deno.test("a reader that is 1 MiB behind is cut off, and others are not", async () => {
  using bench = new Bench();
  const slow = bench.open();
  const quick = bench.open();
  assertEquals([await textOf(quick), await textOf(slow)], [":\n\n", ":\n\n"]);
  for (let time = 0; time < 12; time++) {
    bench.refuse(100_000);
    assert((await textOf(quick)).startsWith("id: "));
  }
  assertEquals(bench.feed.streams, 1);
  assertEquals(await slow.read().then(() => "read", () => "cut off"), "cut off");
  await quick.cancel();
  assertEquals(bench.feed.streams, 0);
});

Deno.test("a reader that comes back is not cut off by what it has missed", async () => {
  using bench = new Bench();
  for (let time = 0; time < 20; time++) bench.refuse(100_000);
  const reader = bench.open(999_999);
  assertEquals(await textOf(reader), ":\n\n");
  assert((await textOf(reader)).startsWith("id: 1000012\nevent: gap\n"));
  assert((await textOf(reader)).startsWith("id: 1000013\nevent: refusal\n"));
  bench.refuse();
  bench.clock.advance(GATHERED_MS);
  for (let text = "";; text = await textOf(reader)) if (text.startsWith("id: 1000020\n")) break;
  await reader.cancel();
});

Deno.test("the stream of a reader that may read no more ends, and others go on", async () => {
  using bench = new Bench();
  let mayRead = true;
  const { body } = bench.feed.open(() => false, undefined, () => mayRead);
  const other = bench.open();
  assertEquals(await textOf(other), ":\n\n");
  bench.clock.advance(1_000);
  assertEquals(bench.feed.streams, 2);
  mayRead = false;
  bench.clock.advance(1_000);
  assertEquals([bench.feed.streams, await new Response(body).text()], [1, ":\n\n"]);
  assert((await textOf(other)).includes("event: stats"));
  await other.cancel();
});

/** The ids of the events in a chunk. */
function idsIn(text: string): string[] {
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id = ""]) => id);
}

Deno.test("events of a short time are sent together, to each reader those that it wants", async () => {
  using bench = new Bench();
  const all = bench.open();
  const some = bench.open(undefined, (type) => type.startsWith("peer."));
  const none = bench.open(undefined, () => false);
  for (const reader of [all, some, none]) assertEquals(await textOf(reader), ":\n\n");
  const data = { dialect: "ssp", id: "a", user: null, address: null, connection: null };
  bench.refuse();
  bench.happenings.emit({ type: "peer.joined", data });
  bench.refuse();
  bench.clock.advance(GATHERED_MS);
  assertEquals(idsIn(await textOf(all)), ["1000000", "1000001", "1000002"]);
  assertEquals(idsIn(await textOf(some)), ["1000001"]);
  // Nothing came to the third reader before the comment.
  bench.clock.advance(15_000);
  assertEquals(await textOf(none), ":\n\n");
  for (const reader of [all, some, none]) await reader.cancel();
});

Deno.test("a reader that comes while events are gathered gets each of them once", async () => {
  using bench = new Bench();
  const first = bench.open();
  bench.refuse();
  const back = bench.open(999_999);
  const fresh = bench.open();
  bench.refuse();
  bench.clock.advance(GATHERED_MS);
  const read = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string[]> => {
    assertEquals(await textOf(reader), ":\n\n");
    const ids: string[] = [];
    while (ids.at(-1) !== "1000001") ids.push(...idsIn(await textOf(reader)));
    return ids;
  };
  assertEquals(await read(first), ["1000000", "1000001"]);
  assertEquals(await read(back), ["1000000", "1000001"]);
  assertEquals(await read(fresh), ["1000001"]);
  for (const reader of [first, back, fresh]) await reader.cancel();
});

Deno.test("events that are gathered at the end of the feed still arrive", async () => {
  const bench = new Bench();
  const { body } = bench.feed.open(() => true, undefined);
  bench.refuse();
  bench.feed[Symbol.dispose]();
  assertEquals(idsIn(await new Response(body).text()), ["1000000"]);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("only so many streams are open at the same time", async () => {
  using bench = new Bench(1);
  const first = bench.open();
  assertThrows(() => bench.open(), Problem, "unavailable");
  await first.cancel();
  await bench.open().cancel();
});

Deno.test("a comment comes every 15 s, and numbers each second while somebody reads", async () => {
  using bench = new Bench();
  const reader = bench.open();
  assertEquals(await textOf(reader), ":\n\n");
  bench.frames = 30;
  bench.clock.advance(1_000);
  const { data } = JSON.parse(/^data: (.*)$/m.exec(await textOf(reader))?.[1] ?? "");
  assertEquals([data.framesPerSecond, data.rooms], [{ peerjs: 30 }, 3]);
  for (let second = 2; second <= 14; second++) {
    bench.clock.advance(1_000);
    assert((await textOf(reader)).includes("event: stats"));
  }
  bench.clock.advance(1_000);
  assert([await textOf(reader), await textOf(reader)].includes(":\n\n"));
  await reader.cancel();
});

Deno.test("the newest thousand events are kept, and an older id is a gap", async () => {
  using bench = new Bench();
  for (let time = 0; time < 1_500; time++) bench.refuse();
  const first = 1_000_000;
  const whole = bench.open(first + 499);
  assertEquals(await textOf(whole), ":\n\n");
  assert((await textOf(whole)).startsWith(`id: ${first + 500}\nevent: refusal`));
  const late = bench.open(first + 498);
  assertEquals(await textOf(late), ":\n\n");
  assert((await textOf(late)).startsWith(`id: ${first + 499}\nevent: gap`));
  // A reader that got no further comes back with the gap's own id, and misses nothing.
  assert((await textOf(late)).startsWith(`id: ${first + 500}\nevent: refusal`));
  for (const reader of [whole, late]) await reader.cancel();
});

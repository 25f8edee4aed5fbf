import { assert, assertEquals, assertThrows } from "@std/assert";
import { peerjs } from "../../../src/dialects/peerjs/mod.ts";
import { DialectBench, type DialectTestOptions } from "../../helpers/session/dialect.ts";
import { newMemoryStore } from "../../helpers/store/store.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import type { TestClient } from "../../helpers/session/hub.ts";
import { until } from "../../helpers/wire/waiting.ts";

// Messages for absent ids survive a planned restart; reserved ids survive any restart.

const OPEN = { type: "OPEN" };
const TAKEN = { type: "ID-TAKEN", payload: { msg: "ID is taken" } };
const RESERVING = { options: { reserveIds: "1h" } };

function newBench(test?: DialectTestOptions): DialectBench {
  return new DialectBench(peerjs, test);
}

/** A client that asked for an id, and the answer to it. */
async function ask(bench: DialectBench, id: string, token = "t"): Promise<[TestClient, unknown[]]> {
  const client = await bench.connect(
    `/peerjs?${new URLSearchParams({ key: "peerjs", id, token })}`,
  );
  // A digest is computed on another thread.
  await until("an answer", () => client.sent.length > 0);
  return [client, client.heardJson()];
}

async function register(bench: DialectBench, id: string, token?: string): Promise<TestClient> {
  const [client, answer] = await ask(bench, id, token);
  assertEquals(answer, [OPEN]);
  return client;
}

function offer(dst: string, connectionId: string, nth = 0): string {
  return JSON.stringify({ type: "OFFER", dst, payload: { connectionId, nth } });
}

function relayed(src: string, dst: string, connectionId: string, nth = 0): unknown {
  return { type: "OFFER", src, dst, payload: { connectionId, nth } };
}

Deno.test("messages for an absent id survive a planned restart, in order of arrival, once", async () => {
  using first = newBench();
  const [alice, bob] = [await register(first, "alice"), await register(first, "bob")];
  await alice.say(offer("x", "1", 1), offer("y", "3", 2));
  await bob.say(offer("x", "2", 3));
  await alice.say(offer("x", "1", 4));
  using second = await first.restart();
  const [, answer] = await ask(second, "x");
  assertEquals(answer, [
    OPEN,
    relayed("alice", "x", "1", 1),
    relayed("bob", "x", "2", 3),
    relayed("alice", "x", "1", 4),
  ]);
  using third = await second.restart();
  assertEquals((await ask(third, "x"))[1], [OPEN]);
  assertEquals((await ask(third, "y"))[1], [OPEN, relayed("alice", "y", "3", 2)]);
});

Deno.test("held messages keep the rest of their time, and their EXPIRE reaches the sender", async () => {
  using first = newBench();
  const alice = await register(first, "alice");
  await alice.say(offer("x", "1"));
  first.clock.advance(2_000);
  await alice.say(offer("y", "2"));
  using second = await first.restart({ ageMs: 1_000 });
  const back = await register(second, "alice");
  second.clock.advance(1_000);
  assertEquals(back.heardJson(), []);
  second.clock.advance(1_000);
  assertEquals(back.heardJson(), [{ type: "EXPIRE", src: "x", dst: "alice" }]);
  second.clock.advance(2_000);
  assertEquals(back.heardJson(), [{ type: "EXPIRE", src: "y", dst: "alice" }]);
  assertEquals((await ask(second, "x"))[1], [OPEN]);
});

Deno.test("EXPIRE comes to a sender that is back late, or after the time of what it said, once", async () => {
  const EXPIRE = { type: "EXPIRE", src: "x", dst: "alice" };
  for (const [ageMs, lateMs] of [[6_000, 0], [0, 6_000], [1_000, 4_500]] as const) {
    using first = newBench();
    const alice = await register(first, "alice");
    await alice.say(offer("x", "1"), offer("x", "2"));
    using second = await first.restart({ ageMs });
    second.clock.advance(lateMs);
    assertEquals((await ask(second, "x"))[1], [OPEN]);
    const [back, answer] = await ask(second, "alice");
    assertEquals(answer, [OPEN, EXPIRE]);
    await back.leave();
    assertEquals((await ask(second, "alice"))[1], [OPEN]);
  }
});

Deno.test("EXPIRE waits over another restart for its sender, but not for ever", async () => {
  using first = newBench();
  const alice = await register(first, "alice");
  await alice.say(offer("x", "1"));
  using second = await first.restart({ ageMs: 6_000 });
  using third = await second.restart({ ageMs: 1_000 });
  using fourth = await third.restart();
  assertEquals((await ask(third, "alice"))[1], [OPEN, { type: "EXPIRE", src: "x", dst: "alice" }]);
  fourth.clock.advance(300_000);
  assertEquals((await ask(fourth, "alice"))[1], [OPEN]);
});

Deno.test("an attempt that was dropped stays dropped after a restart, without a second EXPIRE", async () => {
  using first = newBench({ options: { maxHeldMessages: 1 } });
  const alice = await register(first, "alice");
  await alice.say(offer("x", "1"), offer("x", "1"));
  assertEquals(alice.heardJson(), [{ type: "EXPIRE", src: "x", dst: "alice" }]);
  using second = await first.restart();
  const back = await register(second, "alice");
  await back.say(offer("x", "1"));
  second.clock.advance(10_000);
  assertEquals(back.heardJson(), []);
});

Deno.test("an attempt that is too much after a restart is dropped whole, and reported in its time", async () => {
  using first = newBench();
  const alice = await register(first, "alice");
  await alice.say(offer("x", "1", 1), offer("x", "1", 2));
  using second = await first.restart({ options: { maxHeldMessages: 1 } });
  const back = await register(second, "alice");
  await back.say(offer("x", "1", 3));
  assertEquals((await ask(second, "x"))[1], [OPEN]);
  using third = await first.restart({ options: { maxHeldMessages: 1 } });
  const again = await register(third, "alice");
  third.clock.advance(5_000);
  assertEquals(again.heardJson(), [{ type: "EXPIRE", src: "x", dst: "alice" }]);
});

Deno.test("invalid sealed items are left out and counted, and the others are used", async () => {
  using first = newBench();
  const alice = await register(first, "alice");
  await alice.say(offer("x", "1"));
  using second = await first.restart({
    change: ([item]) => [
      null,
      "text",
      { ...Object(item), v: 2 },
      { ...Object(item), messages: [{ number: 1, bytes: 1, payload: { type: "OPEN" } }] },
      item,
    ],
  });
  assertEquals(second.unreadable, 4);
  assertEquals((await ask(second, "x"))[1], [OPEN, relayed("alice", "x", "1")]);
});

Deno.test("a reserved id stays with its token after its holder has gone, and over a restart", async () => {
  using first = newBench(RESERVING);
  const alice = await register(first, "alice", "mine");
  await alice.leave();
  assertEquals((await ask(first, "alice", "yours"))[1], [TAKEN]);
  using second = await first.restart();
  assertEquals((await ask(second, "alice", "yours"))[1], [TAKEN]);
  await register(second, "alice", "mine");
});

Deno.test("without reservations an id is free when its holder has gone", async () => {
  using bench = newBench();
  await (await register(bench, "alice", "mine")).leave();
  await register(bench, "alice", "yours");
});

Deno.test("an id that an operator reserved is its token's also where clients reserve none", async () => {
  using bench = newBench();
  const { ids } = bench.open;
  assert(ids !== undefined);
  assertEquals(await ids.reserve("camera", { token: "mine" }), "kept");
  for (const id of ["", "x".repeat(513)]) {
    assertEquals(await ids.reserve(id, { token: "mine" }), "invalid");
  }
  assertEquals((await ask(bench, "camera", "yours"))[1], [TAKEN]);
  const camera = await register(bench, "camera", "mine");
  // The current user of an id stays; its next user needs the new token.
  assertEquals(await ids.reserve("camera", { token: "yours" }), "kept");
  assertEquals((await ask(bench, "camera", "yours"))[1], [TAKEN]);
  await camera.leave();
  assertEquals((await ask(bench, "camera", "mine"))[1], [TAKEN]);
  await (await register(bench, "camera", "yours")).leave();
  assertEquals(ids.list().map(({ id }) => id), ["camera"]);
  assertEquals([await ids.forget("camera"), await ids.forget("camera")], [true, false]);
  await register(bench, "camera", "anybody's");
});

Deno.test("a client that asks for an id in use does not get it reserved", async () => {
  const clock = new FakeClock();
  await using kept = newMemoryStore({ clock, wallNow: clock.now, limits: { maxReservations: 1 } });
  const store = kept.dialect("peerjs", () => false);
  for (let time = 0; time < 2; time++) await store.reservations.claim("another", "t", 1_000);
  using bench = newBench({ ...RESERVING, store });
  // There is no room to reserve it for its holder; then there is.
  const holder = await register(bench, "alice", "mine");
  clock.advance(2_000);
  assertEquals(kept.sizes.get("id"), 0);
  assertEquals((await ask(bench, "alice", "yours"))[1], [TAKEN]);
  await holder.leave();
  await register(bench, "alice", "mine");
});

Deno.test("a client that is refused because all places are taken does not get the id reserved", async () => {
  using bench = newBench({ options: { reserveIds: "1h", concurrentLimit: 1 } });
  const alice = await register(bench, "alice");
  const [, refused] = await ask(bench, "bob", "another's");
  assertEquals(refused, [
    { type: "ERROR", payload: { msg: "Server has reached its concurrent user limit" } },
  ]);
  await alice.leave();
  await register(bench, "bob", "bob's own");
});

Deno.test("ids of the server stay good over a restart on the same store", async () => {
  const options = { serverIdsOnly: true };
  using first = newBench({ options });
  const id = await first.get("/peerjs/id")?.text() ?? "";
  using second = await first.restart();
  await register(second, id);
  using other = newBench({ options });
  const [, [refusal]] = await ask(other, id);
  assertEquals(refusal, { type: "ERROR", payload: { msg: "Id was not issued by this server" } });
});

Deno.test("a duration is a number of ms, or one with a unit", () => {
  const read = (value: unknown): unknown =>
    Reflect.get(peerjs.options.parse({ reserveIds: value }), "reserveIds");
  assertEquals([30_000, "500ms", "90s", "45m", "12h", "30d"].map(read), [
    30_000,
    500,
    90_000,
    2_700_000,
    43_200_000,
    2_592_000_000,
  ]);
  for (const wrong of [0, -1, 1.5, "", "0d", "5", "1w", "1.5h", "30d ", "d", "3651d"]) {
    assertThrows(() => read(wrong), Error, undefined, String(wrong));
  }
});

import { assert, assertEquals } from "@std/assert";
import type { RoomOperations } from "../../../src/dialects/dialect.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { enter, event, newPools, SspClient } from "../../helpers/session/ssp.ts";
import { newMemoryStore } from "../../helpers/store/store.ts";

// Pools that exist without members, and what the server says in them.

const PRIVATE = { options: { private: true, pools: ["lobby"] } };

type Operations = Required<RoomOperations>;

function operationsOf(bench: DialectBench): Operations {
  const { operations } = bench.open;
  assert(operations?.keep !== undefined && operations.forget !== undefined);
  return operations as Operations;
}

async function outcome(bench: DialectBench, pool: string): Promise<unknown> {
  const client = await SspClient.connect(bench);
  await client.say(["rtc:join", { pool }]);
  const [{ type, data } = { type: "nothing", data: {} }] = client.heard();
  await client.leave();
  return type === "rtc:joined" ? "in" : data["reason"];
}

Deno.test("a private server admits to pools that the operator keeps, also after a restart", async () => {
  using bench = newPools(PRIVATE);
  assertEquals(await outcome(bench, "attic"), "no-such-pool");
  assertEquals(operationsOf(bench).keep("attic"), "kept");
  assertEquals([await outcome(bench, "attic"), await outcome(bench, "lobby")], ["in", "in"]);
  using next = await bench.restart();
  assertEquals(await outcome(next, "attic"), "in");
  assertEquals(operationsOf(next).forget("attic"), true);
  assertEquals(await outcome(next, "attic"), "no-such-pool");
  using last = await next.restart();
  assertEquals(await outcome(last, "attic"), "no-such-pool");
  // The configuration's are not the operator's to forget.
  assertEquals(operationsOf(last).forget("lobby"), false);
  assertEquals(await outcome(last, "lobby"), "in");
});

Deno.test("list() shows kept pools without members too, each once", async () => {
  using bench = newPools(PRIVATE);
  const pools = operationsOf(bench);
  pools.keep("lobby");
  pools.keep("attic");
  const member = await enter(bench, "v2", "attic");
  pools.describe("attic", "topic", { text: "Hi" });
  const topic = { id: "topic", dialect: "ssp", info: { text: "Hi" } };
  assertEquals(pools.list(), [
    { id: "attic", members: [{ id: member.id, dialect: "ssp", info: null }], standing: [topic] },
    { id: "lobby", members: [] },
  ]);
});

Deno.test("the server's descriptions in a kept pool show in later joins, and survive a restart", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  assertEquals(pools.describe("p", "topic", "Hi"), "unknown");
  pools.keep("p");
  const early = await enter(bench);
  assertEquals(pools.describe("p", "topic", { text: "Hi" }), "described");
  // RTCPool stumbles over news of an id that it does not know.
  assertEquals(early.heard(), []);
  using next = await bench.restart();
  for (const version of ["v1", "v2", "auto"] as const) {
    const late = await SspClient.connect(next, version);
    const { peers, descriptions } = await late.join();
    assertEquals([peers, descriptions], [[], { topic: { text: "Hi" }, [late.id]: null }]);
    await late.leave();
  }
  assertEquals(operationsOf(next).describe("p", "topic", null), "described");
  using last = await next.restart();
  const late = await SspClient.connect(last);
  assertEquals((await late.join())["descriptions"], { [late.id]: null });
});

Deno.test("a member's description goes with the member, also in a kept pool", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  pools.keep("p");
  const [a, b] = [await enter(bench), await enter(bench)];
  a.heard();
  assertEquals(pools.describe("p", b.id, { name: "Bob" }), "described");
  assertEquals(a.heard(), [
    event("rtc:describe", { description: { name: "Bob" }, uid: b.id, id: b.id }),
  ]);
  await b.leave();
  const late = await SspClient.connect(bench);
  assertEquals((await late.join())["descriptions"], { [a.id]: null, [late.id]: null });
});

Deno.test("a member cannot be hidden by what the server says under its id", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  pools.keep("p");
  const member = await enter(bench);
  await member.say(["describe", { name: "Ann" }]);
  assertEquals(pools.describe("p", "x", "standing"), "described");
  const late = await SspClient.connect(bench);
  const { descriptions } = await late.join();
  assertEquals(descriptions, { x: "standing", [member.id]: { name: "Ann" }, [late.id]: null });
});

Deno.test("a kept pool may have fewer members than others", async () => {
  using bench = newPools({ options: { maxMembers: 3 } });
  const pools = operationsOf(bench);
  assertEquals(pools.keep("p", { maxMembers: 1 }), "kept");
  using next = await bench.restart();
  await enter(next);
  assertEquals([await outcome(next, "p"), await outcome(next, "q")], ["pool-full", "in"]);
  assertEquals(operationsOf(next).keep("p", { maxMembers: 100 }), "kept");
  await enter(next);
  await enter(next);
  assertEquals(await outcome(next, "p"), "pool-full");
});

Deno.test("settings that a later version wrote change nothing but that the pool is kept", async () => {
  const store = newMemoryStore().dialect("ssp", () => false);
  store.rooms.keep("attic", { maxMembers: 1, colour: "blue" });
  using bench = newPools({ ...PRIVATE, store });
  await enter(bench, "v2", "attic");
  assertEquals(await outcome(bench, "attic"), "in");
});

Deno.test("pools that cannot be are not kept", () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  for (const pool of ["", "x".repeat(513)]) assertEquals(pools.keep(pool), "invalid");
  for (const settings of [null, "text", { maxMembers: 0 }, { colour: "blue" }]) {
    assertEquals(pools.keep("p", settings), "invalid");
  }
  assertEquals(pools.keep("x".repeat(512)), "kept");
  assertEquals(pools.list().length, 1);
});

Deno.test("the server's descriptions are bounded, one by one and by the store", async () => {
  const store = newMemoryStore({ limits: { maxStoredRooms: 2, maxStoredRoomBytes: 200_000 } });
  using bench = newPools({
    options: { maxDescriptionBytes: 140_000 },
    store: store.dialect("ssp", () => false),
  });
  const pools = operationsOf(bench);
  pools.keep("p");
  assertEquals(pools.describe("p", "topic", "x".repeat(139_999)), "too_large");
  // A record of the store holds twice what a member may say by default.
  assertEquals(pools.describe("p", "topic", "x".repeat(131_000)), "too_large");
  assertEquals(pools.describe("p", "topic", "x".repeat(130_900)), "described");
  assertEquals(pools.describe("p", "another", "x"), "full");
  assertEquals(pools.keep("q"), "full");
  assertEquals(pools.describe("p", "\ud800", "x"), "invalid");
  const member = await enter(bench);
  assertEquals(pools.describe("p", member.id, "x".repeat(139_000)), "described");
});

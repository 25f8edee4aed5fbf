import { assert, assertEquals } from "@std/assert";
import type { PeerSummary } from "../../../src/core/events.ts";
import type { RoomOperations } from "../../../src/dialects/dialect.ts";
import { settle } from "../../helpers/session/hub.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { enter, enterAll, event, newPools, SspClient } from "../../helpers/session/ssp.ts";

// The operator's actions on pools (§9.7 and the last rows of §5).

function operationsOf(bench: DialectBench): RoomOperations {
  const { operations } = bench.open;
  assert(operations !== undefined);
  return operations;
}

function summary(member: SspClient, info: unknown = null): PeerSummary {
  return { id: member.id, dialect: "ssp", info };
}

Deno.test("list() shows pools with their members in joining order, and their descriptions", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  assertEquals(pools.list(), []);
  const [a, b, c] = await enterAll(bench, ["v1", "v2", "auto"]);
  const other = await enter(bench, "v2", "__proto__");
  await b.say(["describe", { name: "Bob" }]);
  assertEquals(pools.list(), [
    { id: "p", members: [summary(a), summary(b, { name: "Bob" }), summary(c)] },
    { id: "__proto__", members: [summary(other)] },
  ]);
  await a.leave();
  await other.leave();
  assertEquals(pools.list(), [{ id: "p", members: [summary(b, { name: "Bob" }), summary(c)] }]);
});

Deno.test("describe() sets a description, or takes it away, and tells the others", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  const [a, b, c] = await enterAll(bench, ["v1", "v2", "v1"]);
  await a.say(["describe", { name: "Ann" }]);
  for (const member of [b, c]) member.heard();
  for (const description of [{ name: "Operator's" }, null, "text", [1]]) {
    assertEquals(pools.describe("p", a.id, description), "described");
    assertEquals(b.heard(), [event("rtc:describe", { description, uid: a.id, id: a.id })]);
    assertEquals(c.heard(), [event("rtc:describe", { description, uid: a.id })]);
    const late = await SspClient.connect(bench);
    const { descriptions } = await late.join();
    assertEquals((descriptions as Record<string, unknown>)[a.id], description);
    await late.leave();
    for (const member of [a, b, c]) member.heard();
  }
  assertEquals(a.client.refusals, []);
});

Deno.test("describe() knows only members of that pool", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  const elsewhere = await enter(bench, "v2", "q");
  const gone = await enter(bench);
  await gone.leave();
  for (const member of [a, b]) member.heard();
  for (
    const [pool, id] of [["p", "nobody"], ["p", elsewhere.id], ["q", a.id], ["r", a.id], [
      "p",
      gone.id,
    ]] as const
  ) {
    assertEquals(pools.describe(pool, id, {}), "unknown");
  }
  assertEquals([a.heard(), b.heard(), elsewhere.heard()], [[], [], []]);
});

Deno.test("describe() keeps to the limits of one description and of a pool's sum", async () => {
  using bench = newPools({
    options: { maxDescriptionBytes: 100 },
    limits: { maxRoomInfoBytes: 150 },
  });
  const pools = operationsOf(bench);
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  // Two quotation marks belong to the JSON of a text.
  assertEquals(pools.describe("p", a.id, "x".repeat(99)), "too_large");
  assertEquals(pools.describe("p", a.id, "é".repeat(50)), "too_large");
  assertEquals(b.heard(), []);
  assertEquals(pools.describe("p", a.id, "x".repeat(98)), "described");
  assertEquals(pools.describe("p", b.id, "x".repeat(49)), "too_large");
  assertEquals(pools.describe("p", b.id, "x".repeat(48)), "described");
  assertEquals(pools.describe("p", a.id, null), "described");
  assertEquals(pools.describe("p", b.id, "x".repeat(98)), "described");
  assertEquals(b.heard().length, 2);
});

Deno.test("stop() says rtc:stop to every member, closes with 1000, and frees the name", async () => {
  using bench = newPools();
  const pools = operationsOf(bench);
  assertEquals(pools.stop("p"), false);
  const members = await enterAll(bench, ["v1", "v2", "auto"]);
  const [a] = members;
  await a.say(["describe", { name: "Ann" }]);
  for (const member of members) member.heard();
  const elsewhere = await enter(bench, "v2", "q");
  const outside = await SspClient.connect(bench);

  assertEquals(pools.stop("p"), true);
  // Nothing that a member still says reaches anybody.
  for (const member of members) await member.say(["rtc:candidate", { for: a.id }]);
  for (const member of members) {
    assertEquals([member.heard(), member.client.closing], [[event("rtc:stop")], [1000, ""]]);
    assertEquals(member.client.link.faults, []);
  }
  assertEquals([pools.stop("p"), pools.list().map(({ id }) => id)], [false, ["q"]]);
  assertEquals([elsewhere.heard(), elsewhere.client.isOpen], [[], true]);
  const { peers, descriptions } = await outside.join("p");
  assertEquals([peers, descriptions], [[], { [outside.id]: null }]);
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [2, 2]);
});

Deno.test("stop() reaches no client that joins afterwards or is about to join", async () => {
  const answer = Promise.withResolvers<boolean>();
  let isSlow = false;
  using bench = newPools({ reserve: () => isSlow ? answer.promise : Promise.resolve(true) });
  const a = await enter(bench);
  isSlow = true;
  const b = await SspClient.connect(bench);
  await b.say(["rtc:join", { pool: "p" }]);
  answer.resolve(true);
  operationsOf(bench).stop("p");
  await settle();
  assertEquals(a.client.closing, [1000, ""]);
  // It may have met leaving members; then it learns of their departure like any other.
  const [joined, ...more] = b.heard();
  const peers = joined?.data["peers"] as string[];
  assertEquals(more, peers.map((id) => event("rtc:close", { uid: id, id })));
  assertEquals(b.client.isOpen, true);
});

Deno.test("a private pool that was stopped can be joined again", async () => {
  using bench = newPools({ options: { private: true, pools: ["lobby"] } });
  await enter(bench, "v2", "lobby");
  assertEquals(operationsOf(bench).stop("lobby"), true);
  await settle();
  await enter(bench, "v2", "lobby");
});

Deno.test("list() shows the pools of a private server, also those that nobody is in", async () => {
  using bench = newPools({ options: { private: true, pools: ["attic", "lobby"] } });
  const pools = operationsOf(bench);
  const empty = (id: string) => ({ id, members: [] });
  assertEquals(pools.list(), [empty("attic"), empty("lobby")]);
  const guest = await enter(bench, "v2", "lobby");
  assertEquals(pools.list(), [{ id: "lobby", members: [summary(guest)] }, empty("attic")]);
});

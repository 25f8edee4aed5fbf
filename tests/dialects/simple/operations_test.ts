import { assert, assertEquals } from "@std/assert";
import type { RoomOperations } from "../../../src/dialects/dialect.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import {
  comeBack,
  enter,
  newRooms,
  SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";

// The operator's actions on rooms (§3 and §7 of the protocol).

function operationsOf(bench: DialectBench): RoomOperations {
  const { operations } = bench.open;
  assert(operations !== undefined);
  return operations;
}

function description(id: string, fields: SimpleFrame = {}, instances = 1): SimpleFrame {
  return {
    ...fields,
    peer_id: id,
    peer_instances: Array(instances).fill({ sdp: "" }),
    peer_ice: [],
  };
}

/** A newcomer's view of the others. */
async function peersOf(bench: DialectBench): Promise<unknown> {
  const late = await SimpleClient.connect(bench);
  const { handshake } = await late.join();
  await late.leave();
  return handshake["peers"];
}

Deno.test("Simple: list() shows rooms with their peers and descriptions, the lost included", async () => {
  using bench = newRooms();
  const rooms = operationsOf(bench);
  assertEquals(rooms.list(), []);
  const fred = await enter(bench, { peer: { name: "Fred" } });
  const barney = await enter(bench);
  await enter(bench, { p_id: barney.id, p_secret: barney.credentials.p_secret });
  const other = await enter(bench, { room: "__proto__" });
  await fred.lose();
  const member = (id: string, info: unknown) => ({ id, dialect: "simple", info });
  assertEquals(rooms.list(), [
    {
      id: "r",
      members: [
        member(fred.id, description(fred.id, { name: "Fred" })),
        member(barney.id, description(barney.id, {}, 2)),
      ],
    },
    { id: "__proto__", members: [member(other.id, description(other.id))] },
  ]);
});

Deno.test("Simple: describe() sets fields that win over the client's, and tells the others what changed", async () => {
  using bench = newRooms();
  const rooms = operationsOf(bench);
  const fred = await enter(bench, { peer: { name: "Fred", age: 40 } });
  const watcher = await enter(bench);
  fred.heard();
  const about = { event: "change", peer_id: fred.id, peer_instance: 0 };
  const steps: [fields: SimpleFrame | null, change: SimpleFrame | undefined, seen: SimpleFrame][] =
    [
      [{ name: "Guest", role: "host" }, { name: "Guest", role: "host" }, {
        name: "Guest",
        age: 40,
        role: "host",
      }],
      [{ name: "Guest", role: "host" }, undefined, { name: "Guest", age: 40, role: "host" }],
      [{ role: "guest" }, { name: "Fred", role: "guest" }, {
        name: "Fred",
        age: 40,
        role: "guest",
      }],
      [null, { role: null }, { name: "Fred", age: 40 }],
    ];
  for (const [fields, change, seen] of steps) {
    assertEquals(rooms.describe("r", fred.id, fields), "described");
    assertEquals(watcher.heard(), change === undefined ? [] : [{ ...about, peer: change }]);
    const [peer] = await peersOf(bench) as SimpleFrame[];
    assertEquals(peer, description(fred.id, seen));
    watcher.heard();
  }
  // News of a peer go to the others only (§4), and late-comers have come and gone.
  assertEquals(fred.heard().filter(({ event }) => event === "change"), []);
});

Deno.test("Simple: a client may not change a field that the server has set; a join may repeat it", async () => {
  using bench = newRooms();
  const rooms = operationsOf(bench);
  const fred = await enter(bench, { peer: { name: "Fred" } });
  const watcher = await enter(bench);
  rooms.describe("r", fred.id, { name: "Guest" });
  fred.heard();
  for (const name of ["Fred", "Freddy", null]) {
    const change = { event: "change", peer: { name, more: 1 }, sdp: "v=0" };
    assertEquals(await fred.refusal(change), "forbidden");
  }
  watcher.heard();
  assertEquals(await fred.ask({ event: "change", peer: { name: "Guest", more: 1 }, ref: 1 }), [
    { event: "ok", ref: 1 },
  ]);
  assertEquals(watcher.heard().map(({ peer }) => peer), [{ name: "Guest", more: 1 }]);
  await fred.lose();
  const { client } = await comeBack(bench, fred, { peer: { name: "Freddy", more: 1 } });
  assertEquals(watcher.heard(), []);
  const { p_id, p_secret } = client.credentials;
  await enter(bench, { p_id, p_secret, peer: { name: "Freddy", more: 2 } });
  const [joined] = watcher.heard();
  assertEquals(joined?.["peer"], description(fred.id, { name: "Guest", more: 2 }, 2));
});

Deno.test("Simple: describe() names an instance that is there", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const { p_id, p_secret } = fred.credentials;
  await enter(bench, { p_id, p_secret });
  await fred.leave();
  const watcher = await enter(bench);
  operationsOf(bench).describe("r", p_id, { a: 1 });
  assertEquals(watcher.heard().map(({ peer_instance }) => peer_instance), [1]);
});

Deno.test("Simple: describe() knows only members of that room, and what a description is", async () => {
  using bench = newRooms({ options: { maxFieldsBytes: 100 }, limits: { maxRoomInfoBytes: 150 } });
  const rooms = operationsOf(bench);
  const fred = await enter(bench, { peer: { x: "x".repeat(80) } });
  const barney = await enter(bench);
  const elsewhere = await enter(bench, { room: "q" });
  fred.heard();
  for (
    const [room, id] of [["r", "nobody"], ["r", elsewhere.id], ["q", fred.id], ["no", fred.id]]
  ) {
    assertEquals(rooms.describe(room ?? "", id ?? "", {}), "unknown");
  }
  const unsafe = JSON.parse('{"__proto__":1}');
  for (const fields of ["text", 5, true, [], [1], { peer_id: "x" }, unsafe, { "": 1 }]) {
    assertEquals(rooms.describe("r", fred.id, fields), "invalid", JSON.stringify(fields));
  }
  // Above the limit of one peer's fields, then of the room's sum.
  assertEquals(rooms.describe("r", fred.id, { a: "x".repeat(100) }), "too_large");
  assertEquals(rooms.describe("r", fred.id, { a: "x".repeat(80) }), "too_large");
  assertEquals(rooms.describe("r", fred.id, { a: "x".repeat(40) }), "described");
  assertEquals(barney.heard().length, 1);
  assertEquals(fred.heard(), []);
});

Deno.test("Simple: stop() removes everybody, the lost included, and frees the name", async () => {
  using bench = newRooms();
  const rooms = operationsOf(bench);
  assertEquals(rooms.stop("r"), false);
  const fred = await enter(bench);
  const barney = await enter(bench);
  const again = await enter(bench, { p_id: fred.id, p_secret: fred.credentials.p_secret });
  const lost = await enter(bench);
  const elsewhere = await enter(bench, { room: "q" });
  await lost.lose();
  assertEquals(rooms.stop("r"), true);
  for (const { client } of [fred, barney, again]) {
    const frames = client.heardJson() as SimpleFrame[];
    assertEquals(frames.at(-1)?.["code"], "kicked");
    for (const { event, reason } of frames) {
      if (event === "leave") assertEquals(reason, "kicked");
    }
    assertEquals(client.closing, [4003, "removed by an operator"]);
    await client.leave();
    assertEquals(client.link.faults, []);
  }
  assertEquals([rooms.stop("r"), rooms.list().map(({ id }) => id)], [false, ["q"]]);
  assertEquals([elsewhere.heard(), elsewhere.client.isOpen], [[], true]);
  // A client that comes back is a newcomer: nothing of it is held.
  const { client, ready } = await comeBack(bench, lost);
  assertEquals([client.id, ready["recovered"], await peersOf(bench)], [
    lost.id,
    false,
    [description(lost.id)],
  ]);
});

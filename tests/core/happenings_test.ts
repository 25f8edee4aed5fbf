import { assertEquals } from "@std/assert";
import { type Happening, Happenings } from "../../src/core/happenings.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { newTestHub } from "../helpers/session/hub.ts";
import {
  admit,
  claimed,
  claimOf,
  FakeReceiver,
  joined,
  paired,
} from "../helpers/session/receiver.ts";

class Bench {
  readonly clock = new FakeClock();
  readonly faults: unknown[] = [];
  readonly happenings = new Happenings(this.clock.now, (error) => void this.faults.push(error));
  readonly #events: Happening[] = [];
  readonly listening = this.happenings.listen((event) => void this.#events.push(event));
  readonly hub = newTestHub({}, undefined, this.happenings);
  /** The events since the last call. */
  readonly news = (): Happening[] => this.#events.splice(0);
  readonly types = (): string[] => this.news().map(({ type }) => type);
}

Deno.test("a peer that comes and goes is reported with its room, in order", async () => {
  const { clock, hub, news } = new Bench();
  const b = await admit(hub, "b");
  joined(hub, b, "q");
  const { address, id: connection } = b.link;
  const facts = { dialect: "test", id: "b", user: null, address, connection };
  const room = { dialect: "test", room: "q" };
  const step = { ...room, id: "b", user: null };
  assertEquals(news(), [
    { type: "peer.joined", data: facts },
    { type: "room.started", data: room },
    { type: "room.joined", data: { ...step, members: 1 } },
  ]);
  clock.advance(1_500);
  hub.release(b.peer, b, "kicked");
  assertEquals(news(), [
    { type: "room.left", data: { ...step, members: 0 } },
    { type: "room.ended", data: { ...room, durationSeconds: 1.5 } },
    { type: "peer.left", data: { ...facts, reason: "kicked", durationSeconds: 1.5 } },
  ]);
});

Deno.test("a taken-over id is no leave, and a list of a dialect is no room", async () => {
  const { hub, types } = new Bench();
  const old = await admit(hub, "a", { policy: "newest" });
  assertEquals(types(), ["peer.joined"]);
  const fresh = new FakeReceiver();
  assertEquals(await claimed(hub, claimOf("a", fresh, { policy: "newest" })), "admitted");
  hub.join(fresh.peer, { room: "peers", kind: "list" });
  hub.release(old.peer, old);
  assertEquals(types(), []);
  hub.release(fresh.peer, fresh);
  assertEquals(types(), ["peer.left"]);
});

Deno.test("a pair of exclusive peers is a call until one of the two leaves", async () => {
  const { clock, hub, news, types } = new Bench();
  const a = await admit(hub, "a", { isExclusive: true });
  const b = await admit(hub, "b", { isExclusive: true });
  types();
  assertEquals(paired(hub, a, "b"), "paired");
  const [call] = hub.openCalls.list();
  const facts = { dialect: "test", call: call?.id ?? "", from: "a", to: "b" };
  assertEquals(news(), [{ type: "call.started", data: facts }]);
  assertEquals(hub.openCalls.countOfPeer({ realm: "test", id: "b" }), 1);
  clock.advance(2_000);
  hub.release(b.peer, b);
  assertEquals(news().at(0), { type: "call.ended", data: { ...facts, durationSeconds: 2 } });
  assertEquals([hub.openCalls.size, hub.openCalls.countOfDialect("test")], [0, 0]);
});

Deno.test("the calls of peers that are not exclusive are counted by their dialect", async () => {
  const { hub } = new Bench();
  const a = await admit(hub, "a");
  await admit(hub, "b");
  assertEquals(paired(hub, a, "b"), "paired");
  assertEquals(hub.openCalls.size, 0);
});

Deno.test("the end of the server is the reason of all who leave by it", async () => {
  const { hub, news } = new Bench();
  const a = await admit(hub, "a");
  hub.silence();
  hub.release(a.peer, a, "lost");
  const last = news().at(-1);
  assertEquals(last?.type === "peer.left" && last.data.reason, "draining");
});

Deno.test("a listener that throws disturbs nobody, and one that has gone gets nothing", async () => {
  const { happenings, hub, types, faults, listening } = new Bench();
  const fault = new Error("made to fail");
  using _bad = happenings.listen(() => {
    throw fault;
  });
  const late: string[] = [];
  using _late = happenings.listen(({ type }) => void late.push(type));
  await admit(hub, "a");
  assertEquals([types(), late, faults], [["peer.joined"], ["peer.joined"], [fault]]);
  listening[Symbol.dispose]();
  await admit(hub, "b");
  assertEquals([types(), late.length], [[], 2]);
});

Deno.test("nobody listens: nothing is made", () => {
  const happenings = new Happenings();
  assertEquals(happenings.isHeard, false);
  const listening = happenings.listen(() => {});
  assertEquals(happenings.isHeard, true);
  listening[Symbol.dispose]();
  assertEquals(happenings.isHeard, false);
});

Deno.test("operators see peers and rooms of all realms in the order of their coming", async () => {
  const { hub } = new Bench();
  for (const [id, realm] of [["a", "one"], ["b", "two"], ["c", "one"]] as const) {
    const receiver = new FakeReceiver();
    await hub.claim(claimOf(id, receiver, { realm, room: { room: `room of ${id}` } }));
  }
  const ids = [];
  for (const peer of hub.overview.peers()) {
    ids.push(peer.id);
    // Somebody who comes while a page is being made.
    if (peer.id === "b") await hub.claim(claimOf("d", new FakeReceiver(), { realm: "two" }));
  }
  assertEquals(ids, ["a", "b", "c", "d"]);
  const rooms = [...hub.overview.rooms()].map(({ id }) => id);
  assertEquals(rooms, ["room of a", "room of b", "room of c"]);
  assertEquals([hub.overview.roomCount(), hub.overview.peerCount("two", "test")], [3, 2]);
});

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Hub } from "../../src/core/hub.ts";
import type { Secret } from "../../src/core/kept.ts";
import type { PeerEvent } from "../../src/core/events.ts";
import type { StoreEngine } from "../../src/store/engine/engine.ts";
import { KvEngine } from "../../src/store/engine/kv.ts";
import { SealedFile, type SealedPlace } from "../../src/store/seal/sealed_file.ts";
import { Store } from "../../src/store/store.ts";
import { systemClock } from "../../src/system/clock.ts";
import { FaultyEngine, TempFolder } from "../helpers/store/engines.ts";
import { RemoteKv } from "../helpers/store/kv_connect.ts";
import {
  NOBODY,
  storeOptions,
  StoreWitness,
  type TestStoreOptions,
} from "../helpers/store/store.ts";
import { until } from "../helpers/wire/waiting.ts";

// The contract of every store, whatever its engine, and of every lasting one after a restart.

/** Somewhere to keep a store during one test. */
interface Place extends AsyncDisposable {
  /** A new engine for the same data; undefined where nothing lasts. */
  engine(): StoreEngine | undefined;
  /** Where else it seals; undefined where it is among the engine's records. */
  sealedIn?(): SealedPlace;
}

const PLACES: readonly [name: string, make: () => Promise<Place>][] = [
  ["memory", () => {
    const nothing = (): undefined => undefined;
    return Promise.resolve({ engine: nothing, [Symbol.asyncDispose]: () => Promise.resolve() });
  }],
  ["file", () => TempFolder.make()],
  ["file, sealed in another", async () => {
    const folder = await TempFolder.make();
    return {
      engine: () => folder.engine(),
      sealedIn: () => new SealedFile(`${folder.path}/sealed.kv`, systemClock),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }],
  ["remote", () => {
    // The runtime reads the token from there.
    Deno.env.set("DENO_KV_ACCESS_TOKEN", "token-of-this-test");
    const remote = new RemoteKv();
    const engine = (): StoreEngine => new KvEngine(remote.url);
    return Promise.resolve({ engine, [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose]() });
  }],
  ["file that fails now and then", async () => {
    const folder = await TempFolder.make();
    return {
      engine: () => new FlakyEngine(folder.engine()),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  }],
];

/** Every third commit fails, with nothing written. */
class FlakyEngine extends FaultyEngine {
  #count = 0;

  override async commit(changes: Parameters<StoreEngine["commit"]>[0]): Promise<void> {
    const now = ["format", "sealed", "secret"];
    const isBehind = changes.every(({ key: [kind = ""] }) => !now.includes(kind));
    if (isBehind && this.#count++ % 3 === 0) throw new Error("database is locked");
    await super.commit(changes);
  }
}

const MINUTE = 60_000;

/** As a start that fails leaves it: the sealed state is still there. */
async function openAt(place: Place, options: TestStoreOptions = {}): Promise<Store> {
  const sealedIn = place.sealedIn?.();
  const all = storeOptions({ clock: systemClock, ...options });
  const engine = place.engine();
  if (engine === undefined) return Store.inMemory(all);
  const more = sealedIn === undefined ? {} : { sealedIn };
  return await Store.open(engine, ["a", "b"], { ...all, ...more });
}

function eachStore(name: string, test: (place: Place) => Promise<void>): void {
  for (const [where, make] of PLACES) {
    Deno.test(`store (${where}): ${name}`, async () => {
      await using place = await make();
      await test(place);
    });
  }
}

function eachLastingStore(name: string, test: (place: Place) => Promise<void>): void {
  for (const [where, make] of PLACES.slice(1)) {
    Deno.test(`store (${where}): ${name}`, async () => {
      await using place = await make();
      await test(place);
    });
  }
}

eachStore("an id stays with its token until its time is over", async (place) => {
  let now = 1_000_000;
  await using store = await openAt(place, { wallNow: () => now });
  const { reservations } = store.dialect("a", NOBODY);
  const { reservations: others } = store.dialect("b", NOBODY);
  assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
  assertEquals(await others.claim("x", "two", MINUTE), "granted");
  now += MINUTE - 1;
  assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
  now += MINUTE - 1;
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
  reservations.touch("x");
  reservations.touch("never claimed");
  now += MINUTE - 1;
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
  now += 1;
  assertEquals(await reservations.claim("x", "two", MINUTE), "granted");
  assertEquals(await reservations.claim("x", "one", MINUTE), "taken");
});

eachStore("exactly one of two simultaneous claims of a free id wins", async (place) => {
  await using store = await openAt(place);
  const { reservations } = store.dialect("a", NOBODY);
  const outcomes = await Promise.all(
    ["one", "two", "three"].map((token) => reservations.claim("x", token, MINUTE)),
  );
  assertEquals(outcomes.toSorted(), ["granted", "taken", "taken"]);
});

eachStore("ids are any text, and no two of them are one", async (place) => {
  await using store = await openAt(place);
  const { reservations } = store.dialect("a", NOBODY);
  const ids = [
    "",
    " ",
    "__proto__",
    "a\0",
    "a",
    "a\0b",
    "ä",
    "a\u0308",
    "😀",
    '","',
    "x".repeat(512),
  ];
  for (const id of ids) assertEquals(await reservations.claim(id, id, MINUTE), "granted");
  for (const id of ids) assertEquals(await reservations.claim(id, `${id}!`, MINUTE), "taken");
  // A value that would not come back unchanged is not kept, but its client is not refused.
  for (const id of ["\ud800", "x".repeat(2_000), "\0".repeat(1_000)]) {
    assertEquals(await reservations.claim(id, "t", MINUTE), "unreserved");
  }
  assertEquals(await store.flush(), true);
});

eachStore(
  "where there are too many reservations, what was claimed once makes room",
  async (place) => {
    let now = 1_000_000;
    const witness = new StoreWitness();
    const limits = { maxReservations: 6 };
    await using store = await openAt(place, { wallNow: () => now, limits, witness });
    const { reservations } = store.dialect("a", (id) => id === "here");
    const claim = async (id: string, token = "t"): Promise<string> => {
      now++;
      return await reservations.claim(id, token, MINUTE);
    };
    await reservations.reserve("operator's", { token: "t" });
    for (const id of ["here", "again", "z", "y", "again", "x"]) await claim(id);
    // The oldest that nobody has come back for goes, and no other.
    assertEquals([await claim("new"), store.sizes.get("id")], ["granted", 6]);
    for (const id of ["operator's", "here", "again", "y", "x", "new"]) {
      assertEquals(await claim(id, "other"), "taken", id);
    }
    assertEquals([witness.evicted, witness.unreserved], [1, []]);
    // Reservations that came back meanwhile stay too; a value that cannot be kept makes no room.
    await claim("y");
    assertEquals(await claim("\0".repeat(1_000)), "unreserved");
    assertEquals(await claim("newer"), "granted");
    // No other reservation can go; the newcomer is not refused, but the observer is informed.
    for (const id of ["new", "newer"]) await claim(id);
    assertEquals([await claim("last"), await claim("newer", "other")], ["unreserved", "taken"]);
    assertEquals([witness.evicted, witness.unreserved], [2, ["invalid", "full"]]);
  },
);

eachStore("an address has only so many new reservations", async (place) => {
  const witness = new StoreWitness();
  const limits = { reservationBurst: 2, reservationsPerHour: 1 };
  await using store = await openAt(place, { limits, witness });
  const { reservations } = store.dialect("a", NOBODY);
  const claim = (id: string, address: string, token = "t"): Promise<string> =>
    reservations.claim(id, token, MINUTE, address);
  assertEquals([await claim("1", "one"), await claim("2", "one")], ["granted", "granted"]);
  assertEquals([await claim("3", "one"), await claim("3", "two")], ["unreserved", "granted"]);
  // A client that comes back takes no place, and neither does a refused one.
  assertEquals([await claim("1", "one"), await claim("2", "two", "other")], ["granted", "taken"]);
  assertEquals([await claim("4", "two"), await claim("5", "two")], ["granted", "unreserved"]);
  assertEquals(witness.unreserved, ["address one", "address two"]);
});

eachStore("an operator reserves ids for tokens, for so long or for ever", async (place) => {
  let now = 1_000_000;
  await using store = await openAt(place, { wallNow: () => now });
  const { reservations } = store.dialect("a", NOBODY);
  const claim = (id: string, token: string, lifetimeMs?: number): Promise<string> =>
    reservations.claim(id, token, lifetimeMs);
  // printf %s one | sha256sum
  const hex = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
  await claim("ever", "client's", MINUTE);
  assertEquals(await reservations.reserve("ever", { digest: hex }), "kept");
  assertEquals(await reservations.reserve("while", { token: "two" }, 2 * MINUTE), "kept");
  for (const digest of ["", "one", hex.slice(1), `${hex}0`]) {
    assertEquals(await reservations.reserve("x", { digest }), "invalid");
  }
  assertEquals(await reservations.reserve("\ud800", { token: "one" }), "invalid");
  assertEquals([...reservations.list()], [
    { id: "ever", expiresAtMs: Infinity },
    { id: "while", expiresAtMs: now + 2 * MINUTE },
  ]);
  // They count also where clients reserve nothing, and clients do not change how long they last.
  assertEquals([await claim("ever", "one"), await claim("ever", "two")], ["granted", "taken"]);
  assertEquals([await claim("while", "two", 1), await claim("while", "one", 1)], [
    "granted",
    "taken",
  ]);
  now += 2 * MINUTE - 1;
  assertEquals([await claim("ever", "one"), await claim("ever", "two")], ["granted", "taken"]);
  assertEquals([await claim("while", "two"), await claim("while", "one")], ["granted", "taken"]);
  now += 2 * MINUTE;
  assertEquals([await claim("while", "one"), await claim("ever", "two")], ["unreserved", "taken"]);
  // A client's reservation does not count if reservations are switched off.
  await claim("client's", "one", MINUTE);
  assertEquals(await claim("client's", "two"), "unreserved");
  const forget = (id: string): Promise<boolean> => reservations.forget(id);
  assertEquals([await forget("ever"), await forget("ever"), await forget("client's")], [
    true,
    false,
    true,
  ]);
  assertEquals(await claim("ever", "two", MINUTE), "granted");
  assertEquals([...reservations.list()], []);
});

eachStore("rooms and descriptions are kept within their limits", async (place) => {
  const limits = { maxStoredRooms: 4, maxStoredRoomBytes: 70_000 };
  await using store = await openAt(place, { limits });
  const { rooms } = store.dialect("a", NOBODY);
  assertEquals(rooms.keep("r", { open: true }), "kept");
  assertEquals(rooms.describe("r", "ann", { name: "Ann" }), "kept");
  assertEquals(rooms.describe("s", "ann", "elsewhere"), "kept");
  assertEquals([...rooms.list()], [{ room: "r", settings: { open: true } }]);
  assertEquals(rooms.description("r", "ann"), { name: "Ann" });
  assertEquals([rooms.settings("s"), rooms.description("s", "ann")], [undefined, "elsewhere"]);
  assertEquals([...rooms.descriptions()], [
    { room: "r", member: "ann", description: { name: "Ann" } },
    { room: "s", member: "ann", description: "elsewhere" },
  ]);
  assertEquals([...store.dialect("b", NOBODY).rooms.list()], []);

  assertEquals(rooms.describe("r", "bob", "x".repeat(131_000)), "too_large");
  assertEquals(rooms.describe("r", "bob", "x".repeat(65_536)), "kept");
  assertEquals(rooms.describe("r", "bob", "y".repeat(60_000)), "kept");
  assertEquals(rooms.describe("r", "ann", "x".repeat(10_000)), "full");
  assertEquals(rooms.describe("r", "bob", null), "kept");
  assertEquals(rooms.describe("r", "ann", "x".repeat(10_000)), "kept");
  assertEquals(rooms.keep("2", 2), "kept");
  assertEquals([rooms.keep("3", 3), rooms.keep("2", null)], ["full", "kept"]);
  rooms.forget("r");
  assertEquals([rooms.settings("r"), rooms.description("r", "ann")], [undefined, undefined]);
  assertEquals([rooms.keep("3", 3), rooms.settings("2")], ["kept", null]);
});

eachStore("a ban holds until it is lifted or over", async (place) => {
  let now = 1_000_000;
  await using store = await openAt(place, { wallNow: () => now, limits: { maxBans: 2 } });
  const { bans } = store;
  assertEquals(bans.set("address", "192.0.2.1", { reason: "flood" }), "kept");
  assertEquals(bans.set("id", "x", { reason: "rude", lifetimeMs: MINUTE }), "kept");
  assertEquals(bans.set("id", "y", { reason: "one too many" }), "full");
  assertEquals(bans.find("address", "x"), undefined);
  assertEquals(bans.find("id", "x")?.reason, "rude");
  assertEquals([...bans.list()].map(({ value }) => value), ["192.0.2.1", "x"]);
  now += MINUTE;
  assertEquals(bans.find("id", "x"), undefined);
  bans.lift("address", "192.0.2.1");
  bans.lift("address", "nobody");
  assertEquals([...bans.list()], []);
});

eachStore("each dialect has a secret of its own", async (place) => {
  await using store = await openAt(place);
  const [a, b] = [store.dialect("a", NOBODY), store.dialect("b", NOBODY)];
  assertEquals([a.secret.current.length, b.secret.current.length], [32, 32]);
  assertNotEquals(a.secret.current, b.secret.current);
  assertEquals([a.secret.previous, b.secret.previous], [undefined, undefined]);
  assertEquals(store.dialect("a", NOBODY).secret, a.secret);
});

eachStore(
  "operators' actions are kept for 30 days, the newest first, within the limit",
  async (place) => {
    let now = 1_000_000;
    await using store = await openAt(place, { wallNow: () => now, limits: { maxOperatorLog: 3 } });
    const { operatorLog: log } = store;
    const write = (action: string, actor = "ann"): void =>
      log.write({ actor, action, subject: ["ssp", "p"], outcome: "kept" });
    const actions = (): string[] => log.list().map(({ action }) => action);
    // Two at the same time are two.
    write("one");
    write("two");
    now++;
    write("three", "x".repeat(10_000));
    assertEquals(log.list(), [
      { atMs: 1_000_001, actor: "x".repeat(512), action: "three", ...written() },
      { atMs: 1_000_000, actor: "ann", action: "two", ...written() },
      { atMs: 1_000_000, actor: "ann", action: "one", ...written() },
    ]);
    assertEquals([log.list(1).map(({ action }) => action), log.list(0)], [["three"], []]);
    write("four");
    assertEquals(actions(), ["four", "three", "two"]);
    now = 1_000_000 + 30 * 86_400_000;
    assertEquals(actions(), ["four", "three"]);
    now++;
    assertEquals(actions(), []);
  },
);

function written(): { subject: string[]; outcome: string } {
  return { subject: ["ssp", "p"], outcome: "kept" };
}

eachStore("a rotated secret is new, and the one before is known", async (place) => {
  await using store = await openAt(place);
  const [a, b] = [store.dialect("a", NOBODY), store.dialect("b", NOBODY)];
  const [{ current: first }, { current: others }] = [a.secret, b.secret];
  assertEquals(await store.rotateSecret("a"), "rotated");
  // Every holder of the handle has the new one.
  const { current: second } = a.secret;
  assertNotEquals(second, first);
  assertEquals([second.length, a.secret.previous], [32, first]);
  // Two at once are two.
  const outcomes = await Promise.all([store.rotateSecret("a"), store.rotateSecret("a")]);
  assertEquals(outcomes, ["rotated", "rotated"]);
  assertEquals([a.secret.current, a.secret.previous].includes(second), false);
  assertEquals([b.secret.current, b.secret.previous], [others, undefined]);
});

eachStore("the hub asks it before it gives an id out", async (place) => {
  await using store = await openAt(place);
  const { reservations } = store.dialect("a", NOBODY);
  const limits = { maxPeers: 9, maxRooms: 9, maxRoomMembers: 9, maxRoomInfoBytes: 9 };
  const hub = new Hub(limits);
  hub.reserve(
    "a",
    async ({ id, proof = "" }) => await reservations.claim(id, proof, MINUTE) !== "taken",
  );
  const link = { isOpen: true, fail: () => {} };
  const claim = async (id: string, proof: string): Promise<string[]> => {
    const answers: string[] = [];
    const deliver = ({ type }: PeerEvent) => void answers.push(type);
    const receiver = { link, links: [], expel: () => {}, deliver };
    await hub.claim({ realm: "a", dialect: "a", id, proof, receiver });
    return answers;
  };
  assertEquals(await claim("x", "one"), ["admitted"]);
  assertEquals(await claim("x", "two"), ["refused"]);
  assertEquals(await claim("y", "two"), ["admitted"]);
});

eachLastingStore("all of it is there after a restart", async (place) => {
  let now = 1_000_000;
  const wallNow = () => now;
  // As long as a member's description may be, as JSON.
  const long = "x".repeat(65_534);
  const items = [{ text: "ä\n" }, null, [1, { deep: "😀" }], "x".repeat(200_000)];
  let secret: Secret;
  {
    await using store = await openAt(place, { wallNow });
    const { reservations, rooms, ...part } = store.dialect("a", NOBODY);
    assertEquals(await store.rotateSecret("a"), "rotated");
    secret = part.secret;
    await reservations.claim("a\0b", "one", MINUTE);
    await reservations.claim("gone", "one", MINUTE / 2);
    await reservations.reserve("ever", { token: "one" });
    await reservations.reserve("never", { token: "one" });
    await reservations.forget("never");
    rooms.keep("r", { open: true });
    rooms.keep("s", null);
    rooms.describe("r", "ann", { name: "Ann" });
    rooms.describe("r", "bob", "Bob");
    rooms.describe("r", "bob", null);
    rooms.describe("r", "cat", long);
    rooms.describe("r", "dog", long);
    rooms.describe("r", "dog", null);
    rooms.forget("s");
    store.bans.set("address", "192.0.2.1", { reason: "flood", lifetimeMs: MINUTE });
    for (const action of ["one", "two"]) {
      store.operatorLog.write({ actor: "ann", action, ...written() });
      now++;
    }
    assertEquals(await part.seal(items, MINUTE), { type: "sealed", items: 4, leftOut: 0 });
  }
  now += MINUTE - 3;
  await using store = await openAt(place, { wallNow });
  const { reservations, rooms, ...part } = store.dialect("a", NOBODY);
  assertEquals([part.secret.current, part.secret.previous], [secret.current, secret.previous]);
  assertEquals(await reservations.claim("a\0b", "two", MINUTE), "taken");
  assertEquals(await reservations.claim("gone", "two", MINUTE), "granted");
  assertEquals(await reservations.claim("a\0b", "one", MINUTE), "granted");
  assertEquals(await reservations.claim("ever", "two", undefined), "taken");
  assertEquals(await reservations.claim("never", "two", undefined), "unreserved");
  assertEquals([...rooms.list()], [{ room: "r", settings: { open: true } }]);
  assertEquals(rooms.description("r", "ann"), { name: "Ann" });
  assertEquals(rooms.description("r", "bob"), undefined);
  assertEquals([rooms.description("r", "cat"), rooms.description("r", "dog")], [long, undefined]);
  assertEquals(store.bans.find("address", "192.0.2.1")?.reason, "flood");
  assertEquals(part.sealed, { items, ageMs: MINUTE - 3 });
  await until("the rest to be read", () => store.isLoaded);
  assertEquals(store.operatorLog.list().map(({ action }) => action), ["two", "one"]);
  assertEquals(store.dialect("a", NOBODY).sealed, undefined, "given out twice");
  assertEquals(store.dialect("b", NOBODY).sealed, undefined);
});

eachLastingStore(
  "sealed state stays until the server serves, and is gone then",
  async (place) => {
    {
      await using store = await openAt(place);
      assertEquals((await store.dialect("a", NOBODY).seal(["state"], MINUTE)).type, "sealed");
      assertEquals((await store.dialect("b", NOBODY).seal(["more"], MINUTE)).type, "sealed");
    }
    for (const isServing of [false, false, true]) {
      await using store = await openAt(place);
      assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
      if (isServing) await store.forgetSealed();
    }
    await using store = await openAt(place);
    // The same holds for sealed state that was never asked for.
    for (const name of ["a", "b"]) assertEquals(store.dialect(name, NOBODY).sealed, undefined);
  },
);

eachLastingStore("expired records are deleted, there too", async (place) => {
  let now = 1_000_000;
  const wallNow = () => now;
  {
    await using store = await openAt(place, { wallNow });
    const { reservations } = store.dialect("a", NOBODY);
    for (let id = 0; id < 700; id++) await reservations.claim(`${id}`, "t", MINUTE);
    store.bans.set("id", "x", { reason: "rude", lifetimeMs: MINUTE });
    await reservations.claim("stays", "t", 2 * MINUTE);
  }
  now += MINUTE;
  {
    await using store = await openAt(place, { wallNow });
    await until("the rest to be read", () => store.isLoaded);
    assertEquals(await store.flush(20_000), true);
    assertEquals(store.sizes.get("id"), 1);
  }
  const left: string[][] = [];
  const engine = place.engine();
  for await (const { key } of engine?.list([]) ?? []) left.push([...key]);
  await engine?.close();
  assertEquals(left.filter(([kind]) => kind !== "secret"), [["format"], ["id", "a", "stays"]]);
});

eachLastingStore("sealed state is given out once and in time, or not at all", async (place) => {
  let now = 1_000_000;
  const witness = new StoreWitness();
  const session = async (
    options: TestStoreOptions,
    seal: readonly unknown[] | undefined,
  ): Promise<readonly unknown[] | undefined> => {
    await using store = await openAt(place, { wallNow: () => now, witness, ...options });
    const part = store.dialect("a", NOBODY);
    await store.forgetSealed();
    if (seal !== undefined) await part.seal(seal, MINUTE);
    return part.sealed?.items;
  };
  assertEquals(await session({}, ["first"]), undefined);
  assertEquals(await session({}, ["second"]), ["first"]);
  assertEquals(await session({}, undefined), ["second"]);
  assertEquals(await session({}, ["third"]), undefined);
  now += MINUTE;
  assertEquals(await session({}, undefined), undefined, "its time was over");
  now -= MINUTE;
  assertEquals(await session({}, ["fourth"]), undefined, "it was kept although it was over");
  // With --no-seal nothing is sealed, and nothing that was is left lying about.
  assertEquals(await session({ seals: false }, ["fifth"]), undefined);
  assertEquals(await session({}, undefined), undefined);
  // The first items up to the limit survive, and the observer is informed.
  await session({ limits: { maxSealedBytes: 20 } }, ["12345678", "1234567890", "too much", "."]);
  assertEquals(await session({}, undefined), ["12345678"]);
  assertEquals(witness.events.filter((event) => event.startsWith("sealed")), [
    "sealed too much: a, 3",
  ]);
});

Deno.test("a store in memory seals nothing and is never in trouble", async () => {
  await using store = Store.inMemory(storeOptions());
  const part = store.dialect("a", NOBODY);
  assertEquals(await part.seal([1], MINUTE), { type: "off" });
  assertEquals([store.trouble, store.place, store.isLoaded], [undefined, undefined, true]);
  assert(await store.flush());
});

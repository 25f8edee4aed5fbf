import { assert, assertEquals, assertRejects } from "@std/assert";
import type { StoreEngine } from "../../src/store/engine/engine.ts";
import { Store, StoreError } from "../../src/store/mod.ts";
import { systemClock } from "../../src/system/clock.ts";
import { FaultyEngine, TempFolder } from "../helpers/store/engines.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import {
  NOBODY,
  storeOptions,
  StoreWitness,
  type TestStoreOptions,
} from "../helpers/store/store.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// A store that fails while the server runs: no client waits for it, the observer is informed, and
// it recovers by itself.

const MINUTE = 60_000;

interface Bench extends AsyncDisposable {
  readonly folder: TempFolder;
  readonly engine: FaultyEngine;
  readonly store: Store;
  readonly witness: StoreWitness;
}

async function newBench(options: TestStoreOptions = {}): Promise<Bench> {
  const folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  const witness = new StoreWitness();
  const all = storeOptions({ clock: systemClock, witness, ...options });
  const store = await Store.open(engine, ["a"], all);
  await until("the rest to be read", () => store.isLoaded);
  const end = async (): Promise<void> => {
    engine.goOn();
    await store.close();
    await folder[Symbol.asyncDispose]();
  };
  return { folder, engine, store, witness, [Symbol.asyncDispose]: end };
}

/** Kinds and names of all that is in the file. */
async function namesIn(engine: StoreEngine): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of engine.list([])) names.push(key.join(" "));
  await engine.close();
  return names.filter((name) => !/^(format|secret)/.test(name));
}

for (
  const [message, reason] of [
    ["database or disk is full", "the disk is full"],
    ["database is locked", "its file is locked by another process"],
    ["attempt to write a readonly database", "its file cannot be written"],
    ["database disk image is malformed", "its file is damaged"],
    ["whatever", "it fails"],
  ] as const
) {
  Deno.test(`while writing fails (${message}) calls go on, and afterwards all is written`, async () => {
    await using bench = await newBench();
    const { store, engine, witness, folder } = bench;
    const { reservations } = store.dialect("a", NOBODY);
    engine.writeFault = new Error(message);
    assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
    await until("the trouble", () => store.trouble !== undefined);
    assertEquals(store.trouble, reason);
    assertEquals(await reservations.claim("y", "one", MINUTE), "granted");
    assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
    engine.writeFault = undefined;
    await until("the recovery", () => store.trouble === undefined);
    assertEquals(await store.flush(), true);
    assertEquals(witness.events, [`trouble: ${reason}`, "recovered"]);
    assert(witness.failures > 0);
    await store.close();
    assertEquals(await namesIn(folder.engine()), ["id a x", "id a y"]);
  });
}

Deno.test("a store that does not answer is in trouble after its time, and holds up nobody", async () => {
  const clock = new FakeClock();
  const folder = await TempFolder.make();
  await using _folder = folder;
  const engine = new FaultyEngine(folder.engine());
  const witness = new StoreWitness();
  const options = storeOptions({ clock, witness, timeoutMs: 2_000 });
  await using store = await Store.open(engine, ["a"], options);
  await until("the rest to be read", () => store.isLoaded);
  const { reservations } = store.dialect("a", NOBODY);
  engine.hang();
  assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
  await until("it to be written", () => store.waitingWrites === 0);
  clock.advance(1_999);
  assertEquals(store.trouble, undefined);
  clock.advance(1);
  await until("the trouble", () => store.trouble === "it does not answer");
  // A later change waits behind the earlier one: it is never overtaken.
  reservations.touch("x");
  assertEquals([store.waitingWrites, engine.commits], [1, 0]);
  // At the end of all patience it is opened anew.
  clock.advance(30_000);
  await until("it to be opened anew", () => engine.reopened === 1);
  engine.goOn();
  clock.advance(250);
  await until("the recovery", () => {
    clock.advance(250);
    return store.trouble === undefined;
  });
  await until("all to be written", () => store.waitingWrites === 0);
  assertEquals(witness.events, ["trouble: it does not answer", "recovered"]);
});

Deno.test("a store that fails slowly is reported once", async () => {
  const clock = new FakeClock();
  await using bench = await newBench({ clock });
  const { store, engine, witness } = bench;
  store.bans.set("id", "x", { reason: "r" });
  for (let attempt = 0; attempt < 3; attempt++) {
    engine.hang();
    await until("it to be tried", () => {
      clock.advance(250);
      return store.waitingWrites === 0;
    });
    clock.advance(2_000);
    await until("the trouble", () => store.trouble !== undefined);
    engine.writeFault = new Error("database is locked");
    engine.goOn();
    await until("it to fail", () => store.waitingWrites === 1);
  }
  assertEquals(witness.events, [
    "trouble: it does not answer",
    "trouble: its file is locked by another process",
  ]);
  engine.writeFault = undefined;
});

Deno.test("a write that was given up and arrives late brings nothing back", async () => {
  const clock = new FakeClock();
  await using bench = await newBench({ clock });
  const { store, engine, folder } = bench;
  engine.hang();
  store.bans.set("id", "x", { reason: "first" });
  await until("it to be written", () => store.waitingWrites === 0);
  clock.advance(2_000);
  await until("the trouble", () => store.trouble !== undefined);
  clock.advance(30_000);
  await until("it to be opened anew", () => engine.reopened > 0);
  store.bans.set("id", "x", { reason: "second" });
  await until("the newer to be on its way", () => {
    clock.advance(250);
    return store.waitingWrites === 0;
  });
  // Time stands still meanwhile, because a slow write would be given up as well.
  await until("the newer to be written", () => engine.commits === 1);
  engine.goOn();
  await until("the older to arrive, and the newest again", () => engine.commits === 3);
  await store.close();
  await using again = await Store.open(folder.engine(), ["a"], storeOptions());
  assertEquals(again.bans.find("id", "x")?.reason, "second");
});

Deno.test("the oldest of too many waiting writes are counted, and everything is written again", async () => {
  await using bench = await newBench({ limits: { maxWaitingWrites: 600 } });
  const { store, engine, witness, folder } = bench;
  const { bans } = store;
  for (const old of ["kept", "lifted"]) bans.set("id", old, { reason: "r" });
  assertEquals(await store.flush(), true);
  engine.writeFault = new Error("database or disk is full");
  bans.lift("id", "lifted");
  for (let count = 0; count < 599; count++) bans.set("id", `${count}`, { reason: "r" });
  await until("the trouble", () => store.trouble !== undefined);
  assertEquals([store.waitingWrites, witness.dropped], [600, 0]);
  for (let count = 599; count < 604; count++) bans.set("id", `${count}`, { reason: "r" });
  // A record that changes again is not one more.
  for (let count = 599; count < 604; count++) bans.set("id", `${count}`, { reason: "again" });
  await until("the batch to be put back", () => store.waitingWrites === 600);
  assertEquals(witness.dropped, 5);
  // It is not well before all of it is written, those that were dropped and their deletions too.
  const commits = engine.commits;
  engine.writeFault = undefined;
  await until("the recovery", () => store.trouble === undefined);
  assert(engine.commits > commits + 1);
  assertEquals(witness.events.at(-1), "recovered");
  await store.close();
  const names = await namesIn(folder.engine());
  assertEquals(names.length, 1 + 604);
  assertEquals(["kept", "lifted", "0", "4"].map((name) => names.includes(`ban id ${name}`)), [
    true,
    false,
    true,
    true,
  ]);
});

Deno.test("until all is read a claim asks the store, but not one that fails", async () => {
  await using folder = await TempFolder.make();
  {
    await using store = await Store.open(folder.engine(), ["a"], storeOptions());
    const { reservations } = store.dialect("a", NOBODY);
    for (const id of ["x", "y", "z"]) await reservations.claim(id, "one", MINUTE);
  }
  const engine = new SlowlyListed(folder.engine());
  const witness = new StoreWitness();
  const options = storeOptions({ clock: systemClock, witness });
  await using store = await Store.open(engine, ["a"], options);
  const { reservations } = store.dialect("a", NOBODY);
  assertEquals(store.isLoaded, false);
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
  assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
  assertEquals(await reservations.claim("new", "two", MINUTE), "granted");
  assertEquals(witness.unchecked, 0);
  // The owner is unknown: admitting the client is better than turning everybody away.
  engine.fault = new Error("database is locked");
  assertEquals(await reservations.claim("y", "two", MINUTE), "granted");
  assertEquals(store.trouble, "its file is locked by another process");
  assertEquals(await reservations.claim("other", "two", MINUTE), "granted");
  assertEquals(witness.unchecked, 2);
  engine.fault = undefined;
  engine.finish();
  await until("the rest to be read", () => store.isLoaded);
  // Changes of this run override late reads.
  assertEquals(await reservations.claim("y", "two", MINUTE), "granted");
  assertEquals(await reservations.claim("z", "two", MINUTE), "taken");
  await until("the recovery", () => store.trouble === undefined);
});

/** Lists reservations only on command. */
class SlowlyListed extends FaultyEngine {
  readonly #ready = Promise.withResolvers<void>();

  finish(): void {
    this.#ready.resolve();
  }

  override async *list(prefix: readonly string[]): ReturnType<FaultyEngine["list"]> {
    if (prefix[0] === "id") await this.#ready.promise;
    yield* super.list(prefix);
  }
}

Deno.test("reading that fails is tried again until all is there", async () => {
  await using folder = await TempFolder.make();
  {
    await using store = await Store.open(folder.engine(), ["a"], storeOptions());
    await store.dialect("a", NOBODY).reservations.claim("x", "one", MINUTE);
  }
  const engine = new SlowlyListed(folder.engine());
  const witness = new StoreWitness();
  const options = storeOptions({ clock: systemClock, witness });
  await using store = await Store.open(engine, ["a"], options);
  engine.fault = new Error("database is locked");
  engine.finish();
  await until("the trouble", () => store.trouble !== undefined);
  assertEquals(store.isLoaded, false);
  engine.fault = undefined;
  await until("the rest to be read", () => store.isLoaded && store.trouble === undefined);
  assertEquals(store.sizes.get("id"), 1);
});

Deno.test("ids in use keep their reservations, those of others run out", async () => {
  const clock = new FakeClock();
  let now = 1_000_000;
  await using folder = await TempFolder.make();
  const options = storeOptions({ clock, wallNow: () => now });
  const online = new Set(["x"]);
  {
    await using store = await Store.open(folder.engine(), ["a"], options);
    const { reservations } = store.dialect("a", (id) => online.has(id));
    for (const id of ["x", "y"]) await reservations.claim(id, "one", MINUTE);
    now += 0.6 * MINUTE;
    clock.advance(1_000);
    assertEquals(await store.flush(), true);
    now += 0.6 * MINUTE;
    clock.advance(1_000);
    assertEquals(store.sizes.get("id"), 1);
    assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
    assertEquals(await store.flush(), true);
  }
  // As if it had been killed: renewals are made in the store.
  assertEquals(await namesIn(folder.engine()), ["id a x"]);
});

Deno.test("ids in use keep their reservations also while the store takes nothing", async () => {
  const clock = new FakeClock();
  let now = 1_000_000;
  await using bench = await newBench({
    clock,
    wallNow: () => now,
    limits: { maxWaitingWrites: 1 },
  });
  const { store, engine } = bench;
  const { reservations } = store.dialect("a", (id) => id === "x");
  engine.writeFault = new Error("database or disk is full");
  assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
  assertEquals(await reservations.claim("y", "one", MINUTE), "granted");
  await until("the trouble", () => store.trouble !== undefined);
  for (let half = 0; half < 3; half++) {
    now += 0.6 * MINUTE;
    clock.advance(1_000);
  }
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
  assertEquals(await reservations.claim("y", "two", MINUTE), "granted");
  engine.writeFault = undefined;
});

systemTest({
  name: "a file that is deleted under it is noticed, and written anew from memory",
  needs: "unlinking",
  fn: async () => {
    const clock = new FakeClock();
    await using bench = await newBench({ clock });
    const { store, witness, folder } = bench;
    const { reservations, rooms, secret } = store.dialect("a", NOBODY);
    for (let id = 0; id < 1_200; id++) await reservations.claim(`${id}`, "one", MINUTE);
    rooms.keep("r", 1);
    assertEquals(await store.flush(), true);
    for (const part of ["", "-wal", "-shm"]) {
      await Deno.remove(`${folder.path}/test.kv${part}`).catch(() => {});
    }
    clock.advance(5_000);
    await until("the loss", () => witness.events.length > 0);
    assertEquals(witness.events[0], "trouble: its file was deleted or replaced");
    clock.advance(1_000);
    await until("the recovery", () => store.trouble === undefined);
    assertEquals(await store.flush(), true);
    await store.close();
    assertEquals((await namesIn(folder.engine())).length, 1_201);
    await using again = await Store.open(folder.engine(), ["a"], storeOptions());
    const { current, previous } = again.dialect("a", NOBODY).secret;
    assertEquals([current, previous], [secret.current, secret.previous]);
  },
});

Deno.test("a store that has stopped answering is noticed without a write, and opened anew", async () => {
  const clock = new FakeClock();
  await using bench = await newBench({ clock });
  const { store, engine, witness } = bench;
  engine.hang();
  clock.advance(5_000);
  clock.advance(2_000);
  await until("the trouble", () => store.trouble === "it does not answer");
  clock.advance(27_000);
  assertEquals(engine.reopened, 0);
  clock.advance(1_000);
  assertEquals(engine.reopened, 1);
  engine.goOn();
  clock.advance(1_000);
  await until("the recovery", () => store.trouble === undefined);
  assertEquals(witness.events, ["trouble: it does not answer", "recovered"]);
});

Deno.test("a store that fails at start is one line for people", async () => {
  for (const message of ["unable to open database file", "database is locked"]) {
    await using folder = await TempFolder.make();
    const engine = new FaultyEngine(folder.engine());
    engine.fault = new Error(message);
    const error = await assertRejects(
      () => Store.open(engine, ["a"], storeOptions()),
      StoreError,
      message,
    );
    assert(error.message.startsWith(`Cannot use the store in "${folder.path}`), error.message);
  }
});

Deno.test("where what was sealed cannot be deleted the server does not serve, and nothing is lost", async () => {
  await using folder = await TempFolder.make();
  {
    await using store = await Store.open(folder.engine(), ["a", "b"], storeOptions());
    for (const name of ["a", "b"]) await store.dialect(name, NOBODY).seal([name], MINUTE);
  }
  {
    const engine = new FaultyEngine(folder.engine());
    await using store = await Store.open(engine, ["a", "b"], storeOptions());
    engine.writeFault = new Error("database or disk is full");
    await assertRejects(() => store.forgetSealed(), StoreError, "disk is full");
    engine.writeFault = undefined;
  }
  {
    // Killed after the first commit, wherever it is cut: of both dialects nothing can be read twice.
    const engine = new FaultyEngine(folder.engine());
    await using store = await Store.open(engine, ["a", "b"], storeOptions());
    assertEquals(store.dialect("a", NOBODY).sealed?.items, ["a"]);
    engine.failAfter(1, new Error("killed"));
    await store.forgetSealed();
  }
  await using store = await Store.open(folder.engine(), ["a", "b"], storeOptions());
  for (const name of ["a", "b"]) assertEquals(store.dialect(name, NOBODY).sealed, undefined);
});

Deno.test("a store that does not answer at start ends it, in time", async () => {
  await using folder = await TempFolder.make();
  const clock = new FakeClock();
  const engine = new FaultyEngine(folder.engine());
  engine.hang();
  const opening = Store.open(engine, ["a"], storeOptions({ clock }));
  clock.advance(10_000);
  await assertRejects(() => within("the end", opening), StoreError, "no answer within 10000 ms");
  assertEquals(clock.timers, 0);
});

Deno.test("writes that miss the end of the server are reported within its time", async () => {
  const clock = new FakeClock();
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  const witness = new StoreWitness();
  const store = await Store.open(
    engine,
    ["a"],
    storeOptions({ clock, witness, timeoutMs: 60_000 }),
  );
  engine.hang();
  store.bans.set("id", "x", { reason: "rude" });
  await until("it to be written", () => store.waitingWrites === 0);
  let isOver = false;
  const closed = store.close(3_000).then(() => isOver = true);
  const startedAt = clock.now();
  await until("the end", () => {
    clock.advance(500);
    return isOver;
  });
  await closed;
  // One operation may take 60 s.
  assert(clock.now() - startedAt < 60_000);
  assertEquals(witness.events.at(-1), "unwritten: 1");
});

Deno.test("writes that miss the end are reported, and not waited for", async () => {
  const clock = new FakeClock();
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  const witness = new StoreWitness();
  const store = await Store.open(engine, ["a"], storeOptions({ clock, witness }));
  engine.hang();
  store.bans.set("id", "x", { reason: "rude" });
  await until("it to be written", () => store.waitingWrites === 0);
  store.bans.set("id", "y", { reason: "rude" });
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false;
    void work.then(() => isOver = true);
    await until("the end", () => {
      clock.advance(500);
      return isOver;
    });
    return await work;
  };
  const sealing = store.dialect("a", NOBODY).seal(["state"], MINUTE);
  assertEquals(await settle(sealing), { type: "failed" });
  await settle(store.close());
  assertEquals(witness.events.filter((event) => !event.startsWith("trouble")), [
    "sealed lost: a, StoreTimeoutError",
    "unwritten: 2",
  ]);
});

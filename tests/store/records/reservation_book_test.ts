import { assert, assertEquals } from "@std/assert";
import type { Store } from "../../../src/store/mod.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import { newMemoryStore, StoreWitness, type TestStoreOptions } from "../../helpers/store/store.ts";

// Which reservations are renewed, and which make room (reliability notes, sections 3 and 7).

const LIFETIME_MS = 1_000_000;

interface Bench {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly witness: StoreWitness;
  /** Ids in use. */
  readonly here: Set<string>;
  readonly claim: (id: string, token?: string) => Promise<string>;
}

function newBench(limits: TestStoreOptions["limits"] = {}): Bench {
  const clock = new FakeClock();
  const witness = new StoreWitness();
  const here = new Set<string>();
  const store = newMemoryStore({ clock, wallNow: clock.now, limits, witness });
  const { reservations } = store.dialect("a", (id) => here.has(id));
  return {
    clock,
    store,
    witness,
    here,
    claim: (id, token = "t") => reservations.claim(id, token, LIFETIME_MS),
  };
}

Deno.test("an id that is in use has nine tenths of its lifetime left at any moment", async () => {
  const { clock, here, claim } = newBench();
  await claim("used");
  await claim("left");
  here.add("used");
  clock.advance(LIFETIME_MS / 2);
  here.delete("used");
  // As if the server had been killed: nobody said that it left.
  clock.advance(0.9 * LIFETIME_MS);
  assertEquals([await claim("used", "other"), await claim("left", "other")], ["taken", "granted"]);
  clock.advance(LIFETIME_MS / 10);
  assertEquals(await claim("used", "other"), "granted");
});

for (const [ticks, least, most] of [[0, 0, 0], [1, 1, 1_000], [10, 2_500, 2_500]] as const) {
  Deno.test(`${least} to ${most} of 2,500 ids in use are renewed within ${ticks} s`, async () => {
    const { clock, here, claim } = newBench();
    const ids = Array.from({ length: 2_500 }, (_, id) => `${id}`);
    for (const id of ids) {
      await claim(id);
      here.add(id);
    }
    clock.advance(LIFETIME_MS / 10 - 1_000 + 1_000 * ticks);
    here.clear();
    clock.advance(0.95 * LIFETIME_MS);
    let renewed = 0;
    for (const id of ids) if (await claim(id, "other") === "taken") renewed++;
    assert(renewed >= least && renewed <= most, `${renewed}`);
  });
}

Deno.test("one address with junk ids leaves its neighbours protected", async () => {
  const limits = { maxReservations: 100, reservationBurst: 50, reservationsPerHour: 1 };
  const { store, witness } = newBench(limits);
  const { reservations } = store.dialect("a", () => false);
  for (let id = 0; id < 200; id++) {
    await reservations.claim(`junk ${id}`, "j", LIFETIME_MS, "192.0.2.66");
  }
  assertEquals(await reservations.claim("victim", "v", LIFETIME_MS, "192.0.2.1"), "granted");
  assertEquals(await reservations.claim("victim", "j", LIFETIME_MS, "192.0.2.66"), "taken");
  assertEquals(witness.unreserved.length, 150);
});

Deno.test("many addresses with junk ids push out their own", async () => {
  const { claim, here, store, witness } = newBench({ maxReservations: 100 });
  for (const id of ["proven", "proven", "in use"]) await claim(id);
  here.add("in use");
  for (let id = 0; id < 300; id++) await claim(`junk ${id}`);
  assertEquals(await claim("victim"), "granted");
  for (const id of ["victim", "proven", "in use"]) assertEquals(await claim(id, "j"), "taken", id);
  assertEquals([witness.evicted, witness.unreserved], [203, []]);
  assertEquals(store.sizes.get("id"), 100);
});

Deno.test("a large table is not looked through for every newcomer", async () => {
  const { claim, clock, here, witness } = newBench({ maxReservations: 1_000 });
  for (let id = 0; id < 1_000; id++) {
    await claim(`${id}`);
    here.add(`${id}`);
  }
  assertEquals(await claim("new"), "unreserved");
  // Records that can make room by now are not found yet.
  here.clear();
  assertEquals(await claim("new"), "unreserved");
  clock.advance(10);
  assertEquals(await claim("new"), "granted");
  assertEquals([witness.unreserved, witness.evicted], [["full", "full"], 1]);
});

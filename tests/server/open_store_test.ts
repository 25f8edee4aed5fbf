import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Facts, Log } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { StoreJournal } from "../../src/observe/store_journal.ts";
import { forgetful, openPersistence, StoreError } from "../../src/server/open_store.ts";
import type { StoreEvent } from "../../src/store/mod.ts";
import { configOf } from "../helpers/session/config.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { newMemoryStore } from "../helpers/store/store.ts";

class Lines implements Log {
  readonly isDebug = false;
  readonly lines: string[] = [];

  write(level: string, what: string, facts: Facts = {}): void {
    this.lines.push([level, what, JSON.stringify(facts)].join(" "));
  }

  writeForClient(level: string, what: string, facts: Facts): void {
    this.write(level, what, facts);
  }
}

function parts(): { log: Lines; clock: FakeClock; wallNow: () => number } {
  return { log: new Lines(), clock: new FakeClock(), wallNow: () => 1_000_000 };
}

Deno.test("an event of a store is logged once and counted each time", async () => {
  const log = new Lines();
  const journal = new StoreJournal(log);
  await using store = newMemoryStore();
  const metrics = new Metrics(new FakeClock());
  journal.announce(metrics, store);
  const error = new Error("disk\nfull");
  const lost = new Error("no");
  const events: readonly StoreEvent[] = [
    { type: "failed" },
    { type: "trouble", reason: "the disk is full", error },
    { type: "failed" },
    { type: "write_dropped" },
    { type: "write_dropped" },
    { type: "claim_unchecked" },
    { type: "id_unreserved", reason: "full", address: undefined },
    { type: "id_unreserved", reason: "address", address: "192.0.2.1" },
    { type: "reservation_evicted" },
    { type: "reservation_evicted" },
    { type: "recovered" },
    { type: "damaged", movedTo: "file.damaged-1" },
    { type: "unreadable", kind: "id", records: 2 },
    { type: "exposed", folder: "folder", error: lost },
    { type: "unwritten", records: 3 },
    { type: "sealed_left", error: lost },
    { type: "sealed_lost", dialect: "simple", error: lost },
    { type: "sealed_too_much", dialect: "simple", items: 4 },
    { type: "sealed_unreadable", dialect: "simple", items: 5 },
  ];
  for (const event of events) journal.note(event);
  assertEquals(log.lines, [
    'error store in trouble {"reason":"the disk is full","error":"disk full"}',
    "error too many writes wait for the store {}",
    'warning id not reserved {"reason":"there are too many"}',
    'warning id not reserved {"reason":"too many new ones from this address","address":"192.0.2.1"}',
    "warning reservations replaced by new ones {}",
    "info store recovered {}",
    'error damaged store moved aside {"file":"file.damaged-1"}',
    'error unreadable records in the store {"kind":"id","records":2}',
    'warning other users may read the store {"folder":"folder","error":"no"}',
    'error stopped before everything was stored {"records":3}',
    'warning cannot remove sealed state {"error":"no"}',
    'error calls of the last run cannot continue {"dialect":"simple","error":"no"}',
    'warning too much state to seal {"dialect":"simple","items":4}',
    'warning unreadable sealed items left out {"dialect":"simple","items":5}',
  ]);
  store.bans.set("id", "x", { reason: "rude" });
  const shown = (await metrics.expose()).split("\n").filter((line) =>
    line.startsWith("signalbox_store_")
  );
  assertEquals(shown.sort(), [
    "signalbox_store_damaged 1",
    "signalbox_store_dropped_writes_total 2",
    "signalbox_store_evicted_reservations_total 2",
    "signalbox_store_failures_total 2",
    'signalbox_store_records{kind="ban"} 1',
    'signalbox_store_records{kind="id"} 0',
    'signalbox_store_records{kind="log"} 0',
    'signalbox_store_records{kind="room"} 0',
    "signalbox_store_unchecked_claims_total 1",
    "signalbox_store_unreadable 2",
    "signalbox_store_unreserved_ids_total 2",
    "signalbox_store_up 1",
    "signalbox_store_waiting_writes 0",
  ]);
});

Deno.test("a store that cannot be used is one line for people", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/file`;
  await Deno.writeTextFile(file, "");
  const config = configOf({ args: ["--store", `kv:${file}`] });
  const { message } = await assertRejects(() => openPersistence(config, parts()), StoreError);
  assertEquals(message, `Cannot use the store in "${file}": it is not a folder`);
  await assertRejects(
    () => openPersistence(configOf({ args: ["--store", "kv:"] }), parts()),
    StoreError,
    "name one",
  );
  // Nobody is to believe in a store that was never opened.
  assertThrows(() => forgetful(config, parts()), RangeError);
});

Deno.test("limits, times and --no-seal are the configured ones", async () => {
  await using folder = await TempFolder.make();
  const limits = ["max-bans=1", "max-reservations=3", "reservation-burst=2", "max-operator-log=1"]
    .map((limit) => `--limits-${limit}`);
  const config = configOf({ args: ["--store", `kv:${folder.path}`, ...limits, "--no-seal"] });
  const given = parts();
  const { store } = await openPersistence(config, given);
  await using _store = store;
  assertEquals([given.log.lines, store.place], [[], `${folder.path}/signalbox.kv`]);
  const { reservations, ...part } = store.dialect("peerjs", () => false);
  assertEquals(store.bans.set("id", "x", { reason: "rude" }), "kept");
  assertEquals(store.bans.set("id", "y", { reason: "rude" }), "full");
  // An IPv6 client counts as its /64.
  const claim = (id: string, host: string): Promise<string> =>
    reservations.claim(id, "t", 1_000, `2001:db8::${host}`);
  assertEquals([await claim("1", "1"), await claim("2", "2"), await claim("3", "3")], [
    "granted",
    "granted",
    "unreserved",
  ]);
  for (const id of ["1", "2", "3"]) await reservations.claim(id, "t", 1_000);
  await reservations.claim("3", "t", 1_000);
  assertEquals(await reservations.claim("4", "t", 1_000), "unreserved");
  for (const action of ["one", "two"]) {
    store.operatorLog.write({ actor: "ann", action, subject: [], outcome: "kept" });
  }
  assertEquals(store.operatorLog.list().map(({ action }) => action), ["two"]);
  assertEquals(await part.seal(["state"], 1_000), { type: "off" });
});

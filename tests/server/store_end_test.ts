import { assert } from "@std/assert";
import { DIALECTS } from "../../src/dialects/mod.ts";
import { StoreJournal } from "../../src/observe/store_journal.ts";
import { startServer } from "../../src/server/mod.ts";
import { Store } from "../../src/store/mod.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { configOf } from "../helpers/session/config.ts";
import { FaultyEngine, TempFolder } from "../helpers/store/engines.ts";
import { storeOptions, StoreWitness } from "../helpers/store/store.ts";
import { until } from "../helpers/wire/waiting.ts";

/** One operation of this store may take longer than the whole end of a server. */
const TIMEOUT_MS = 60_000;

Deno.test("a server whose store hangs ends in time, and reports the changes that are lost", async () => {
  const clock = new FakeClock();
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  const witness = new StoreWitness();
  const options = storeOptions({ clock, witness, timeoutMs: TIMEOUT_MS });
  const store = await Store.open(engine, DIALECTS.map(({ name }) => name), options);
  const log = { isDebug: false, write: (): void => {}, writeForClient: (): void => {} };
  const persistence = { store, journal: new StoreJournal(log) };
  const config = configOf({ args: ["--listen", "http://127.0.0.1:0"] });
  const server = startServer(config, { version: "0.0.0-test", log, clock, persistence });
  await server.started;
  await until("the store to be read", () => store.isLoaded);
  engine.hang();
  server.operator.as("test").userBans.ban("alice", { reason: "rude" });
  await until("the ban to be written", () => store.waitingWrites === 0);
  let isOver = false;
  const stopped = server.stop().then(() => isOver = true);
  const startedAt = clock.now();
  let lostAt = Infinity;
  await until("the end", () => {
    clock.advance(100);
    // The ban and its line in the operator's log.
    if (witness.events.at(-1) === "unwritten: 2") lostAt = Math.min(lostAt, clock.now());
    return isOver && lostAt < Infinity;
  });
  await stopped;
  assert(lostAt - startedAt < TIMEOUT_MS);
});

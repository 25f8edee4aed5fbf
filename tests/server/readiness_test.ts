import { assert, assertEquals, assertRejects } from "@std/assert";
import { DIALECTS } from "../../src/dialects/mod.ts";
import { StoreJournal } from "../../src/observe/store_journal.ts";
import { type Server, startServer } from "../../src/server/mod.ts";
import { Store, StoreError } from "../../src/store/mod.ts";
import { configOf } from "../helpers/session/config.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FaultyEngine, TempFolder } from "../helpers/store/engines.ts";
import { storeOptions } from "../helpers/store/store.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// A store that can be read but not written loses everything, and looks sound meanwhile. A server is
// ready only after a write that has succeeded.

const NAMES = DIALECTS.map(({ name }) => name);
const READ_ONLY = new Error("attempt to write a readonly database");
const SECOND_MS = 1_000;

/** A store as an earlier run left it, with sealed state that the start deletes. */
async function makeStore(folder: TempFolder): Promise<void> {
  await using store = await Store.open(folder.engine(), NAMES, storeOptions());
  await store.dialect("simple", () => false).seal([], 60 * SECOND_MS);
}

/** The server on a store, which it closes. */
function serve(store: Store, clock: FakeClock): Server {
  const log = { isDebug: false, write: (): void => {}, writeForClient: (): void => {} };
  const persistence = { store, journal: new StoreJournal(log) };
  const config = configOf({ args: ["--listen", "http://127.0.0.1:0"] });
  return startServer(config, { version: "0.0.0-test", log, clock, persistence });
}

async function readiness({ urls }: Server): Promise<[status: number, text: string]> {
  const answer = await within("readiness", fetch(`${urls[0]}/readyz`));
  return [answer.status, (await answer.text()).trimEnd()];
}

Deno.test("a store opens only after a write that has succeeded, although all of it can be read", async () => {
  await using folder = await TempFolder.make();
  await makeStore(folder);
  {
    const engine = new FaultyEngine(folder.engine());
    engine.writeFault = READ_ONLY;
    await assertRejects(
      () => Store.open(engine, NAMES, storeOptions()),
      StoreError,
      "it can be read but not written",
    );
  }
  const engine = new FaultyEngine(folder.engine());
  const { reached } = engine.holdWrites();
  let isOpen = false;
  const opening = Store.open(engine, NAMES, storeOptions()).finally(() => isOpen = true);
  await within("the write", reached.promise);
  // Reading would have opened it by now.
  assertEquals(await engine.get(["nothing"]), undefined);
  assertEquals(isOpen, false);
  engine.goOn();
  await using _store = await within("the store", opening);
});

Deno.test("while the start's last write hangs, /readyz answers 503 and clients wait", async () => {
  await using folder = await TempFolder.make();
  await makeStore(folder);
  const clock = new FakeClock();
  const engine = new FaultyEngine(folder.engine());
  const store = await Store.open(engine, NAMES, storeOptions({ clock }));
  const { reached } = engine.holdWrites();
  await using server = serve(store, clock);
  await within("the write", reached.promise);
  let isServed = false;
  const client = fetch(`${server.urls[0]}/peerjs/id`).finally(() => isServed = true);
  assertEquals(await readiness(server), [503, "not ready: starting"]);
  assertEquals(isServed, false);
  engine.goOn();
  await within("the start", server.started);
  assertEquals(await readiness(server), [200, "ready"]);
  await (await within("the client's answer", client)).body?.cancel();
});

Deno.test("after a write that failed, /readyz answers 503 until one succeeds, whatever can be read", async () => {
  await using folder = await TempFolder.make();
  const clock = new FakeClock();
  const engine = new FaultyEngine(folder.engine());
  const store = await Store.open(engine, NAMES, storeOptions({ clock }));
  await using server = serve(store, clock);
  await within("the start", server.started);
  await until("the store to be read", () => store.isLoaded);
  engine.writeFault = READ_ONLY;
  server.operator.as("test").userBans.ban("alice", { reason: "rude" });
  const isReady = async (): Promise<boolean> => (await readiness(server))[0] === 200;
  await until("the trouble", async () => !await isReady());

  const [checks, commits] = [engine.checks, engine.commits];
  await until("three checks", async () => {
    clock.advance(SECOND_MS);
    assertEquals(await readiness(server), [
      503,
      "not ready: the store: its file cannot be written",
    ]);
    return engine.checks >= checks + 3;
  });
  engine.writeFault = undefined;
  await until("the recovery", async () => {
    clock.advance(SECOND_MS);
    return await isReady();
  });
  assert(engine.commits > commits);
});

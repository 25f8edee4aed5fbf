import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { Store } from "../../../src/store/store.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { FORMAT_KEY, formatRecord, FORMATS } from "../../../src/store/engine/format.ts";
import { FaultyEngine, TempFolder } from "../../helpers/store/engines.ts";
import { NOBODY, storeOptions } from "../../helpers/store/store.ts";

function open(engine: FaultyEngine): Promise<Store> {
  return Store.open(engine, ["a"], storeOptions({ clock: systemClock }));
}

Deno.test("a secret of a store from before there was rotation is the current one", async () => {
  await using folder = await TempFolder.make();
  const stored = crypto.getRandomValues(new Uint8Array(32));
  const engine = folder.engine();
  await engine.create(FORMAT_KEY, formatRecord(FORMATS.current));
  await engine.create(["secret", "a"], stored);
  await engine.close();
  {
    await using store = await open(new FaultyEngine(folder.engine()));
    const { secret } = store.dialect("a", NOBODY);
    assertEquals([secret.current, secret.previous], [stored, undefined]);
    await store.rotateSecret("a");
  }
  await using store = await open(new FaultyEngine(folder.engine()));
  assertEquals(store.dialect("a", NOBODY).secret.previous, stored);
});

Deno.test("a rotation that cannot be written changes nothing", async () => {
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  await using store = await open(engine);
  const { secret } = store.dialect("a", NOBODY);
  const { current } = secret;
  engine.writeFault = new Error("database or disk is full");
  assertEquals(await store.rotateSecret("a"), "failed");
  assertEquals([secret.current, secret.previous], [current, undefined]);
  engine.writeFault = undefined;
  assertEquals(await store.rotateSecret("a"), "rotated");
  assertNotEquals(secret.current, current);
  assertEquals(secret.previous, current);
});

Deno.test("sealed state can be read after any rotation: the store's own secret stays", async () => {
  await using folder = await TempFolder.make();
  {
    await using store = await open(new FaultyEngine(folder.engine()));
    await store.dialect("a", NOBODY).seal(["state"], 60_000);
    for (let turn = 0; turn < 2; turn++) await store.rotateSecret("a");
    await assertRejects(() => store.rotateSecret("store"), RangeError);
  }
  await using store = await open(new FaultyEngine(folder.engine()));
  assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
});

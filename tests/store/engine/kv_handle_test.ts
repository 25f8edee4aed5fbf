import { assert, assertEquals, assertRejects } from "@std/assert";
import { KvHandle } from "../../../src/store/engine/kv_handle.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";

async function openKv(path: string): Promise<Deno.Kv> {
  const kv = await Deno.openKv(path);
  await kv.set(["a"], 1);
  return kv;
}

Deno.test("a handle that has nothing to do is closed at once", async () => {
  await using folder = await TempFolder.make();
  const handle = new KvHandle(await openKv(`${folder.path}/test.kv`));
  {
    using _hold = handle.hold();
    assertEquals((await handle.kv.get(["a"])).value, 1);
  }
  await handle.retire();
  await assertRejects(() => handle.kv.get(["a"]));
});

Deno.test("a handle that hangs on another process's lock is closed afterwards, and holds up nobody", async () => {
  await using folder = await TempFolder.make();
  const path = `${folder.path}/test.kv`;
  (await openKv(path)).close();
  let isClosed = false;
  let closed: Promise<void>;
  let get: Promise<unknown>;
  {
    await using _lock = await lockFile(path);
    // Its first sweep meets the lock, and what is asked for after that hangs with it.
    const handle = new KvHandle(await Deno.openKv(path));
    const hold = handle.hold();
    get = handle.kv.get(["a"]).then(({ value }) => {
      hold[Symbol.dispose]();
      return value;
    });
    const begin = performance.now();
    closed = handle.retire().then(() => {
      isClosed = true;
    });
    // If it closed at once, this process would hang until the lock ends by itself.
    assert(performance.now() - begin < 30_000);
    assertEquals(isClosed, false);
  }
  assertEquals(await get, 1);
  await closed;
});

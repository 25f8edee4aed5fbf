import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Store, StoreError } from "../../../src/store/mod.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";
import { NOBODY, openFolder, StoreWitness } from "../../helpers/store/store.ts";
import { systemTest } from "../../helpers/process/systems.ts";

// Sealed state has a file of its own, which needs the same care: for a lock of another process, and
// for other files in its place.

const MINUTE = 60_000;

async function seal(store: Store): Promise<string> {
  return (await store.dialect("a", NOBODY).seal(["state"], MINUTE)).type;
}

async function sealedIn(folder: string): Promise<readonly unknown[] | undefined> {
  await using store = await openFolder(folder);
  return store.dialect("a", NOBODY).sealed?.items;
}

for (const isFirst of [true, false]) {
  const when = isFirst ? "nothing was sealed before" : "an earlier sealed file is gone";
  Deno.test(`another file in its place at the end, if ${when}, does no harm`, async () => {
    await using temp = await TempFolder.make();
    {
      await using store = await openFolder(temp.path);
      if (!isFirst) await seal(store);
    }
    {
      await using store = await openFolder(temp.path);
      await store.forgetSealed();
      const noise = crypto.getRandomValues(new Uint8Array(20_000));
      await Deno.writeFile(`${temp.path}/sealed.kv`, noise);
      assertEquals(await seal(store), "sealed");
    }
    assertEquals(await sealedIn(temp.path), ["state"]);
  });
}

Deno.test("sound SQLite that Deno KV cannot take is damaged too", async () => {
  await using temp = await TempFolder.make();
  {
    await using store = await openFolder(temp.path);
    await seal(store);
  }
  const other = new DatabaseSync(`${temp.path}/sealed.kv`);
  other.exec("update kv set v_encoding = 9");
  other.close();
  const witness = new StoreWitness();
  await using store = await openFolder(temp.path, witness);
  assertEquals(store.dialect("a", NOBODY).sealed, undefined);
  assertEquals(witness.events, ["sealed lost: all, SealBrokenError"]);
  assertEquals(await seal(store), "sealed");
});

systemTest({
  name:
    "a folder that was deleted just before the end is made again, its files for their owner only",
  needs: "unlinking",
  fn: async () => {
    await using temp = await TempFolder.make();
    const folder = `${temp.path}/store`;
    const mask = Deno.umask(0);
    try {
      await using store = await openFolder(folder);
      store.bans.set("id", "x", { reason: "stays" });
      assertEquals(await store.flush(), true);
      await Deno.remove(folder, { recursive: true });
      assertEquals(await seal(store), "sealed");
      await store.close();
      for await (const { name } of Deno.readDir(folder)) {
        assertEquals(((await Deno.stat(`${folder}/${name}`)).mode ?? 0) & 0o777, 0o600, name);
      }
    } finally {
      Deno.umask(mask);
    }
    await using store = await openFolder(folder);
    assertEquals(store.bans.find("id", "x")?.reason, "stays");
    assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
  },
});

Deno.test("a lock of another process is reported, at start and at the end, and holds up neither", async () => {
  await using temp = await TempFolder.make();
  {
    await using store = await openFolder(temp.path);
    await seal(store);
  }
  const file = `${temp.path}/sealed.kv`;
  {
    await using _lock = await lockFile(file);
    const failure = await openFolder(temp.path).catch((error) => error);
    assert(failure instanceof StoreError && failure.mayPass);
    assertEquals(failure.message, `Cannot use "${file}": its file is locked by another process`);
  }
  const witness = new StoreWitness();
  {
    await using store = await openFolder(temp.path, witness);
    assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
    await store.forgetSealed();
    const other = new DatabaseSync(file);
    other.exec("create table others (a)");
    other.close();
    await using _lock = await lockFile(file);
    assertEquals(await seal(store), "failed");
    await store.close();
  }
  assertMatch(witness.events.join(), /^sealed lost: a, StoreError$/);
});

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../../src/store/mod.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { openFolder } from "../../helpers/store/store.ts";

// A file of another program in the place of ours is never written to.

/** The files of a database, byte for byte, by name. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    if (name === "lock") continue;
    const bytes = await Deno.readFile(`${folder}/${name}`);
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    files[name] = new Uint8Array(digest).toBase64();
  }
  return files;
}

async function makeKv(file: string, fill: (kv: Deno.Kv) => Promise<unknown>): Promise<void> {
  using kv = await Deno.openKv(file);
  await fill(kv);
}

function makeSqlite(file: string, ...statements: readonly string[]): void {
  using database = new DatabaseSync(file);
  for (const statement of statements) database.exec(statement);
}

const FOREIGN: Readonly<Record<string, (file: string) => void | Promise<void>>> = {
  "another program's Deno KV": (file) => makeKv(file, (kv) => kv.set(["users", 1], "alice")),
  "a Deno KV with a record called format of its own": (file) =>
    makeKv(file, (kv) => kv.set(["format"], new TextEncoder().encode("1"))),
  "a Deno KV with nothing but a message in its queue": (file) =>
    makeKv(file, (kv) => kv.enqueue("x", { delay: 3_600_000 })),
  "an SQLite database with a table": (file) =>
    makeSqlite(file, "create table users (name)", "insert into users values ('alice')"),
  "an SQLite database with an empty table": (file) => makeSqlite(file, "create table users (name)"),
  "an SQLite database in WAL mode": (file) =>
    makeSqlite(file, "pragma journal_mode = wal", "create table users (name)"),
};

for (const [name, make] of Object.entries(FOREIGN)) {
  Deno.test(`${name} is refused for good, and stays as it was`, async () => {
    await using temp = await TempFolder.make();
    const file = `${temp.path}/signalbox.kv`;
    await make(file);
    if (Deno.build.os !== "windows") await Deno.chmod(file, 0o644);
    const [{ mode }, before] = [await Deno.stat(file), await filesIn(temp.path)];
    const error = await assertRejects(() => openFolder(temp.path), StoreError);
    assertEquals(
      error.message,
      `Cannot use the store in "${file}": another program wrote it; name an empty folder`,
    );
    assertEquals([error.reason, error.mayPass], ["foreign", false]);
    assertEquals([await filesIn(temp.path), (await Deno.stat(file)).mode], [before, mode]);
  });
}

Deno.test("a folder whose lock holds another program's text is refused for good, and the text stays", async () => {
  await using temp = await TempFolder.make();
  const lock = `${temp.path}/lock`;
  await Deno.writeTextFile(lock, "4711\n");
  const error = await assertRejects(() => openFolder(temp.path), StoreError);
  assertEquals(
    error.message,
    `Cannot use the store in "${lock}": another program wrote it; name an empty folder`,
  );
  assertEquals([error.reason, error.mayPass], ["foreign", false]);
  assertEquals(await Deno.readTextFile(lock), "4711\n");
  assertEquals(await filesIn(temp.path), {});
  // A start that was killed leaves zeros behind.
  await Deno.writeFile(lock, new Uint8Array(1_000));
  await using _store = await openFolder(temp.path);
});

const OURS: Readonly<Record<string, (file: string) => void | Promise<void>>> = {
  "an empty file": (file) => Deno.writeTextFile(file, ""),
  "an SQLite database without tables": (file) => makeSqlite(file, "pragma user_version = 1"),
  "a Deno KV without records": (file) => makeKv(file, (kv) => kv.get(["x"])),
};

for (const [name, make] of Object.entries(OURS)) {
  Deno.test(`${name} has no content, and becomes the store`, async () => {
    await using temp = await TempFolder.make();
    await make(`${temp.path}/signalbox.kv`);
    {
      await using store = await openFolder(temp.path);
      assertEquals(store.bans.set("address", "a", { reason: "r" }), "kept");
    }
    await using again = await openFolder(temp.path);
    assert(again.bans.find("address", "a") !== undefined);
  });
}

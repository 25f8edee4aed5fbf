import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Key, RecordChange, StoreEngine } from "../../../src/store/engine/engine.ts";
import {
  FORMATS,
  type Formats,
  type Migration,
  proveCurrent,
  settleFormat,
} from "../../../src/store/engine/format.ts";
import { KvEngine } from "../../../src/store/engine/kv.ts";
import { Store, StoreError } from "../../../src/store/mod.ts";
import { FaultyEngine, TempFolder } from "../../helpers/store/engines.ts";
import { storeOptions } from "../../helpers/store/store.ts";

// A file of an older version: brought up to date after a copy, or refused.

/** Records that take several commits. */
const MANY = 1_200;

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

/** Made up: ids were names, then had a realm before them, then were values that contain it. */
const named: Migration = (key, value) =>
  key[0] === "name"
    ? [{ key: ["id", "a", ...key.slice(1)], value }, { key, value: undefined }]
    : [];
const marked: Migration = (key, value) =>
  key[0] === "id" && value[0] !== 33 ? [{ key, value: new Uint8Array([33, ...value]) }] : [];
const THIRD: Formats = { current: 3, steps: new Map([[1, named], [2, marked]]) };

async function fill(engine: StoreEngine, format: string, count: number): Promise<void> {
  const changes: RecordChange[] = [{ key: ["format"], value: text(format) }];
  for (let at = 0; at < count; at++) changes.push({ key: ["name", `${at}`], value: text("x") });
  for (let at = 0; at < changes.length; at += 500) await engine.commit(changes.slice(at, at + 500));
}

async function contents(engine: StoreEngine): Promise<Map<string, string>> {
  const records = new Map<string, string>();
  for await (const { key, value } of engine.list([])) {
    records.set(key.join(" "), new TextDecoder().decode(value));
  }
  return records;
}

function upToDate(count: number): Map<string, string> {
  const ids = Array.from({ length: count }, (_, at): Key => ["id", "a", `${at}`]);
  return new Map([["format", "3"], ...ids.map((key): [string, string] => [key.join(" "), "!x"])]);
}

function older(format: string, count: number): Map<string, string> {
  const names = Array.from({ length: count }, (_, at): [string, string] => [`name ${at}`, "x"]);
  return new Map([["format", format], ...names]);
}

Deno.test("an older format is brought up to date step by step, in one commit each, after a copy", async () => {
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  await fill(engine, "1", 20);
  engine.commits = 0;
  await settleFormat(engine, THIRD);
  assertEquals(engine.commits, 2);
  assertEquals(await contents(engine), upToDate(20));
  await engine.close();
  const copy = new KvEngine(`${folder.path}/test.kv.format-1`);
  assertEquals(await contents(copy), older("1", 20));
  await copy.close();
  // A file that is up to date stays unchanged.
  const again = new FaultyEngine(folder.engine());
  await settleFormat(again, THIRD);
  assertEquals([again.commits, await contents(again)], [0, upToDate(20)]);
  await again.close();
});

Deno.test("a step that was cut off, after any commit, is ended by the next start", async () => {
  for (let commits = 0; commits < 8; commits++) {
    await using folder = await TempFolder.make();
    const engine = new FaultyEngine(folder.engine());
    await fill(engine, "1", MANY);
    engine.commits = 0;
    engine.failAfter(commits, new Error("killed"));
    await assertRejects(() => settleFormat(engine, THIRD), Error, "killed");
    assertEquals(engine.commits, commits);
    await engine.close();
    const next = new FaultyEngine(folder.engine());
    await settleFormat(next, THIRD);
    assertEquals(await contents(next), upToDate(MANY));
    await next.close();
    // The copy is of the time when it was whole.
    const copy = new KvEngine(`${folder.path}/test.kv.format-1`);
    assertEquals(await contents(copy), older("1", MANY));
    await copy.close();
  }
});

Deno.test("a record that the file has in two parts is brought up to date as one", async () => {
  await using folder = await TempFolder.make();
  const long = "x".repeat(100_000);
  const engine = folder.engine();
  await fill(engine, "1", 1);
  await engine.commit([{ key: ["name", "long"], value: text(long) }]);
  await engine.close();
  const next = folder.engine();
  await settleFormat(next, THIRD);
  assertEquals(await contents(next), upToDate(1).set("id a long", `!${long}`));
  await next.close();
  // The second part of the old one has gone with the first.
  const kv = await Deno.openKv(`${folder.path}/test.kv`);
  assertEquals((await Array.fromAsync(kv.list({ prefix: [] }))).length, 4);
  kv.close();
  const copy = new KvEngine(`${folder.path}/test.kv.format-1`);
  assertEquals(await contents(copy), older("1", 1).set("name long", long));
  await copy.close();
});

Deno.test("half of a step is refused by the version that wrote the old format", async () => {
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  await fill(engine, "1", MANY);
  engine.commits = 0;
  engine.failAfter(1, new Error("killed"));
  await assertRejects(() => settleFormat(engine, THIRD), Error, "killed");
  engine.writeFault = undefined;
  await assertRejects(() => settleFormat(engine, FORMATS), StoreError, "newer signalbox wrote it");
  await engine.close();
});

Deno.test("a copy of an earlier time gives way to a newer one", async () => {
  await using folder = await TempFolder.make();
  for (const count of [3, 5]) {
    const engine = folder.engine();
    await fill(engine, "1", count);
    await settleFormat(engine, THIRD);
    await engine.close();
    const copy = new KvEngine(`${folder.path}/test.kv.format-1`);
    assertEquals((await contents(copy)).has(`name ${count - 1}`), true);
    await copy.close();
  }
});

Deno.test("a file of another format that comes while the server runs is refused", async () => {
  const outcomeOf = async (format: string | undefined): Promise<string> => {
    const get = (): Promise<Uint8Array<ArrayBuffer> | undefined> =>
      Promise.resolve(format === undefined ? undefined : text(format));
    try {
      await proveCurrent(get, "file", THIRD);
      return "taken";
    } catch (error) {
      if (error instanceof StoreError) return error.message;
      throw error;
    }
  };
  assertEquals([await outcomeOf("3"), await outcomeOf(undefined)], ["taken", "taken"]);
  for (
    const [format, why] of [
      ["1", "an older signalbox wrote it"],
      ["2>3", "an older signalbox wrote it"],
      ["4", "a newer signalbox wrote it (format 4, known is 3)"],
      ["3>4", "a newer signalbox wrote it (format 3>4, known is 3)"],
      ["3>2", 'its format is not known ("3>2", known is 3)'],
      ["", 'its format is not known ("", known is 3)'],
    ] as const
  ) assertEquals(await outcomeOf(format), `Cannot use the store in "file": ${why}`);
});

Deno.test("a format that nobody knows is refused with one line, and left alone", async () => {
  for (const format of ["0", "-1", "", "one", "0.5", "1e0", "1>", "9".repeat(5_000)]) {
    await using folder = await TempFolder.make();
    const engine = folder.engine();
    await fill(engine, format, 1);
    await engine.close();
    const { message, mayPass } = await assertRejects(
      () => Store.open(folder.engine(), ["a"], storeOptions()),
      StoreError,
    );
    assertMatch(
      message,
      /^Cannot use the store in ".*": its format is not known \(.*known is 1\)$/,
    );
    assert(message.length < 300 && !mayPass);
    const after = folder.engine();
    assertEquals((await contents(after)).get("format"), format);
    await after.close();
  }
});

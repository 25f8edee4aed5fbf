import { assert, assertEquals } from "@std/assert";
import {
  batchOf,
  isKey,
  isValue,
  keyBytes,
  type RecordChange,
} from "../../../src/store/engine/engine.ts";
import { TempFolder } from "../../helpers/store/engines.ts";

const value = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(65);

Deno.test("the largest keys and values that are let through are taken by the file", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  for (const letter of ["x", "\0", "ü", "😀"]) {
    let text = letter;
    while (isKey(["id", "a", text + letter])) text += letter;
    const bytes = keyBytes(["id", "a", text]);
    assert(bytes <= 2_000 && bytes > 1_990, `${bytes}`);
    await engine.commit([{ key: ["id", "a", text], value: value(1) }]);
    assertEquals(await engine.get(["id", "a", text]), value(1));
  }
  assertEquals([isValue(value(131_000)), isValue(value(131_001))], [true, false]);
  await engine.commit([{ key: ["id"], value: value(131_000) }]);
  assertEquals((await engine.get(["id"]))?.length, 131_000);
  await engine.close();
});

Deno.test("text that would not come back as it was is no key", () => {
  assertEquals([isKey(["\ud800"]), isKey(["\udc00\ud800"]), isKey(["😀"])], [false, false, true]);
});

Deno.test("a batch is no larger than one commit may be, whatever is large in it", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  const changes = (count: number, key: string, bytes: number): RecordChange[] =>
    Array.from({ length: count }, (_, at) => ({
      key: ["id", `${at}`.padStart(6, "0") + key],
      value: value(bytes),
    }));
  for (
    const [all, expected] of [
      [changes(2_000, "", 1), 500],
      [changes(2_000, "x".repeat(1_900), 1), 16],
      [changes(2_000, "", 65_500), 10],
      [changes(2_000, "", 131_000), 5],
      [changes(2_000, "x".repeat(1_900), 131_000), 5],
      [changes(2_000, "x".repeat(33), 1_350), 500],
      [changes(1, "x".repeat(1_900), 131_000), 1],
      [[], 0],
    ] as const
  ) {
    const batch = batchOf(all);
    assertEquals(batch, all.slice(0, expected));
    if (batch.length > 0) await engine.commit(batch);
  }
  await engine.close();
});

Deno.test("a record of any length is one record, and leaves nothing behind when it goes", async () => {
  await using folder = await TempFolder.make();
  const lengths = [1, 65_499, 65_500, 65_501, 70_000, 131_000];
  const letters = (length: number, first: number): Uint8Array<ArrayBuffer> =>
    new Uint8Array(length).map((_, at) => 65 + (first + at) % 26);
  const key = ["room", "a", "r"];
  for (const before of [0, ...lengths]) {
    for (const length of [...lengths, 0]) {
      // A new engine each: it cannot know what the last one wrote.
      const write = async (value: Uint8Array<ArrayBuffer> | undefined): Promise<void> => {
        const engine = folder.engine();
        for await (const _ of engine.list(["room"]));
        await engine.commit([{ key, value }]);
        await engine.close();
      };
      if (before > 0) await write(letters(before, 0));
      await write(length === 0 ? undefined : letters(length, 1));
      const engine = folder.engine();
      const expected = length === 0 ? [] : [{ key, value: letters(length, 1) }];
      const listed = await Array.fromAsync(engine.list([]));
      assertEquals(listed, expected, `${before}, then ${length}`);
      assertEquals(await engine.get(key), expected[0]?.value);
      const parts = await Array.fromAsync(engine.list(["rest"]));
      await engine.close();
      assertEquals(parts, []);
      const kv = await Deno.openKv(`${folder.path}/test.kv`);
      const stored = await Array.fromAsync(kv.list({ prefix: [] }));
      kv.close();
      assertEquals(stored.length, length === 0 ? 0 : length > 65_500 ? 2 : 1);
    }
  }
});

Deno.test("a commit is all or nothing, and a record is created once", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  assertEquals(await engine.create(["a"], value(1)), true);
  assertEquals(await engine.create(["a"], value(2)), false);
  assertEquals(await engine.get(["a"]), value(1));
  const broken = { key: ["x".repeat(5_000)], value: value(1) };
  const failed = await engine.commit([{ key: ["b"], value: value(1) }, broken]).catch(() => "no");
  assertEquals([failed, await engine.get(["b"])], ["no", undefined]);
  await engine.close();
});

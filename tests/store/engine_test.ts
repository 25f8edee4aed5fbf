import { assert, assertEquals } from "@std/assert";
import { batchOf, type Change, isKey, isValue, keyBytes } from "../../src/store/engine.ts";
import { TempFolder } from "../helpers/engines.ts";

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
  assertEquals([isValue(value(65_500)), isValue(value(65_501))], [true, false]);
  await engine.commit([{ key: ["id"], value: value(65_500) }]);
  assertEquals((await engine.get(["id"]))?.length, 65_500);
  engine.close();
});

Deno.test("text that would not come back as it was is no key", () => {
  assertEquals([isKey(["\ud800"]), isKey(["\udc00\ud800"]), isKey(["😀"])], [false, false, true]);
});

Deno.test("a batch is no larger than one commit may be, whatever is large in it", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  const changes = (count: number, key: string, bytes: number): Change[] =>
    Array.from({ length: count }, (_, at) => ({
      key: ["id", `${at}`.padStart(6, "0") + key],
      value: value(bytes),
    }));
  for (
    const [all, expected] of [
      [changes(2_000, "", 1), 500],
      [changes(2_000, "x".repeat(1_900), 1), 33],
      [changes(2_000, "", 65_500), 10],
      [changes(1, "x".repeat(1_900), 65_500), 1],
      [[], 0],
    ] as const
  ) {
    const batch = batchOf(all);
    assertEquals(batch, all.slice(0, expected));
    if (batch.length > 0) await engine.commit(batch);
  }
  engine.close();
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
  engine.close();
});

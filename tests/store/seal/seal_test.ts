import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { Sealed } from "../../../src/core/kept.ts";
import type { Key, StoreEngine } from "../../../src/store/engine/engine.ts";
import { SealBrokenError, Sealer } from "../../../src/store/seal/seal.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { FaultyEngine } from "../../helpers/store/engines.ts";

const MINUTE = 60_000;
const SECRET = new Uint8Array(32).fill(7);

function newSealer(engine: StoreEngine, secret = SECRET, now = 1_000_000): Sealer {
  return new Sealer({ engine, secret, wallNow: () => now, maxBytes: 16 * 1024 * 1024 });
}

/** As a start does: reads it, and deletes it before it is used. */
async function take(sealer: Sealer, name: string): Promise<Sealed | undefined> {
  const found = await sealer.find(name);
  await sealer.discard([found]);
  return await sealer.open(found);
}

async function recordsOf(engine: StoreEngine): Promise<[Key, Uint8Array<ArrayBuffer>][]> {
  const records: [Key, Uint8Array<ArrayBuffer>][] = [];
  for await (const { key, value } of engine.list(["sealed"])) records.push([key, value]);
  return records;
}

Deno.test("sealed state cannot be read, and differs from another sealing of the same", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  const sealer = newSealer(engine);
  const seal = async (): Promise<[Key, Uint8Array<ArrayBuffer>][]> => {
    await sealer.seal("a", ["v=0 candidate 192.0.2.1"], MINUTE);
    return await recordsOf(engine);
  };
  const [first, second] = [await seal(), await seal()];
  for (const [, value] of first) {
    assert(!new TextDecoder().decode(value).includes("192.0.2.1"));
  }
  assertEquals(first.map(([key]) => key), second.map(([key]) => key));
  for (const [at, [, value]] of first.entries()) assertNotEquals(value, second[at]?.[1]);
  await engine.close();
});

Deno.test("a large state takes records of 64 KiB at most, and all of them go", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  const sealer = newSealer(engine);
  const items = Array.from({ length: 3_000 }, (_, at) => ({ at, sdp: "ü".repeat(1_000) }));
  assertEquals(await sealer.seal("a", items, MINUTE), { items: 3_000, leftOut: 0 });
  const records = await recordsOf(engine);
  assert(records.length > 90 && records.every(([, { length }]) => length <= 65_536));
  // A smaller one leaves nothing of the larger.
  await sealer.seal("b", ["of another dialect"], MINUTE);
  assertEquals((await take(sealer, "a"))?.items, items);
  assertEquals((await recordsOf(engine)).map(([key]) => key.slice(0, 2).join()), [
    "sealed,b",
    "sealed,b",
  ]);
  await sealer.seal("a", items, MINUTE);
  await sealer.seal("a", ["small"], MINUTE);
  assertEquals((await recordsOf(engine)).length, 4);
  assertEquals((await take(sealer, "a"))?.items, ["small"]);
  assertEquals(await take(sealer, "a"), undefined);
  await sealer.seal("a", [], MINUTE);
  assertEquals((await take(sealer, "a"))?.items, []);
  await engine.close();
});

for (
  const [what, tamper] of [
    [
      "a changed byte",
      ([key, value]) => [key, value.map((byte, at) => at === 9 ? byte ^ 1 : byte)],
    ],
    [
      "a longer life",
      ([key, value]) =>
        key.length > 2
          ? [key, value]
          : [key, edited(value, (head) => ({ ...head, expiresAtMs: 9e15 }))],
    ],
    [
      "parts that changed places",
      ([key, value]) =>
        key.length > 2 ? [[...key.slice(0, -1), `${1 - Number(key.at(-1))}`], value] : [key, value],
    ],
    [
      "fewer parts",
      ([key, value]) =>
        key.length > 2 ? [key, value] : [key, edited(value, (head) => ({ ...head, chunks: 1 }))],
    ],
    [
      "no parts at all",
      ([key, value]) =>
        key.length > 2 ? [key, value] : [key, edited(value, (head) => ({ ...head, chunks: 0 }))],
    ],
    [
      "less than no parts",
      ([key, value]) =>
        key.length > 2 ? [key, value] : [key, edited(value, (head) => ({ ...head, chunks: -1 }))],
    ],
    ["a missing part", ([key, value]) => key.at(-1) === "1" ? undefined : [key, value]],
    [
      "an invalid head",
      ([key, value]) => key.length > 2 ? [key, value] : [key, edited(value, () => ({}))],
    ],
  ] as [string, (record: StoredRecord) => StoredRecord | undefined][]
) {
  Deno.test(`${what}: sealed state is refused as a whole, and gone`, async () => {
    await using folder = await TempFolder.make();
    const engine = folder.engine();
    const sealer = newSealer(engine);
    await sealer.seal("a", ["x".repeat(100_000)], MINUTE);
    const records = await recordsOf(engine);
    assertEquals(records.length, 3);
    await engine.commit(records.map(([key]) => ({ key, value: undefined })));
    const tampered = records.map(tamper).filter((record) => record !== undefined);
    await engine.commit(tampered.map(([key, value]) => ({ key, value })));
    await assertRejects(() => take(sealer, "a"), SealBrokenError);
    assertEquals(await recordsOf(engine), []);
    await engine.close();
  });
}

type StoredRecord = [key: Key, value: Uint8Array<ArrayBuffer>];

function edited(
  value: Uint8Array<ArrayBuffer>,
  edit: (head: Record<string, unknown>) => Record<string, unknown>,
): Uint8Array<ArrayBuffer> {
  const head = JSON.parse(new TextDecoder().decode(value));
  return new TextEncoder().encode(JSON.stringify(edit(head)));
}

Deno.test("another secret, or another name, does not open it", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  await newSealer(engine).seal("a", ["state"], MINUTE);
  const records = await recordsOf(engine);
  await assertRejects(
    () => take(newSealer(engine, new Uint8Array(32)), "a"),
    SealBrokenError,
  );
  await engine.commit(
    records.map(([[kind = "", , ...rest], value]) => ({ key: [kind, "b", ...rest], value })),
  );
  await assertRejects(() => take(newSealer(engine), "b"), SealBrokenError);
  await engine.close();
});

Deno.test("a clock that was set back does not make what was sealed younger than new", async () => {
  await using folder = await TempFolder.make();
  const engine = folder.engine();
  await newSealer(engine, SECRET, 2_000_000).seal("a", ["state"], MINUTE);
  const sealed = await take(newSealer(engine, SECRET, 1_000_000), "a");
  assertEquals(sealed, { items: ["state"], ageMs: 0 });
  await engine.close();
});

Deno.test("a sealing that fails half-way leaves nothing that could be taken for one", async () => {
  await using folder = await TempFolder.make();
  const engine = new FaultyEngine(folder.engine());
  const sealer = newSealer(engine);
  const items = Array.from({ length: 20 }, () => "x".repeat(60_000));
  await sealer.seal("a", ["old"], MINUTE);
  engine.failAfter(1 + 1, new Error("database or disk is full"));
  await assertRejects(() => sealer.seal("a", items, MINUTE), Error, "full");
  engine.writeFault = undefined;
  assert((await recordsOf(engine)).length > 0, "nothing was written at all");
  assertEquals(await take(sealer, "a"), undefined);
  assertEquals(await recordsOf(engine), []);
  await engine.close();
});

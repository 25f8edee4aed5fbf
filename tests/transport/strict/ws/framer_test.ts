import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { BufferPool, Flusher } from "../../../../src/transport/strict/pool.ts";
import { Framer } from "../../../../src/transport/strict/ws/framer.ts";
import { Output } from "../../../../src/transport/strict/ws/output.ts";

/** Outputs that share their parts, and what each has written. */
function newOutputs(count: number): { outputs: Output[]; written: Uint8Array[][] } {
  const parts = { pool: new BufferPool(), flusher: new Flusher(), framer: new Framer() };
  const written: Uint8Array[][] = [];
  const outputs = Array.from({ length: count }, () => {
    const writes: Uint8Array[] = [];
    written.push(writes);
    const write = (bytes: Uint8Array): Promise<number> => {
      writes.push(bytes);
      return Promise.resolve(bytes.length);
    };
    return new Output({ write }, parts, () => {});
  });
  return { outputs, written };
}

Deno.test("a framer shares the frame of a text that comes again", () => {
  const framer = new Framer();
  assertEquals(framer.repeated("one"), undefined);
  const frame = framer.repeated("one");
  assertEquals(frame, Buffer.from([0x81, 3, ...new TextEncoder().encode("one")]));
  assertStrictEquals(framer.repeated("one"), frame);
  assertEquals(framer.repeated("two"), undefined);
  framer.forget();
  assertEquals(framer.repeated("two"), undefined);
});

Deno.test("outputs that send one text write equal bytes, from the third on the same ones", async () => {
  for (const text of ["news of a guest", "später", "x".repeat(3_000)]) {
    const { outputs, written } = newOutputs(4);
    for (const output of outputs) output.send(text);
    // Flushed in a microtask.
    await Promise.resolve();
    const [first, ...others] = written.map(([bytes]) => bytes);
    assert(first !== undefined);
    for (const other of others) assertEquals(other, first);
    assertStrictEquals(written[3]?.[0], written[2]?.[0]);
  }
});

Deno.test("small texts behind one that waits go out with it in one write", async () => {
  const { outputs: [output], written: [writes] } = newOutputs(1);
  for (let nth = 0; nth < 100; nth++) output?.send("same");
  await Promise.resolve();
  assertEquals(writes?.length, 1);
  assertEquals(writes?.[0]?.length, 100 * 6);
});

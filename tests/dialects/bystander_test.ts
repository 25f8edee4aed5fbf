import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../src/core/session.ts";
import { anyText } from "../helpers/session/arbitraries.ts";
import { DialectBench, FORGOTTEN_MS } from "../helpers/session/dialect.ts";
import { settle } from "../helpers/session/hub.ts";
import { type Driver, Friends, intrude, type Way } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";
import { runs } from "../helpers/session/hub_modes.ts";

/** Stand for the two friends' ids, which no generator can know. */
const FRIENDS = ["<alice>", "<bob>"];
const NAMES = [...FRIENDS, "mallory", "nobody", "", "__proto__"];

/** A valid frame with a piece cut out, put in, doubled or replaced. */
function mutated(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...'"{}[]:,\\ \n\0', "\u3000", "null", "1e999", "\ud800", "😀"),
    anyText(4),
  );
  return fc.tuple(valid, fc.nat(200), fc.nat(8), piece, fc.boolean()).map(
    ([frame, where, length, piece, isDoubled]) => {
      const at = where % (frame.length + 1);
      const cut = frame.slice(at, at + length);
      return frame.slice(0, at) + (isDoubled ? cut + cut : piece) + frame.slice(at + length);
    },
  );
}

/** Written once the friends' ids are known. */
type Aimed = (ids: readonly string[]) => Frame;

function aimed(text: string): Aimed {
  return (ids) => FRIENDS.reduce((text, name, nth) => text.replaceAll(name, ids[nth] ?? ""), text);
}

function frames(driver: Driver): fc.Arbitrary<Aimed[]> {
  const valid = driver.valid(NAMES);
  const text = fc.oneof(
    { weight: 3, arbitrary: valid },
    { weight: 3, arbitrary: mutated(valid) },
    anyText(40),
    fc.json({ maxDepth: 3 }),
    fc.constantFrom("[".repeat(100_000), "x".repeat(2_000), ""),
  ).map(aimed);
  const frame = fc.oneof(
    { weight: 8, arbitrary: text },
    text.map((text): Aimed => (ids) => new TextEncoder().encode(String(text(ids)))),
    fc.uint8Array({ maxLength: 40 }).map((bytes): Aimed => () => new Uint8Array(bytes)),
  );
  return fc.array(frame, { maxLength: 40 });
}

for (const driver of DRIVERS) {
  for (const way of driver.ways) {
    Deno.test(`${driver.dialect.name}: nothing that a peer says harms two others that talk ${way.name}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          frames(driver),
          fc.boolean(),
          fc.boolean(),
          async (frames, isNobody, isLost) => {
            await assertUnharmed({ driver, way, frames, isNobody, isLost });
          },
        ),
        { numRuns: runs(150) },
      );
    });
  }
}

interface Attack {
  readonly driver: Driver;
  readonly way: Way;
  readonly frames: readonly Aimed[];
  /** The attacker stays anonymous before its attack, if the dialect allows that. */
  readonly isNobody: boolean;
  /** It goes without a farewell. */
  readonly isLost: boolean;
}

async function assertUnharmed(
  { driver, way, frames, isNobody, isLost }: Attack,
): Promise<void> {
  using bench = new DialectBench(driver.dialect);
  const friends = await Friends.meet(driver, way, bench);
  const mallory = await intrude(driver, way, bench, { name: "mallory", isNobody });
  mallory.blurt(...frames.map((frame) => frame(friends.ids)));
  await settle();
  await (isLost ? mallory.lose() : mallory.leave());
  bench.clock.advance(FORGOTTEN_MS);
  await settle();

  // A fault would mean that a frame made the server stumble.
  assertEquals([mallory.link.faults, mallory.link.late], [[], []]);
  assertEquals([friends.disturbance(), friends.strangers()], [undefined, []]);
  const [heard, expected] = await friends.exchange("still there?");
  assertEquals(heard, expected);
  await friends.leave();
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
  for (const { read } of bench.gauges) assertEquals(read(), 0);
}

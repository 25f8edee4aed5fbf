import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../src/core/types.ts";
import { anyText } from "../helpers/arbitraries.ts";
import { DialectBench } from "../helpers/dialect.ts";
import { settle } from "../helpers/hub.ts";
import { DRIVEN, type Driver, type Way } from "./drivers.ts";

const NAMES = ["alice", "bob", "mallory", "nobody", "", "__proto__"];

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

function frames(driver: Driver): fc.Arbitrary<Frame[]> {
  const valid = driver.valid(NAMES);
  const text = fc.oneof(
    { weight: 3, arbitrary: valid },
    { weight: 3, arbitrary: mutated(valid) },
    anyText(40),
    fc.json({ maxDepth: 3 }),
    fc.constantFrom("[".repeat(100_000), "x".repeat(2_000), ""),
  );
  const frame = fc.oneof(
    { weight: 8, arbitrary: text },
    text.map((text): Frame => new TextEncoder().encode(text)),
    fc.uint8Array({ maxLength: 40 }).map((bytes): Frame => new Uint8Array(bytes)),
  );
  return fc.array(frame, { maxLength: 40 });
}

for (const { dialect, driver } of DRIVEN) {
  for (const way of driver.ways) {
    Deno.test(`${dialect.name}: nothing that a peer says harms two others that talk ${way.name}`, async () => {
      const isGreeted = fc.boolean();
      await fc.assert(
        fc.asyncProperty(frames(driver), isGreeted, async (frames, isGreeted) => {
          await assertUnharmed(new DialectBench(dialect), { driver, way, frames, isGreeted });
        }),
        { numRuns: 150 },
      );
    });
  }
}

interface Attack {
  readonly driver: Driver;
  readonly way: Way;
  readonly frames: readonly Frame[];
  /** The attacker says who it is before it attacks. */
  readonly isGreeted: boolean;
}

async function assertUnharmed(
  bench: DialectBench,
  { driver, way, frames, isGreeted }: Attack,
): Promise<void> {
  using _closing = bench;
  const alice = await driver.greet(bench, "alice");
  const bob = await driver.greet(bench, "bob");
  await way.meet({ id: "alice", client: alice }, { id: "bob", client: bob });
  const mallory = await (isGreeted ? driver.greet(bench, "mallory") : driver.linger(bench));
  mallory.blurt(...frames);
  await settle();
  await mallory.leave();
  bench.clock.advance(60_000);

  // A fault would mean that a frame made the server stumble.
  for (const { link } of [alice, bob, mallory]) assertEquals(link.faults, []);
  for (const client of [alice, bob]) {
    assertEquals([client.isOpen, client.refusals], [true, []]);
    for (const frame of client.heard()) {
      assert(way.isHarmless(frame, ["alice", "bob"]), `heard ${frame}`);
    }
  }
  await alice.say(way.say("bob", "still there?"));
  await bob.say(way.say("alice", "yes"));
  assertEquals(bob.heard(), [way.heard("alice", "bob", "still there?")]);
  assertEquals(alice.heard(), [way.heard("bob", "alice", "yes")]);
  await alice.leave();
  await bob.leave();
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
  for (const { read } of bench.open.gauges ?? []) assertEquals(read(), 0);
}

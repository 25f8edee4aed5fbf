import { assert, assertEquals } from "@std/assert";
import { framesOf } from "../helpers/captures.ts";
import { DialectBench } from "../helpers/dialect.ts";
import { settle, type TestClient } from "../helpers/hub.ts";
import { Dice, mutate } from "../helpers/mutate.ts";
import { DRIVEN } from "./drivers.ts";

const SEED = 20_240_229;
const INPUTS = 100_000;
const INPUTS_PER_ATTACKER = 200;

for (const { dialect, driver } of DRIVEN) {
  Deno.test(`${dialect.name}: ${INPUTS} mutated frames of real clients leave two others in peace`, async () => {
    using bench = new DialectBench(dialect);
    const [way] = driver.ways;
    const alice = await driver.greet(bench, "one");
    const bob = await driver.greet(bench, "other");
    await way.meet({ id: "one", client: alice }, { id: "other", client: bob });
    const dice = new Dice(SEED);
    const corpus = [String(way.say("one", "hi")), ...framesOf(dialect.name)] as const;

    for (let inputs = 0; inputs < INPUTS;) {
      const id = `mallory${inputs}`;
      const mallory = await driver.greet(bench, id);
      for (let nth = 0; nth < INPUTS_PER_ATTACKER && mallory.isOpen; nth++, inputs++) {
        mallory.blurt(mutate(dice, corpus));
      }
      await settle();
      const where = `seed ${SEED}, ${id}`;
      assertEquals([where, mallory.link.faults], [where, []]);
      await mallory.leave();
      for (const client of [alice, bob]) {
        for (const frame of client.heard()) {
          assert(way.isHarmless(frame, ["one", "other"]), `${where}: heard ${frame}`);
        }
      }
      bench.clock.advance(1_000);
    }
    await assertTalk(alice, bob);
    await alice.leave();
    await bob.leave();
    bench.clock.advance(60_000);
    assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    for (const { read } of bench.open.gauges ?? []) assertEquals(read(), 0);

    async function assertTalk(one: TestClient, other: TestClient): Promise<void> {
      await one.say(way.say("other", "still there?"));
      await other.say(way.say("one", "yes"));
      assertEquals(other.heard(), [way.heard("one", "other", "still there?")]);
      assertEquals(one.heard(), [way.heard("other", "one", "yes")]);
    }
  });
}

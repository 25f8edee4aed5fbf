import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { framesOf } from "../helpers/session/captures.ts";
import { DialectBench, FORGOTTEN_MS } from "../helpers/session/dialect.ts";
import { settle } from "../helpers/session/hub.ts";
import { Dice, mutate } from "../helpers/session/mutate.ts";
import { runs } from "../helpers/session/hub_modes.ts";
import { type Driver, Friends, intrude } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";

const SEED = 20_240_229;
/** For each dialect, shared out among its ways (reliability.md, section 10). */
const INPUTS = 100_000;
const INPUTS_PER_ATTACKER = 200;
/** Frames made up by the dialect's grammar, beside those of real clients. */
const MADE_UP = 300;

for (const driver of DRIVERS) {
  for (const way of driver.ways) {
    const { name } = driver.dialect;
    const share = Math.ceil(runs(INPUTS) / driver.ways.length);
    Deno.test(`${name}: ${share} mutated frames leave two others in peace that talk ${way.name}`, async () => {
      using bench = new DialectBench(driver.dialect);
      const friends = await Friends.meet(driver, way, bench);
      const corpus = [
        String(friends.wordTo(friends.alice.id)),
        ...framesNaming(friends.ids, driver),
      ] as const;
      const dice = new Dice(SEED);

      let inputs = 0;
      for (let attackers = 0; inputs < share; attackers++) {
        const where = `seed ${SEED}, attacker ${attackers}`;
        const guise = { name: `mallory-${attackers}`, isNobody: attackers % 4 === 3 };
        const mallory = await intrude(driver, way, bench, guise);
        for (let nth = 0; nth < INPUTS_PER_ATTACKER && mallory.isOpen; nth++, inputs++) {
          const frame = mutate(dice, corpus);
          if (driver.rival?.asks?.(frame, friends.ids) !== true) mallory.blurt(frame);
        }
        await settle();
        await (attackers % 2 === 0 ? mallory.leave() : mallory.lose());
        assertEquals([where, mallory.link.faults, mallory.link.late], [where, [], []]);
        assertEquals([where, friends.disturbance()], [where, undefined]);
        bench.clock.advance(1_000);
      }
      bench.clock.advance(FORGOTTEN_MS);
      assertEquals(friends.strangers(), []);
      const [heard, expected] = await friends.exchange("still there?");
      assertEquals(heard, expected);
      await friends.leave();
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
      for (const { read } of bench.gauges) assertEquals(read(), 0);
    });
  }
}

/**
 * Frames of real clients, and frames that they could have sent, to these peers or to absent ones.
 */
function framesNaming(ids: readonly string[], { dialect, madeUp, valid }: Driver): string[] {
  const names = [...ids, "nobody"];
  let seen = 0;
  const recorded = framesOf(dialect.name).map((frame) =>
    madeUp === undefined
      ? frame
      : frame.replace(madeUp, (whole, group) =>
        typeof group === "string"
          ? whole.replace(group, names[seen++ % names.length] ?? "")
          : names[seen++ % names.length] ?? "")
  );
  return [
    ...recorded,
    ...fc.sample(valid([...names, "__proto__"]), { numRuns: MADE_UP, seed: SEED }),
  ];
}

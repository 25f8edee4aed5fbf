import { assert, assertEquals } from "@std/assert";
import { framesOf } from "../../helpers/captures.ts";
import { settle } from "../../helpers/hub.ts";
import { Dice, mutate } from "../../helpers/mutate.ts";
import { frameOf, newOwt, OwtClient } from "../../helpers/owt.ts";

const SEED = 20_240_229;
const INPUTS = 100_000;
const INPUTS_PER_ATTACKER = 200;

Deno.test("OWT: what ended the reference's process costs at most the sender its connection", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  for (const name of ["authentication", "owt-message", "ics-message", "constructor"]) {
    for (const args of [[], [null], ["text"], [0], [[]], [{}], [{ token: {}, to: {} }]]) {
      for (const ack of [undefined, 0]) {
        for (const isLoggedIn of [false, true]) {
          const client = isLoggedIn
            ? await OwtClient.login(bench, "mallory")
            : await OwtClient.connect(bench);
          await client.client.say(frameOf(ack, name, ...args));
          assertEquals(client.client.link.faults, []);
          await client.leave();
        }
      }
    }
  }
  assertEquals(await alice.acked("owt-message", { to: "__proto__" }), [2201]);
  assertEquals(await alice.acked("owt-message", { to: "bob" }), []);
  assertEquals([alice.heard(), bob.heard().length, bench.hub.peerCount], [[], 1, 2]);
});

Deno.test(`OWT: ${INPUTS} mutated frames of real clients leave two others in peace`, async () => {
  using bench = newOwt();
  // Ids that no mutation of the corpus comes upon: whoever names one may take it over.
  const [one, other] = ["#1:語one", "#2:語other"];
  const alice = await OwtClient.login(bench, one);
  const bob = await OwtClient.login(bench, other);
  const dice = new Dice(SEED);
  const corpus = [frameOf(0, "owt-message", { to: one, data: "hi" }), ...framesOf("owt")] as const;

  for (let inputs = 0; inputs < INPUTS;) {
    const mallory = await OwtClient.login(bench, `mallory${inputs}`);
    for (let nth = 0; nth < INPUTS_PER_ATTACKER && mallory.isOpen; nth++, inputs++) {
      mallory.client.blurt(mutate(dice, corpus));
    }
    await settle();
    const where = `seed ${SEED}, mallory${inputs}`;
    assertEquals([where, mallory.client.link.faults], [where, []]);
    await mallory.leave();
    for (const client of [alice, bob]) {
      assert(client.isOpen, where);
      for (const frame of client.heard()) {
        const [name, message] = JSON.parse(String(frame).slice(1));
        assert(name === "owt-message" && !("to" in message), `${where}: heard ${frame}`);
        assert(![one, other].includes(message.from), `${where}: heard ${frame}`);
      }
    }
    bench.clock.advance(1_000);
  }
  assertEquals(await alice.acked("owt-message", { to: other, data: "still there?" }), []);
  assertEquals(bob.heard().length, 1);
  assertEquals(await bob.acked("owt-message", { to: one, data: "yes" }), []);
  assertEquals(alice.heard().length, 1);
  await alice.leave();
  await bob.leave();
  assertEquals(bench.hub.peerCount, 0);
});

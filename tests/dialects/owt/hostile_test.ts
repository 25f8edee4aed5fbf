import { assertEquals } from "@std/assert";
import { frameOf, newOwt, OwtClient } from "../../helpers/session/owt.ts";

Deno.test("OWT: a message that ended the reference's process costs at most its sender's connection", async () => {
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

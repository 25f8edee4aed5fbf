import { assertEquals } from "@std/assert";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { newPools, PATHS, SspClient } from "../../helpers/session/ssp.ts";

// Tokens in the URL's query (protocols/ssp.md, sections 5 and 9.7).

const EVERYWHERE = "a-token-for-every-pool";
const LOBBY = "a-token-for-the-lobby";

async function connect(bench: DialectBench, target: string): Promise<SspClient> {
  return new SspClient(await bench.connect(target));
}

/** Reason and pool of the one error that a join earns; "in" where it succeeds. */
async function outcome(client: SspClient, pool: unknown): Promise<unknown> {
  await client.say(["rtc:join", { pool }]);
  const [{ type, data } = { type: "nothing", data: {} }] = client.heard();
  return type === "rtc:joined" ? "in" : [type, data["reason"], data["pool"]];
}

for (const path of Object.values(PATHS)) {
  Deno.test(`§9.7: where tokens are configured, a join needs one that is good for the pool (${path})`, async () => {
    using bench = newPools({ options: { tokens: [EVERYWHERE, `${LOBBY}@lobby`] } });
    const refused = ["rtc:error", "not-authorized", "lobby"];
    for (const query of ["", "?token=", "?token=wrong", `?Token=${EVERYWHERE}`]) {
      const client = await connect(bench, path + query);
      assertEquals(await outcome(client, "lobby"), refused, query);
      // The connection stays, and a refused client was never there.
      assertEquals([client.client.isOpen, bench.hub.peerCount], [true, 0]);
    }
    assertEquals(await outcome(await connect(bench, `${path}?token=${EVERYWHERE}`), "any"), "in");
    // If a name occurs twice, the last value counts.
    const last = `${path}/?a=b&token=wrong&token=${LOBBY}`;
    const client = await connect(bench, last);
    assertEquals(await outcome(client, "p"), ["rtc:error", "not-authorized", "p"]);
    assertEquals(await outcome(client, "lobby"), "in");
    assertEquals(await outcome(await connect(bench, `${path}?token=wrong&token=${LOBBY}`), 5), [
      "rtc:error",
      "not-authorized",
      "5",
    ]);
  });
}

Deno.test("§9.7: a client without a token does not learn which pools of a private server there are", async () => {
  using bench = newPools({
    options: { private: true, pools: ["lobby"], tokens: [EVERYWHERE, `${LOBBY}@lobby`] },
  });
  const stranger = await connect(bench, "/ssp");
  const guest = await connect(bench, `/ssp?token=${LOBBY}`);
  const member = await connect(bench, `/ssp?token=${EVERYWHERE}`);
  for (const pool of ["lobby", "attic"]) {
    assertEquals(await outcome(stranger, pool), ["rtc:error", "not-authorized", pool]);
  }
  assertEquals(await outcome(guest, "attic"), ["rtc:error", "not-authorized", "attic"]);
  assertEquals(await outcome(member, "attic"), ["rtc:error", "no-such-pool", "attic"]);
  assertEquals([await outcome(guest, "lobby"), await outcome(member, "lobby")], ["in", "in"]);
});

Deno.test("§9.7: without configured tokens a URL may hold any", async () => {
  using bench = newPools();
  assertEquals(await outcome(await connect(bench, "/ssp?token=whatever"), "p"), "in");
});

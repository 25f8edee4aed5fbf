import { assertEquals } from "@std/assert";
import { Calls } from "../../src/core/calls/calls.ts";
import type { Leg, Lifted } from "../../src/core/calls/signal.ts";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { CallingClient } from "../helpers/session/calling_client.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { NO_LIMITS } from "../helpers/session/hub.ts";
import { offer, WIDE_CALLS } from "../helpers/session/legs.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Messages to a peer of another dialect that its sender's node did not know when they were said: the
// engine sends them back, and they go on as part of a call. Nothing overtakes them meanwhile.

const SEEDS = 40;

/** A client whose messages are signals, and which keeps what it hears. */
class Client extends CallingClient {
  readonly heard: string[];

  constructor(id: string) {
    const heard: string[] = [];
    super(id, () => heard.push("comes back"));
    this.heard = heard;
  }

  leg(): Leg {
    return {
      crossing: "insists",
      showsPresence: true,
      lift: (payload) => payload as Lifted[], // the tests send nothing else
      lower: (signal): undefined =>
        void this.heard.push(
          signal.kind === "candidate" ? signal.candidate.candidate : signal.kind,
        ) as undefined,
      end: (why) => void this.heard.push(`end ${why}`),
    };
  }
}

function form(seed: number): Promise<MemoryCluster> {
  const hubOf = (node: ConstructorParameters<typeof SharedHub>[1]): SharedHub =>
    new SharedHub(NO_LIMITS, node, { calls: new Calls(WIDE_CALLS, new FakeClock(), () => {}) });
  return MemoryCluster.form({ seed, delayMs: 6, hubOf });
}

function candidate(text: string): Lifted[] {
  return [{ kind: "candidate", candidate: { candidate: text, sdpMid: "0" } }];
}

for (const isOlder of [true, false]) {
  const which = isOlder ? "an older" : "a younger";
  Deno.test(`no message of ${which} client overtakes one from before the other peer was known`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      await using cluster = await form(seed);
      const [a, b] = [new Client("a"), new Client("b")];
      const claims = [
        () => cluster.hub(0).claim(claimOf("a", a, { dialect: "one" })),
        () => cluster.hub(1).claim(claimOf("b", b, { dialect: "two" })),
      ];
      for (const claim of isOlder ? claims : claims.toReversed()) await cluster.during(claim());
      await cluster.quiet();
      const said: string[] = [];
      // The node of "a" learns of "b" by this message, which has no place in a call.
      cluster.hub(1).send(b.peer, "a", candidate("stray"));
      for (let time = 0; time < 60; time++) {
        if (time > seed % 20) {
          const words = said.length === 0 ? offer("a1") : candidate(`c${said.length}`);
          said.push(said.length === 0 ? "offer" : `c${said.length}`);
          cluster.hub(0).send(a.peer, "b", words);
        }
        await cluster.pass(1);
      }
      await cluster.pass(1_000);
      assertEquals(b.heard, said, `seed ${seed}`);
      assertEquals(a.heard, [], `seed ${seed}`);
    }
  });
}

Deno.test("a message of another dialect that comes back takes none of the receiver's own dialect along", async () => {
  for (let seed = 0; seed < SEEDS; seed++) {
    await using cluster = await form(seed);
    const [a, kin, b] = [new Client("a"), new FakeReceiver(), new FakeReceiver()];
    await cluster.during(cluster.hub(0).claim(claimOf("a", a, { dialect: "one" })));
    await cluster.during(cluster.hub(0).claim(claimOf("kin", kin, { dialect: "two" })));
    await cluster.during(cluster.hub(1).claim(claimOf("b", b, { dialect: "two" })));
    const sent: number[] = [];
    for (let time = 0; time < 30; time++) {
      cluster.hub(0).send(a.peer, "b", candidate("c"));
      sent.push(time);
      cluster.hub(0).send(kin.peer, "b", time);
      await cluster.pass(1);
    }
    await cluster.pass(1_000);
    const got = b.events.flatMap((event) => event.type === "relay" ? [event.payload] : []);
    assertEquals(got, sent, `seed ${seed}`);
  }
});

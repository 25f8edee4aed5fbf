import { assertEquals } from "@std/assert";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// An id comes to the sender's own node while a message for it is on its way by the engine: the next one
// must not overtake it.

/** The payloads that a receiver got. */
function got({ events }: FakeReceiver): unknown[] {
  return events.flatMap((event) => event.type === "relay" ? [event.payload] : []);
}

for (const isTaken of [true, false]) {
  const before = isTaken ? "another node had" : "nobody had";
  Deno.test(`messages for an id that ${before} come in order to the sender's own node`, async () => {
    for (let seed = 0; seed < 40; seed++) {
      await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
      const [from, former, to] = [new FakeReceiver(), new FakeReceiver(), new FakeReceiver()];
      const [here, there] = [cluster.hub(0), cluster.hub(1)];
      await cluster.during(here.claim(claimOf("from", from)));
      if (isTaken) await cluster.during(there.claim(claimOf("to", former, { proof: "token" })));
      const claimed = here.claim(claimOf("to", to, { proof: "token" }));
      let isAdmitted = false;
      void claimed.then(() => isAdmitted = true);
      // The last of them is sent once the peer is here.
      const sent: number[] = [];
      for (let isLast = false; !isLast;) {
        isLast = isAdmitted;
        sent.push(sent.length + 1);
        here.send(from.peer, "to", sent.length);
        await cluster.pass(1);
      }
      await cluster.pass(2_000);
      const returned = from.events.flatMap((event) =>
        event.type === "undelivered" ? [event.returned?.payload] : []
      );
      const arrived = [...got(former), ...got(to)];
      const words = `seed ${seed}`;
      assertEquals(got(to), got(to).toSorted((a, b) => Number(a) - Number(b)), words);
      assertEquals(got(to).at(-1), sent.length, words);
      const all = [...arrived, ...returned].toSorted((a, b) => Number(a) - Number(b));
      assertEquals(all, sent, words);
      assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
      // Nothing is on its way any more: the next one takes the short one.
      here.send(from.peer, "to", "next");
      assertEquals(got(to).at(-1), "next");
    }
  });
}

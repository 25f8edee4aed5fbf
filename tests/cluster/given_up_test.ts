import { assertEquals } from "@std/assert";
import { ChaosClient } from "../helpers/cluster/chaos_client.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf } from "../helpers/session/receiver.ts";

// A node that others gave up, and an engine that knows nothing of that: it is empty, or has older data.

/** A node that stands still is dead so long after it. */
const DEAD_MS = 10_000;
const AWAY_MS = 500;
const TALK_MS = 100;

/** Has a client enter a room. */
async function enter(
  cluster: MemoryCluster,
  at: number,
  [id, room]: readonly [id: string, room: string],
): Promise<ChaosClient> {
  const client = new ChaosClient(id, cluster.at(at), cluster.clock.now);
  await cluster.during(cluster.hub(at).claim(claimOf(id, client)));
  await cluster.during(cluster.hub(at).join(client.peer, { room }));
  return client;
}

for (const keeps of ["nothing", "older data"]) {
  for (const isMet of [true, false]) {
    const whom = isMet ? "that others have seen leave" : "that a newcomer has not met";
    Deno.test(`a member ${whom} is closed when the engine has ${keeps}`, async () => {
      for (let seed = 0; seed < 6; seed++) {
        await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
        const early = isMet ? await enter(cluster, 0, ["early", "room"]) : undefined;
        const frozen = await enter(cluster, 1, ["frozen", "room"]);
        const alone = await enter(cluster, 1, ["alone", "other"]);
        const copy = cluster.engine.data.copy();
        cluster.at(1).clock.stop();
        await cluster.pass(DEAD_MS);
        const late = await enter(cluster, 0, ["late", "room"]);
        cluster.engine.kill();
        await cluster.pass(AWAY_MS);
        cluster.engine.start({ keeps: keeps === "nothing" ? false : copy });
        cluster.at(1).clock.resume();
        await cluster.pass(DEAD_MS);
        const open = [frozen, late, alone].map(({ link }) => link.isOpen);
        assertEquals(open, [false, true, true], `seed ${seed}`);
        const known = [early, late].map((client) => client && [...client.known()]);
        assertEquals(known, [
          isMet ? [["late", "joined"]] : undefined,
          early ? [["early", "entered"]] : [],
        ]);
        const others = cluster.hub(0).others(late.peer, "room").map(({ id }) => id);
        assertEquals(others, early ? ["early"] : []);
        // The one that nobody else has seen leave notices nothing.
        const fresh = await enter(cluster, 0, ["fresh", "other"]);
        await cluster.pass(TALK_MS);
        assertEquals([...fresh.known()], [["alone", "entered"]]);
        assertEquals([...alone.known()], [["fresh", "joined"]]);
        assertEquals(cluster.hub(1).others(alone.peer, "other").map(({ id }) => id), ["fresh"]);
      }
    });
  }
}

Deno.test("a node that was not given up keeps its members, although it began anew once more", async () => {
  for (let seed = 0; seed < 6; seed++) {
    await using cluster = await MemoryCluster.form({ seed, delayMs: 6 });
    const [one, two] = [
      await enter(cluster, 0, ["one", "room"]),
      await enter(cluster, 1, ["two", "room"]),
    ];
    const copy = cluster.engine.data.copy();
    for (const keeps of [false, copy, false]) {
      cluster.engine.kill();
      await cluster.pass(AWAY_MS);
      cluster.engine.start({ keeps });
      await cluster.pass(DEAD_MS);
    }
    assertEquals([...one.known()], [["two", "joined"]], `seed ${seed}`);
    assertEquals([...two.known()], [["one", "entered"]]);
    assertEquals([one, two].map(({ link }) => link.isOpen), [true, true]);
  }
});

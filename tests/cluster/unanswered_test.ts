import { assert, assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Steps that were sent, and that the engine does not answer: no client waits for ever, and what was
// refused has no effect, whether the engine carries the step out later or not.

const WAIT_MS = 500;
/** The time between two beats, that to the end of a call, and the pause of the sweep. */
const BOUND_MS = 2_000 + 2_000 + 500;
const BACK_MS = 3_000;
/** Shorter than a step waits, which goes on while the cluster forms anew. */
const BRIEF_MS = 300;
/** From the moment of asking to one at which the answer has come. */
const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 18, 24];

interface Fault {
  readonly name: string;
  readonly begin: (cluster: MemoryCluster) => void;
  readonly end: (cluster: MemoryCluster) => void;
  /** How long it takes; until the step is refused, and a moment longer, by default. */
  readonly lastsMs?: number;
}

const FAULTS: readonly Fault[] = [
  {
    name: "the engine stands still",
    begin: ({ engine }) => engine.freeze(),
    end: ({ engine }) => engine.thaw(),
  },
  {
    name: "its node is cut off",
    begin: (cluster) => cluster.at(1).link.cut(),
    end: (cluster) => cluster.at(1).link.heal(),
  },
  ...[true, false].map((keeps): Fault => ({
    name: `the engine is killed, back ${keeps ? "with its data" : "empty"}`,
    begin: ({ engine }) => engine.kill(),
    end: ({ engine }) => engine.start({ keeps }),
  })),
  {
    name: "the engine is killed, soon back with its data",
    begin: ({ engine }) => engine.kill(),
    end: ({ engine }) => engine.start({ keeps: true }),
    lastsMs: BRIEF_MS,
  },
];

/** Registers a test for each fault, which begins at each moment after the step was asked for. */
function whenUnanswered(
  what: string,
  prepare: (cluster: MemoryCluster) => Promise<{
    /** Asks at node 1. */
    readonly ask: () => void | Promise<void>;
    /** Called when the engine has been back for a while. */
    readonly check: () => Promise<void>;
  }>,
): void {
  for (const { name, begin, end, lastsMs } of FAULTS) {
    Deno.test(`${what} while ${name}`, async () => {
      for (const [seed, afterMs] of MOMENTS.entries()) {
        const options = { seed, delayMs: 6, waitMs: WAIT_MS, stragglers: 0.5 };
        await using cluster = await MemoryCluster.form(options);
        const { ask, check } = await prepare(cluster);
        const asked = Promise.resolve(ask());
        await cluster.pass(afterMs);
        begin(cluster);
        if (lastsMs === undefined) {
          await cluster.during(asked, BOUND_MS);
          await cluster.pass(500);
        } else await cluster.pass(lastsMs);
        end(cluster);
        await cluster.during(asked, BOUND_MS);
        await cluster.pass(BACK_MS);
        await check();
      }
    });
  }
}

whenUnanswered("an id is given out or free again", async (cluster) => {
  await cluster.pass(0);
  const [x, thief] = [new FakeReceiver(), new FakeReceiver()];
  return {
    ask: () => cluster.hub(1).claim(claimOf("x", x)),
    check: async () => {
      const [told, ...more] = x.told();
      assertEquals(more, []);
      await cluster.during(cluster.hub(0).claim(claimOf("x", thief)));
      const isRefused = told === "refused claim: unavailable";
      assert(isRefused || told === "admitted x", told);
      assertEquals(thief.told(), [isRefused ? "admitted x" : "refused claim: id_taken"]);
    },
  };
});

whenUnanswered("a client that asks for its id again keeps it", async (cluster) => {
  const first = new FakeReceiver();
  const proof = "p";
  const sender = await admit(cluster, 0, "sender");
  return {
    ask: () => cluster.hub(1).claim(claimOf("x", first, { proof })),
    check: async () => {
      // The refused claim is undone in the same moment as this one asks.
      const second = new FakeReceiver();
      await cluster.during(cluster.hub(1).claim(claimOf("x", second, { proof })));
      assertEquals(second.told(), ["admitted x"]);
      await cluster.pass(500);
      const thief = new FakeReceiver();
      await cluster.during(cluster.hub(0).claim(claimOf("x", thief)));
      assertEquals(thief.told(), ["refused claim: id_taken"]);
      cluster.hub(0).send(sender.peer, "x", 1);
      await cluster.pass(100);
      assertEquals(second.told(), ["relay sender: 1"]);
    },
  };
});

whenUnanswered("a peer is in a room, or nobody sees it there", async (cluster) => {
  const [x, early] = [await admit(cluster, 1, "x"), await admit(cluster, 0, "early")];
  await cluster.during(Promise.resolve(cluster.hub(0).join(early.peer, { room: "r" })));
  return {
    ask: () => cluster.hub(1).join(x.peer, { room: "r" }),
    check: async () => {
      const [told, ...more] = x.told();
      assertEquals(more, []);
      const isRefused = told === "refused join: unavailable";
      assert(isRefused || told === "entered r: early", told);
      const late = await admit(cluster, 0, "late");
      await cluster.during(Promise.resolve(cluster.hub(0).join(late.peer, { room: "r" })));
      assertEquals(late.told(), [isRefused ? "entered r: early" : "entered r: early x"]);
      const here = cluster.hub(1).rooms("test").map(({ id }) => id);
      assertEquals(here, isRefused ? [] : ["r"]);
      if (!x.link.isOpen) return assertEquals([isRefused, x.link.closing], [true, [1001, ""]]);
      await cluster.during(Promise.resolve(cluster.hub(1).join(x.peer, { room: "r" })));
      if (isRefused) assertEquals(x.told(), ["entered r: early late"]);
    },
  };
});

whenUnanswered("a peer has one description for everybody", async (cluster) => {
  const [x, other] = [await admit(cluster, 1, "x"), await admit(cluster, 0, "other")];
  await cluster.during(cluster.hub(1).describe(x.peer, { info: "old", bytes: 3 }));
  for (const [at, { peer }] of [[1, x], [0, other]] as const) {
    await cluster.during(Promise.resolve(cluster.hub(at).join(peer, { room: "r" })));
  }
  x.told();
  return {
    ask: () => cluster.hub(1).describe(x.peer, { info: "new", bytes: 3 }),
    check: async () => {
      const isRefused = x.told().some((word) => word === "refused describe: unavailable");
      const seen = [0, 1].map((at) => cluster.hub(at).find("test", "x")?.info);
      const expected = isRefused ? "old" : "new";
      assertEquals(seen, [expected, expected]);
      assertEquals(x.link.isOpen, true);
      await cluster.during(cluster.hub(1).describe(x.peer, { info: "newest", bytes: 6 }));
      await cluster.pass(100);
      assertEquals(cluster.hub(0).find("test", "x")?.info, "newest");
    },
  };
});

for (let backMs = 2_400; backMs <= 3_000; backMs += 50) {
  Deno.test(`a description outlives one before it that is refused, with an engine back after ${backMs} ms`, async () => {
    await using cluster = await MemoryCluster.form({ seed: backMs, delayMs: 6, waitMs: WAIT_MS });
    const [x, other] = [await admit(cluster, 1, "x"), await admit(cluster, 0, "other")];
    for (const [at, { peer }] of [[1, x], [0, other]] as const) {
      await cluster.during(Promise.resolve(cluster.hub(at).join(peer, { room: "r" })));
    }
    cluster.hub(1).describe(x.peer, { info: "first", bytes: 5 });
    cluster.engine.freeze();
    // The first one may still be answered when the second one is asked for.
    await cluster.pass(2_350);
    cluster.hub(1).describe(x.peer, { info: "second", bytes: 6 });
    await cluster.pass(backMs - 2_350);
    cluster.engine.thaw();
    await cluster.pass(BACK_MS);
    const [here, there] = [1, 0].map((at) => cluster.hub(at).find("test", "x")?.info);
    assertEquals(there, here);
  });
}

Deno.test("an operator's description reaches all nodes, however late the engine answers", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 6, waitMs: WAIT_MS });
  const [x, other] = [await admit(cluster, 1, "x"), await admit(cluster, 0, "other")];
  for (const [at, { peer }] of [[1, x], [0, other]] as const) {
    await cluster.during(Promise.resolve(cluster.hub(at).join(peer, { room: "r" })));
  }
  const hub = cluster.hub(1);
  assertEquals(hub.describeMember("test", "r", "x", { info: "new", bytes: 3 }), "described");
  await cluster.pass(3);
  cluster.engine.freeze();
  await cluster.pass(4_000);
  cluster.engine.thaw();
  await cluster.pass(BACK_MS);
  assertEquals([0, 1].map((at) => cluster.hub(at).find("test", "x")?.info), ["new", "new"]);
});

whenUnanswered("a peer has a partner, or is free for another one", async (cluster) => {
  const exclusive = { isExclusive: true };
  const [x, y, z] = [new FakeReceiver(), new FakeReceiver(), new FakeReceiver()];
  for (const [at, id, receiver] of [[1, "x", x], [0, "y", y], [0, "z", z]] as const) {
    await cluster.during(cluster.hub(at).claim(claimOf(id, receiver, exclusive)));
    receiver.told();
  }
  return {
    ask: () => cluster.hub(1).pair(x.peer, "y"),
    check: async () => {
      const [told, ...more] = x.told();
      assertEquals(more, []);
      const isRefused = told === "refused pair: unavailable";
      assert(isRefused || told === "paired y as caller", told);
      // The callee of a call that was taken back learns of both.
      const heard = y.told();
      if (!isRefused) assertEquals(heard, ["paired x as callee"]);
      else assertEquals(heard, heard.length === 0 ? [] : ["paired x as callee", "gone x"]);
      await cluster.during(Promise.resolve(cluster.hub(0).pair(z.peer, "y")));
      assertEquals(z.told(), [isRefused ? "paired y as caller" : "refused pair: peer_busy"]);
      if (isRefused && heard.length > 0) assertEquals(x.link.closing, [1001, ""]);
    },
  };
});

whenUnanswered("a message is taken once, or its sender learns of it", async (cluster) => {
  const [x, far] = [await admit(cluster, 1, "x"), await admit(cluster, 0, "far")];
  let outcome: string | undefined;
  return {
    ask: async () => {
      cluster.hub(1).send(x.peer, "far", "plain");
      outcome = await cluster.hub(1).elsewhere.pass(x.peer, "far", "confirmed");
    },
    check: async () => {
      const got = far.told();
      const returned = x.told();
      assert(outcome === "sent" || outcome === "unavailable", outcome);
      assertEquals([...new Set(got)], got);
      if (outcome === "sent") assert(got.includes('relay x: "confirmed"'));
      if (returned.length === 0) assert(got.includes('relay x: "plain"'));
      cluster.hub(1).send(x.peer, "far", "later");
      await cluster.pass(500);
      assertEquals(far.told(), ['relay x: "later"']);
      assertEquals(cluster.at(1).node.unconfirmedBytes, 0);
    },
  };
});

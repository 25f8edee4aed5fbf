import { assertEquals } from "@std/assert";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// A primary that lacks the newest writes: the nodes tell it what they hold, and what they gave up.

/** Longer than the nodes need for that. */
const BACK_MS = 4_000;
const room = { room: "r" };

async function refused(cluster: MemoryCluster, at: number, id: string): Promise<string[]> {
  const receiver = new FakeReceiver();
  await cluster.during(cluster.hub(at).claim(claimOf(id, receiver)));
  return receiver.told();
}

/** Gives an id up, and waits until the engine knows. */
async function leave(cluster: MemoryCluster, at: number, receiver: FakeReceiver): Promise<void> {
  cluster.hub(at).release(receiver.peer, receiver);
  await cluster.pass(50);
}

/** Makes the data of a moment those of the engine again, as a replica does that becomes the primary. */
async function failOver(
  cluster: MemoryCluster,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const copy = cluster.engine.data.copy();
  await meanwhile();
  cluster.engine.kill();
  cluster.engine.start({ keeps: copy });
  await cluster.pass(BACK_MS);
}

Deno.test("an id whose release a failover lost is free", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const x = await admit(cluster, 0, "x");
  await failOver(cluster, () => leave(cluster, 0, x));
  await admit(cluster, 1, "x");
  await admit(cluster, 0, "y");
});

Deno.test("an id that another node gave out since belongs to its newest holder after a failover", async () => {
  for (const [before, after] of [[0, 1], [1, 0], [0, 0]] as const) {
    await using cluster = await MemoryCluster.form({ delayMs: 3, seed: before });
    const old = await admit(cluster, before, "x");
    const sender = await admit(cluster, before, "sender");
    let x = old;
    await failOver(cluster, async () => {
      await leave(cluster, before, old);
      x = await admit(cluster, after, "x");
    });
    assertEquals([x.told(), x.link.isOpen], [[], true]);
    for (const at of [0, 1]) {
      assertEquals(await refused(cluster, at, "x"), ["refused claim: id_taken"]);
    }
    cluster.hub(before).send(sender.peer, "x", "hello");
    await cluster.pass(500);
    assertEquals(x.told(), ['relay sender: "hello"']);
  }
});

Deno.test("a member whose departure a failover lost is in no room, and in no list", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const [near, far] = [
    await admit(cluster, 0, "near", { room }),
    await admit(cluster, 1, "far", { room }),
  ];
  await cluster.pass(50);
  near.told();
  await failOver(cluster, () => leave(cluster, 1, far));
  assertEquals(near.told(), ["left r: far"]);
  const late = new FakeReceiver();
  await cluster.during(cluster.hub(1).claim(claimOf("late", late, { room })));
  assertEquals(late.told(), ["admitted late", "entered r: near"]);
  await cluster.pass(50);
  assertEquals(near.told(), ["joined r: late"]);
});

Deno.test("a member that the others missed in an emptied engine has to come back", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3, waitMs: 600_000 });
  const [near, far] = [
    await admit(cluster, 0, "near", { room }),
    await admit(cluster, 1, "far", { room }),
  ];
  const alone = await admit(cluster, 1, "alone");
  const exclusive = { isExclusive: true };
  const [caller, callee] = [
    await admit(cluster, 0, "caller", exclusive),
    await admit(cluster, 1, "callee", exclusive),
  ];
  await cluster.during(Promise.resolve(cluster.hub(0).pair(caller.peer, "callee")));
  await cluster.pass(50);
  for (const receiver of [near, far, caller, callee]) receiver.told();

  cluster.at(1).link.cut();
  cluster.engine.kill();
  cluster.engine.start({ keeps: false });
  await cluster.pass(BACK_MS);
  assertEquals([near.told(), caller.told()], [["left r: far"], ["gone callee"]]);
  cluster.at(1).link.heal();
  await cluster.pass(BACK_MS);
  assertEquals([far.link.closing, callee.link.closing], [[1001, ""], [1001, ""]]);
  assertEquals([near.told(), caller.told()], [[], []]);
  // Nobody else was announced.
  cluster.hub(0).send(near.peer, "alone", "still here");
  await cluster.pass(500);
  assertEquals([alone.told(), alone.link.isOpen], [['relay near: "still here"'], true]);
  const again = new FakeReceiver();
  await cluster.during(cluster.hub(1).claim(claimOf("far", again, { room })));
  assertEquals(again.told(), ["admitted far", "entered r: near"]);
});

Deno.test("a description that a failover lost is the same for everybody", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const [near, far] = [
    await admit(cluster, 0, "near", { room }),
    await admit(cluster, 1, "far", { room }),
  ];
  await failOver(cluster, async () => {
    await cluster.during(cluster.hub(1).describe(far.peer, { info: "new", bytes: 3 }));
    await cluster.pass(50);
  });
  assertEquals(cluster.hub(0).others(near.peer, "r").map(({ info }) => info), ["new"]);
  const late = new FakeReceiver();
  await cluster.during(cluster.hub(0).claim(claimOf("late", late, { room })));
  assertEquals(cluster.hub(0).others(late.peer, "r").map(({ info }) => info), [null, "new"]);
});

Deno.test("ids that a failover gives back to an earlier incarnation of a node are free or its own", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 3 });
  const sender = await admit(cluster, 0, "sender");
  const [stays, leaves] = [await admit(cluster, 1, "stays"), await admit(cluster, 1, "leaves")];
  await failOver(cluster, async () => {
    // It is taken for dead, and comes back under another name in the engine.
    cluster.at(1).link.cut();
    await cluster.pass(9_000);
    cluster.at(1).link.heal();
    await cluster.pass(1_000);
    await leave(cluster, 1, leaves);
  });
  assertEquals([stays.told(), stays.link.isOpen], [[], true]);
  for (const id of ["stays", "leaves"]) cluster.hub(0).send(sender.peer, id, id);
  await cluster.pass(500);
  assertEquals([stays.told(), sender.told()], [['relay sender: "stays"'], ["undelivered leaves"]]);
  assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
  assertEquals(await refused(cluster, 0, "stays"), ["refused claim: id_taken"]);
  await admit(cluster, 0, "leaves");
});

Deno.test("one of two members finds the other as it enters, also if the answer to an entry was lost", async () => {
  for (let ms = 0; ms <= 14; ms += 2) {
    await using cluster = await MemoryCluster.form({ seed: ms, delayMs: 6 });
    const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
    void cluster.hub(0).join(a.peer, room);
    await cluster.pass(ms);
    cluster.engine.kill();
    void cluster.hub(1).join(b.peer, room);
    await cluster.pass(600);
    cluster.engine.start({ keeps: true });
    await cluster.pass(BACK_MS);
    const finds = [a, b].map((member) => member.told().find((word) => word.startsWith("entered")));
    assertEquals(
      finds.toSorted(),
      finds[0] === "entered r: "
        ? ["entered r: ", "entered r: a"]
        : ["entered r: ", "entered r: b"],
    );
  }
});

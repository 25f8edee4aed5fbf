import { assertEquals } from "@std/assert";
import type { OutgoingMessage } from "../../src/core/nodes/backplane.ts";
import { MemoryCluster, type MemoryNode } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// Each outcome of a step reaches the one that asked, also where another one's is not taken without an
// exception.

const WAIT_MS = 500;
/** Longer than the wait for a step that was sent. */
const LATE_MS = 5_000;
const FAULT = new Error("an outcome that is not taken");

/** A function that throws at its first call, and keeps the arguments of the later ones. */
function faulty(): { readonly take: (outcome: unknown) => void; readonly taken: unknown[] } {
  let calls = 0;
  const taken: unknown[] = [];
  const take = (outcome: unknown): void => {
    if (++calls === 1) throw FAULT;
    taken.push(outcome);
  };
  return { take, taken };
}

function messageTo(id: string): OutgoingMessage {
  const from = { realm: "test", from: "sender", dialect: "test" };
  return { ...from, id, room: undefined, payload: 1, fence: undefined };
}

/** Takes the faults of a node, which are expected. */
function takeFaults({ events }: MemoryNode): unknown[] {
  return events.splice(0).flatMap((event) => event.type === "fault" ? [event.error] : []);
}

async function formed(): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.form({ waitMs: WAIT_MS });
  const far = new FakeReceiver();
  await cluster.during(cluster.hub(1).claim(claimOf("far", far)));
  return cluster;
}

for (const state of ["is killed", "stands still"] as const) {
  Deno.test(`each step is refused while the engine ${state}, whatever comes of the others`, async () => {
    await using cluster = await formed();
    const { engine } = cluster;
    const one = cluster.at(0);
    if (state === "is killed") engine.kill();
    else engine.freeze();
    const { take, taken } = faulty();
    for (let n = 0; n < 3; n++) one.node.send(messageTo("far"), n === 1, take);
    const room = { realm: "test", kind: "room", room: "r" } as const;
    for (let n = 0; n < 3; n++) one.node.look(room, take);
    await cluster.pass(LATE_MS);
    assertEquals(taken, Array.from({ length: 5 }, () => "unavailable"));
    assertEquals([takeFaults(one), one.node.unconfirmedBytes], [[FAULT], 0]);
    if (state === "is killed") engine.start({ keeps: true });
    else engine.thaw();
    await cluster.pass(LATE_MS);
    assertEquals(one.node.waitingSteps, 0);
  });
}

Deno.test("each message to a node that dies has its outcome, whatever comes of the others", async () => {
  await using cluster = await formed();
  const one = cluster.at(0);
  cluster.at(1).link.cut();
  const { take, taken } = faulty();
  for (let n = 0; n < 3; n++) one.node.send(messageTo("far"), true, take);
  await cluster.pass(12_000);
  assertEquals(taken, ["gone", "gone"]);
  assertEquals([takeFaults(one), one.node.unconfirmedBytes], [[FAULT], 0]);
});

Deno.test("each message to an absent id comes back, whatever comes of the others", async () => {
  await using cluster = await formed();
  const one = cluster.at(0);
  const { take, taken } = faulty();
  for (let n = 0; n < 3; n++) one.node.send(messageTo("nobody"), false, take);
  await cluster.pass(100);
  assertEquals(taken, ["absent", "absent"]);
  assertEquals([takeFaults(one), one.node.isUp], [[FAULT], true]);
});

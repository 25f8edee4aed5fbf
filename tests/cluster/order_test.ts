import { assertEquals } from "@std/assert";
import { Outbox, type Parcel } from "../../src/cluster/items/outbox.ts";
import { sealOf } from "../../src/cluster/seal.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";

// The order of messages while inboxes begin anew: none is lost without a word, and none is overtaken.

/** Longer than a cluster forms. */
const FORMED_MS = 2_500;
const CALM_MS = 5_000;

/** A sender on the first node and a receiver on the second one. */
async function pair(seed: number): Promise<{
  readonly cluster: MemoryCluster;
  readonly from: FakeReceiver;
  readonly to: FakeReceiver;
}> {
  const cluster = await MemoryCluster.form({ seed, delayMs: 6 });
  const [from, to] = [new FakeReceiver(), new FakeReceiver()];
  await cluster.during(cluster.hub(0).claim(claimOf("from", from)));
  await cluster.during(cluster.hub(1).claim(claimOf("to", to)));
  for (const receiver of [from, to]) receiver.told();
  return { cluster, from, to };
}

/** Each of the messages 1, 2 and so on came in its place, or came back. */
function check({ from, to }: { from: FakeReceiver; to: FakeReceiver }, count: number): void {
  const got = to.events.flatMap((event) => event.type === "relay" ? [Number(event.payload)] : []);
  const returned = from.events.flatMap((event) =>
    event.type === "undelivered" ? [Number(event.returned?.payload)] : []
  );
  assertEquals(got, got.toSorted((a, b) => a - b));
  const all = Array.from({ length: count }, (_, n) => n + 1);
  assertEquals([...got, ...returned].toSorted((a, b) => a - b), all);
}

for (const keeps of [true, false]) {
  for (let afterMs = 0; afterMs <= 400; afterMs += 100) {
    const engine = keeps ? "an engine with its data" : "an empty engine";
    Deno.test(`a receiver that comes late to ${engine} gets messages in order, the next after ${afterMs} ms`, async () => {
      const { cluster, ...clients } = await pair(afterMs);
      await using _ = cluster;
      const { clock } = cluster.at(1);
      const send = (n: number): void => void cluster.hub(0).send(clients.from.peer, "to", n);
      clock.stop();
      send(1);
      await cluster.pass(50);
      cluster.engine.kill();
      cluster.engine.start({ keeps });
      await cluster.pass(FORMED_MS);
      send(2);
      await cluster.pass(50);
      clock.resume();
      await cluster.pass(afterMs);
      send(3);
      await cluster.pass(CALM_MS);
      check(clients, 3);
      assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
    });

    Deno.test(`a sender that comes late to ${engine} sends in order, the next after ${afterMs} ms`, async () => {
      const { cluster, ...clients } = await pair(afterMs);
      await using _ = cluster;
      const [sender, receiver] = [cluster.at(0).clock, cluster.at(1).clock];
      const send = (n: number): void => void cluster.hub(0).send(clients.from.peer, "to", n);
      receiver.stop();
      send(1);
      await cluster.pass(50);
      sender.stop();
      cluster.engine.kill();
      cluster.engine.start({ keeps });
      receiver.resume();
      await cluster.pass(FORMED_MS);
      sender.resume();
      await cluster.pass(afterMs);
      send(2);
      await cluster.pass(300);
      send(3);
      await cluster.pass(CALM_MS);
      check(clients, 3);
      assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
    });
  }
}

Deno.test("a message comes back if its receiver has left, and the engine lost the news of that", async () => {
  for (let ms = 0; ms <= 14; ms += 2) {
    for (let killedMs = 0; killedMs <= 14; killedMs += 2) {
      const { cluster, ...clients } = await pair(ms);
      await using _ = cluster;
      cluster.hub(0).send(clients.from.peer, "to", 1);
      await cluster.pass(ms);
      cluster.hub(1).release(clients.to.peer, clients.to);
      await cluster.pass(killedMs);
      cluster.engine.kill();
      cluster.engine.start({ keeps: false });
      await cluster.pass(CALM_MS);
      check(clients, 1);
    }
  }
});

Deno.test("a message comes back if its receiver's node refuses it before it has restored the engine", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const { cluster, ...clients } = await pair(seed);
    await using _ = cluster;
    const { engine } = cluster;
    engine.kill();
    engine.start({ keeps: true });
    // Both nodes have registered again, and have more to tell.
    await cluster.pass(400);
    engine.refuse("replica");
    await cluster.pass(FORMED_MS);
    cluster.hub(1).release(clients.to.peer, clients.to);
    cluster.hub(0).send(clients.from.peer, "to", 1);
    engine.refuse(undefined);
    await cluster.pass(CALM_MS);
    check(clients, 1);
    assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
  }
});

Deno.test("a message that is to be sent again is, also if the connection breaks meanwhile", async () => {
  for (const killedMs of [4, 6, 8, 10]) {
    for (let ms = 40; ms <= 160; ms += 10) {
      const { cluster, ...clients } = await pair(ms);
      await using _ = cluster;
      cluster.hub(0).send(clients.from.peer, "to", 1);
      await cluster.pass(killedMs);
      cluster.engine.kill();
      cluster.engine.start({ keeps: false });
      await cluster.pass(ms);
      const { link } = cluster.at(0);
      link.cut();
      link.heal();
      await cluster.pass(CALM_MS);
      check(clients, 1);
      assertEquals(cluster.at(0).node.unconfirmedBytes, 0);
    }
  }
});

/** An outbox, the outcomes of its messages, and a way to add one more. */
function newOutbox(): {
  readonly outbox: Outbox;
  readonly outcomes: string[];
  readonly add: () => Parcel;
} {
  const limits = { maxUnconfirmedBytes: 100_000, maxUnconfirmedBytesPerSender: 100_000 };
  const report = (): void => {};
  const parts = {
    ...limits,
    maxItemBytes: 100_000,
    process: "own",
    report,
    seal: sealOf(undefined),
  };
  const outbox = new Outbox(parts, () => {});
  outbox.enter("first");
  const outcomes: string[] = [];
  const to = { realm: "test", id: "to", room: undefined, fence: undefined, dialect: "test" };
  const add = (): Parcel => {
    const message = { ...to, from: "from", payload: 1 };
    const parcel = outbox.add(message, false, 0, (outcome) => {
      outcomes.push(`${parcel?.number} ${outcome}`);
    });
    if (parcel === undefined) throw new Error("The outbox is full");
    return parcel;
  };
  return { outbox, outcomes, add };
}

Deno.test("a confirmation holds for the inbox that it comes from", () => {
  const { outbox, outcomes, add } = newOutbox();
  outbox.placed("p.1", add());
  outbox.enter("second");
  outbox.placed("p.1", add());
  outbox.confirmed("p.1", 2);
  assertEquals(outcomes, []);
  // The first one was lost, and the second one has arrived.
  assertEquals(outbox.told("p.1", 0), []);
  assertEquals(outcomes, ["1 gone"]);
});

Deno.test("messages of an inbox that is gone are sent again, but for those that arrived", () => {
  const { outbox, outcomes, add } = newOutbox();
  for (let n = 0; n < 4; n++) outbox.placed("p.1", add());
  assertEquals(outbox.told("p.1", 0), []);
  const again = outbox.told("p.2", 2).map(({ number }) => number);
  assertEquals([again, outcomes], [[3, 4], []]);
  outbox.confirmed("p.2", 4);
  assertEquals(outbox.bytes, 0);
});

Deno.test("a message of an inbox that is gone comes back if a newer one was sent meanwhile", () => {
  const { outbox, outcomes, add } = newOutbox();
  for (let n = 0; n < 2; n++) outbox.placed("p.1", add());
  outbox.enter("second");
  outbox.placed("p.1", add());
  assertEquals(outbox.told("p.1", 1), []);
  assertEquals(outcomes, ["2 gone"]);
  outbox.confirmed("p.1", 3);
  assertEquals([outcomes, outbox.bytes], [["2 gone"], 0]);
});

Deno.test("nobody knows whether a message arrived that has outlived two inboxes", () => {
  const { outbox, outcomes, add } = newOutbox();
  for (const epoch of ["first", "second", "third"]) {
    outbox.enter(epoch);
    outbox.placed("p.1", add());
  }
  assertEquals(outbox.told("p.1", 2), []);
  assertEquals(outcomes, ["1 gone"]);
});

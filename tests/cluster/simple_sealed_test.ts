import { assert, assertEquals, assertThrows } from "@std/assert";
import { sealOf } from "../../src/cluster/seal.ts";
import { messageName, packPrivate, unpackAny } from "../../src/cluster/texts.ts";
import { overhear } from "../helpers/cluster/overhear.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { SimpleStage } from "../helpers/cluster/simple_stage.ts";
import { stageOver } from "../helpers/cluster/stages.ts";

// The parts of Simple on two nodes send each other secrets, queues and frames, which
// `--cluster-secret` seals in the engine.

const SECRET = "a secret of all nodes, and of nobody else";

interface Tapped extends AsyncDisposable {
  readonly cluster: MemoryCluster;
  readonly stage: SimpleStage;
  /** The given words that the engine could read since the last call. */
  read(...words: string[]): string[];
}

async function tap(secret: string | undefined): Promise<Tapped> {
  const options = secret === undefined ? {} : { secret };
  const cluster = await MemoryCluster.form({ delayMs: 2, ...options });
  const stage = await SimpleStage.open(() => Promise.resolve(stageOver(cluster)));
  const texts = overhear(cluster);
  return {
    cluster,
    stage,
    read(...words): string[] {
      const seen = texts.splice(0);
      return words.filter((word) => seen.some((text) => text.includes(word)));
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

for (const secret of [undefined, SECRET]) {
  const words = secret === undefined ? "in clear without a secret" : "sealed with a secret";

  Deno.test(`a peer that moves is in the engine ${words}`, async () => {
    await using tapped = await tap(secret);
    const { cluster, stage } = tapped;
    const fred = await stage.enter(0);
    const barney = await stage.enter(1);
    await fred.next(1);
    await barney.client.lose();
    const data = "queued-for-barney";
    fred.say({ event: "signal", peer_id: barney.id, type: "data", data, ref: 1 });
    assertEquals((await fred.next(1))[0]?.["queued"], 1);
    // The signal itself has gone its way.
    await cluster.pass(500);
    tapped.read();
    const back = await stage.connect(0);
    const { ready } = await back.join({ ...barney.credentials, seq: 0 });
    assertEquals([ready["recovered"], (await back.next(1))[0]?.["data"]], [true, data]);
    const { p_secret } = barney.credentials;
    assertEquals(tapped.read(p_secret, data), secret === undefined ? [p_secret, data] : []);
    const moved = stage.benches[1].open.counters?.find(({ labels }) =>
      labels?.["outcome"] === "moved"
    );
    // The new node confirms a move when it can.
    await cluster.pass(1_000);
    assertEquals(moved?.read(), 1);
  });

  Deno.test(`frames of a carried connection are in the engine ${words}`, async () => {
    await using tapped = await tap(secret);
    const { stage } = tapped;
    const { credentials: { p_id, p_secret } } = await stage.enter(1);
    tapped.read();
    const carried = await stage.enter(0, { p_id, p_secret });
    carried.say({ event: "ping", ref: "a-private-ref" });
    assertEquals(await carried.next(1), [{ event: "pong", ref: "a-private-ref" }]);
    const seen = [p_secret, carried.credentials.p_secret, "a-private-ref"];
    assertEquals(tapped.read(...seen), secret === undefined ? seen : []);
  });

  Deno.test(`the secret of a stream that has left is in the engine ${words}`, async () => {
    await using tapped = await tap(secret);
    const { cluster, stage } = tapped;
    const stream = stage.stream(0, "?room=r");
    await stream.heard(2);
    const [, text = ""] = /^data: (.*"p_secret".*)$/m.exec(stream.client.sent.join("\n")) ?? [];
    const { p_secret, p_instance } = JSON.parse(text);
    const [, handshake = ""] = /^data: (.*"p_id".*)$/m.exec(stream.client.sent.join("\n")) ?? [];
    const { p_id } = JSON.parse(handshake);
    tapped.read();
    const [status] = await stage.post(0, { event: "leave", p_id, p_secret, p_instance });
    assertEquals(status, 200);
    await cluster.pass(50);
    assertEquals(tapped.read(p_secret), secret === undefined ? [p_secret] : []);
    // The other node knows that it has left.
    const position = stream.lastId;
    const late = stage.stream(1, "?room=r", position);
    await stage.stage.until("the end of the stream", () => !late.client.isOpen);
  });
}

Deno.test("a private body is read in its own place and with its own secret only", () => {
  const [seal, other] = [sealOf(SECRET), sealOf(`${SECRET}.`)];
  const name = messageName("simple", "a");
  const text = packPrivate(seal, name, ["simple", { op: "ö" }]);
  assertEquals(unpackAny(seal, name, text), ["simple", { op: "ö" }]);
  assertThrows(() => unpackAny(other, name, text), RangeError);
  assertThrows(() => unpackAny(seal, messageName("simple", "b"), text), RangeError);
  for (let length = 100; length < 140; length++) {
    const fitting = "x".repeat(seal.capacityOf(length));
    assert(seal.close(name, fitting).length <= length, `${length}`);
  }
});

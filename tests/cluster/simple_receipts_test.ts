import { assertEquals } from "@std/assert";
import { enterCouple, type NodeClient } from "../helpers/cluster/simple_stage.ts";
import type { ClusterNode } from "../../src/cluster/node.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

// Receipts of signals between nodes: each signal that asks for one has one outcome, whatever is lost.

function dataTo({ id }: NodeClient, data: unknown, more: SimpleFrame = {}): SimpleFrame {
  return { event: "signal", peer_id: id, type: "data", data, ...more };
}

function words(frames: readonly SimpleFrame[]): unknown[] {
  return frames.map(({ event, ref, code }) => [event, ref, code].filter((word) => word).join(" "));
}

type Send = ClusterNode["send"];

/** Puts something else in the place of the receipts that a node sends. */
function replaceReceipts(
  { node }: { readonly node: ClusterNode },
  replace: (send: Send, ...sending: Parameters<Send>) => void,
): void {
  const send = node.send.bind(node);
  node.send = (...sending) => {
    const [{ payload }] = sending;
    const isReceipt = typeof payload === "object" && payload !== null && "outcome" in payload;
    if (isReceipt) replace(send, ...sending);
    else send(...sending);
  };
}

Deno.test("Simple: a receipt that finds no way is sent again", async () => {
  await using journey = await enterCouple(2);
  const { cluster, fred, barney } = journey;
  let refusals = 0;
  replaceReceipts(cluster.at(1), (send, message, isConfirmed, answer) => {
    if (refusals++ < 2) answer("unavailable");
    else send(message, isConfirmed, answer);
  });
  fred.say(dataTo(barney, 1, { ref: 1 }));
  assertEquals(words(await fred.next(1)), ["ok 1"]);
  await cluster.pass(3_000);
  assertEquals(fred.take(), []);
});

Deno.test("Simple: a receipt outlives its receiver", async () => {
  await using journey = await enterCouple(2);
  const { cluster, fred, barney, stage } = journey;
  let refusals = 0;
  replaceReceipts(cluster.at(1), (send, message, isConfirmed, answer) => {
    if (refusals++ === 0) answer("unavailable");
    else send(message, isConfirmed, answer);
  });
  fred.say(dataTo(barney, 1, { ref: 1 }));
  await barney.next(1);
  // The peer goes on to the other node before that.
  const back = await stage.connect(0);
  await back.join({ ...barney.credentials, seq: 1 });
  assertEquals(words(await fred.next(1)), ["ok 1"]);
});

Deno.test("Simple: a signal whose receipt is lost is refused in the end", async () => {
  await using journey = await enterCouple(2);
  const { cluster, fred, barney } = journey;
  replaceReceipts(cluster.at(1), () => {});
  fred.say(dataTo(barney, 1, { ref: 1 }));
  await barney.next(1);
  for (let s = 0; s < 62; s++) await cluster.pass(1_000);
  assertEquals(words(fred.take()), ["error 1 unavailable"]);
});

Deno.test("Simple: a signal without a receipt is refused when its receiver leaves", async () => {
  await using journey = await enterCouple(2);
  const { cluster, fred, barney } = journey;
  replaceReceipts(cluster.at(1), () => {});
  fred.say(dataTo(barney, 1, { ref: 1 }));
  await barney.next(1);
  await barney.client.leave();
  assertEquals(words(await fred.next(2)), ["error 1 unknown_peer", "leave"]);
});

Deno.test("Simple: a receipt for an earlier home of its peer takes no other's place", async () => {
  await using journey = await enterCouple(2);
  const { cluster, stage, fred, barney } = journey;
  const late: (() => void)[] = [];
  replaceReceipts(cluster.at(1), (...sending) => {
    const [send, ...message] = sending;
    if (late.length === 0) late.push(() => send(...message));
    else send(...message);
  });
  const wilma = await stage.enter(1);
  await fred.next(1);
  await barney.next(1);
  fred.say(dataTo(barney, 1, { ref: 1 }));
  await barney.next(1);
  // Fred goes to the other node and back, so that both are far from each other again.
  const away = await stage.connect(1);
  await away.join({ ...fred.credentials, seq: 0 });
  const back = await stage.connect(0);
  await back.join({ ...fred.credentials, seq: 0 });
  const posted = stage.post(0, { ...fred.credentials, ...dataTo(wilma, "posted", { ref: 2 }) });
  for (const send of late) send();
  const [status, answer] = await posted;
  assertEquals([status, answer["event"], answer["ref"]], [200, "ok", 2]);
});

Deno.test("Simple: a peer stays with the request that waits for a receipt of its signal", async () => {
  await using journey = await enterCouple(2);
  const { cluster, stage, fred, barney } = journey;
  const late: (() => void)[] = [];
  replaceReceipts(cluster.at(1), (...sending) => {
    const [send, ...message] = sending;
    late.push(() => send(...message));
  });
  const answers: unknown[] = [];
  void stage.posting(0, { ...fred.credentials, ...dataTo(barney, "posted") })
    .then(([status]) => answers.push(status));
  await barney.next(1);
  const back = await stage.connect(1);
  await back.join({ ...fred.credentials, seq: 0 });
  for (const send of late.splice(0)) send();
  await cluster.pass(100);
  assertEquals(answers, [200]);
  // The client is carried.
  back.say({ event: "ping", ref: 1 });
  assertEquals(words(await back.next(1)), ["pong 1"]);
});

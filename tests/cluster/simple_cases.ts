import { assert, assertEquals } from "@std/assert";
import type { OpenStage } from "../helpers/cluster/stages.ts";
import { type NodeClient, SimpleStage } from "../helpers/cluster/simple_stage.ts";
import type { ClientTest } from "../helpers/process/clients.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";

function dataTo({ id }: NodeClient, data: unknown, more: SimpleFrame = {}): SimpleFrame {
  return { event: "signal", peer_id: id, type: "data", data, ...more };
}

/** The words of frames, short. */
function words(frames: readonly SimpleFrame[]): unknown[] {
  return frames.map(({ event, seq, data, delivered, queued, code }) =>
    [event, seq, data, delivered, queued, code].filter((part) => part !== undefined).join(" ")
  );
}

function namesIn({ handshake }: { readonly handshake: SimpleFrame }): unknown[] {
  // As the handshake has it.
  return (handshake["peers"] as SimpleFrame[]).map(({ name }) => name);
}

/** Two peers on two nodes that have met. */
async function meet(stage: SimpleStage): Promise<[NodeClient, NodeClient]> {
  const fred = await stage.enter(0, { peer: { name: "Fred" } });
  const barney = await stage.enter(1, { peer: { name: "Barney" } });
  await fred.next(1);
  return [fred, barney];
}

/** The behaviour of Simple's peers, wherever they are. */
export const CASES: readonly (readonly [string, (open: OpenStage) => Promise<void>])[] = [
  ["members meet in one order, change and leave, each told once", async (open) => {
    await using stage = await SimpleStage.open(open);
    const fred = await stage.enter(0, { peer: { name: "Fred" } });
    const barney = await stage.connect(1);
    assertEquals(namesIn(await barney.join({ peer: { name: "Barney" } })), ["Fred"]);
    const wilma = await stage.connect(0);
    assertEquals(namesIn(await wilma.join({ peer: { name: "Wilma" } })), ["Fred", "Barney"]);
    assertEquals(words(await fred.next(2)), ["join", "join"]);
    assertEquals(words(await barney.next(1)), ["join"]);
    barney.say({ event: "change", peer: { mood: "good" }, ref: 1 });
    assertEquals(words(await barney.next(1)), ["ok"]);
    for (const client of [fred, wilma]) {
      const [change] = await client.next(1);
      assertEquals([change?.["event"], change?.["peer"]], ["change", { mood: "good" }]);
    }
    barney.say({ event: "leave" });
    for (const client of [fred, wilma]) {
      const [leave] = await client.next(1);
      assertEquals([leave?.["event"], leave?.["reason"]], ["leave", "left"]);
    }
    assertEquals(await barney.closed(), [1000, ""]);
  }],
  ["signals arrive once, numbered and in order, and their receipts come back", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [fred, barney] = await meet(stage);
    for (let n = 1; n <= 5; n++) fred.say(dataTo(barney, n, { ref: n }));
    assertEquals(words(await barney.next(5)), [1, 2, 3, 4, 5].map((n) => `signal ${n} ${n}`));
    const receipts = await fred.next(5);
    assertEquals(words(receipts), Array.from({ length: 5 }, () => "ok 1 0"));
    assertEquals(receipts.map(({ ref }) => ref), [1, 2, 3, 4, 5]);
    await barney.client.lose();
    fred.say(dataTo(barney, 6, { ref: 6 }));
    // The loss may be noticed after the signal.
    const [receipt] = await fred.next(1);
    assertEquals(Number(receipt?.["delivered"]) + Number(receipt?.["queued"]), 1);
  }],
  ["signals that nobody takes are refused in the same words", async (open) => {
    await using stage = await SimpleStage.open(open, { maxKeptSignals: 1 });
    const [fred, barney] = await meet(stage);
    fred.say(dataTo(barney, 0, { peer_instance: 3, ref: "a" }));
    const [refusal] = await fred.next(1);
    assertEquals([refusal?.["code"], refusal?.["ref"]], ["unknown_instance", "a"]);
    fred.say({ ...dataTo(barney, 0), peer_id: "nobody", ref: "b" });
    assertEquals((await fred.next(1))[0]?.["code"], "unknown_peer");
    await barney.client.lose();
    fred.say(dataTo(barney, 1), dataTo(barney, 2), dataTo(barney, 3));
    const refusals = await fred.next(1);
    assertEquals(refusals[0]?.["code"], "queue_full");
    assertEquals(fred.client.refusals.at(-1), "queue_full");
  }],
  ["a lost instance is taken back on another node, with all it missed", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [fred, barney] = await meet(stage);
    fred.say(dataTo(barney, 1, { ref: 1 }), dataTo(barney, 2, { ref: 2 }));
    await barney.next(2);
    await fred.next(2);
    await barney.client.lose();
    fred.say(dataTo(barney, 3, { ref: 3 }));
    assertEquals(words(await fred.next(1)), ["ok 0 1"]);
    const back = await stage.connect(0);
    const { handshake, ready } = await back.join({ ...barney.credentials, seq: 1 });
    assertEquals([handshake["p_id"], namesIn({ handshake })], [barney.id, ["Fred"]]);
    assertEquals([ready["recovered"], ready["seq"]], [true, 1]);
    assertEquals(back.credentials, barney.credentials);
    assertEquals(words(await back.next(2)), ["signal 2 2", "signal 3 3"]);
    fred.say(dataTo(barney, 4, { ref: 4 }));
    assertEquals(words(await back.next(1)), ["signal 4 4"]);
    // The others have heard nothing of it.
    assertEquals(words(await fred.next(1)), ["ok 1 0"]);
    back.say(dataTo(fred, "hello"));
    assertEquals(words(await fred.next(1)), ["signal 1 hello"]);
  }],
  [
    "an instance that seems connected is taken back, and its old connection closed",
    async (open) => {
      await using stage = await SimpleStage.open(open);
      const [fred, barney] = await meet(stage);
      const back = await stage.connect(0);
      const { ready } = await back.join({ ...barney.credentials, seq: 0 });
      assertEquals([ready["recovered"], ready["seq"]], [true, 0]);
      assertEquals(await barney.closed(), [4001, "taken back elsewhere"]);
      fred.say(dataTo(barney, 1, { ref: 1 }));
      assertEquals(words(await back.next(1)), ["signal 1 1"]);
      assertEquals(words(await fred.next(1)), ["ok 1 0"]);
      const again = await stage.connect(1);
      assertEquals((await again.join({ ...barney.credentials, seq: 1 })).ready["recovered"], true);
      assertEquals(await back.closed(), [4001, "taken back elsewhere"]);
      fred.say(dataTo(barney, 2));
      assertEquals(words(await again.next(1)), ["signal 2 2"]);
    },
  ],
  ["a peer has connections on both nodes", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [fred, barney] = await meet(stage);
    const { p_id, p_secret } = barney.credentials;
    const second = await stage.connect(0);
    const { ready } = await second.join({ p_id, p_secret, peer: { mood: "good" }, sdp: "v=0" });
    assertEquals(ready["p_instance"], 1);
    const [join] = await fred.next(1);
    // As the protocol has it.
    const peer = join?.["peer"] as SimpleFrame;
    assertEquals([peer["name"], peer["mood"]], ["Barney", "good"]);
    assertEquals(peer["peer_instances"], [{ sdp: "" }, { sdp: "v=0" }]);
    fred.say(dataTo(barney, "both", { ref: 1 }));
    assertEquals(words(await fred.next(1)), ["ok 2 0"]);
    assertEquals(words(await barney.next(1)), ["signal 1 both"]);
    assertEquals(words(await second.next(1)), ["signal 1 both"]);
    second.say(dataTo(barney, "sibling", { peer_instance: 0, ref: 2 }));
    assertEquals(words(await barney.next(1)), ["signal 2 sibling"]);
    assertEquals(words(await second.next(1)), ["ok 1 0"]);
    second.say({ event: "nonsense", ref: 3 }, { event: "ping", ref: 4 });
    assertEquals(words(await second.next(2)), ["error bad_frame", "pong"]);
    await second.client.leave();
    const [leave] = await fred.next(1);
    assertEquals([leave?.["event"], leave?.["peer_instance"], leave?.["reason"]], [
      "leave",
      1,
      "left",
    ]);
  }],
  ["a frame may be posted to any node", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [fred, barney] = await meet(stage);
    const signal = { ...dataTo(fred, "posted"), ...barney.credentials };
    for (const at of [0, 1] as const) {
      const [status, answer] = await stage.post(at, { ...signal, ref: at });
      assertEquals([status, ...words([answer])], [200, "ok 1 0"]);
      assertEquals(words(await fred.next(1)), [`signal ${at + 1} posted`]);
    }
    assertEquals((await stage.post(0, { ...signal, peer_instance: 7 }))[0], 404);
    assertEquals((await stage.post(0, { ...signal, p_instance: 7 }))[0], 404);
    assertEquals((await stage.post(0, { ...signal, p_secret: "wrong" }))[0], 403);
    const [status] = await stage.post(0, { event: "leave", ...barney.credentials });
    assertEquals(status, 200);
    assertEquals((await fred.next(1))[0]?.["event"], "leave");
    assertEquals(await barney.closed(), [1000, ""]);
    assertEquals((await stage.post(0, { event: "ping", ...barney.credentials }))[0], 404);
  }],
  ["an event stream goes on at another node, and ends on all of them", async (open) => {
    await using stage = await SimpleStage.open(open);
    const fred = await stage.enter(0, { peer: { name: "Fred" } });
    const stream = stage.stream(1, "?room=r&name=Barney");
    await stream.heard(2);
    const [join] = await fred.next(1);
    const { peer_id } = join?.["peer"] as SimpleFrame; // as the protocol has it
    const signal = { event: "signal", peer_id, type: "data" };
    fred.say({ ...signal, data: 1, ref: 1 });
    assertEquals(await stream.heard(3), ["handshake", "ready", "signal"]);
    await fred.next(1);
    const id = stream.lastId;
    stream.client.cut();
    const again = stage.stream(0, "?room=r&name=Barney", id);
    assertEquals(await again.heard(2), ["handshake", "ready"]);
    assert(String(again.client.sent[1]).includes('"recovered":true,"seq":1'));
    fred.say({ ...signal, data: 2, ref: 2 });
    assertEquals((await again.heard(3)).at(-1), "signal");
    assertEquals(words(await fred.next(1)), ["ok 1 0"]);
    const [p_id, p_instance, , p_secret] = again.lastId.split(".");
    const me = { p_id, p_secret, p_instance: Number(p_instance) };
    assertEquals((await stage.post(1, { event: "leave", ...me }))[0], 200);
    assertEquals((await fred.next(1))[0]?.["event"], "leave");
    for (const at of [0, 1] as const) {
      const late = stage.stream(at, "?room=r&name=Barney", id);
      await stage.stage.until("the answer", () => !late.client.isOpen);
      assertEquals(late.client.sent, []);
    }
  }],
  ["an id that another protocol has taken is refused in the same words", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [fred, barney] = await meet(stage);
    barney.say({ event: "leave" });
    await barney.closed();
    await fred.next(1);
    const other = new FakeReceiver();
    const claim = claimOf(barney.id, other, { realm: "simple" });
    await stage.stage.during(stage.stage.hubs[1].claim(claim));
    const back = await stage.connect(0);
    back.say({ event: "join", room: "r", ...barney.credentials, ref: "x" });
    const [refusal] = await back.next(1);
    assertEquals([refusal?.["code"], refusal?.["ref"]], ["bad_secret", "x"]);
    assert(back.client.isOpen);
  }],
  ["two clients that fight for an instance are stopped", async (open) => {
    await using stage = await SimpleStage.open(open);
    const [, barney] = await meet(stage);
    for (let n = 0; n < 5; n++) {
      const back = await stage.connect(n % 2 as 0 | 1);
      await back.join({ ...barney.credentials });
    }
    const last = await stage.connect(1);
    last.say({ event: "join", room: "r", ...barney.credentials, ref: "x" });
    const [refusal] = await last.next(1);
    assertEquals([refusal?.["code"], refusal?.["ref"]], ["rate_limited", "x"]);
    assert(last.client.isOpen);
  }],
];

/** The cases over one kind of hubs. */
export function casesOver(
  name: string,
  open: OpenStage,
  register: (test: ClientTest) => void,
  needs: ClientTest["needs"] = [],
): void {
  for (const [what, check] of CASES) {
    register({ name: `Simple: ${what}, ${name}`, needs, fn: () => check(open) });
  }
}

import { assertEquals } from "@std/assert";
import { settle } from "../../helpers/session/hub.ts";
import {
  comeBack,
  enter,
  newRooms,
  SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";

const RESUME_MS = 30_000;

Deno.test("Simple: a lost instance stays listed, and others get no news until its time is up", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench, { sdp: "v=0" });
  fred.heard();
  await barney.lose();
  bench.clock.advance(RESUME_MS - 1_000);
  const late = await SimpleClient.connect(bench);
  const { handshake } = await late.join({ room: "r" });
  assertEquals((handshake["peers"] as SimpleFrame[]).map(({ peer_id }) => peer_id), [
    fred.id,
    barney.id,
  ]);
  assertEquals(fred.heard().map(({ event }) => event), ["join"]);
  bench.clock.advance(1_250);
  await settle();
  assertEquals(fred.heard(), [{
    event: "leave",
    peer_id: barney.id,
    peer_instance: 0,
    peer_instances: [],
    reason: "lost",
  }]);
});

/** A reload of Caddy ends connections with 1001 on both sides, as a page does that is left. */
Deno.test("Simple: a client that goes away and comes back within 3 s has never left", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  fred.heard();
  await barney.goAway();
  assertEquals(await fred.ask({ ...dataTo(barney, 1), ref: 1 }), [
    { event: "ok", delivered: 0, queued: 1, ref: 1 },
  ]);
  bench.clock.advance(2_750);
  const { ready, rest } = await comeBack(bench, barney, { seq: 0 });
  assertEquals([ready["recovered"], rest.map(numbers)], [true, [[1, 1]]]);
  bench.clock.advance(RESUME_MS);
  assertEquals(fred.heard(), []);
});

Deno.test("Simple: a client that goes away has left after 3 s, before one that was lost earlier", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const [lost, away] = [await enter(bench), await enter(bench)];
  fred.heard();
  await lost.lose();
  bench.clock.advance(1_000);
  await away.goAway();
  bench.clock.advance(2_750);
  assertEquals(fred.heard(), []);
  bench.clock.advance(250);
  await settle();
  assertEquals(fred.heard().map(({ peer_id, reason }) => [peer_id, reason]), [[away.id, "left"]]);
  bench.clock.advance(RESUME_MS);
  await settle();
  assertEquals(fred.heard().map(({ peer_id, reason }) => [peer_id, reason]), [[lost.id, "lost"]]);
});

Deno.test("Simple: leave_hold_ms and resume_ms bound the time of a client that goes away", async () => {
  for (const options of [{ leaveHoldMs: 0 }, { resumeMs: 0 }]) {
    using bench = newRooms({ options });
    const fred = await enter(bench);
    const barney = await enter(bench);
    fred.heard();
    await barney.goAway();
    assertEquals(fred.heard().map(({ reason }) => reason), ["left"]);
  }
});

Deno.test("Simple: with resume_ms 0 a lost instance is gone at once", async () => {
  using bench = newRooms({ options: { resumeMs: 0 } });
  const fred = await enter(bench);
  const barney = await enter(bench);
  fred.heard();
  await barney.lose();
  assertEquals(fred.heard().map(({ reason }) => reason), ["lost"]);
});

Deno.test("Simple: a signal to a lost instance is queued and comes after ready", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  await fred.say(dataTo(barney, 1), dataTo(barney, 2));
  await barney.lose();
  fred.heard();
  assertEquals(await fred.ask({ ...dataTo(barney, 3), ref: 8 }), [
    { event: "ok", delivered: 0, queued: 1, ref: 8 },
  ]);
  const { ready, rest, client } = await comeBack(bench, barney, { seq: 2 });
  assertEquals([ready["recovered"], ready["seq"]], [true, 2]);
  assertEquals(client.credentials, barney.credentials);
  assertEquals(rest.map(numbers), [[3, 3]]);
  await fred.say(dataTo(barney, 4));
  assertEquals(client.heard().map(numbers), [[4, 4]]);
  assertEquals(fred.heard(), []);
});

Deno.test("Simple: a client that comes back gets no news of those that left meanwhile, and its count continues", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  const known = await enter(bench);
  await barney.lose();
  const passing = await enter(bench);
  await known.say(dataTo(barney, 1));
  await passing.say(dataTo(barney, 2));
  await fred.say(dataTo(barney, 3));
  await known.leave();
  await passing.leave();
  const { handshake, ready, rest, client } = await comeBack(bench, barney, { seq: 0 });
  const here = (handshake["peers"] as SimpleFrame[]).map(({ peer_id }) => peer_id);
  assertEquals([here, ready["recovered"], rest.map(numbers)], [[fred.id], true, [[3, 3]]]);
  // The same holds of one that left while what it said was on its way.
  await fred.say(dataTo(barney, 4));
  await fred.leave();
  const again = await comeBack(bench, client, { seq: 3 });
  assertEquals([again.handshake["peers"], again.rest], [[], []]);
});

Deno.test("Simple: seq decides what is sent again", async () => {
  const cases: [seq: number | undefined, recovered: boolean, from: number, sent: number[]][] = [
    [4, true, 4, []],
    [3, true, 3, [4]],
    [0, true, 0, [1, 2, 3, 4]],
    [5, false, 2, [3, 4]],
    [undefined, false, 2, [3, 4]],
  ];
  for (const [seq, recovered, from, sent] of cases) {
    using bench = newRooms();
    const fred = await enter(bench);
    const barney = await enter(bench);
    await fred.say(dataTo(barney, 1), dataTo(barney, 2));
    await barney.lose();
    await fred.say(dataTo(barney, 3), dataTo(barney, 4));
    const { ready, rest } = await comeBack(bench, barney, seq === undefined ? {} : { seq });
    assertEquals([ready["recovered"], ready["seq"]], [recovered, from], `seq ${seq}`);
    assertEquals(rest.map(({ seq }) => seq), sent);
  }
});

Deno.test("Simple: of signals that are no longer kept the client learns that they are missing", async () => {
  using bench = newRooms({ options: { maxKeptSignals: 3 } });
  const fred = await enter(bench);
  const barney = await enter(bench);
  for (const n of [1, 2, 3, 4, 5]) await fred.say(dataTo(barney, n));
  await barney.lose();
  const { ready, rest } = await comeBack(bench, barney, { seq: 1 });
  assertEquals([ready["recovered"], ready["seq"]], [false, 2]);
  assertEquals(rest.map(numbers), [[3, 3], [4, 4], [5, 5]]);
});

Deno.test("Simple: an instance that seems connected is taken back, the old connection gets 4001", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench, { sdp: "v=0", peer: { name: "B" } });
  fred.heard();
  await fred.say(dataTo(barney, 1));
  const { client, rest } = await comeBack(bench, barney, { seq: 0 });
  assertEquals(barney.client.closing?.[0], 4001);
  assertEquals(rest.map(numbers), [[1, 1]]);
  await barney.lose();
  assertEquals([fred.heard(), client.client.isOpen], [[], true]);
  // Neither the old connection's end nor time does anything to the instance any more.
  bench.clock.advance(2 * RESUME_MS);
  assertEquals(fred.heard(), []);
});

Deno.test("Simple: a field that a taken back instance repeats is no change, a new one is", async () => {
  const ice = [{ candidate: "a" }, { candidate: "b" }];
  const cases: [again: SimpleFrame, told: SimpleFrame | undefined][] = [
    [{}, undefined],
    [{ peer: { name: "B", none: null } }, undefined],
    [{ sdp: "v=0", peer_ice: ice }, undefined],
    [{ peer_ice: [ice[1]] }, undefined],
    [{ peer: { name: "C", age: null, tags: [1] } }, { peer: { name: "C", age: null } }],
    [{ peer_ice: [ice[1], { candidate: "c" }] }, { peer_ice: [{ candidate: "c" }] }],
    [{ sdp: "v=0" }, { sdp: "v=0" }],
    [{ sdp: "v=1", peer_ice: ice }, { sdp: "v=1", peer_ice: ice }],
    [{ sdp: "" }, { sdp: "" }],
  ];
  for (const [again, told] of cases) {
    using bench = newRooms();
    const fred = await enter(bench);
    const peer = { name: "B", age: 3, tags: [1] };
    const barney = await enter(bench, { peer, sdp: "v=0", peer_ice: ice });
    await barney.lose();
    fred.heard();
    await comeBack(bench, barney, again);
    const from = { event: "change", peer_id: barney.id, peer_instance: 0 };
    assertEquals(fred.heard(), told === undefined ? [] : [{ ...from, ...told }]);
  }
});

Deno.test("Simple: a number that has gone to another instance is not taken back", async () => {
  using bench = newRooms();
  const one = await enter(bench);
  const two = await enter(bench, pick(one));
  await two.leave();
  const three = await enter(bench, pick(one));
  assertEquals(three.credentials.p_instance, 1);
  const { ready, client } = await comeBack(bench, two, { seq: 0 });
  assertEquals([ready["p_instance"], ready["recovered"], ready["seq"]], [2, false, 0]);
  assertEquals([three.client.isOpen, client.id], [true, one.id]);
});

Deno.test("Simple: the sixth take-back of an instance within 10 s is refused", async () => {
  using bench = newRooms();
  const first = await enter(bench);
  for (let time = 0; time < 5; time++) {
    await comeBack(bench, first);
    bench.clock.advance(1_000);
  }
  const sixth = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "r", ...first.credentials };
  const [error] = await sixth.ask(frame);
  assertEquals([error?.["code"], error?.["retry_ms"]], ["rate_limited", 5_000]);
  bench.clock.advance(5_000);
  await sixth.join({ ...first.credentials });
});

Deno.test("Simple: a queue that is full refuses the newest for everybody, and loses nothing", async () => {
  using bench = newRooms({ options: { maxKeptSignals: 2 } });
  const fred = await enter(bench);
  const barney = await enter(bench);
  const second = await enter(bench, pick(barney));
  await barney.lose();
  await fred.say(dataTo(barney, 1), dataTo(barney, 2));
  second.heard();
  fred.heard();
  assertEquals(await fred.refusal(dataTo(barney, 3)), "queue_full");
  assertEquals(second.heard(), []);
  assertEquals((await comeBack(bench, barney, { seq: 0 })).rest.map(numbers), [[1, 1], [2, 2]]);
  assertEquals((await fred.ask({ ...dataTo(barney, 4), ref: 1 }))[0]?.["delivered"], 2);
});

Deno.test("Simple: bytes fill a queue too, of one instance and of all together", async () => {
  for (const name of ["maxKeptBytes", "maxKeptBytesTotal"]) {
    using bench = newRooms({ options: { [name]: 1_000 } });
    const fred = await enter(bench);
    const barney = await enter(bench);
    await barney.lose();
    fred.heard();
    assertEquals(await fred.ask({ ...dataTo(barney, "x".repeat(800)), ref: 1 }), [
      { event: "ok", delivered: 0, queued: 1, ref: 1 },
    ]);
    assertEquals(await fred.refusal(dataTo(barney, "x".repeat(100))), "queue_full");
    assertEquals(bench.gauge("kept_signal_bytes") > 800, true);
    bench.clock.advance(31_000);
    assertEquals(bench.gauge("kept_signal_bytes"), 0);
  }
});

Deno.test("Simple: everything that a room kept is given back", async () => {
  using bench = newRooms();
  const clients = [await enter(bench), await enter(bench), await enter(bench)];
  const [one, two, three] = clients;
  if (one === undefined || two === undefined || three === undefined) throw new Error();
  await two.lose();
  await one.say(dataTo(two, 1), dataTo(three, 1));
  await one.leave();
  await three.lose();
  bench.clock.advance(31_000);
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
  for (const { name, read } of bench.gauges) {
    assertEquals([name, read()], [
      name,
      0,
    ]);
  }
});

Deno.test("Simple: two connections that ask for an absent id at once become its instances", async () => {
  const answers = [true, true].map(() => Promise.withResolvers<boolean>());
  let asked = 0;
  using bench = newRooms({
    reserve: () => answers[asked++ - 1]?.promise ?? Promise.resolve(true),
  });
  const fred = await enter(bench);
  await fred.leave();
  const [one, two] = [await SimpleClient.connect(bench), await SimpleClient.connect(bench)];
  const frame = { event: "join", room: "r", ...pick(fred) };
  await one.say(frame);
  await two.say(frame);
  for (const { resolve } of answers) resolve(true);
  await two.say();
  const numbers = [one, two].map((client) => client.read(client.heard()).ready["p_instance"]);
  assertEquals(numbers, [0, 1]);
});

function dataTo({ id }: SimpleClient, data: unknown): SimpleFrame {
  return { event: "signal", peer_id: id, type: "data", data };
}

function numbers({ seq, data }: SimpleFrame): unknown[] {
  return [seq, data];
}

function pick({ credentials: { p_id, p_secret } }: SimpleClient): SimpleFrame {
  return { p_id, p_secret };
}

Deno.test("Simple: remains of ordinary load refuse no signal to a lost instance", async () => {
  using bench = newRooms({ options: { maxKeptBytesTotal: 5_000 } });
  const fred = await enter(bench);
  const barney = await enter(bench);
  const wilma = await enter(bench);
  const to = (peer: SimpleClient): SimpleFrame => ({
    event: "signal",
    peer_id: peer.id,
    type: "data",
    data: "x".repeat(500),
  });
  for (let said = 0; said < 20; said++) await fred.say(to(barney));
  await wilma.lose();
  fred.heard();
  assertEquals(await fred.ask({ ...to(wilma), ref: 1 }), [
    { event: "ok", delivered: 0, queued: 1, ref: 1 },
  ]);
});

Deno.test("Simple: signals to a connected instance are kept for keepMs, and then no longer", async () => {
  using bench = newRooms({ options: { keepMs: 5_000 } });
  const fred = await enter(bench);
  const barney = await enter(bench);
  await fred.say({ event: "signal", peer_id: barney.id, type: "data", data: 1 });
  bench.clock.advance(5_000);
  assertEquals(bench.gauge("kept_signal_bytes") > 0, true);
  bench.clock.advance(5_000);
  assertEquals(bench.gauge("kept_signal_bytes"), 0);
});

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { connect, settle, type TestClient } from "../../helpers/session/hub.ts";
import { newMemoryStore } from "../../helpers/store/store.ts";
import {
  comeBack,
  enter,
  newRooms,
  SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";
import { visitOf } from "../../helpers/session/visit.ts";

// A planned restart is to clients a network loss: nothing missing, nothing doubled (issue 5).

const RESUME_MS = 30_000;

function dataTo(client: SimpleClient, data: unknown): SimpleFrame {
  return { event: "signal", type: "data", peer_id: client.id, data };
}

function numbers({ seq, data }: SimpleFrame): unknown[] {
  return [seq, data];
}

function idsOf({ peers }: SimpleFrame): unknown[] {
  return (peers as SimpleFrame[]).map(({ peer_id }) => peer_id);
}

Deno.test("Simple: after a planned restart clients go on as after a network loss", async () => {
  using first = newRooms();
  const fred = await enter(first, { peer: { name: "Fred" }, sdp: "v=0 fred" });
  const barney = await enter(first, {
    peer: { name: "Barney" },
    sdp: "v=0",
    peer_ice: [{ candidate: "candidate:1", sdpMid: "0" }],
  });
  await fred.say(dataTo(barney, 1), dataTo(barney, 2));
  using second = await first.restart({ ageMs: 1_000 });
  const back = await comeBack(second, barney, { seq: 1 });
  assertEquals(back.client.credentials, barney.credentials);
  assertEquals([back.ready["recovered"], back.ready["seq"]], [true, 1]);
  assertEquals(back.rest.map(numbers), [[2, 2]]);
  assertEquals(back.handshake["peers"], [{
    name: "Fred",
    peer_id: fred.id,
    peer_instances: [{ sdp: "v=0 fred" }],
    peer_ice: [],
  }]);
  // Those who are not back yet are held, and what is said to them waits.
  assertEquals(await back.client.ask({ ...dataTo(fred, 3), ref: 1 }), [
    { event: "ok", delivered: 0, queued: 1, ref: 1 },
  ]);
  const fredAgain = await comeBack(second, fred, { seq: 0 });
  assertEquals(fredAgain.rest.map(numbers), [[1, 3]]);
  assertEquals(fredAgain.handshake["peers"], [{
    name: "Barney",
    peer_id: barney.id,
    peer_instances: [{ sdp: "v=0" }],
    peer_ice: [{ candidate: "candidate:1", sdpMid: "0", peer_instance: 0 }],
  }]);
  assertEquals(back.client.heard(), []);
});

Deno.test("Simple: signals queued for a lost instance survive, in whichever order the two come back", async () => {
  using first = newRooms();
  const fred = await enter(first);
  const barney = await enter(first);
  await barney.lose();
  await fred.say(dataTo(barney, 1), dataTo(barney, 2));
  using second = await first.restart();
  const { ready, rest } = await comeBack(second, barney);
  // Without a number everything since the loss is sent.
  assertEquals([ready["recovered"], ready["seq"]], [false, 0]);
  assertEquals(rest.map(numbers), [[1, 1], [2, 2]]);
  using third = await second.restart();
  const again = await comeBack(third, barney, { seq: 2 });
  assertEquals([again.ready["recovered"], again.rest], [true, []]);
});

Deno.test("Simple: restarts in a row do not count as a fight for an instance", async () => {
  using first = newRooms({ options: { maxTakeBacks: 1 } });
  const fred = await enter(first);
  using second = await first.restart();
  await comeBack(second, fred);
  using third = await second.restart();
  const { client } = await comeBack(third, fred);
  assertEquals(client.credentials, fred.credentials);
});

Deno.test("Simple: the queue's limit counts what was queued before the restart", async () => {
  using first = newRooms({ options: { maxKeptSignals: 2 } });
  const fred = await enter(first);
  const barney = await enter(first);
  await barney.lose();
  await fred.say(dataTo(barney, 1));
  using second = await first.restart();
  const { client } = await comeBack(second, fred);
  await client.say(dataTo(barney, 2));
  assertEquals(await client.refusal(dataTo(barney, 3)), "queue_full");
});

Deno.test("Simple: a client that does not come back is lost when the rest of its time is up", async () => {
  using first = newRooms();
  const fred = await enter(first);
  const barney = await enter(first);
  await barney.lose();
  first.clock.advance(10_000);
  using second = await first.restart({ ageMs: 5_000 });
  const { client } = await comeBack(second, fred);
  second.clock.advance(RESUME_MS - 15_250);
  assertEquals(client.heard(), []);
  second.clock.advance(500);
  assertEquals(client.heard(), [{
    event: "leave",
    peer_id: barney.id,
    peer_instance: 0,
    peer_instances: [],
    reason: "lost",
  }]);
});

Deno.test("Simple: a client that was held for too long is not there after the restart, nor is its description", async () => {
  using first = newRooms();
  const fred = await enter(first);
  const barney = await enter(first);
  await barney.say(dataTo(fred, "from Barney"));
  await barney.lose();
  first.clock.advance(20_000);
  using second = await first.restart({ ageMs: 10_000 });
  const { handshake, ready, rest } = await comeBack(second, fred, { seq: 0 });
  assertEquals([handshake["peers"], ready["recovered"], rest], [[], true, []]);
  // Its id is its own all the same.
  const again = await comeBack(second, barney);
  assertEquals(again.client.id, barney.id);
  assertEquals(again.ready["recovered"], false);
});

Deno.test("Simple: instances of one peer keep their numbers, secrets and gaps", async () => {
  using first = newRooms();
  const [zero, one] = [await enter(first, { sdp: "zero" }), await SimpleClient.connect(first)];
  const { p_id, p_secret } = zero.credentials;
  await one.join({ p_id, p_secret, sdp: "one" });
  const fred = await enter(first);
  await zero.leave();
  using second = await first.restart();
  const back = await comeBack(second, one, { seq: 0 });
  assertEquals(back.client.credentials, one.credentials);
  const { handshake } = await comeBack(second, fred);
  assertEquals(
    (handshake["peers"] as SimpleFrame[]).map(({ peer_instances }) => peer_instances),
    [[{ sdp: "" }, { sdp: "one" }]],
  );
  // The next one gets the number that is free.
  const next = await SimpleClient.connect(second);
  assertEquals((await next.join({ p_id, p_secret })).ready["p_instance"], 0);
});

Deno.test("Simple: peers keep their order in the room", async () => {
  using first = newRooms();
  const clients: SimpleClient[] = [];
  for (let nth = 0; nth < 5; nth++) clients.push(await enter(first));
  const ids = clients.map(({ id }) => id);
  using second = await first.restart();
  const late = await SimpleClient.connect(second);
  assertEquals(idsOf((await late.join()).handshake), ids);
});

Deno.test("Simple: a client that leaves while the server ends is gone, and no time runs out meanwhile", async () => {
  using first = newRooms();
  const [fred, barney] = [await enter(first), await enter(first)];
  await barney.lose();
  first.clock.advance(RESUME_MS - 250);
  first.hub.silence();
  first.clock.advance(500);
  await fred.leave();
  using second = await first.restart();
  const late = await SimpleClient.connect(second);
  // Barney's time is up by now.
  assertEquals((await late.join()).handshake["peers"], []);
});

Deno.test("Simple: sealed peers that are invalid, or too many by now, are left out", async () => {
  using first = newRooms();
  const fred = await enter(first);
  await enter(first, { peer: { a: 1, b: 2, c: 3 } });
  using second = await first.restart({
    options: { maxFields: 2 },
    change: ([item, other]) => {
      const { instances: [instance], ...peer } = item as { instances: [object] };
      return [
        null,
        { ...peer, v: 2, instances: [instance] },
        { ...peer, instances: [{ ...instance, log: { lastSeq: 0, lostAfter: 1, signals: [] } }] },
        { ...peer, instances: [instance] },
        // The same once more: the id is in use.
        { ...peer, instances: [instance] },
        other,
      ];
    },
  });
  await settle();
  assertEquals(second.unreadable, 5);
  const { handshake, ready } = await comeBack(second, fred, { seq: 0 });
  assertEquals([handshake["peers"], ready["recovered"]], [[], true]);
  assertEquals(second.hub.peerCount, 1);
});

Deno.test("Simple: with another secret nobody can take what was sealed", async () => {
  using first = newRooms();
  await enter(first);
  using second = await first.restart({ options: { secret: "a secret of the operator" } });
  await settle();
  assertEquals(second.hub.peerCount, 0);
});

Deno.test("Simple: an id stays its client's after one rotation of the secret, not after two", async () => {
  await using kept = newMemoryStore();
  const store = kept.dialect("simple", () => false);
  using bench = newRooms({ store });
  assertEquals(bench.open.usesStoredSecret, true);
  const fred = await enter(bench);
  await fred.leave();
  await kept.rotateSecret("simple");
  const { client, ready } = await comeBack(bench, fred);
  assertEquals(client.id, fred.id);
  assertNotEquals(ready["p_secret"], fred.credentials.p_secret);
  await client.leave();
  await kept.rotateSecret("simple");
  await assertRejects(() => comeBack(bench, fred));
  assertEquals((await comeBack(bench, client)).client.id, fred.id);
});

Deno.test("Simple: a configured secret is not the store's to rotate", () => {
  using bench = newRooms({ options: { secret: "a secret of the operator" } });
  assertEquals(bench.open.usesStoredSecret, false);
});

Deno.test("Simple: an operator's description of a peer is kept for its id, over any restart", async () => {
  using first = newRooms();
  const fred = await enter(first, { peer: { name: "Fred" } });
  assertEquals(first.open.operations?.describe("r", fred.id, { role: "host" }), "described");
  // As after SIGKILL: nothing is sealed.
  using second = await first.restart({ change: () => [] });
  const { client, ready } = await comeBack(second, fred, { peer: { name: "Fred", role: "guest" } });
  assertEquals([client.id, ready["recovered"]], [fred.id, false]);
  const seen = async (): Promise<unknown> => {
    const late = await SimpleClient.connect(second);
    const { handshake } = await late.join();
    await late.leave();
    return (handshake["peers"] as SimpleFrame[]).map(({ name, role }) => [name, role]);
  };
  assertEquals(await seen(), [["Fred", "host"]]);
  assertEquals(second.open.operations?.describe("r", fred.id, null), "described");
  assertEquals(await seen(), [["Fred", "guest"]]);
  using third = await second.restart({ change: () => [] });
  await comeBack(third, fred, { peer: { role: "guest" } });
  assertEquals(third.store.rooms.description("r", fred.id), undefined);
});

/** An event stream that goes on where one with this id ended, or begins. */
function stream(bench: DialectBench, lastId?: string): Promise<TestClient> {
  const route = bench.routes.find((route) => route.kind === "stream");
  if (route?.kind !== "stream") throw new RangeError("Cannot connect: the dialect has no streams");
  const posting = { method: "GET", body: "", lastEventId: lastId } as const;
  const visit = visitOf("/simple?room=r");
  return connect((link) => route.connect(visit, link, posting), route.limits, bench.clock.now);
}

/** Names and ids of the events that a stream brought. */
function events(client: TestClient): [name: string, id: string, data: SimpleFrame][] {
  return client.heard().map((event) => {
    const [, name = "", id = "", data = ""] =
      /^event: (.*)\n(?:id: (.*)\n)?data: (.*)\n\n$/.exec(String(event)) ?? [];
    return [name, id, JSON.parse(data)];
  });
}

Deno.test("Simple: an event stream goes on after a planned restart, unless it had left", async () => {
  using first = newRooms();
  const fred = await enter(first);
  const [barney, wilma] = [await stream(first), await stream(first)];
  const [, [, lastId = ""] = []] = events(barney);
  const [[, , handshake] = [], [, wilmaLast, ready] = []] = events(wilma);
  const route = first.routes.find((route) => route.kind === "stream");
  assert(route?.kind === "stream");
  const [p_id, p_secret] = [handshake?.["p_id"], ready?.["p_secret"]];
  const leave = { event: "leave", p_id, p_secret, p_instance: 0 };
  const posting = { method: "POST", body: JSON.stringify(leave), lastEventId: undefined } as const;
  const posted = await route.post(visitOf("/simple"), posting);
  assertEquals("response" in posted && posted.response.status, 200);
  await settle();
  await fred.say({ event: "signal", type: "data", peer_id: lastId.split(".")[0], data: 1 });
  using second = await first.restart();
  const back = await stream(second, lastId);
  const [, [, , again = {}] = [], [name, , signal = {}] = []] = events(back);
  assertEquals([again["recovered"], name, signal["data"]], [true, "signal", 1]);
  const gone = await stream(second, wilmaLast);
  assertEquals([gone.isOpen, events(gone)], [false, []]);
  assertEquals(second.hub.peerCount, 2);
});

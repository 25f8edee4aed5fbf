import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { enter, newRooms, SimpleClient, type SimpleFrame } from "../../helpers/session/simple.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

Deno.test("Simple: a join is answered by the handshake as published, then by ready", async () => {
  using bench = newRooms();
  const fred = await SimpleClient.connect(bench);
  const { handshake, ready, rest } = await fred.join({ peer: { name: "Fred Flintstone" } });
  assertMatch(fred.id, UUID);
  assertEquals(handshake, { p_id: fred.id, room: "r", peers: [] });
  const { p_secret } = fred.credentials;
  assert(p_secret.length >= 32);
  assertEquals(ready, {
    event: "ready",
    p_instance: 0,
    p_secret,
    recovered: false,
    seq: 0,
    resume_ms: 30_000,
    max_bytes: 262_144,
    ice_servers: [],
  });
  assertEquals(rest, []);

  const barney = await SimpleClient.connect(bench);
  assertEquals((await barney.join({ peer: { name: "Barney" } })).handshake["peers"], [{
    name: "Fred Flintstone",
    peer_id: fred.id,
    peer_instances: [{ sdp: "" }],
    peer_ice: [],
  }]);
  assertEquals(fred.heard(), [{
    event: "join",
    peer: { name: "Barney", peer_id: barney.id, peer_instances: [{ sdp: "" }], peer_ice: [] },
    peer_instance: 0,
  }]);
});

Deno.test("Simple: peers are listed oldest first, and rooms do not see each other", async () => {
  using bench = newRooms();
  const first = await enter(bench);
  const second = await enter(bench);
  await enter(bench, { room: "R" });
  const third = await SimpleClient.connect(bench);
  const { handshake } = await third.join();
  assertEquals(idsIn(handshake), [first.id, second.id]);
});

Deno.test("Simple: a URL joins, with its other parameters as fields, the last of a name", async () => {
  using bench = newRooms();
  const watcher = await enter(bench);
  const fred = await SimpleClient.connect(bench, "?room=r&name=x&name=Fred%20F&token=t");
  const { handshake } = fred.read(fred.heard());
  assertEquals(idsIn(handshake), [watcher.id]);
  assertEquals(watcher.heard(), [{
    event: "join",
    peer: { name: "Fred F", peer_id: fred.id, peer_instances: [{ sdp: "" }], peer_ice: [] },
    peer_instance: 0,
  }]);
  assertEquals(await fred.refusal({ event: "join", room: "r" }), "already_joined");
});

Deno.test("Simple: a URL without a room joins nothing; secrets in it are refused", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench, "?name=x");
  assertEquals(client.heard(), []);
  await client.join();
  for (const name of ["p_id", "p_secret", "p_instance"]) {
    const other = await SimpleClient.connect(bench, `?room=r&${name}=0`);
    assertEquals(other.heard().map(({ code }) => code), ["bad_frame"]);
    await other.join();
  }
  const bad = await SimpleClient.connect(bench, "?room=r&peer_id=me");
  assertEquals(bad.heard().map(({ code }) => code), ["reserved_field"]);
  await bad.join();
});

Deno.test("Simple: a join publishes at once, candidates with their instance", async () => {
  using bench = newRooms();
  const ice = { candidate: "c", sdpMid: "0", usernameFragment: "u", peer_instance: 9 };
  const fred = await enter(bench, { sdp: "v=0", peer_ice: [ice, null] });
  const { handshake } = await (await SimpleClient.connect(bench)).join();
  assertEquals(handshake["peers"], [{
    peer_id: fred.id,
    peer_instances: [{ sdp: "v=0" }],
    peer_ice: [
      { candidate: "c", sdpMid: "0", usernameFragment: "u", peer_instance: 0 },
      { candidate: "", peer_instance: 0 },
    ],
  }]);
});

Deno.test("Simple: a change is announced as it was sent, and kept", async () => {
  using bench = newRooms();
  const fred = await enter(bench, { peer: { name: "Fred", age: 1 } });
  const barney = await enter(bench);
  fred.heard();
  const said: SimpleFrame[] = [
    { peer: { name: "F", age: null, list: [1, { a: null }] } },
    { sdp: "one", peer_ice: [{ candidate: "a" }] },
    { peer_ice: [{ candidate: "b", peer_instance: 4 }, null] },
    { sdp: "two" },
    { peer_ice: [{ candidate: "c" }] },
    { sdp: "" },
  ];
  for (const change of said) {
    assertEquals(await fred.ask({ event: "change", ...change, ref: 1 }), [{ event: "ok", ref: 1 }]);
  }
  const from = { event: "change", peer_id: fred.id, peer_instance: 0 };
  const told = said.map((change) => ({ ...from, ...change }));
  assertEquals(barney.heard(), [
    ...told.slice(0, 2),
    { ...from, peer_ice: [{ candidate: "b" }, { candidate: "" }] },
    ...told.slice(3),
  ]);
  const { handshake } = await (await SimpleClient.connect(bench)).join();
  assertEquals((handshake["peers"] as SimpleFrame[])[0], {
    name: "F",
    list: [1, { a: null }],
    peer_id: fred.id,
    peer_instances: [{ sdp: "" }],
    peer_ice: [],
  });
  assertEquals(fred.heard().map(({ event }) => event), ["join"]);
});

Deno.test("Simple: a name that no field may have is refused in every join, and removes nothing", async () => {
  using bench = newRooms();
  const fred = await enter(bench, { peer: { name: "Fred" } });
  const { p_id, p_secret, p_instance } = fred.credentials;
  const client = await SimpleClient.connect(bench);
  for (const whose of [{}, { p_id, p_secret }, { p_id, p_secret, p_instance }]) {
    for (const value of [null, 1]) {
      const join = { event: "join", room: "r", ...whose };
      const reserved = { ...join, peer: { name: "F", peer_id: value } };
      assertEquals(await client.refusal(reserved), "reserved_field");
      const unsafe = JSON.parse(`{"__proto__":${value}}`);
      assertEquals(await client.refusal({ ...join, peer: unsafe }), "bad_field");
    }
  }
  const { handshake } = await client.join();
  assertEquals((handshake["peers"] as SimpleFrame[]).map(({ name }) => name), ["Fred"]);
});

Deno.test("Simple: signals reach one instance or all, with the sender's name and a number", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  const second = await enter(bench, barneyAgain(barney));
  for (const client of [fred, barney, second]) client.heard();
  const to = { event: "signal", peer_id: barney.id };
  assertEquals(
    await fred.ask(
      { ...to, type: "offer", sdp: "v=0", call: "c", extra: 1, ref: 1 },
      { ...to, peer_instance: 1, type: "candidate", peer_ice: [{ candidate: "a" }, null], ref: 2 },
      { ...to, peer_instance: 0, type: "bye", ref: "x" },
      { ...to, peer_instance: 0, type: "data", data: [null] },
    ),
    [
      { event: "ok", delivered: 2, queued: 0, ref: 1 },
      { event: "ok", delivered: 1, queued: 0, ref: 2 },
      { event: "ok", delivered: 1, queued: 0, ref: "x" },
    ],
  );
  const from = { event: "signal", peer_id: fred.id, peer_instance: 0 };
  assertEquals(barney.heard(), [
    { ...from, seq: 1, type: "offer", sdp: "v=0", call: "c" },
    { ...from, seq: 2, type: "bye" },
    { ...from, seq: 3, type: "data", data: [null] },
  ]);
  assertEquals(second.heard(), [
    { ...from, seq: 1, type: "offer", sdp: "v=0", call: "c" },
    { ...from, seq: 2, type: "candidate", peer_ice: [{ candidate: "a" }, { candidate: "" }] },
  ]);
});

Deno.test("Simple: a signal to siblings names its own peer, and never reaches its sender", async () => {
  using bench = newRooms();
  const one = await enter(bench);
  assertEquals(
    await one.refusal({ event: "signal", peer_id: one.id, type: "bye" }),
    "unknown_instance",
  );
  const two = await enter(bench, barneyAgain(one));
  assertEquals(
    await one.ask({ event: "signal", peer_id: one.id, type: "bye", ref: 1 }),
    [{ event: "ok", delivered: 1, queued: 0, ref: 1 }],
  );
  assertEquals(two.heard(), [
    { event: "signal", seq: 1, peer_id: one.id, peer_instance: 0, type: "bye" },
  ]);
  for (const peer_instance of [0, 7]) {
    const frame = { event: "signal", peer_id: one.id, peer_instance, type: "bye" };
    assertEquals(await one.refusal(frame), "unknown_instance");
  }
});

Deno.test("Simple: unknown, absent and foreign peers get the same answer", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const other = await enter(bench, { room: "other" });
  const gone = await enter(bench);
  await gone.leave();
  fred.heard();
  for (const peer_id of [other.id, gone.id, "constructor", "__proto__", ""]) {
    const frame = { event: "signal", peer_id, type: "bye" };
    assertEquals(await fred.refusal(frame), "unknown_peer");
  }
  assertEquals(other.heard(), []);
});

Deno.test("Simple: instances have the lowest free number, and keep it", async () => {
  using bench = newRooms();
  const watcher = await enter(bench);
  const zero = await enter(bench, { peer: { name: "B" } });
  const one = await enter(bench, { ...barneyAgain(zero), peer: { more: 1 }, sdp: "one" });
  const two = await enter(bench, { ...barneyAgain(one), peer_ice: [{ candidate: "c" }] });
  assertEquals([zero, one, two].map(({ credentials }) => credentials.p_instance), [0, 1, 2]);
  assertEquals(new Set([zero, one, two].map(({ id }) => id)).size, 1);
  assertEquals(new Set([zero, one, two].map(({ credentials }) => credentials.p_secret)).size, 3);
  assertEquals(watcher.heard().slice(1), [
    {
      event: "join",
      peer: {
        name: "B",
        more: 1,
        peer_id: zero.id,
        peer_instances: [{ sdp: "" }, { sdp: "one" }],
        peer_ice: [],
      },
      peer_instance: 1,
    },
    {
      event: "join",
      peer: {
        name: "B",
        more: 1,
        peer_id: zero.id,
        peer_instances: [{ sdp: "" }, { sdp: "one" }, { sdp: "" }],
        peer_ice: [{ candidate: "c", peer_instance: 2 }],
      },
      peer_instance: 2,
    },
  ]);
  // Siblings hear nothing of each other.
  assertEquals([zero.heard(), one.heard()], [[], []]);

  const left = { event: "leave", peer_id: zero.id, reason: "left" };
  await one.leave();
  assertEquals(watcher.heard(), [
    { ...left, peer_instance: 1, peer_instances: [{ sdp: "" }, { sdp: "" }, { sdp: "" }] },
  ]);
  const again = await enter(bench, barneyAgain(zero));
  assertEquals(again.credentials.p_instance, 1);
  await two.leave();
  await again.leave();
  assertEquals(watcher.heard().slice(1), [
    { ...left, peer_instance: 2, peer_instances: [{ sdp: "" }, { sdp: "" }] },
    { ...left, peer_instance: 1, peer_instances: [{ sdp: "" }] },
  ]);
  await zero.leave();
  assertEquals(watcher.heard(), [{ ...left, peer_instance: 0, peer_instances: [] }]);
});

Deno.test("Simple: a handshake never lists the peer itself, whatever instances it has", async () => {
  using bench = newRooms();
  const one = await enter(bench);
  const two = await SimpleClient.connect(bench);
  assertEquals((await two.join(barneyAgain(one))).handshake["peers"], []);
});

Deno.test("Simple: leave says ok, closes with 1000, and tells the others", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  fred.heard();
  assertEquals(await barney.ask({ event: "leave", ref: 1 }), [{ event: "ok", ref: 1 }]);
  assertEquals(barney.client.closing, [1000, ""]);
  assertEquals(fred.heard(), [{
    event: "leave",
    peer_id: barney.id,
    peer_instance: 0,
    peer_instances: [],
    reason: "left",
  }]);
  await fred.leave();
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
});

Deno.test("Simple: an id returns to the holder of its secret after its peer has left", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const { credentials } = fred;
  await fred.leave();
  const again = await SimpleClient.connect(bench);
  const { ready } = await again.join({ ...credentials, seq: 0 });
  assertEquals(again.id, credentials.p_id);
  assertEquals([ready["recovered"], ready["seq"], ready["p_instance"]], [false, 0, 0]);
  assertNotEquals(ready["p_secret"], credentials.p_secret);
});

Deno.test("Simple: without the right secret an id cannot be used, whether it is there or not", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const other = await enter(bench, { room: "other" });
  const { p_id, p_secret } = fred.credentials;
  const client = await SimpleClient.connect(bench);
  const claims: SimpleFrame[] = [
    { p_id },
    { p_secret },
    { p_id, p_secret: "" },
    { p_id, p_secret: `${p_secret}=` },
    { p_id, p_secret: `${p_secret.startsWith("x") ? "y" : "x"}${p_secret.slice(1)}` },
    { p_id, p_secret: other.credentials.p_secret },
    { p_id: crypto.randomUUID(), p_secret },
    { p_id, p_secret, room: "other" },
    { p_id: p_id.toUpperCase(), p_secret },
  ];
  for (const claim of claims) {
    assertEquals(await client.refusal({ event: "join", room: "r", ...claim }), "bad_secret");
  }
  await client.join();
  assertNotEquals(client.id, p_id);
});

Deno.test("Simple: with a configured key secrets outlive the server", async () => {
  const options = { secret: "0123456789abcdef" };
  using before = newRooms({ options });
  using after = newRooms({ options });
  using stranger = newRooms({ options: { secret: "another secret!!" } });
  const { credentials } = await enter(before);
  const back = await SimpleClient.connect(after);
  await back.join({ ...credentials });
  assertEquals(back.id, credentials.p_id);
  const client = await SimpleClient.connect(stranger);
  assertEquals(await client.refusal({ event: "join", room: "r", ...credentials }), "bad_secret");
});

Deno.test("Simple: ping is answered, also before the join, with its ref where it has one", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench);
  assertEquals(await client.ask({ event: "ping" }, { event: "ping", ref: "a" }), [
    { event: "pong" },
    { event: "pong", ref: "a" },
  ]);
});

Deno.test("Simple: the ref of a join comes back after ready, or with the error", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench);
  assertEquals((await client.ask({ event: "join", room: "", ref: 5 }))[0]?.["ref"], 5);
  assertEquals((await client.join({ ref: 6 })).rest, [{ event: "ok", ref: 6 }]);
});

Deno.test("Simple: before the join there is nothing to change, say or leave", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench);
  const frames: SimpleFrame[] = [
    { event: "change", sdp: "" },
    { event: "signal", peer_id: "a", type: "bye" },
    { event: "leave" },
  ];
  for (const frame of frames) assertEquals(await client.refusal(frame), "not_joined");
});

Deno.test("Simple: an operator ends a room: all members are informed and closed", async () => {
  using bench = newRooms();
  const clients = [await enter(bench), await enter(bench)];
  for (const client of clients) client.heard();
  assertEquals(bench.hub.stopRoom("simple", "r"), true);
  for (const { client } of clients) {
    assertEquals(client.closing?.[0], 4003);
    assertEquals((client.heardJson() as SimpleFrame[]).at(-1)?.["code"], "kicked");
    await client.leave();
  }
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
});

function barneyAgain({ credentials: { p_id, p_secret } }: SimpleClient): SimpleFrame {
  return { p_id, p_secret };
}

function idsIn({ peers }: SimpleFrame): unknown[] {
  return (peers as SimpleFrame[]).map(({ peer_id }) => peer_id);
}

import { assert, assertEquals } from "@std/assert";
import type { HubLimits } from "../../../src/core/limits.ts";
import { Departed } from "../../../src/dialects/simple/departed.ts";
import {
  accepted,
  changed,
  effective,
  NO_PROFILE,
} from "../../../src/dialects/simple/description.ts";
import {
  comeBack,
  enter,
  newRooms,
  SimpleClient,
  type SimpleFrame,
} from "../../helpers/session/simple.ts";

/** Says a frame that is within a limit, then the one above it. */
async function assertBound(
  client: SimpleClient,
  within: SimpleFrame,
  above: SimpleFrame,
  code: string,
): Promise<void> {
  assertEquals(await client.ask({ ...within, ref: 1 }), [{ event: "ok", ref: 1 }]);
  assertEquals(await client.refusal(above), code);
}

function change(more: SimpleFrame): SimpleFrame {
  return { event: "change", ...more };
}

Deno.test("Simple: custom fields are bounded in number, name and bytes; a refusal changes nothing", async () => {
  const fields = (count: number): SimpleFrame =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, n]));
  using bench = newRooms();
  const watcher = await enter(bench);
  const client = await enter(bench);
  await assertBound(
    client,
    change({ peer: fields(64) }),
    change({ peer: { more: 1 }, sdp: "not this" }),
    "too_large",
  );
  const other = await enter(bench);
  const name = "n".repeat(64);
  const bytes = 8_192 - JSON.stringify({ [name]: "" }).length;
  await assertBound(
    other,
    change({ peer: { [name]: "x".repeat(bytes) } }),
    change({ peer: { [name]: "x".repeat(bytes - 1) + "é" } }),
    "too_large",
  );
  for (const name of ["", "n".repeat(65), "__proto__", "constructor", "prototype"]) {
    const frame = `{"event":"change","peer":{${JSON.stringify(name)}:null}}`;
    await other.client.say(frame);
    assertEquals(other.heard().map(({ code }) => code), ["bad_field"], name);
  }
  for (const name of ["peer_", "peer_id", "peer_dialect"]) {
    assertEquals(await other.refusal(change({ peer: { [name]: 1 } })), "reserved_field");
  }
  assertEquals(watcher.heard().filter(({ event }) => event === "change").length, 2);
  const { handshake } = await (await SimpleClient.connect(bench)).join();
  const peers = handshake["peers"] as SimpleFrame[];
  assertEquals(peers.map(({ peer_instances }) => peer_instances), Array(3).fill([{ sdp: "" }]));
});

Deno.test("Simple: an instance publishes at most 256 candidates", async () => {
  using bench = newRooms();
  const client = await enter(bench);
  const ice = Array.from({ length: 256 }, (_, n) => ({ candidate: `c${n}` }));
  await assertBound(client, change({ peer_ice: ice }), change({ peer_ice: [null] }), "too_large");
  // With a new description the count begins anew.
  assertEquals(await client.ask(change({ sdp: "v=0", peer_ice: ice, ref: 1 })), [
    { event: "ok", ref: 1 },
  ]);
});

Deno.test("Simple: a join that adds or takes back an instance has no more candidates either", async () => {
  using bench = newRooms({ options: { maxCandidates: 2 } });
  const [a, b] = [{ candidate: "a" }, { candidate: "b" }];
  const fred = await enter(bench, { peer_ice: [a, b] });
  const { p_instance: _, ...owner } = fred.credentials;
  const client = await SimpleClient.connect(bench);
  for (const whose of [{}, owner, fred.credentials]) {
    // Also where each is known already.
    const frame = { event: "join", room: "r", ...whose, peer_ice: [a, b, a] };
    assertEquals(await client.refusal(frame), "too_large");
  }
  const { rest } = await comeBack(bench, fred, { peer_ice: [b, a], ref: 1 });
  assertEquals(rest, [{ event: "ok", ref: 1 }]);
});

Deno.test("the changes of a join are found in one look at each candidate, for any number of them", () => {
  let looks = 0;
  const candidates = (count: number, from: number) =>
    Array.from({ length: count }, (_, n) => ({
      candidate: `c${from + n}`,
      toJSON(): unknown {
        looks++;
        return this.candidate;
      },
    }));
  const limits = {
    maxFields: 1,
    maxFieldsBytes: 1,
    maxFieldNameLength: 1,
    maxCandidates: 200,
    maxDescriptionBytes: 1_000_000,
  };
  const profile = accepted(changed(NO_PROFILE, 0, { peer_ice: candidates(200, 0) }, limits));
  looks = 0;
  const news = accepted(effective(profile, 0, { peer_ice: candidates(200, 100) }, limits) ?? {});
  assertEquals(news.peer_ice?.length, 100);
  assert(looks <= 2 * 400, `${looks} looks`);
  looks = 0;
  const outcome = effective(profile, 0, { peer_ice: candidates(201, 0) }, limits);
  assertEquals(outcome, { code: "description_too_large", words: "More than 200 candidates" });
  assertEquals(looks, 0);
});

Deno.test("streams that have left are remembered up to a limit, the newest", () => {
  const departed = new Departed(2);
  for (const secret of ["a", "b", "a", "c"]) departed.add(secret);
  assertEquals([departed.list(), departed.has("a"), departed.has("c")], [["b", "c"], false, true]);
});

Deno.test("Simple: a peer has at most 16 instances", async () => {
  using bench = newRooms();
  const first = await enter(bench);
  const { p_id, p_secret } = first.credentials;
  for (let n = 1; n < 16; n++) await enter(bench, { p_id, p_secret });
  const client = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "r", p_id, p_secret };
  assertEquals(await client.refusal(frame), "too_many_instances");
  await first.leave();
  assertEquals((await client.join({ p_id, p_secret })).ready["p_instance"], 0);
});

Deno.test("Simple: rooms have names of 1 to 128 units and at most as many peers as configured", async () => {
  using bench = newRooms({ options: { maxMembers: 2 } });
  const client = await SimpleClient.connect(bench);
  for (const room of ["", "x".repeat(129), "a\nb", "a\x7f", "\0"]) {
    assertEquals(await client.refusal({ event: "join", room }), "bad_room");
  }
  await client.join({ room: "😀".repeat(64) });
  await enter(bench);
  const second = await enter(bench);
  const third = await SimpleClient.connect(bench);
  assertEquals(await third.refusal({ event: "join", room: "r" }), "room_full");
  assertEquals(bench.hub.peerCount, 3);
  await second.leave();
  await third.join();
});

Deno.test("Simple: the hub's limits of peers and rooms are this dialect's errors", async () => {
  for (const limits of [{ maxPeers: 1 }, { maxRooms: 1 }]) await assertFull(limits);
});

async function assertFull(limits: Partial<HubLimits>): Promise<void> {
  using bench = newRooms({ limits });
  await enter(bench);
  const client = await SimpleClient.connect(bench);
  const room = "maxRooms" in limits ? "other" : "r";
  assertEquals(await client.refusal({ event: "join", room }), "room_full");
  assertEquals(bench.hub.peerCount, 1);
}

Deno.test("Simple: the hub's limits of one room are this dialect's errors", async () => {
  await assertFull({ maxRoomMembers: 1 });
  using bench = newRooms({ limits: { maxRoomInfoBytes: 100 } });
  const fred = await enter(bench);
  assertEquals(await fred.refusal(change({ sdp: "x".repeat(101) })), "too_large");
  await fred.say(change({ sdp: "x".repeat(60) }));
  const client = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "r", sdp: "x".repeat(60) };
  assertEquals(await client.refusal(frame), "room_full");
  const again = { ...frame, p_id: fred.id, p_secret: fred.credentials.p_secret };
  assertEquals(await client.refusal(again), "too_large");
});

Deno.test("Simple: frames that make no sense cost an error and nothing else", async () => {
  using bench = newRooms();
  const fred = await enter(bench);
  const barney = await enter(bench);
  fred.heard();
  const to = `"event":"signal","peer_id":"${fred.id}"`;
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  const frames: [code: string, frame: string | Uint8Array<ArrayBuffer>][] = [
    ["bad_json", "hello"],
    ["bad_json", ""],
    ["bad_json", "[]"],
    ["bad_json", "null"],
    ["bad_json", "3"],
    ["bad_json", new TextEncoder().encode("{}")],
    ["bad_json", "[".repeat(50_000)],
    ["bad_json", nested(50_000)],
    ["bad_frame", "{}"],
    ["bad_frame", '{"event":"handshake"}'],
    ["bad_frame", '{"event":"__proto__"}'],
    ["bad_frame", '{"event":"constructor"}'],
    ["bad_frame", '{"event":"change"}'],
    ["bad_frame", '{"event":"change","peer":{}}'],
    ["bad_frame", '{"event":"change","peer":[]}'],
    ["bad_frame", '{"event":"change","sdp":null}'],
    ["bad_frame", '{"event":"change","peer_ice":[]}'],
    ["bad_frame", '{"event":"change","peer_ice":[{}]}'],
    ["bad_frame", '{"event":"join","room":1}'],
    ["bad_room", '{"event":"join"}'],
    ["bad_frame", '{"event":"ping","ref":{}}'],
    ["bad_frame", `{${to}}`],
    ["bad_frame", `{${to},"type":"rollback","sdp":"x"}`],
    ["bad_frame", `{${to},"type":"offer"}`],
    ["bad_frame", `{${to},"type":"offer","sdp":""}`],
    ["bad_frame", `{${to},"type":"candidate","peer_ice":[]}`],
    ["bad_frame", `{${to},"type":"data"}`],
    ["bad_frame", `{${to},"type":"bye","call":""}`],
    ["bad_frame", `{${to},"type":"bye","call":"${"c".repeat(129)}"}`],
    ["bad_frame", `{${to},"type":"bye","peer_instance":-1}`],
    ["bad_frame", `{${to},"type":"bye","peer_instance":0.5}`],
    ["bad_frame", `{${to},"type":"data","data":${nested(32)}}`],
    ["bad_frame", `{${to},"type":"data","data":${nested(20_000)}}`],
    ["unknown_instance", `{${to},"type":"bye","peer_instance":9007199254740991}`],
  ];
  for (const [code, frame] of frames) {
    await barney.client.say(frame);
    const [error, ...more] = barney.heard();
    assertEquals([error?.["code"], more], [code, []], String(frame).slice(0, 80));
  }
  assertEquals([fred.heard(), barney.client.isOpen], [[], true]);
  assertEquals(barney.client.link.faults, []);
});

Deno.test("Simple: the ref of a frame that makes no sense comes back where it can be read", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench);
  for (const ref of ["a", 0, ""]) {
    assertEquals((await client.ask({ event: "nonsense", ref }))[0]?.["ref"], ref);
  }
});

Deno.test("Simple: as deep as 32 levels, odd texts and odd names pass untouched", async () => {
  using bench = newRooms();
  const fred = await enter(bench, { room: "\ud800", peer: { "ключ": "\ud800😀\u2028", "1": 2 } });
  const barney = await SimpleClient.connect(bench);
  const { handshake } = await barney.join({ room: "\ud800" });
  assertEquals(handshake["room"], "\ud800");
  const [seen] = handshake["peers"] as SimpleFrame[];
  assertEquals([seen?.["ключ"], seen?.["1"]], ["\ud800😀\u2028", 2]);
  const data = JSON.parse("[".repeat(31) + "]".repeat(31));
  await barney.say({ event: "signal", peer_id: fred.id, type: "data", data });
  assertEquals(fred.heard().at(-1)?.["data"], data);
});

Deno.test("Simple: a secret of one odd room name is invalid in another", async () => {
  using bench = newRooms();
  const fred = await enter(bench, { room: "\ud800" });
  const client = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "\ud801", ...fred.credentials };
  assertEquals(await client.refusal(frame), "bad_secret");
});

Deno.test("Simple: too many frames are dropped with one error, a flood ends the connection", async () => {
  using bench = newRooms();
  const client = await enter(bench);
  const frames = Array.from({ length: 6_050 }, () => ({ event: "ping" }));
  const heard = await client.ask(...frames);
  assertEquals(heard.filter(({ event }) => event === "pong").length, 5_999);
  const errors = heard.filter(({ event }) => event === "error");
  assertEquals(errors.map(({ code }) => code), ["rate_limited"]);
  assert(Number(errors[0]?.["retry_ms"]) > 0);
  for (let tick = 0; tick < 30 && client.client.isOpen; tick++) {
    bench.clock.advance(500);
    await client.say(...frames);
  }
  assertEquals(client.client.closing?.[0], 4008);
});

Deno.test("Simple: a frame over max_bytes closes with 1009, no join in time with 4000", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench);
  await client.client.say(JSON.stringify({ event: "ping", x: "x".repeat(262_144) }));
  assertEquals(client.client.closing?.[0], 1009);
  const silent = await SimpleClient.connect(bench);
  await silent.say({ event: "ping" });
  bench.clock.advance(10_000);
  silent.client.pump.checkIdentified(bench.clock.now());
  assertEquals(silent.client.closing?.[0], 4000);
});

Deno.test("Simple: each limit is the configured one", async () => {
  const to = (more: SimpleFrame): SimpleFrame => ({ event: "signal", peer_id: "nobody", ...more });
  const bye = (call: string): SimpleFrame => to({ type: "bye", call });
  const ice = (count: number): SimpleFrame =>
    change({ peer_ice: Array.from({ length: count }, () => ({ candidate: "c" })) });
  const data = (depth: number): SimpleFrame =>
    to({ type: "data", data: JSON.parse("[".repeat(depth) + "]".repeat(depth)) });
  const cases: [
    options: Record<string, number>,
    within: SimpleFrame,
    above: SimpleFrame,
    code: string,
  ][] = [
    [{ maxFields: 1 }, change({ peer: { a: 1 } }), change({ peer: { b: 1 } }), "too_large"],
    [
      { maxFieldsBytes: 9 },
      change({ peer: { a: "b" } }),
      change({ peer: { a: "bc" } }),
      "too_large",
    ],
    [
      { maxFieldNameLength: 2 },
      change({ peer: { ab: 1 } }),
      change({ peer: { abc: 1 } }),
      "bad_field",
    ],
    [{ maxCandidates: 2 }, ice(2), ice(1), "too_large"],
    [
      { maxDescriptionBytes: 30 },
      change({ peer: { a: "b" }, sdp: "\n".repeat(5) }), // {"a":"b"} and ["\n…",[]]
      change({ sdp: "\n".repeat(8) }),
      "too_large",
    ],
    [{ maxCallLength: 3 }, bye("abc"), bye("abcd"), "bad_frame"],
    [{ maxDepth: 4 }, data(3), data(4), "bad_frame"],
  ];
  for (const [options, within, above, code] of cases) {
    using bench = newRooms({ options });
    const client = await enter(bench);
    const [answer] = await client.ask({ ...within, ref: 1 });
    // A signal to nobody has passed all of these.
    const passed = within["event"] === "signal" ? "unknown_peer" : undefined;
    assertEquals(answer?.["code"], passed, JSON.stringify([options, answer]));
    const [error] = await client.ask({ ...above, ref: 2 });
    assertEquals([error?.["code"], error?.["ref"]], [code, 2], JSON.stringify(options));
  }
});

Deno.test("Simple: ready tells what is configured", async () => {
  const url = "stun:stun.example.org:3478";
  using bench = newRooms({ options: { iceServers: [url], resumeMs: 0, maxFrameBytes: 2_000 } });
  const { ready } = await (await SimpleClient.connect(bench)).join();
  assertEquals([ready["ice_servers"], ready["resume_ms"], ready["max_bytes"]], [
    [{ urls: url }],
    0,
    2_000,
  ]);
});

Deno.test("Simple: the limits of joining and of what is kept are the configured ones", async () => {
  {
    using bench = newRooms({ options: { maxRoomLength: 3, maxInstances: 2 } });
    const client = await SimpleClient.connect(bench);
    assertEquals(await client.refusal({ event: "join", room: "abcd" }), "bad_room");
    await client.join({ room: "abc" });
    const { p_id, p_secret } = client.credentials;
    await enter(bench, { room: "abc", p_id, p_secret });
    const third = await SimpleClient.connect(bench);
    const frame = { event: "join", room: "abc", p_id, p_secret };
    assertEquals(await third.refusal(frame), "too_many_instances");
  }
  const data = "x".repeat(100);
  for (
    const options of [{ maxKeptSignals: 2 }, { maxKeptBytes: 500 }, { maxKeptBytesTotal: 500 }]
  ) {
    using bench = newRooms({ options });
    const fred = await enter(bench);
    const barney = await enter(bench);
    await fred.lose();
    const signal = { event: "signal", peer_id: fred.id, type: "data", data };
    for (let queued = 0; queued < 2; queued++) assertEquals(await barney.ask(signal), []);
    assertEquals(await barney.refusal(signal), "queue_full", JSON.stringify(options));
  }
});

Deno.test("Simple: take-backs are bounded as configured, and told when there may be more", async () => {
  using bench = newRooms({ options: { maxTakeBacks: 1, takeBackWindowMs: 3_000 } });
  const fred = await enter(bench);
  const { client } = await comeBack(bench, fred);
  bench.clock.advance(1_000);
  const late = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "r", ...client.credentials };
  const [error] = await late.ask(frame);
  assertEquals([error?.["code"], error?.["retry_ms"]], ["rate_limited", 2_000]);
  bench.clock.advance(2_000);
  late.read(await late.ask(frame));
});

Deno.test("Simple: the description of one peer is bounded over all its connections", async () => {
  using bench = newRooms();
  const witness = await enter(bench);
  const fred = await enter(bench, { sdp: "x".repeat(200_000) });
  const { p_id, p_secret } = fred.credentials;
  witness.heard();
  const client = await SimpleClient.connect(bench);
  const again = { event: "join", room: "r", p_id, p_secret };
  assertEquals(await client.refusal({ ...again, sdp: "x".repeat(100_000) }), "too_large");
  assertEquals(witness.heard(), []);
  await client.join({ p_id, p_secret, sdp: "x".repeat(60_000) });
  assertEquals(await client.refusal(change({ sdp: "x".repeat(63_000) })), "too_large");
});

Deno.test("Simple: a newcomer to a room of 60 may call everybody at once", async () => {
  using bench = newRooms();
  const members = await Promise.all(Array.from({ length: 60 }, () => enter(bench)));
  const newcomer = await enter(bench);
  const calls = members.flatMap(({ id }) => {
    const to = { event: "signal", peer_id: id };
    const candidate = { ...to, type: "candidate", peer_ice: [{ candidate: "c" }] };
    return [{ ...to, type: "offer", sdp: "v=0" }, ...Array(12).fill(candidate)];
  });
  assertEquals(await newcomer.ask(...calls), []);
});

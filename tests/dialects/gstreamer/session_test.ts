import { assertEquals } from "@std/assert";
import { gstreamer } from "../../../src/dialects/gstreamer/mod.ts";
import { DialectBench, type DialectTestOptions } from "../../helpers/session/dialect.ts";
import { settle, type TestClient } from "../../helpers/session/hub.ts";

// The rows of the wire contract's tables, section by section (protocols/gstreamer.md).

function newBench(test?: DialectTestOptions): DialectBench {
  return new DialectBench(gstreamer, test);
}

/** A peer that was admitted, and has read its HELLO. */
async function greet(bench: DialectBench, uid: string): Promise<TestClient> {
  const peer = await bench.connect("/");
  await peer.say(`HELLO ${uid}`);
  assertEquals(peer.heard(), ["HELLO"]);
  return peer;
}

/** Two peers in a session, which have read everything that led there. */
async function call(bench: DialectBench): Promise<{ caller: TestClient; callee: TestClient }> {
  const caller = await greet(bench, "caller");
  const callee = await greet(bench, "callee");
  await caller.say("SESSION callee");
  assertEquals([caller.heard(), callee.heard()], [["SESSION_OK"], []]);
  return { caller, callee };
}

Deno.test("§3: the client speaks first, and HELLO is answered with exactly HELLO", async () => {
  using bench = newBench();
  for (const path of ["/", "/gst", "/gst/", "/?query=ignored"]) {
    const peer = await bench.connect(path);
    assertEquals([peer.heard(), peer.session.isIdentified], [[], false]);
    await peer.say(`HELLO ${path.length}`);
    assertEquals([peer.heard(), peer.session.isIdentified], [["HELLO"], true]);
  }
});

Deno.test("§1: the paths can be chosen", async () => {
  using bench = newBench({ options: { paths: ["/signalling", "/a/b"] } });
  for (const path of ["/signalling", "/a/b"]) {
    const peer = await bench.connect(path);
    await peer.say(`HELLO ${path}`);
    assertEquals(peer.heard(), ["HELLO"]);
  }
  assertEquals(bench.open.entrances.map(({ path }) => path), ["/signalling"]);
});

const INVALID_PROTOCOL = [1002, "invalid protocol"] as const;
const INVALID_UID = [1002, "invalid peer uid"] as const;

for (
  const [name, frame, closing] of [
    ["a uid with a blank inside", "HELLO a b", INVALID_UID],
    ["a uid with a blank behind it", "HELLO a ", INVALID_UID],
    ["a uid with a newline behind it", "HELLO a\n", INVALID_UID],
    ["a uid with a no-break space", "HELLO a\xa0b", INVALID_UID],
    ["a HELLO of a derived dialect", "HELLO a eyJ4IjoxfQ==", INVALID_UID],
    ["a HELLO without a uid", "HELLO", INVALID_UID],
    ["a HELLO with nothing but a blank", "HELLO ", INVALID_UID],
    ["a uid that is too long", `HELLO ${"x".repeat(513)}`, INVALID_UID],
    ["a lower-case hello", "hello x", INVALID_PROTOCOL],
    ["a longer word", "HELLOx y", INVALID_PROTOCOL],
    ["a command", "SESSION x", INVALID_PROTOCOL],
    ["a binary frame", new TextEncoder().encode("HELLO a"), INVALID_PROTOCOL],
    ["an empty text", "", INVALID_PROTOCOL],
    ["one word", "foo", INVALID_PROTOCOL],
    ["compact JSON", '{"type":"hello"}', INVALID_PROTOCOL],
  ] as const
) {
  Deno.test(`§3: a first message that is ${name} ends the connection, without a frame`, async () => {
    using bench = newBench();
    const peer = await bench.connect("/");
    await peer.say(frame);
    assertEquals([peer.heard(), peer.closing], [[], closing]);
    assertEquals(bench.hub.peerCount, 0);
  });
}

Deno.test("§3: a uid in use is refused by a close, and its holder is untouched", async () => {
  using bench = newBench();
  const holder = await greet(bench, "alice");
  const other = await bench.connect("/");
  await other.say("HELLO alice");
  assertEquals([other.heard(), other.closing], [[], INVALID_UID]);
  await other.leave();
  assertEquals([holder.heard(), bench.hub.has("gstreamer", "alice")], [[], true]);
});

Deno.test("§3: uids that are words of the protocol or of the language are legal", async () => {
  using bench = newBench();
  for (const uid of ["session", "__proto__", "constructor", "HELLO", "7", "語", "x".repeat(512)]) {
    await greet(bench, uid);
  }
  assertEquals(bench.hub.peerCount, 7);
});

Deno.test("§9.8: a peer without HELLO has ten seconds by default", async () => {
  using bench = newBench();
  const peer = await bench.connect("/");
  bench.clock.advance(9_999);
  peer.pump.checkIdentified(bench.clock.now());
  assertEquals(peer.isOpen, true);
  bench.clock.advance(1);
  peer.pump.checkIdentified(bench.clock.now());
  assertEquals(peer.closing, [1002, "no HELLO in time"]);
});

Deno.test("§4: SESSION answers the caller, tells the callee nothing, and relays both ways", async () => {
  using bench = newBench();
  const { caller, callee } = await call(bench);
  await caller.say("1", "2");
  await callee.say("3");
  assertEquals([callee.heard(), caller.heard()], [["1", "2"], ["3"]]);
});

Deno.test("§4: in a session every frame is relayed unchanged, and none is a command", async () => {
  using bench = newBench();
  const { caller, callee } = await call(bench);
  const texts = [
    "",
    "\0",
    "\n",
    "SESSION x",
    "ROOM r",
    "HELLO y",
    "ERROR z",
    " { } ",
    "ROOM_PEER_LIST",
  ];
  const frames = [...texts, new Uint8Array([0, 255]), new Uint8Array(0), '{"sdp": {"a" : 1.0}}'];
  for (const [from, to] of [[caller, callee], [callee, caller]] as const) {
    await from.say(...frames);
    assertEquals([to.heard(), from.heard()], [frames, []]);
  }
});

Deno.test("§4: of two peers that call each other one is answered, the other's command is relayed", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  const bob = await greet(bench, "bob");
  alice.blurt("SESSION bob");
  bob.blurt("SESSION alice");
  await settle();
  assertEquals([alice.heard(), bob.heard()], [["SESSION_OK", "SESSION alice"], []]);
});

Deno.test("§4: an unknown peer is named as Python shows it, and the caller stays idle", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  for (
    const [callee, shown] of [
      ["bob", "'bob'"],
      ["it's", '"it\'s"'],
      ["a b ", "'a b '"],
      ["a\nb", "'a\\nb'"],
      ["__proto__", "'__proto__'"],
      ["x".repeat(600), `'${"x".repeat(512)}…'`],
    ] as const
  ) {
    await alice.say(`SESSION ${callee}`);
    assertEquals(alice.heard(), [`ERROR peer ${shown} not found`]);
  }
  await greet(bench, "bob");
  await alice.say("SESSION bob");
  assertEquals(alice.heard(), ["SESSION_OK"]);
});

Deno.test("§4: a peer in a session, in either role, or in a room is busy", async () => {
  using bench = newBench();
  await call(bench);
  const member = await greet(bench, "member");
  await member.say("ROOM r");
  const alice = await greet(bench, "alice");
  for (const busy of ["caller", "callee", "member"]) {
    await alice.say(`SESSION ${busy}`);
    assertEquals(alice.heard(), [`ERROR peer '${busy}' busy`]);
  }
  await greet(bench, "bob");
  await alice.say("SESSION bob");
  assertEquals(alice.heard(), ["SESSION_OK"]);
});

Deno.test("§4: calling oneself is an error that breaks nothing", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  await alice.say("SESSION alice");
  assertEquals(alice.heard().map((frame) => String(frame).startsWith("ERROR ")), [true]);
  await greet(bench, "bob");
  await alice.say("SESSION bob");
  assertEquals(alice.heard(), ["SESSION_OK"]);
});

for (const first of ["caller", "callee"] as const) {
  Deno.test(`§4: when the ${first} ends, the other is closed with 1000, and both uids are free`, async () => {
    using bench = newBench();
    const pair = await call(bench);
    const other = first === "caller" ? pair.callee : pair.caller;
    await pair[first].leave();
    assertEquals([other.heard(), other.closing], [[], [1000, ""]]);
    await greet(bench, "caller");
    await greet(bench, "callee");
    assertEquals(bench.hub.peerCount, 2);
  });
}

Deno.test("§4: a uid that comes back has no partner", async () => {
  using bench = newBench();
  const { caller } = await call(bench);
  await caller.leave();
  const again = await greet(bench, "caller");
  const callee = await greet(bench, "callee");
  await again.say("SESSION callee");
  assertEquals([again.heard(), callee.heard()], [["SESSION_OK"], []]);
});

Deno.test("§6: unknown text while idle is neither answered nor closed", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  const texts = ["HELLO again", '{"sdp":{}}', "OFFER_REQUEST", "", "session x", "SESSIONx y"];
  await alice.say(...texts, "ROOM_OK r", new Uint8Array([1]));
  assertEquals([alice.heard(), alice.isOpen, alice.refusals], [[], true, []]);
});

Deno.test("§9.2: a malformed command while idle costs an ERROR line, not the connection", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  const malformed = ["SESSION", "ROOM", "ROOM ", "ROOM_PEER_MSG bob hi", "ROOM_PEER_LIST"];
  for (const frame of malformed) {
    await alice.say(frame);
    assertEquals(alice.heard().map((line) => String(line).startsWith("ERROR ")), [true]);
  }
  assertEquals([alice.isOpen, bench.hub.roomCount], [true, 0]);
});

Deno.test("§6, §9.10: a message over the limit closes its sender with 1009 and the partner at once", async () => {
  using bench = newBench({ options: { maxFrameBytes: 1024 } });
  const { caller, callee } = await call(bench);
  await caller.say("x".repeat(1024));
  assertEquals(callee.heard(), ["x".repeat(1024)]);
  await caller.say("x".repeat(1025));
  assertEquals([callee.heard(), callee.closing], [[], [1000, ""]]);
  assertEquals(caller.closing, [1009, "message too big"]);
});

Deno.test("§1: a message may have 1 MiB by default, inclusive", async () => {
  using bench = newBench();
  const { caller, callee } = await call(bench);
  await caller.say("x".repeat(1024 * 1024));
  assertEquals([callee.heard().length, caller.isOpen], [1, true]);
  await caller.say("x".repeat(1024 * 1024 + 1));
  assertEquals(caller.closing, [1009, "message too big"]);
});

Deno.test("a message over libsoup's limit is relayed, with one warning for each connection", async () => {
  using bench = newBench();
  const { caller, callee } = await call(bench);
  const fits = ["x".repeat(131_072), "é".repeat(65_536), new Uint8Array(131_072)];
  await caller.say(...fits);
  assertEquals([callee.heard(), bench.warnings], [fits, []]);
  const larger = ["é".repeat(65_537), new Uint8Array(131_073)];
  await caller.say(...larger);
  const { address } = callee.link;
  const warning = ["message too large for C clients on libsoup", { address, bytes: 131_074 }];
  assertEquals([callee.heard(), bench.warnings], [larger, [warning]]);
});

Deno.test("a warning counts the frame that a member of a room is sent", async () => {
  using bench = newBench();
  const [alice, bob] = [await greet(bench, "alice"), await greet(bench, "bob")];
  for (const member of [alice, bob]) await member.say("ROOM r");
  const text = "x".repeat(131_072 - "ROOM_PEER_MSG alice ".length);
  await alice.say(`ROOM_PEER_MSG bob ${text}`);
  assertEquals(bench.warnings, []);
  await alice.say(`ROOM_PEER_MSG bob ${text}x`);
  assertEquals(bench.warnings.map(([, { bytes }]) => bytes), [131_073]);
});

Deno.test("a peer that floods gets one error, and is closed if it continues", async () => {
  using bench = newBench({ options: { framesPerSecond: 10, frameBurst: 2 } });
  const alice = await greet(bench, "alice");
  const flood = (): Promise<void> => alice.say(...Array(30).fill("x"));
  await flood();
  assertEquals(alice.heard(), ["ERROR Too many messages"]);
  for (let second = 0; second < 11; second++) {
    bench.clock.advance(1_000);
    await flood();
  }
  assertEquals(alice.closing, [1008, "too many messages"]);
  assertEquals(bench.hub.has("gstreamer", "alice"), false);
});

Deno.test("a full server sends the reason before it closes", async () => {
  using bench = newBench({ limits: { maxPeers: 1 } });
  const alice = await greet(bench, "alice");
  const bob = await bench.connect("/");
  await bob.say("HELLO bob");
  assertEquals([bob.heard(), bob.closing], [["ERROR server is full"], [1013, "server is full"]]);
  await alice.leave();
  await greet(bench, "bob");
});

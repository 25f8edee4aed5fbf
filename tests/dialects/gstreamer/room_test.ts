import { assertEquals } from "@std/assert";
import { gstreamer } from "../../../src/dialects/gstreamer/mod.ts";
import { DialectBench, type DialectTestOptions } from "../../helpers/session/dialect.ts";
import { settle, type TestClient } from "../../helpers/session/hub.ts";

// Section 5 of protocols/gstreamer.md, and what section 9 adds to it.

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

/** A member of a room, which has read the answer to its joining. */
async function enter(bench: DialectBench, uid: string, room = "r"): Promise<TestClient> {
  const peer = await greet(bench, uid);
  await peer.say(`ROOM ${room}`);
  const [answer] = peer.heard();
  assertEquals(String(answer).startsWith("ROOM_OK "), true);
  return peer;
}

Deno.test("§5: the first member is answered with a trailing blank, later ones with the members", async () => {
  using bench = newBench();
  const peers: TestClient[] = [];
  for (const uid of ["c", "a", "b"]) peers.push(await greet(bench, uid));
  for (const peer of peers) await peer.say("ROOM r");
  assertEquals(peers.map((peer) => peer.heard()), [
    ["ROOM_OK ", "ROOM_PEER_JOINED a", "ROOM_PEER_JOINED b"],
    ["ROOM_OK c", "ROOM_PEER_JOINED b"],
    ["ROOM_OK c a"],
  ]);
});

Deno.test("§5: an invalid room id is an error, and the peer stays idle", async () => {
  using bench = newBench();
  const alice = await greet(bench, "alice");
  for (
    const [id, shown] of [
      ["session", "'session'"],
      ["a b", "'a b'"],
      ["a ", "'a '"],
      ["a\xa0", "'a\\xa0'"],
      ["x".repeat(513), `'${"x".repeat(512)}…'`],
    ] as const
  ) {
    await alice.say(`ROOM ${id}`);
    assertEquals(alice.heard(), [`ERROR invalid room id ${shown}`]);
  }
  await alice.say("ROOM __proto__");
  assertEquals([alice.heard(), bench.hub.roomCount], [["ROOM_OK "], 1]);
});

Deno.test("§5: a room may be called like a peer, or like any property", async () => {
  using bench = newBench();
  for (const name of ["alice", "constructor", "Session", "語"]) {
    const peer = await enter(bench, name, name);
    await peer.say("ROOM_PEER_LIST");
    assertEquals(peer.heard(), ["ROOM_PEER_LIST "]);
  }
});

Deno.test("§5: ROOM_PEER_MSG reaches that member, with the sender's uid and the text verbatim", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  const bob = await enter(bench, "bob");
  const carol = await enter(bench, "carol");
  for (const peer of [alice, bob, carol]) peer.heard();
  await alice.say(
    'ROOM_PEER_MSG bob {"sdp": {"type": "offer"}}',
    "ROOM_PEER_MSG  \t bob \n  a  b \n",
    "ROOM_PEER_MSG alice to myself",
  );
  assertEquals(bob.heard(), [
    'ROOM_PEER_MSG alice {"sdp": {"type": "offer"}}',
    "ROOM_PEER_MSG alice a  b \n",
  ]);
  assertEquals([alice.heard(), carol.heard()], [["ROOM_PEER_MSG alice to myself"], []]);
});

Deno.test("§5: a target that is unknown, idle, in a session or in another room is an error", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  await enter(bench, "elsewhere", "other");
  await greet(bench, "idle");
  const caller = await greet(bench, "caller");
  await greet(bench, "callee");
  await caller.say("SESSION callee");
  await alice.say("ROOM_PEER_MSG nobody hi", "ROOM_PEER_MSG it's hi");
  assertEquals(alice.heard(), ["ERROR peer 'nobody' not found", `ERROR peer "it's" not found`]);
  for (const uid of ["elsewhere", "idle", "caller", "callee"]) {
    await alice.say(`ROOM_PEER_MSG ${uid} hi`);
    assertEquals(alice.heard(), [`ERROR peer '${uid}' is not in the room`]);
  }
  assertEquals(alice.isOpen, true);
});

Deno.test("§5: any other text in a room is an error, and the peer stays in the room", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  const bob = await enter(bench, "bob");
  alice.heard();
  const texts = [
    "SESSION bob",
    "ROOM other",
    "HELLO x",
    "",
    "{}",
    "ROOM_PEER_LIST ",
    "OFFER_REQUEST",
  ];
  for (const frame of [...texts, new Uint8Array([1])]) {
    await alice.say(frame);
    assertEquals(alice.heard(), ["ERROR invalid msg, already in room"]);
  }
  for (const frame of ["ROOM_PEER_MSG", "ROOM_PEER_MSG bob", "ROOM_PEER_MSG bob "]) {
    await alice.say(frame);
    assertEquals(alice.heard().map((line) => String(line).startsWith("ERROR ")), [true]);
  }
  await alice.say("ROOM_PEER_MSG bob hi");
  assertEquals(bob.heard(), ["ROOM_PEER_MSG alice hi"]);
});

Deno.test("§9.1: ROOM_PEER_LIST lists the others in joining order", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  await alice.say("ROOM_PEER_LIST");
  assertEquals(alice.heard(), ["ROOM_PEER_LIST "]);
  const carol = await enter(bench, "carol");
  await enter(bench, "bob");
  alice.heard();
  carol.heard();
  await alice.say("ROOM_PEER_LIST");
  await carol.say("ROOM_PEER_LIST");
  assertEquals(alice.heard(), ["ROOM_PEER_LIST carol bob"]);
  assertEquals(carol.heard(), ["ROOM_PEER_LIST alice bob"]);
});

Deno.test("§5: a member that leaves is announced once to each of the others, and then is nobody", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  const bob = await enter(bench, "bob");
  const outsider = await enter(bench, "outsider", "other");
  alice.heard();
  bob.blurt("ROOM_PEER_MSG alice last words");
  await bob.leave();
  assertEquals(alice.heard(), ["ROOM_PEER_MSG bob last words", "ROOM_PEER_LEFT bob"]);
  assertEquals([outsider.heard(), alice.isOpen], [[], true]);
  await alice.say("ROOM_PEER_MSG bob hi", "ROOM_PEER_LIST");
  assertEquals(alice.heard(), ["ERROR peer 'bob' not found", "ROOM_PEER_LIST "]);
});

Deno.test("§5: a room ends with its last member", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  assertEquals(bench.hub.roomCount, 1);
  await alice.leave();
  assertEquals([bench.hub.roomCount, bench.hub.peerCount], [0, 0]);
  const bob = await greet(bench, "bob");
  await bob.say("ROOM r");
  assertEquals(bob.heard(), ["ROOM_OK "]);
});

Deno.test("§9.6: when 40 members drop together, the others get one LEFT of each", async () => {
  using bench = newBench();
  const stay: TestClient[] = [];
  for (const uid of ["x", "y", "z"]) stay.push(await enter(bench, uid));
  const uids = Array.from({ length: 40 }, (_, nth) => `p${nth}`);
  const drop: TestClient[] = [];
  for (const uid of uids) drop.push(await enter(bench, uid));
  for (const peer of stay) peer.heard();
  for (const { link } of drop) link.drop();
  await settle();
  for (const peer of stay) {
    assertEquals(peer.heard(), uids.map((uid) => `ROOM_PEER_LEFT ${uid}`));
  }
  for (const uid of uids) await greet(bench, uid);
});

Deno.test("§9.7: a member that does not read holds up nobody, and is announced when it is dropped", async () => {
  using bench = newBench();
  const alice = await enter(bench, "alice");
  const bob = await enter(bench, "bob");
  const stuck = await enter(bench, "stuck");
  for (const peer of [alice, bob]) peer.heard();
  // As the real link does when the queue is full: it closes itself in the middle of a send.
  const { link } = stuck;
  link.send = () => link.close(1008, "not reading");
  alice.blurt("ROOM_PEER_MSG stuck hi", "ROOM_PEER_MSG bob hi");
  await settle();
  assertEquals(bob.heard(), ["ROOM_PEER_MSG alice hi", "ROOM_PEER_LEFT stuck"]);
  assertEquals(alice.heard(), ["ROOM_PEER_LEFT stuck"]);
  assertEquals(bench.hub.has("gstreamer", "stuck"), false);
});

Deno.test("a room takes as many members as the limit says", async () => {
  using bench = newBench({ limits: { maxRoomMembers: 2 } });
  await enter(bench, "alice");
  const bob = await enter(bench, "bob");
  const carol = await greet(bench, "carol");
  await carol.say("ROOM r");
  assertEquals(carol.heard(), ["ERROR room 'r' is full"]);
  await bob.leave();
  await carol.say("ROOM r");
  assertEquals(carol.heard(), ["ROOM_OK alice"]);
});

Deno.test("there are as many rooms as the limit says", async () => {
  using bench = newBench({ limits: { maxRooms: 1 } });
  const alice = await enter(bench, "alice");
  const bob = await greet(bench, "bob");
  await bob.say("ROOM other");
  assertEquals(bob.heard(), ["ERROR room 'other' cannot be opened, too many rooms"]);
  await alice.leave();
  await bob.say("ROOM other");
  assertEquals(bob.heard(), ["ROOM_OK "]);
});

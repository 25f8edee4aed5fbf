import { assert, assertEquals, assertMatch } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { openGst, openGstSession, openInRoom } from "../helpers/wire/peers.ts";
import { encodeFrame } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import type { WsClient } from "../helpers/wire/ws_client.ts";

// Rooms of the GStreamer contract (section 5, with 9.1, 9.2, 9.3, 9.4 and 9.6) over the real wire.

Deno.test("GStreamer: joining, listing, talking and leaving, word for word", async () => {
  await using server = startTestServer();
  const alice = await openInRoom(server.wsUrl, "alice", "lobby");
  assertEquals(await alice.nextText(), "ROOM_OK "); // with the trailing blank
  alice.send("ROOM_PEER_LIST");
  assertEquals(await alice.nextText(), "ROOM_PEER_LIST ");

  await using bob = await openInRoom(server.wsUrl, "bob", "lobby");
  assertEquals(await bob.nextText(), "ROOM_OK alice");
  assertEquals(await alice.nextText(), "ROOM_PEER_JOINED bob");
  await using carol = await openInRoom(server.wsUrl, "carol", "lobby");
  assertEquals(await carol.nextText(), "ROOM_OK alice bob"); // in joining order (section 9.1)
  for (const member of [alice, bob]) {
    assertEquals(await member.nextText(), "ROOM_PEER_JOINED carol");
  }
  bob.send("ROOM_PEER_LIST");
  assertEquals(await bob.nextText(), "ROOM_PEER_LIST alice carol");

  carol.send("ROOM_PEER_MSG alice hello");
  assertEquals(await alice.nextText(), "ROOM_PEER_MSG carol hello");
  await alice.close();
  for (const member of [bob, carol]) assertEquals(await member.nextText(), "ROOM_PEER_LEFT alice");
  carol.send("ROOM_PEER_MSG alice still there?");
  assertEquals(await carol.nextText(), "ERROR peer 'alice' not found");
  await assertAlone(bob, "bob", "carol");
});

/** Messages in a room, and the frames of their receivers (section 5). */
const MESSAGES: readonly (readonly [sent: string, arrives: string])[] = [
  ["ROOM_PEER_MSG bob hi", "hi"],
  ["ROOM_PEER_MSG   bob \t hi  there  ", "hi  there  "],
  ["ROOM_PEER_MSG\nbob\nhi\n", "hi\n"],
  ["ROOM_PEER_MSG bob ERROR x", "ERROR x"],
  ["ROOM_PEER_MSG bob ROOM_PEER_LEFT alice", "ROOM_PEER_LEFT alice"],
  ["ROOM_PEER_MSG\u3000bob\u0085\ufeff\u200b ", "\ufeff\u200b "],
  ['ROOM_PEER_MSG bob {"sdp" :1.0}', '{"sdp" :1.0}'],
  ["ROOM_PEER_MSG bob \0", "\0"],
];

/** Messages that cost their sender an ERROR, and nothing else (sections 5 and 9). */
const MISTAKES: readonly (readonly [sent: string | Uint8Array<ArrayBuffer>, answer: RegExp])[] = [
  ["ROOM_PEER_MSG nobody hi", /^ERROR peer 'nobody' not found$/],
  ["ROOM_PEER_MSG idle hi", /^ERROR peer 'idle' is not in the room$/],
  ["ROOM_PEER_MSG calling hi", /^ERROR peer 'calling' is not in the room$/],
  ["ROOM_PEER_MSG elsewhere hi", /^ERROR peer 'elsewhere' is not in the room$/],
  ["ROOM_PEER_MSG it's hi", /^ERROR peer "it's" not found$/],
  ["ROOM_PEER_MSG", /^ERROR ./],
  ["ROOM_PEER_MSG bob", /^ERROR ./],
  ["ROOM_PEER_MSG bob ", /^ERROR ./],
  ...[
    "SESSION bob",
    "ROOM other",
    "HELLO x",
    "",
    " ",
    '{"sdp":1}',
    "ROOM_PEER_LIST ",
    "room_peer_list",
  ]
    .map((text) => [text, /^ERROR invalid msg, already in room$/] as const),
  ["ROOM_PEER_MSGx bob hi", /^ERROR ./],
  [" ROOM_PEER_MSG bob hi", /^ERROR ./],
  ["ROOM_PEER_LISTx", /^ERROR ./],
  [new TextEncoder().encode("ROOM_PEER_MSG bob hi"), /^ERROR ./],
  [Uint8Array.of(0xff), /^ERROR ./],
];

Deno.test("GStreamer: messages in a room arrive verbatim; mistakes cost the sender an ERROR", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using alice = await openInRoom(server.wsUrl, "alice", "r");
  assertEquals(await alice.nextText(), "ROOM_OK ");
  await using bob = await openInRoom(server.wsUrl, "bob", "r");
  assertEquals(await bob.nextText(), "ROOM_OK alice");
  assertEquals(await alice.nextText(), "ROOM_PEER_JOINED bob");
  await using elsewhere = await openInRoom(server.wsUrl, "elsewhere", "other");
  assertEquals(await elsewhere.nextText(), "ROOM_OK ");
  await using idle = await openGst(server.wsUrl, "idle");
  await using calling = (await openGstSession(server.wsUrl, ["calling", "called"]))[0];

  for (const [sent, text] of MESSAGES) {
    alice.send(sent);
    assertEquals(await bob.nextText(), `ROOM_PEER_MSG alice ${text}`);
  }
  for (const [sent, answer] of MISTAKES) {
    alice.send(sent);
    assertMatch(await alice.nextText(), answer, String(sent));
  }
  // To oneself is allowed.
  alice.send("ROOM_PEER_MSG alice myself");
  assertEquals(await alice.nextText(), "ROOM_PEER_MSG alice myself");
  await assertAlone(alice, "alice", "bob");
  await assertAlone(bob, "bob", "alice");
  for (const peer of [elsewhere, idle, calling]) assertEquals(peer.unread, []);
  await bystanders.talk();
});

Deno.test("GStreamer: any word but `session` is a room, also one that means something else", async () => {
  await using server = startTestServer();
  const names = [
    "__proto__",
    "constructor",
    "alice",
    "0",
    "SESSION",
    "\u200b",
    "grün🚂",
    "r".repeat(512),
  ];
  for (const name of names) {
    await using alice = await openInRoom(server.wsUrl, "alice", name);
    assertEquals(await alice.nextText(), "ROOM_OK ", name);
    await using bob = await openInRoom(server.wsUrl, "bob", name);
    assertEquals(await bob.nextText(), "ROOM_OK alice", name);
    await alice.close();
    assertEquals(await bob.nextText(), "ROOM_PEER_LEFT alice");
  }
});

Deno.test("GStreamer: a room ends with its last member, and nobody comes back to it", async () => {
  await using server = startTestServer();
  for (let round = 0; round < 3; round++) {
    await using alice = await openInRoom(server.wsUrl, "alice", "r");
    assertEquals(await alice.nextText(), "ROOM_OK ");
  }
  await assertEmpty(server.url);
});

Deno.test("GStreamer: peers that join together each learn of the other exactly once", async () => {
  await using server = startTestServer();
  const uids = Array.from({ length: 16 }, (_, at) => `peer-${at}`);
  // All at once, and without waiting for any answer.
  const sockets = await Promise.all(uids.map(() => RawSocket.upgrade(`${server.wsUrl}/`)));
  try {
    await Promise.all(sockets.map((socket, at) => {
      const frames = [`HELLO ${uids[at]}`, "ROOM r", "ROOM_PEER_LIST"];
      return socket.write(
        Uint8Array.from(frames.flatMap((payload) => [...encodeFrame({ payload })])),
      );
    }));
    const knows = await Promise.all(sockets.map((socket) => learnMembers(socket, uids.length - 1)));
    for (const [at, one] of knows.entries()) {
      for (const [other, uid] of uids.entries()) {
        if (other === at) continue;
        const sources = [one.get(uid), knows[other]?.get(uids[at] ?? "")];
        assertEquals(sources.toSorted(), ["ROOM_OK", "ROOM_PEER_JOINED"], `${uids[at]} and ${uid}`);
      }
    }
  } finally {
    for (const socket of sockets) socket.cut();
  }
});

Deno.test("GStreamer: JOINED comes before the first message, nothing after LEFT", async () => {
  await using server = startTestServer();
  await using witness = await openInRoom(server.wsUrl, "witness", "r");
  assertEquals(await witness.nextText(), "ROOM_OK ");
  const uids = Array.from({ length: 8 }, (_, at) => `guest-${at}`);
  await Promise.all(uids.map(async (uid) => {
    using guest = await RawSocket.upgrade(`${server.wsUrl}/`);
    const texts = [`HELLO ${uid}`, "ROOM r"];
    for (let at = 0; at < 20; at++) texts.push(`ROOM_PEER_MSG witness ${at}`);
    // The last bytes of a connection that is cut arrive before the LEFT, or not at all.
    await guest.write(Uint8Array.from(texts.flatMap((payload) => [...encodeFrame({ payload })])));
    await guest.next();
    await guest.next();
  }));
  const stories = new Map(uids.map((uid): [string, string[]] => [uid, []]));
  while ([...stories.values()].some((story) => story.at(-1) !== "LEFT")) {
    const [, word, uid, text] =
      /^ROOM_PEER_(\w+) (\S+)(?: (.*))?$/.exec(await witness.nextText()) ?? [];
    const story = stories.get(uid ?? "");
    assert(story !== undefined && story.at(-1) !== "LEFT", `${word} from ${uid} after its LEFT`);
    story.push(word === "MSG" ? text ?? "" : word ?? "");
  }
  for (const [uid, story] of stories) {
    const texts = story.slice(1, -1);
    assertEquals([story[0], story.at(-1)], ["JOINED", "LEFT"], uid);
    assertEquals(texts, texts.map((_, at) => `${at}`), uid); // in order, none lost in the middle
  }
});

Deno.test("GStreamer: when 40 drop together, survivors see one LEFT each, all uids are free", async () => {
  await using server = startTestServer();
  const uids = Array.from({ length: 40 }, (_, at) => `dropper-${at}`);
  const droppers: RawSocket[] = [];
  const survivors: WsClient[] = [];
  try {
    for (const uid of uids) {
      const socket = await RawSocket.upgrade(`${server.wsUrl}/`);
      droppers.push(socket);
      for (const text of [`HELLO ${uid}`, "ROOM r"]) await socket.send(text);
    }
    await until("all to be in", async () => await server.gauge("signalbox_peers") === 40);
    for (const uid of ["x", "y", "z"]) {
      const survivor = await openInRoom(server.wsUrl, uid, "r");
      survivors.push(survivor);
      assertMatch(await survivor.nextText(), /^ROOM_OK( dropper-\d+){40}( [xyz])*$/);
    }
    for (const dropper of droppers) dropper.cut();
    for (const [at, survivor] of survivors.entries()) {
      for (let joined = at + 1; joined < 3; joined++) {
        assertMatch(await survivor.nextText(), /^ROOM_PEER_JOINED [yz]$/);
      }
      const left = [];
      for (let count = 0; count < 40; count++) left.push(await survivor.nextText());
      assertEquals(left.toSorted(), uids.map((uid) => `ROOM_PEER_LEFT ${uid}`).toSorted());
    }
    for (const survivor of survivors) {
      survivor.send("ROOM_PEER_LIST");
      assertMatch(await survivor.nextText(), /^ROOM_PEER_LIST [xyz] [xyz]$/);
    }
    for (const uid of uids) {
      await using _successor = await openGst(server.wsUrl, uid);
    }
  } finally {
    for (const dropper of droppers) dropper.cut();
    for (const survivor of survivors) await survivor.close();
  }
  await assertEmpty(server.url);
});

/** The peer has nothing unread, and knows one other member: the list comes next. */
async function assertAlone(peer: WsClient, uid: string, other: string): Promise<void> {
  peer.send("ROOM_PEER_LIST");
  assertEquals(await peer.nextText(), `ROOM_PEER_LIST ${other}`, uid);
}

/** How a peer learned of each other member of its room. */
async function learnMembers(socket: RawSocket, count: number): Promise<Map<string, string>> {
  assertEquals(await socket.next(), "HELLO");
  const known = new Map<string, string>();
  const [word, ...members] = (await socket.next()).trimEnd().split(" ");
  assertEquals(word, "ROOM_OK"); // the first thing a joiner gets after ROOM
  for (const member of members) known.set(member, "ROOM_OK");
  while (known.size < count) {
    const [word, ...uids] = (await socket.next()).trimEnd().split(" ");
    if (word === "ROOM_PEER_LIST") {
      assertEquals(uids, [...known.keys()]); // in joining order, and nobody that was not announced
      continue;
    }
    assertEquals([word, uids.length], ["ROOM_PEER_JOINED", 1]);
    assert(!known.has(uids[0] ?? ""), `${uids[0]} was announced twice`);
    known.set(uids[0] ?? "", "ROOM_PEER_JOINED");
  }
  return known;
}

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import {
  openGst,
  openGstSession,
  openInRoom,
  openPeerJs,
  peerJsUrl,
} from "../helpers/wire/peers.ts";
import { OPCODE } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Limits of what one client may send, and of how many there may be: just below, at and above
// (reliability notes, section 3). Connections are counted in connection_limits_test.ts, what waits
// for slow readers in slow_readers_test.ts, held messages in peerjs_held_test.ts.

const TOO_BIG = { code: 1009, reason: "message too big" };

Deno.test("GStreamer: a message may be as large as the limit, in UTF-8 bytes, not larger", async () => {
  await using server = startTestServer({ args: ["--gstreamer-max-frame-bytes", "3000"] });
  await using bystanders = await Bystanders.join(server.wsUrl);
  // Characters of one to four bytes: a limit in characters would let some of these pass.
  for (const character of ["x", "é", "€", "🚂"]) {
    const size = new TextEncoder().encode(character).length;
    const text = character.repeat(3_000 / size);
    const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
    for (const fits of [text.slice(character.length), text]) {
      caller.send(fits);
      assertEquals(await callee.next(), fits);
    }
    caller.send(`${text}x`);
    assertEquals(await within("the sender's end", caller.closed), TOO_BIG);
    // At once, and nothing was relayed (section 9.10).
    const closing = await within("the partner's end", callee.closed);
    assertEquals([closing, callee.unread], [{ code: 1000, reason: "" }, []]);
  }
  const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
  caller.send(new Uint8Array(3_000));
  assertEquals(await callee.next(), new Uint8Array(3_000));
  caller.send(new Uint8Array(3_001));
  assertEquals(await within("the sender's end", caller.closed), TOO_BIG);
  await within("the partner's end", callee.closed);
  await bystanders.talk();
});

Deno.test("GStreamer: the size limit holds before HELLO and in a room", async () => {
  await using server = startTestServer();
  await using witness = await openInRoom(server.wsUrl, "witness", "r");
  assertEquals(await witness.nextText(), "ROOM_OK ");
  await using stranger = await WsClient.open(`${server.wsUrl}/`);
  stranger.send("HELLO ".padEnd(2 ** 20 + 1, "x"));
  assertEquals(await within("the stranger's end", stranger.closed), TOO_BIG);
  await using guest = await openInRoom(server.wsUrl, "guest", "r");
  assertEquals(await guest.nextText(), "ROOM_OK witness");
  assertEquals(await witness.nextText(), "ROOM_PEER_JOINED guest");
  const fits = "ROOM_PEER_MSG witness ".padEnd(2 ** 20, "x");
  guest.send(fits);
  // The rewritten prefix may exceed the limit (section 1).
  assert(await witness.nextText() === fits.replace("witness", "guest"));
  guest.send(`${fits}x`);
  assertEquals(await within("the guest's end", guest.closed), TOO_BIG);
  assertEquals(await witness.nextText(), "ROOM_PEER_LEFT guest");
});

Deno.test("PeerJS: a message may be as large as the limit, in UTF-8 bytes, not larger", async () => {
  await using server = startTestServer({ args: ["--peerjs-max-frame-bytes", "3000"] });
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using alice = await openPeerJs(server.wsUrl, "alice");
  for (const character of ["x", "é", "€", "🚂"]) {
    await using bob = await openPeerJs(server.wsUrl, "bob");
    const padded = (bytes: number): string => {
      const room = bytes - offer("alice", "").length;
      const size = new TextEncoder().encode(character).length;
      return offer("alice", character.repeat(room / size) + "x".repeat(room % size));
    };
    bob.send(padded(3_000));
    assertEquals(await alice.nextJson(), { src: "bob", ...JSON.parse(padded(3_000)) });
    bob.send(padded(3_001));
    assertEquals(await within("the sender's end", bob.closed), TOO_BIG);
    await using _successor = await openPeerJs(server.wsUrl, "bob", { token: "another" });
  }
  assertEquals(alice.unread, []);
  await bystanders.talk();
});

/** Frames that come faster than the limit: dropped, answered once, and in the end hung up on. */
for (
  const { dialect, open, harmless, answer } of [
    {
      dialect: "peerjs",
      open: (url: string) => RawSocket.upgrade(peerJsUrl(url, "talker")),
      harmless: offer("talker", 1),
      answer: '{"type":"ERROR","payload":{"msg":"Too many messages"}}',
    },
    {
      dialect: "gstreamer",
      open: async (url: string) => {
        const socket = await RawSocket.upgrade(`${url}/`);
        await socket.send("HELLO talker");
        return socket;
      },
      harmless: "SESSION nobody",
      answer: "ERROR Too many messages",
    },
  ]
) {
  const args = [`--${dialect}-frames-per-second`, "2", `--${dialect}-frame-burst`, "5"];

  Deno.test(`${dialect}: messages that come too fast are dropped and answered once`, async () => {
    const clock = new FakeClock();
    await using server = startTestServer({ args, clock });
    using talker = await open(server.wsUrl);
    const greetings = dialect === "gstreamer" ? 1 : 0; // HELLO counts as a frame
    await heard(talker);

    for (let count = greetings; count < 5; count++) await talker.send(harmless);
    assertEquals((await heard(talker)).length, 5 - greetings);
    for (let count = 0; count < 10; count++) await talker.send(harmless);
    assertEquals(await heard(talker), [answer]);
    clock.advance(500); // one more is allowed
    for (let count = 0; count < 10; count++) await talker.send(harmless);
    assertEquals((await heard(talker)).length, 1);
    clock.advance(2_500); // all five again, and the next excess is a new one
    for (let count = 0; count < 10; count++) await talker.send(harmless);
    const texts = await heard(talker);
    assertEquals([texts.length, texts.at(-1)], [6, answer]);
  });

  Deno.test(`${dialect}: a flood that lasts ten seconds is hung up on with 1008`, async () => {
    const clock = new FakeClock();
    await using server = startTestServer({ args, clock });
    await using bystanders = await Bystanders.join(server.wsUrl);
    using talker = await open(server.wsUrl);
    for (let halfSecond = 0; halfSecond <= 20; halfSecond++) {
      for (let count = 0; count < 10; count++) await talker.send(harmless);
      await heard(talker);
      clock.advance(500);
    }
    await talker.send(harmless);
    await talker.send(harmless);
    assertEquals(await talker.ended(), { code: 1008, reason: "too many messages" });
    clock.advance(5_000);
    await bystanders.talk();
    // The id is free, and who comes next is not held to account for it.
    using _successor = await open(server.wsUrl);
    assertEquals((await heard(_successor)).length, 1);
  });
}

Deno.test("bytes per second are a limit too: an excess is dropped, and its sender informed once", async () => {
  const clock = new FakeClock();
  const args = ["--peerjs-bytes-per-second", "1024", "--peerjs-byte-burst", "2048"];
  await using server = startTestServer({ args, clock });
  await using bob = await openPeerJs(server.wsUrl, "bob");
  using talker = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "talker"));
  await heard(talker);
  const said = offer("bob", "x".repeat(1_000));
  // A message may overdraw what is left: two are less than 2048, three are more.
  for (let count = 0; count < 6; count++) await talker.send(said);
  assertEquals(await heard(talker), ['{"type":"ERROR","payload":{"msg":"Too many messages"}}']);
  clock.advance(2_000);
  await talker.send(offer("bob", "the end"));
  const payloads: unknown[] = [];
  while (payloads.at(-1) !== "the end") payloads.push(JSON.parse(await bob.nextText()).payload);
  assertEquals(payloads.length, 3);
});

Deno.test("GStreamer: a client has to say HELLO within the limit", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  using silent = await RawSocket.upgrade(`${server.wsUrl}/`);
  await using greeted = await openGst(server.wsUrl, "greeted");
  clock.advance(9_900);
  assertEquals(await heard(silent), []); // still open, or this would fail
  clock.advance(1_100);
  assertEquals(await silent.ended(), { code: 1002, reason: "no HELLO in time" });
  greeted.send("SESSION nobody");
  assertEquals(await greeted.nextText(), "ERROR peer 'nobody' not found");
});

Deno.test("GStreamer: the time for HELLO is an option, and kept by the machine's clock", async () => {
  await using server = startTestServer({ args: ["--gstreamer-identify-timeout-ms", "500"] });
  using silent = await RawSocket.upgrade(`${server.wsUrl}/`);
  assertEquals(await silent.ended(), { code: 1002, reason: "no HELLO in time" });
});

Deno.test("limits.maxPeers counts the ids of all dialects together", async () => {
  await using server = startTestServer({ args: ["--limits-max-peers", "2"] });
  await using alice = await openPeerJs(server.wsUrl, "alice");
  {
    await using _bob = await openGst(server.wsUrl, "bob");
    await using carol = await WsClient.open(peerJsUrl(server.wsUrl, "carol"));
    assertMatch(await carol.nextText(), /"Server has reached its concurrent user limit"/);
    await using dave = await WsClient.open(`${server.wsUrl}/`);
    dave.send("HELLO dave");
    assertEquals(await dave.nextText(), "ERROR server is full");
    assertEquals(await within("dave's end", dave.closed), { code: 1013, reason: "server is full" });
    // Taking an id over is not subject to it.
    await using _alice = await openPeerJs(server.wsUrl, "alice");
    await within("the old socket's end", alice.closed);
  }
  await using _eve = await openGst(server.wsUrl, "eve");
});

Deno.test("peerjs.concurrentLimit counts PeerJS's ids alone, take-over exempt", async () => {
  await using server = startTestServer({ args: ["--concurrent_limit", "2"] });
  await using _gst = await openGst(server.wsUrl, "gst");
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  const bob = await openPeerJs(server.wsUrl, "bob");
  await using carol = await WsClient.open(peerJsUrl(server.wsUrl, "carol"));
  const full = { type: "ERROR", payload: { msg: "Server has reached its concurrent user limit" } };
  assertEquals(await carol.nextJson(), full);
  assertEquals(await within("the end", carol.closed), { code: 1005, reason: "" });
  // A wrong token for a taken id gets this answer, full or not: the order of section 4.
  await using thief = await WsClient.open(peerJsUrl(server.wsUrl, "bob", { token: "x" }));
  assertEquals(await thief.nextJson(), { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
  const again = await openPeerJs(server.wsUrl, "bob");
  await within("the old socket's end", bob.closed);
  await again.close();
  await using _next = await openPeerJs(server.wsUrl, "carol");
});

Deno.test("limits.maxRooms and limits.maxRoomMembers cost an ERROR; the peer stays idle", async () => {
  const args = ["--limits-max-rooms", "2", "--limits-max-room-members", "2"];
  await using server = startTestServer({ args });
  await using first = await openInRoom(server.wsUrl, "first", "r");
  assertEquals(await first.nextText(), "ROOM_OK ");
  const second = await openInRoom(server.wsUrl, "second", "r");
  assertEquals(await second.nextText(), "ROOM_OK first");
  await using _other = await openInRoom(server.wsUrl, "other", "s");
  await using late = await openGst(server.wsUrl, "late");
  late.send("ROOM r");
  assertEquals(await late.nextText(), "ERROR room 'r' is full");
  late.send("ROOM t");
  assertMatch(await late.nextText(), /^ERROR room 't' cannot be opened/);
  // It is idle still, and nobody in the room noticed it.
  await second.close();
  assertEquals(await first.nextText(), "ROOM_PEER_JOINED second");
  assertEquals(await first.nextText(), "ROOM_PEER_LEFT second");
  late.send("ROOM r");
  assertEquals(await late.nextText(), "ROOM_OK first");
});

Deno.test("ids and room names may be as long as the limit, not longer", async () => {
  const args = ["--gstreamer-max-id-length", "300", "--peerjs-max-id-length", "300"];
  await using server = startTestServer({ args });
  const [fits, long] = ["é".repeat(300), "é".repeat(301)];
  await using _gst = await openGst(server.wsUrl, fits);
  await using _peerJs = await openPeerJs(server.wsUrl, fits);
  await using stranger = await WsClient.open(`${server.wsUrl}/`);
  stranger.send(`HELLO ${long}`);
  const invalid = { code: 1002, reason: "invalid peer uid" };
  assertEquals(await within("the stranger's end", stranger.closed), invalid);
  await using other = await WsClient.open(peerJsUrl(server.wsUrl, long));
  assertEquals(await other.nextJson(), { type: "ERROR", payload: { msg: "Id is too long" } });

  await using idle = await openGst(server.wsUrl, "idle");
  idle.send(`ROOM ${long}`);
  assertEquals(await idle.nextText(), `ERROR invalid room id '${fits}…'`); // answers are bounded too
  idle.send(`SESSION ${"x".repeat(100_000)}`);
  assertEquals(await idle.nextText(), `ERROR peer '${"x".repeat(300)}…' not found`);
  idle.send(`ROOM ${fits}`);
  assertEquals(await idle.nextText(), "ROOM_OK ");
});

Deno.test("peerjs.serverIdsOnly admits only ids that the server issued", async () => {
  await using server = startTestServer({ args: ["--peerjs-server-ids-only"] });
  await using _issued = await openPeerJs(server.wsUrl, await issueId(server));
  const uuid = await issueId(server);
  const flipped = uuid.slice(0, -1) + (uuid.endsWith("0") ? "1" : "0");
  for (const id of ["alice", crypto.randomUUID(), flipped, uuid.toUpperCase(), `${uuid} `]) {
    await using client = await WsClient.open(peerJsUrl(server.wsUrl, id));
    const refusal = { type: "ERROR", payload: { msg: "Id was not issued by this server" } };
    assertEquals(await client.nextJson(), refusal, id);
    assertEquals(await within("the end", client.closed), { code: 1005, reason: "" });
  }
});

Deno.test("peerjs.idSecret makes issued ids good on another server", async () => {
  const args = ["--peerjs-server-ids-only", "--peerjs-id-secret", "0123456789abcdef"];
  await using first = startTestServer({ args });
  await using second = startTestServer({ args });
  await using stranger = startTestServer({ args: [...args.slice(0, 2), "fedcba9876543210"] });
  const id = await issueId(first);
  await using _client = await openPeerJs(second.wsUrl, id);
  await using refused = await WsClient.open(peerJsUrl(stranger.wsUrl, id));
  assertMatch(await refused.nextText(), /not issued/);
});

async function issueId({ url }: TestServer): Promise<string> {
  const response = await fetch(`${url}/peerjs/id`);
  return await response.text();
}

/** The texts that came so far: a ping is answered after what was sent before it was handled. */
async function heard(socket: RawSocket): Promise<string[]> {
  await socket.sendFrame({ opcode: OPCODE.ping, payload: "marker" });
  const texts: string[] = [];
  for (;;) {
    const frame = await socket.nextFrame();
    if (frame?.opcode === OPCODE.pong) return texts;
    assertEquals(frame?.opcode, OPCODE.text, frame?.text);
    texts.push(frame?.text ?? "");
  }
}

function offer(dst: string, payload: unknown): string {
  return JSON.stringify({ type: "OFFER", dst, payload });
}

import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { openGst, openInRoom, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { OPCODE } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { sideBySide } from "../helpers/wire/side_by_side.ts";
import { within } from "../helpers/wire/waiting.ts";

// Peers that are gone without a farewell: noticed by pings, within twice the keepalive timeout
// (GStreamer sections 6 and 9.9, PeerJS sections 9.4 and 9.5). Two seconds stand for the usual 14: a
// client that reads answers its ping within them on a loaded machine, too.

const KEEPALIVE = ["--keepalive-timeout", "2"];
/** Less than the 28 s of the usual time, so that a test fails where the option does nothing. */
const PATIENCE_MS = 25_000;

const test = sideBySide("peers without a farewell are noticed in time, and no others");

test("a peer that answers no ping is gone; partner closed, room told, ids free", async () => {
  await using server = startTestServer({ args: KEEPALIVE });
  {
    using called = await openSilent(server, "called");
    using member = await openSilent(server, "member");
    using peerJs = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "silent"));
    await member.send("ROOM r");
    await using witness = await openInRoom(server.wsUrl, "witness", "r");
    assertEquals(await witness.nextText(), "ROOM_OK member");
    await using caller = await openGst(server.wsUrl, "caller");
    caller.send("SESSION called");
    assertEquals(await caller.nextText(), "SESSION_OK");

    const closing = await within("the partner's end", caller.closed, PATIENCE_MS);
    assertEquals(closing, { code: 1000, reason: "" });
    assertEquals(await within("LEFT", witness.nextText(), PATIENCE_MS), "ROOM_PEER_LEFT member");
    for (const socket of [called, member, peerJs]) {
      const ending = await within("the silent one's end", socket.ended(), PATIENCE_MS);
      assert(ending === "cut" || ending.code === 1001, JSON.stringify(ending)); // section 6
    }
    await using _called = await openGst(server.wsUrl, "called");
    await using _silent = await openPeerJs(server.wsUrl, "silent", { token: "another" });
  }
  await assertEmpty(server.url);
});

test("peers that answer pings, or send anything, stay for any time", async () => {
  await using server = startTestServer({ args: [...KEEPALIVE, "--alive_timeout", "4000"] });
  await using bystanders = await Bystanders.join(server.wsUrl); // they answer pings and are idle
  using pinger = await openSilent(server, "pinger");
  using talker = await openSilent(server, "talker");
  // The one answers pings, the other sends a message instead of an answer.
  await Promise.all([pinger, talker].map(async (socket) => {
    for (let pings = 0; pings < 3; pings++) {
      const ping = await within("a ping", socket.nextFrame(), PATIENCE_MS);
      assertEquals(ping?.opcode, OPCODE.ping);
      if (socket === talker) await socket.send("anything");
      else await socket.sendFrame({ opcode: OPCODE.pong, payload: ping?.payload ?? "" });
    }
  }));
  await bystanders.talk();
  for (const socket of [pinger, talker]) {
    await socket.send("SESSION nobody");
    assertEquals(await socket.next(), "ERROR peer 'nobody' not found");
  }
});

test("a PeerJS client on a dead path comes back with its token at once", async () => {
  await using server = startTestServer({ args: KEEPALIVE });
  using dead = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "alice"));
  assertEquals(await dead.next(), '{"type":"OPEN"}');
  await using _alice = await openPeerJs(server.wsUrl, "alice");
  // Where the token differs it is free as soon as the dead one is noticed.
  using other = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "bob"));
  assertEquals(await other.next(), '{"type":"OPEN"}');
  await within("the end of the silent one", other.ended(), PATIENCE_MS);
  await using _bob = await openPeerJs(server.wsUrl, "bob", { token: "another" });
});

for (
  const { asked, open, send, answer } of [
    {
      asked: ["--alive_timeout", "600000"],
      open: (url: string) => RawSocket.upgrade(peerJsUrl(url, "alice")),
      send: '{"type":"OFFER","dst":"alice","payload":1}',
      answer: '{"type":"OFFER","src":"alice","dst":"alice","payload":1}',
    },
    {
      asked: ["--webrtcsink-max-silence-ms", "600000"],
      open: (url: string) => RawSocket.upgrade(`${url}/webrtcsink`),
      send: '{"type":"list"}',
      answer: '{"type":"list","producers":[]}',
    },
  ]
) {
  test(`${asked[0]} counts for its protocol, however short the server's own time is`, async () => {
    await using server = startTestServer({ args: [...KEEPALIVE, ...asked] });
    using patient = await open(server.wsUrl);
    await patient.next(); // OPEN, or welcome
    for (const uid of ["first", "second"]) {
      // The longest silence of the other protocols passes twice, one after the other.
      using silent = await openSilent(server, uid);
      const ending = await within("the silent one's end", silent.ended(), PATIENCE_MS);
      assert(ending === "cut" || ending.code === 1001, JSON.stringify(ending));
    }
    await patient.send(send);
    assertEquals(await patient.next(), answer);
  });
}

async function openSilent(server: TestServer, uid: string): Promise<RawSocket> {
  const socket = await RawSocket.upgrade(`${server.wsUrl}/`);
  await socket.send(`HELLO ${uid}`);
  assertEquals(await socket.next(), "HELLO");
  return socket;
}

import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import {
  openGst,
  openGstSession,
  openInRoom,
  openPeerJs,
  peerJsUrl,
} from "../helpers/wire/peers.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import type { WsClient } from "../helpers/wire/ws_client.ts";

// A client that stops reading is given up when its queue is full, or when it has taken nothing for
// too long; nobody waits for it (reliability notes, section 4; GStreamer section 9.7).

const MIB = 2 ** 20;
/** More MiB than two network stacks take for one connection; some systems allow tens of them. */
const NETWORK_TAKES = 60;
const NO_BUDGET = ["--gstreamer-byte-burst", "unlimited", "--peerjs-byte-burst", "unlimited"]
  .concat(["--gstreamer-bytes-per-second", "unlimited", "--peerjs-bytes-per-second", "unlimited"]);
const BIG = "x".repeat(MIB - 100);

Deno.test("GStreamer: a room's member that does not read is removed, the others get everything", async () => {
  await using server = startTestServer({
    args: [...NO_BUDGET, "--gstreamer-max-queued-bytes", `${3 * MIB}`],
  });
  {
    await using bystanders = await Bystanders.join(server.wsUrl);
    await using sender = await openInRoom(server.wsUrl, "sender", "r");
    assertEquals(await sender.nextText(), "ROOM_OK ");
    await using witness = await openInRoom(server.wsUrl, "witness", "r");
    assertEquals(await witness.nextText(), "ROOM_OK sender");
    assertEquals(await sender.nextText(), "ROOM_PEER_JOINED witness");
    using slow = await openRaw(server, "slow");
    await slow.send("ROOM r");
    for (const peer of [sender, witness]) {
      assertEquals(await peer.nextText(), "ROOM_PEER_JOINED slow");
    }

    let rounds = 0;
    while (sender.unread.length === 0 && rounds < NETWORK_TAKES) {
      sender.send(`ROOM_PEER_MSG slow ${BIG}`);
      sender.send(`ROOM_PEER_MSG witness ${rounds}`);
      const heard = await witness.nextText();
      if (heard === "ROOM_PEER_LEFT slow") break;
      assertEquals(heard, `ROOM_PEER_MSG sender ${rounds++}`);
    }
    assert(rounds > 0 && rounds < NETWORK_TAKES, `it was removed after ${rounds} MiB`);
    assertEquals(await sender.nextText(), "ROOM_PEER_LEFT slow");
    await using _successor = await openGst(server.wsUrl, "slow");
    await bystanders.talk();
  }
  // Its descriptor could not be freed while it stayed; now it can.
  await assertEmpty(server.url);
});

Deno.test("GStreamer: the partner of one that does not read is closed with 1000", async () => {
  await using server = startTestServer({
    args: [...NO_BUDGET, "--gstreamer-max-queued-bytes", `${3 * MIB}`],
  });
  {
    using slow = await openRaw(server, "slow");
    const caller = await openGst(server.wsUrl, "caller");
    caller.send("SESSION slow");
    assertEquals(await caller.nextText(), "SESSION_OK");
    let isClosed = false;
    const closing = caller.closed.then((closing) => {
      isClosed = true;
      return closing;
    });
    for (let sent = 0; sent < NETWORK_TAKES && !isClosed; sent++) {
      caller.send(BIG);
      // One at a time: see "a client that goes on sending" in frames_test.ts.
      await settled(server, caller);
    }
    assertEquals(await within("the caller's end", closing), { code: 1000, reason: "" });
    const [again, successor] = await openGstSession(server.wsUrl, ["caller", "slow"]);
    await again.close();
    await within("the end of its partner", successor.closed);
    slow.cut();
  }
  await assertEmpty(server.url);
});

Deno.test("PeerJS: the id of one that does not read is free, its callers go on", async () => {
  await using server = startTestServer({
    args: [...NO_BUDGET, "--peerjs-max-queued-bytes", `${3 * MIB}`],
  });
  {
    await using alice = await openPeerJs(server.wsUrl, "alice");
    using _slow = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "slow"));
    const isGone = async () => await server.gauge("signalbox_peers") === 1;
    for (let sent = 0; sent < NETWORK_TAKES && !await isGone(); sent++) {
      alice.send({ type: "EXPIRE", dst: "slow", payload: BIG });
      await until("the message to be sent", () => alice.queued === 0);
    }
    await until("the slow one to be removed", isGone);
    await using _successor = await openPeerJs(server.wsUrl, "slow", { token: "another" });
    alice.send({ type: "OFFER", dst: "alice" });
    assertEquals(await alice.nextJson(), { type: "OFFER", src: "alice", dst: "alice" });
  }
  await assertEmpty(server.url);
});

Deno.test("a queue below the limit is delivered once its reader reads again", async () => {
  const MANY = 20;
  await using server = startTestServer({
    args: [...NO_BUDGET, "--gstreamer-max-queued-bytes", `${MANY * MIB}`],
  });
  using slow = await openRaw(server, "slow");
  await using caller = await openGst(server.wsUrl, "caller");
  caller.send("SESSION slow");
  assertEquals(await caller.nextText(), "SESSION_OK");
  for (let sent = 0; sent < MANY; sent++) caller.send(`${sent} ${BIG}`);
  await settled(server, caller);
  for (let sent = 0; sent < MANY; sent++) {
    const text = await slow.next();
    assertEquals([text.length, text.slice(0, 6)], [
      BIG.length + `${sent} `.length,
      `${sent} xxxxxx`.slice(0, 6),
    ]);
  }
});

Deno.test("stallTimeoutMs: a reader that takes nothing for so long is given up, one that takes a little is not", async () => {
  const clock = new FakeClock();
  const args = [...NO_BUDGET, "--gstreamer-max-queued-bytes", "unlimited"];
  args.push("--limits-max-queued-bytes-per-address", "unlimited");
  await using server = startTestServer({ args, clock });
  using _stalled = await openRaw(server, "stalled");
  using slow = await openRaw(server, "slow");
  await using toStalled = await openGst(server.wsUrl, "to-stalled");
  await using toSlow = await openGst(server.wsUrl, "to-slow");
  for (
    const [caller, uid, count] of [
      [toStalled, "stalled", NETWORK_TAKES],
      [toSlow, "slow", 30],
    ] as const
  ) {
    caller.send(`SESSION ${uid}`);
    assertEquals(await caller.nextText(), "SESSION_OK");
    for (let sent = 0; sent < count; sent++) caller.send(BIG);
    await settled(server, caller);
  }
  clock.advance(1_000); // the sweep that sees the queues first
  for (let round = 0; round < 2; round++) {
    for (let read = 0; read < 6; read++) await slow.next();
    clock.advance(7_000);
    assertEquals(await server.gauge("signalbox_peers"), 4, `after ${7 * (round + 1)} s`);
  }
  for (let read = 0; read < 6; read++) await slow.next();
  clock.advance(2_000);
  assertEquals(await within("the partner's end", toStalled.closed), { code: 1000, reason: "" });
  await until("both to have gone", async () => await server.gauge("signalbox_peers") === 2);
  toSlow.send("you are still here");
  for (let read = 18; read < 30; read++) await slow.next();
  assertEquals(await slow.next(), "you are still here");
});

Deno.test("limits.maxQueuedBytes: of all that wait, the fullest queue is given up", async () => {
  const clock = new FakeClock();
  const args = [...NO_BUDGET, "--gstreamer-max-queued-bytes", "unlimited"];
  args.push("--limits-max-queued-bytes", `${22 * MIB}`);
  await using server = startTestServer({ args, clock });
  using fullest = await openRaw(server, "fullest");
  using other = await openRaw(server, "other");
  await using toFullest = await openGst(server.wsUrl, "to-fullest");
  await using toOther = await openGst(server.wsUrl, "to-other");
  let isClosed = false;
  const closing = toFullest.closed.then((closing) => {
    isClosed = true;
    return closing;
  });
  // Together they come to have more than the limit waiting; the other one alone has less.
  for (
    const [caller, uid, count] of [
      [toOther, "other", 14],
      [toFullest, "fullest", NETWORK_TAKES],
    ] as const
  ) {
    caller.send(`SESSION ${uid}`);
    assertEquals(await caller.nextText(), "SESSION_OK");
    for (let sent = 0; sent < count && !isClosed; sent++) {
      caller.send(BIG);
      // One at a time: see "a client that goes on sending" in frames_test.ts.
      await settled(server, caller);
    }
  }
  // Nobody looked meanwhile: it was the message too many.
  assertEquals(await within("the partner's end", closing), { code: 1000, reason: "" });
  assertEquals(await server.gauge("signalbox_peers"), 2);
  for (let read = 0; read < 14; read++) assert(await other.next() === BIG);
  fullest.cut();
});

Deno.test("no message waits for a reader that does not read", async () => {
  await using server = startTestServer({ args: NO_BUDGET });
  await using bystanders = await Bystanders.join(server.wsUrl);
  using slow = await openRaw(server, "slow");
  await using caller = await openGst(server.wsUrl, "caller");
  caller.send("SESSION slow");
  assertEquals(await caller.nextText(), "SESSION_OK");
  for (let round = 0; round < 12; round++) {
    caller.send(BIG);
    await bystanders.talk();
  }
  slow.cut();
});

Deno.test("a client that reads is not given up because another one sends a lot at once", async () => {
  const clock = new FakeClock(); // no allowance grows meanwhile
  await using server = startTestServer({ clock });
  const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
  for (let sent = 0; sent < 40; sent++) caller.send(BIG);
  // The sender is over its budget of bytes: it alone gets the error, once.
  assertEquals(await caller.next(), "ERROR Too many messages");
  callee.send("still here");
  assertEquals(await caller.next(), "still here");
  // 6.25 MiB, and the message that overdraws them.
  for (let received = 0; received < 7; received++) assert(await callee.next() === BIG);
  await settled(server, caller);
  clock.advance(10_000);
  caller.send("the end");
  assertEquals(await callee.next(), "the end");
  await caller.close();
  await within("the callee's end", callee.closed);
});

Deno.test("a message larger than the queue's limit reaches a client that reads", async () => {
  await using server = startTestServer({
    args: [...NO_BUDGET, "--gstreamer-max-queued-bytes", "100000"],
  });
  const [caller, callee] = await openGstSession(server.wsUrl, ["caller", "callee"]);
  for (let sent = 0; sent < 3; sent++) {
    caller.send(BIG);
    assert(await callee.next() === BIG);
  }
  await caller.close();
  await within("the callee's end", callee.closed);
});

/** An idle GStreamer peer that reads only on command. */
async function openRaw(server: TestServer, uid: string): Promise<RawSocket> {
  const socket = await RawSocket.upgrade(`${server.wsUrl}/`);
  await socket.send(`HELLO ${uid}`);
  assertEquals(await socket.next(), "HELLO");
  return socket;
}

/** All that the client has sent has been handled: nothing of it waits in its own queue or socket. */
async function settled(server: TestServer, client: WsClient): Promise<void> {
  await until("the client's messages to be sent", () => client.queued === 0);
  // Its last bytes are in the network; others' turns pass while they are read.
  for (let turn = 0; turn < 5; turn++) await server.gauge("signalbox_peers");
}

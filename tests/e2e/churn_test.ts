import { assert, assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { assertEmpty, faultsOf, gaugeOf } from "../helpers/wire/gauges.ts";
import { startMain } from "../helpers/process/main_process.ts";
import { occupied } from "../helpers/process/occupied.ts";
import { openGst, openInRoom, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { encodeFrame } from "../helpers/wire/raw_frames.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { until } from "../helpers/wire/waiting.ts";

// Clients that come and go in every way leave nothing behind (reliability notes, section 10).

const CYCLES = 1_000;
/** Clients that come and go at once. */
const AT_ONCE = 20;
/**
 * The runtime may keep this much for itself after the first thousand; a leak of 100 kB each is
 * more.
 */
const GROWTH_BYTES = 64 * 2 ** 20;

Deno.test("a thousand clients of every kind come and go, and nothing of them stays", async () => {
  await using server = await startMain({
    args: ["--listen", "http://127.0.0.1:0", "--metrics", "/metrics"].concat(
      ["--limits-connections-per-second", "unlimited", "--expire_timeout", "200"],
    ),
  });
  const [url = ""] = server.urls;
  const wsUrl = url.replace(/^http/, "ws");
  {
    await using bystanders = await Bystanders.join(wsUrl);
    await churn(wsUrl, CYCLES / 2);
    await until(
      "the first ones to have gone",
      async () => await gaugeOf(url, "signalbox_sockets") === 4,
    );
    await bystanders.talk();
    const before = occupied(server.pid);

    await churn(wsUrl, CYCLES);
    await until("all to have gone", async () => await gaugeOf(url, "signalbox_sockets") === 4);
    await bystanders.talk();
    const after = occupied(server.pid);
    if (before !== undefined && after !== undefined) {
      assert(after.files <= before.files + 2, `${before.files} files became ${after.files}`);
      const growth = after.bytes - before.bytes;
      assert(growth < GROWTH_BYTES, `memory grew by ${growth} bytes`);
    }
  }
  await assertEmpty(url);
  assertEquals(await faultsOf(url), 0);
  assertEquals(/ ERR /.exec(server.stderr()), null, server.stderr());
});

/** Each kind comes, does what it does, and goes in its own way. */
const KINDS: readonly ((wsUrl: string, id: string) => Promise<void>)[] = [
  async (wsUrl, id) => {
    await using _peer = await openGst(wsUrl, id);
  },
  async (wsUrl, id) => {
    await using _client = await openPeerJs(wsUrl, id);
  },
  // Cut while idle, in a call, in a room.
  async (wsUrl, id) => {
    using socket = await RawSocket.upgrade(`${wsUrl}/`);
    await socket.send(`HELLO ${id}`);
    await socket.next();
  },
  async (wsUrl, id) => {
    await using callee = await openGst(wsUrl, `${id}-callee`);
    using caller = await RawSocket.upgrade(`${wsUrl}/`);
    for (const text of [`HELLO ${id}`, `SESSION ${id}-callee`, "hello"]) await caller.send(text);
    await callee.next();
    caller.cut();
    await callee.closed;
  },
  async (wsUrl, id) => {
    await using witness = await openInRoom(wsUrl, `${id}-witness`, id);
    using socket = await RawSocket.upgrade(`${wsUrl}/`);
    for (const text of [`HELLO ${id}`, `ROOM ${id}`]) await socket.send(text);
    assertEquals(await witness.nextText(), "ROOM_OK ");
    assertEquals(await witness.nextText(), `ROOM_PEER_JOINED ${id}`);
    socket.cut();
    assertEquals(await witness.nextText(), `ROOM_PEER_LEFT ${id}`);
  },
  // Without a greeting, with a bad one, in the middle of a frame.
  async (wsUrl) => {
    using _socket = await RawSocket.upgrade(`${wsUrl}/gst`);
  },
  async (wsUrl, id) => {
    using socket = await RawSocket.upgrade(`${wsUrl}/`);
    await socket.send(`HELLO ${id} ${id}`);
    await socket.ended();
  },
  async (wsUrl, id) => {
    using socket = await RawSocket.upgrade(`${wsUrl}/`);
    await socket.write(encodeFrame({ payload: `HELLO ${id}` }).subarray(0, 9));
  },
  // Leaves messages for somebody who never comes; is replaced by itself; is refused.
  async (wsUrl, id) => {
    await using client = await openPeerJs(wsUrl, id);
    client.send({ type: "OFFER", dst: `${id}-absent`, payload: { connectionId: id } });
  },
  async (wsUrl, id) => {
    await using first = await openPeerJs(wsUrl, id);
    await using _second = await openPeerJs(wsUrl, id);
    await first.closed;
  },
  async (wsUrl, id) => {
    using socket = await RawSocket.upgrade(peerJsUrl(wsUrl, id, { key: "wrong" }));
    await socket.ended();
  },
];

async function churn(wsUrl: string, count: number): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      const turn = next++;
      await KINDS[turn % KINDS.length]?.(wsUrl, `churn-${turn}`);
    }
  }));
}

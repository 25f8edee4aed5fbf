import { assertEquals } from "@std/assert";
import { io, type Socket } from "socket.io-client";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import type { SspEvent } from "../helpers/session/ssp.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Pools whose members speak both versions, over WebSockets and Socket.IO, on three real nodes.

const needs = ["redis-server"] as const;
const TOKEN = "a-token-of-an-operator";

/** A member of a pool, whatever it speaks. */
interface Member extends AsyncDisposable {
  readonly id: string;
  readonly peers: readonly unknown[];
  next(): Promise<SspEvent>;
  say(type: string, data: SspEvent["data"]): void;
}

async function joined(
  next: () => Promise<SspEvent>,
  say: Member["say"],
  end: () => Promise<void>,
): Promise<Member> {
  say("rtc:join", { pool: "p" });
  const { type, data } = await next();
  assertEquals(type, "rtc:joined");
  // The comparison checks the server's frames.
  const { client_id: id, peers } = data as { client_id: string; peers: unknown[] };
  return { id, peers, next, say, [Symbol.asyncDispose]: end };
}

async function overWebSocket(url: string): Promise<Member> {
  const client = await WsClient.open(url);
  return await joined(
    async () => await client.nextJson() as SspEvent,
    (type, data) => client.send({ type, data }),
    () => client.close(),
  );
}

async function overSocketIo(url: string): Promise<Member> {
  const socket: Socket = io(url, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
  });
  const heard: SspEvent[] = [];
  let arrived = Promise.withResolvers<void>();
  socket.onAny((type: string, data: SspEvent["data"]) => {
    heard.push({ type, data });
    arrived.resolve();
  });
  const next = async (): Promise<SspEvent> => {
    for (let event = heard.shift();; event = heard.shift()) {
      if (event !== undefined) return event;
      arrived = Promise.withResolvers();
      await within("an event", arrived.promise);
    }
  };
  const end = (): Promise<void> => Promise.resolve(void socket.close());
  return await joined(next, (type, data) => void socket.emit(type, data), end);
}

clientTest({
  name:
    "cluster, ssp: both versions and Socket.IO meet in one pool over three nodes, and are stopped",
  needs,
  fn: async () => {
    const admin = ["--admin-tokens", `ann:full:${TOKEN}`];
    await using nodes = await startNodes(3, ["ssp"], admin);
    const [, second = "", third = ""] = nodes.nodes.map(({ url }) => url);
    await using v2 = await overWebSocket(`${nodes.wsUrl(0)}/ssp`);
    await using v1 = await overWebSocket(`${nodes.wsUrl(1)}/ssp/v1`);
    await using sio = await overSocketIo(`${third}/ssp`);
    // One order of joining, and of any two members exactly one has the other in its list.
    assertEquals([v2.peers, v1.peers, sio.peers], [[], [v2.id], [v2.id, v1.id]]);
    assertEquals(await v2.next(), { type: "rtc:peer", data: { id: v1.id } });
    assertEquals(await v2.next(), { type: "rtc:peer", data: { id: sio.id } });
    assertEquals(await v1.next(), { type: "rtc:request_offers", data: { for: sio.id } });

    const offer = { type: "offer", sdp: "v=0" };
    sio.say("rtc:sdp", { to: v2.id, description: offer });
    assertEquals(await v2.next(), {
      type: "rtc:sdp",
      data: { peer: sio.id, description: offer },
    });
    v1.say("rtc:offers", { [sio.id]: offer });
    assertEquals(await sio.next(), { type: "rtc:sdp", data: { peer: v1.id, description: offer } });
    v2.say("describe", { name: "first" });
    const description = { name: "first" };
    assertEquals(await v1.next(), { type: "rtc:describe", data: { description, uid: v2.id } });
    const told = { description, id: v2.id, uid: v2.id };
    assertEquals(await sio.next(), { type: "rtc:describe", data: told });

    await using fourth = await overWebSocket(`${nodes.wsUrl(1)}/ssp`);
    assertEquals(fourth.peers, [v2.id, v1.id, sio.id]);
    for (const member of [v2, sio]) {
      assertEquals(await member.next(), { type: "rtc:peer", data: { id: fourth.id } });
    }
    assertEquals(await v1.next(), { type: "rtc:request_offers", data: { for: fourth.id } });
    await fourth[Symbol.asyncDispose]();
    for (const member of [v2, sio]) {
      const left = { id: fourth.id, uid: fourth.id };
      assertEquals(await member.next(), { type: "rtc:close", data: left });
    }
    assertEquals(await v1.next(), { type: "rtc:close", data: { uid: fourth.id } });

    // The next event of each proves that the last one came once.
    const desk = await AdminClient.open(second, TOKEN);
    assertEquals((await desk.post("/rooms/ssp/p/stop")).status, 200);
    for (const member of [v2, v1, sio]) {
      assertEquals(await member.next(), { type: "rtc:stop", data: {} });
    }
  },
});

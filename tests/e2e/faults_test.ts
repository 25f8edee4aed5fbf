import { assertEquals } from "@std/assert";
import { Hub } from "../../src/core/hub.ts";
import type { LinkLimits } from "../../src/core/limits.ts";
import type { PeerEvent, PeerHandle } from "../../src/core/events.ts";
import type { Frame, Link, Session } from "../../src/core/session.ts";
import { systemClock } from "../../src/system/clock.ts";
import { Connections } from "../../src/transport/connections.ts";
import { testTransport } from "../helpers/wire/transport.ts";
import { NO_BUDGET } from "../helpers/session/budget.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// A fault of ours ends one connection, never the process (reliability notes, section 1): sessions
// that throw wherever they can, over real sockets.

const FAULT = { code: 1011, reason: "internal error" };

Deno.test("a session that throws while it opens, receives or waits ends its connection alone", async () => {
  await using server = startFaultyServer();
  await using bystander = await server.connect("bystander");
  for (const message of ["throw", "throw text", "reject", "throw later"]) {
    await using victim = await server.connect("victim");
    victim.send(message);
    assertEquals(await within("the victim's end", victim.closed), FAULT, message);
    assertEquals(victim.unread, ["refused: internal"], message);
    await assertAnswers(bystander, "bystander");
  }
  await using stillborn = await WsClient.open(`${server.url}/throw-at-once`);
  assertEquals(await within("the end", stillborn.closed), FAULT);
  assertEquals(server.faults, new Array(5).fill("made to fail"));
  await until("the ids to be free", () => server.hub.peerCount === 1);
});

Deno.test("a receiver that throws is at fault; its sender and its room notice nothing", async () => {
  await using server = startFaultyServer();
  await using sender = await server.connect("sender");
  await using receiver = await server.connect("receiver");
  await using third = await server.connect("third");
  for (const client of [sender, receiver, third]) client.send("join");
  await until(
    "all to be in",
    () => server.hub.others(server.peer("sender"), "room").length === 2,
  );

  sender.send("tell receiver: throw");
  sender.send("tell third: hello");
  assertEquals(await within("the receiver's end", receiver.closed), FAULT);
  assertEquals(await sender.nextText(), "receiver left");
  // A transport may handle the sender's next frame before the receiver's end is announced.
  const heard = [await third.nextText(), await third.nextText()];
  assertEquals(heard.toSorted(), ["receiver left", "sender says hello"]);
  await assertAnswers(sender, "sender");
  assertEquals(server.faults, ["made to fail"]);
});

Deno.test("a session that throws at the news of another's end does not keep others from it", async () => {
  await using server = startFaultyServer();
  const leaver = await server.connect("leaver");
  await using faulty = await server.connect("throws-at-left");
  await using third = await server.connect("third");
  for (const client of [leaver, faulty, third]) client.send("join");
  await until("all to be in", () => server.hub.others(server.peer("third"), "room").length === 2);
  await leaver.close();
  assertEquals(await within("the faulty one's end", faulty.closed), FAULT);
  assertEquals(await third.nextText(), "leaver left");
  assertEquals(await third.nextText(), "throws-at-left left");
  await assertAnswers(third, "third");
});

Deno.test("a session that cannot even refuse or close is still got rid of", async () => {
  await using server = startFaultyServer();
  await using bystander = await server.connect("bystander");
  await using victim = await server.connect("throws-at-refuse");
  victim.send("throw");
  assertEquals(await within("the victim's end", victim.closed), FAULT);
  await using stubborn = await server.connect("throws-at-closed");
  await stubborn.close();
  await until("the faults to be reported", () => server.faults.length === 3);
  await assertAnswers(bystander, "bystander");
  await until("their sockets to have gone", () => server.sockets === 1);
});

interface FaultyServer extends AsyncDisposable {
  readonly url: string;
  readonly hub: Hub;
  readonly faults: readonly string[];
  readonly sockets: number;
  peer(id: string): PeerHandle;
  /** A client whose session has claimed the id. */
  connect(id: string): Promise<WsClient>;
}

function startFaultyServer(): FaultyServer {
  const hub = new Hub({
    maxPeers: Infinity,
    maxRooms: Infinity,
    maxRoomMembers: Infinity,
    maxRoomInfoBytes: Infinity,
  });
  const peers = new Map<string, PeerHandle>();
  const faults: string[] = [];
  const ignore = (): void => {};
  const connections = new Connections(systemClock, {
    opened: ignore,
    refused: ignore,
    ended: ignore,
    failed: (_connection, error) => faults.push(error instanceof Error ? error.message : "?"),
  }, NO_BUDGET);
  const transport = testTransport();
  const handle = (request: Request): Response => {
    const upgraded = transport.upgrade(request, 30_000);
    if (upgraded === undefined) return new Response(null, { status: 400 });
    const id = new URL(request.url).pathname.slice(1);
    connections.accept(upgraded.socket, {
      dialect: "faulty",
      address: "192.0.2.1",
      limits: LIMITS,
      createSession: (link) => new FaultySession(link, id, hub, peers),
      onReleased: ignore,
    });
    return upgraded.response;
  };
  const listener = transport.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: undefined,
    handle,
    onBroken: (error) => faults.push(String(error)),
  });
  const url = `ws://127.0.0.1:${listener.port}`;
  return {
    url,
    hub,
    faults,
    get sockets(): number {
      return connections.size;
    },
    peer: (id) => {
      const peer = peers.get(id);
      if (peer === undefined) throw new RangeError(`No peer "${id}"`);
      return peer;
    },
    connect: async (id) => {
      const client = await WsClient.open(`${url}/${id}`);
      assertEquals(await client.nextText(), `you are ${id}`);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await connections.drain(0);
      await within("the sockets to go", connections.emptied());
      connections[Symbol.dispose]();
      await listener.stop();
    },
  };
}

const LIMITS: LinkLimits = {
  maxFrameBytes: 10_000,
  framesPerSecond: Infinity,
  frameBurst: Infinity,
  bytesPerSecond: Infinity,
  byteBurst: Infinity,
  identifyTimeoutMs: 10_000,
  maxHeldFrames: 10,
  floodTimeoutMs: 10_000,
  floodPauseMs: 1_000,
  maxQueuedBytes: Infinity,
  stallTimeoutMs: 10_000,
};

/** Follows its script, and mostly fails. */
class FaultySession implements Session {
  readonly isIdentified = true;
  #peer: PeerHandle | undefined;

  constructor(
    readonly link: Link,
    readonly id: string,
    readonly hub: Hub,
    readonly peers: Map<string, PeerHandle>,
  ) {}

  async opened(): Promise<void> {
    if (this.id === "throw-at-once") throw new TypeError("made to fail");
    await this.hub.claim({ realm: "faulty", id: this.id, dialect: "faulty", receiver: this });
  }

  receive(frame: Frame): void | Promise<void> {
    const [, to, text] = /^tell (\S+): (.*)$/.exec(String(frame)) ?? [];
    if (this.#peer === undefined) return;
    if (to !== undefined) return void this.hub.send(this.#peer, to, text);
    if (frame === "join") return void this.hub.join(this.#peer, { room: "room" });
    if (frame === "reject") return Promise.reject(new TypeError("made to fail"));
    if (frame === "throw later") return systemClock.delay(1).then(() => fail());
    if (String(frame).startsWith("throw")) fail();
    this.link.send(`${this.id} hears ${frame}`);
  }

  get links(): readonly Link[] {
    return [this.link];
  }

  expel(): void {}

  deliver(event: PeerEvent): void {
    switch (event.type) {
      case "admitted":
        this.#peer = event.peer;
        this.peers.set(this.id, event.peer);
        return this.link.send(`you are ${this.id}`);
      case "relay":
        if (event.payload === "throw") fail();
        return this.link.send(`${event.from} says ${event.payload}`);
      case "left":
        if (this.id === "throws-at-left") fail();
        return this.link.send(`${event.peer.id} left`);
    }
  }

  refuse(error: Error & { code: string }): void {
    if (this.id === "throws-at-refuse") fail();
    this.link.send(`refused: ${error.code}`);
  }

  closed(): void {
    if (this.#peer !== undefined) this.hub.release(this.#peer, this);
    if (this.id === "throws-at-closed") fail();
  }
}

function fail(): never {
  throw new TypeError("made to fail");
}

/** The client is served, and has nothing unread. */
async function assertAnswers(client: WsClient, id: string): Promise<void> {
  client.send("hello");
  assertEquals(await client.nextText(), `${id} hears hello`);
}

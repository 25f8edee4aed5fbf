import { assert, assertEquals, assertThrows } from "@std/assert";
import { EngineBench, NAMESPACE_LIMITS } from "../../helpers/session/engine_bench.ts";
import type { LinkLimits } from "../../../src/core/limits.ts";
import type { FakeSocket } from "../../helpers/session/fake_socket.ts";
import { settle } from "../../helpers/session/hub.ts";
import type { Visit } from "../../../src/core/visit.ts";
import { SignalError } from "../../../src/core/errors.ts";
import { ScriptedSession } from "../../helpers/session/scripted_session.ts";
import { SocketIoServer } from "../../../src/transport/socket_io/server.ts";

// Heartbeats and every limit of the layer: just below, at and above.

const LIMITS = { pingIntervalMs: 5_000, pingTimeoutMs: 3_000, connectTimeoutMs: 600_000 };

Deno.test("revision 4: the server pings, and a client that does not answer in time is gone", async () => {
  using bench = new EngineBench({ limits: LIMITS });
  const socket = bench.connect();
  socket.hears("40");
  bench.clock.advance(4_999);
  assertEquals(socket.sent.length, 2);
  bench.clock.advance(1);
  assertEquals(socket.sent.slice(2), ["2"]);
  bench.clock.advance(2_000);
  socket.hears("3");
  bench.clock.advance(3_000);
  assertEquals(socket.sent.slice(2), ["2", "2"]);
  bench.clock.advance(2_999);
  assertEquals(socket.closings, []);
  bench.clock.advance(1);
  await settle();
  assertEquals(socket.closings.length, 1);
  assertEquals(bench.log.at(-1), "ended by network");
});

Deno.test("revision 3: the client pings and is answered; one that is silent is gone", async () => {
  using bench = new EngineBench({ limits: LIMITS });
  const socket = bench.connect(3);
  bench.clock.advance(7_500);
  socket.hears("2");
  assertEquals(socket.sent.slice(2), ["3"]);
  bench.clock.advance(7_500);
  assertEquals(socket.closings, []);
  bench.clock.advance(1_000);
  await settle();
  assertEquals(socket.closings.length, 1);
  assertEquals(bench.log.at(-1), "ended by network");
});

for (const revision of [3, 4] as const) {
  Deno.test(`revision ${revision}: whatever a client says counts as life`, () => {
    using bench = new EngineBench({ limits: LIMITS });
    const socket = bench.connect(revision);
    if (revision === 4) socket.hears("40");
    for (let seconds = 0; seconds < 60; seconds += 2) {
      socket.hears('42["x"]');
      bench.clock.advance(2_000);
    }
    assertEquals(socket.closings, []);
  });

  Deno.test(`revision ${revision}: a client that says the other revision's heartbeat is no client`, () => {
    using bench = new EngineBench({ limits: LIMITS });
    const socket = bench.connect(revision);
    socket.hears(revision === 4 ? "2" : "3");
    assertEquals(socket.closings, [[1002, "protocol error"]]);
  });

  Deno.test(`revision ${revision}: after a standstill of the server clients get another chance`, () => {
    using bench = new EngineBench({ limits: LIMITS });
    const socket = bench.connect(revision);
    // As if the process had been stopped: one look, much too late.
    bench.clock.advance(1_000);
    const { now } = bench.clock;
    socket.session.checkIdentified(now() + 60_000);
    assertEquals(socket.closings, []);
    socket.session.checkIdentified(now() + 62_000);
    assertEquals(socket.closings, []);
    socket.session.checkIdentified(now() + 63_000);
    assertEquals(socket.closings.length, 1);
  });
}

Deno.test("a polling client that does not come back is gone after the ping timeout", async () => {
  using bench = new EngineBench({ limits: LIMITS });
  const poller = bench.poll(3);
  await poller.heard();
  bench.clock.advance(2_999);
  poller.post("2");
  assertEquals(poller.session.isOpen, true);
  bench.clock.advance(1);
  assertEquals(poller.session.isOpen, false);
});

Deno.test("a polling client that waits is alive as long as its heart beats", async () => {
  using bench = new EngineBench({ limits: LIMITS });
  const poller = bench.poll(4);
  await poller.heard();
  poller.post("40");
  await poller.heard();
  const poll = poller.get();
  bench.clock.advance(5_000);
  await settle();
  assertEquals(poll.answer, ["2"]);
  poller.post("3");
  poller.get();
  bench.clock.advance(4_000);
  assertEquals(poller.session.isOpen, true);
  bench.clock.advance(5_000);
  assertEquals(poller.session.isOpen, false);
});

Deno.test("a client that says 4 and means 3 is welcomed after two seconds, and pings", () => {
  using bench = new EngineBench({ limits: LIMITS });
  const socket = bench.connect(4);
  bench.clock.advance(1_999);
  assertEquals(socket.sent.length, 1);
  bench.clock.advance(1_000);
  assertEquals(String(socket.sent[1]).slice(0, 9), '40{"sid":');
  socket.hears('42["x"]');
  assertEquals(bench.sessions[0]?.received, ['2["x"]']);
  socket.hears("2");
  assertEquals(socket.sent[2], "3");
  // From now on it is the client that pings.
  for (let count = 0; count < 6; count++) {
    bench.clock.advance(4_000);
    socket.hears("2");
  }
  assertEquals([socket.sent.includes("2"), socket.closings], [false, []]);
});

Deno.test("a slow client of revision 4 is answered once, and stays one", () => {
  using bench = new EngineBench({ limits: LIMITS });
  const socket = bench.connect(4);
  bench.clock.advance(3_000);
  socket.hears("40");
  assertEquals([socket.sent.length, bench.sessions.length], [2, 1]);
  bench.clock.advance(2_000);
  assertEquals(socket.sent[2], "2");
});

Deno.test("a client of another namespace, or one that polls, is not welcomed unasked", async () => {
  using bench = new EngineBench({ limits: LIMITS });
  const socket = bench.connect(4);
  socket.hears("40/ssp,");
  const poller = bench.poll(4);
  await poller.heard();
  poller.get();
  bench.clock.advance(4_000);
  assertEquals(bench.sessions.length, 1);
});

Deno.test("a connection may be in no namespace for so long, and not longer", () => {
  using bench = new EngineBench({ limits: { connectTimeoutMs: 4_000 }, names: ["/ssp"] });
  const socket = bench.connect(4);
  bench.clock.advance(3_999);
  assertEquals(socket.closings, []);
  bench.clock.advance(1);
  assertEquals(socket.closings, ["bare"]);
});

Deno.test("a connection may have so many namespaces, and not one more", () => {
  using bench = new EngineBench({ limits: { maxNamespaces: 2 }, names: ["/", "/a", "/b"] });
  const socket = bench.connect(4);
  for (const name of ["40", "40/a,", "40/b,"]) socket.hears(name);
  assertEquals(bench.sessions.length, 2);
  assertEquals(socket.sent.at(-1), '44/b,{"message":"Too many namespaces"}');
  socket.hears("41/a,");
  socket.hears("40/b,");
  assertEquals(bench.sessions.length, 3);
});

Deno.test("packets other than events may come so fast, and not faster", () => {
  const limits = { controlPacketBurst: 5, controlPacketsPerSecond: 1 };
  using bench = new EngineBench({ limits });
  const socket = bench.connect(3);
  for (let count = 0; count < 5; count++) socket.hears("2");
  for (let count = 0; count < 50; count++) socket.hears('42["x"]');
  bench.clock.advance(1_000);
  socket.hears("2");
  assertEquals(socket.closings, []);
  socket.hears("2");
  assertEquals(socket.closings.length, 1);
});

for (const [name, address] of [["/", ""], ["/ssp", "/ssp,"]] as const) {
  Deno.test(`a client that leaves ${name} and comes back has no more events and bytes than one that stays`, () => {
    const namespaceLimits = {
      ...{ framesPerSecond: 1, frameBurst: 5 },
      ...{ bytesPerSecond: 1_000, byteBurst: 3_000 },
    };
    using bench = new EngineBench({ namespaceLimits });
    const socket = bench.connect();
    const received = (): number => bench.sessions.flatMap(({ received }) => received).length;
    const comeAndGo = (event: string): void => {
      socket.hears(`40${address}`);
      for (let count = 0; count < 10; count++) socket.hears(`42${address}["${event}"]`);
      socket.hears(`41${address}`);
    };
    for (let round = 0; round < 3; round++) comeAndGo("x");
    assertEquals([bench.sessions.length, received()], [3, 5]);
    bench.clock.advance(2_000);
    for (let round = 0; round < 3; round++) comeAndGo("x");
    assertEquals(received(), 7);
    bench.clock.advance(10_000);
    // As a frame may, the second one overdraws what bytes are left.
    for (let round = 0; round < 3; round++) comeAndGo("x".repeat(2_000));
    assertEquals([received(), socket.closings], [9, []]);
    // Names have their allowances each, also those of one dialect.
    const other = address === "" ? "/ssp," : "";
    socket.hears(`40${other}`);
    for (let count = 0; count < 10; count++) socket.hears(`42${other}["x"]`);
    assertEquals(bench.sessions.at(-1)?.received.length, 5);
  });
}

const STRAYS: Readonly<Record<string, (socket: FakeSocket) => void>> = {
  "texts": (socket) => socket.hears('42["x"]'),
  "binary events": (socket) => {
    socket.hears('451-["x",{"_placeholder":true,"num":0}]');
    socket.hears(new Uint8Array(600).buffer);
  },
};
for (const [what, say] of Object.entries(STRAYS)) {
  Deno.test(`a client sends no more ${what} to a namespace that it is not in than to one that it is in`, () => {
    const floods: [amount: string, namespaceLimits: Partial<LinkLimits>][] = [
      ["frames", { framesPerSecond: 1, frameBurst: 5 }],
      ["bytes", { bytesPerSecond: 1, byteBurst: what === "texts" ? 5 * 8 : 5 * 640 }],
    ];
    for (const [amount, namespaceLimits] of floods) {
      using bench = new EngineBench({ namespaceLimits });
      const socket = bench.connect();
      socket.hears("40/ssp,");
      for (let count = 0; count < 5; count++) say(socket);
      assertEquals(socket.closings, [], amount);
      for (let count = 0; count < 3; count++) say(socket);
      assertEquals(socket.closings, [[1002, "protocol error"]], amount);
      assertEquals(bench.sessions[0]?.received, []);
    }
  });
}

Deno.test("a flood is one although its client leaves and comes back", () => {
  using bench = new EngineBench({ namespaceLimits: { framesPerSecond: 1, frameBurst: 1 } });
  const socket = bench.connect();
  for (let round = 0; round < 22; round++) {
    for (const packet of ["40", '42["x"]', '42["x"]', '42["x"]', "41"]) socket.hears(packet);
    bench.clock.advance(500);
  }
  const refusals = bench.log.filter((line) => line.startsWith("refused"));
  assertEquals([refusals[0], refusals[1]], ["refused rate_limited", "refused flooding"]);
});

Deno.test("a client that may not come back gets the reason from the session; nothing else is harmed", async () => {
  using bench = new EngineBench({
    script: (link) => ({ refuse: ({ code }) => link.decline(code) }),
  });
  const socket = bench.connect();
  for (const packet of ["40", "40/ssp,", "41/ssp,"]) socket.hears(packet);
  bench.reentryRefusal = new SignalError("address_rate");
  socket.hears("40/ssp,");
  assertEquals(socket.sent.at(-1), '44/ssp,{"message":"address_rate"}');
  socket.hears('42/ssp,["late"]');
  socket.hears('42["x"]');
  assertEquals(bench.sessions.map(({ received }) => received.length), [1, 0, 0]);
  bench.reentryRefusal = undefined;
  socket.hears("40/ssp,");
  socket.hears('42/ssp,["x"]');
  await settle();
  assertEquals(bench.sessions.map(({ timesClosed }) => timesClosed), [0, 1, 1, 0]);
  assertEquals([bench.sessions[3]?.received, socket.closings], [['2["x"]'], []]);
});

Deno.test("a websocket message may be as large as the limit, in bytes, and not larger", () => {
  using bench = new EngineBench({ limits: { maxPayloadBytes: 1_024 } });
  const fits = `42["${"é".repeat(509)}"]`;
  assertEquals(new TextEncoder().encode(fits).length, 1_024);
  const socket = bench.connect(3);
  socket.hears(fits);
  assertEquals([bench.sessions[0]?.received.length, socket.closings], [1, []]);
  socket.hears(`42["${"é".repeat(509)}x"]`);
  assertEquals(socket.closings, [[1009, "too big"]]);
});

Deno.test("packets behind the newest one for a polling client have a limit", async () => {
  using bench = new EngineBench({ limits: { maxQueuedBytes: 1_024 } });
  const poller = bench.poll(3);
  await poller.heard();
  const link = bench.sessions[0]?.link;
  link?.send(`2["${"x".repeat(1_018)}"]`);
  await settle();
  link?.send('2["x"]');
  assertEquals([poller.session.backlog, link?.isOpen], [1_024 + 7, true]);
  link?.send('2["x"]');
  assertEquals(link?.isOpen, false);
  // No observer is informed in the same turn.
  assertEquals(bench.sessions[0]?.timesClosed, 0);
  await settle();
  assertEquals([bench.sessions[0]?.timesClosed, bench.log.at(-1)], [1, "ended by slow reader"]);
});

Deno.test("a packet larger than what may wait reaches a client that polls, whatever waits before it", async () => {
  using bench = new EngineBench({ limits: { maxQueuedBytes: 1_024 } });
  const poller = bench.poll(3);
  await poller.heard();
  const link = bench.sessions[0]?.link;
  const large = `2["${"é".repeat(3_000)}"]`;
  for (let count = 0; count < 3; count++) {
    for (const frame of ['2["x"]', large]) link?.send(frame);
    assertEquals((await poller.heard()).length, 2);
  }
  link?.send(large);
  link?.send('2["x"]');
  assertEquals([link?.isOpen, bench.connections.queuedBytes], [false, 0]);
});

Deno.test("packets for all polling clients of an address have a limit too", async () => {
  using bench = new EngineBench({ budget: { maxQueuedBytesPerAddress: 40_000 } });
  const pollers = [bench.poll(3), bench.poll(3), bench.poll(3)];
  for (const poller of pollers) await poller.heard();
  const [patient, greedy, modest] = bench.sessions.map(({ link }) => link);
  patient?.send(`2["${"x".repeat(30_000)}"]`);
  greedy?.send(`2["${"x".repeat(20_000)}"]`);
  modest?.send('2["x"]');
  assertEquals([patient?.isOpen, greedy?.isOpen, modest?.isOpen], [true, false, true]);
  await settle();
  // Packets that were fetched, or never will be, wait no longer.
  await pollers[0]?.heard();
  await pollers[2]?.heard();
  assertEquals(bench.connections.queuedBytes, 0);
});

Deno.test("a client that reads nothing from its websocket is given up", () => {
  using bench = new EngineBench({ limits: { stallTimeoutMs: 2_000 } });
  const socket = bench.connect(3);
  socket.bufferedAmount = 10;
  bench.sessions[0]?.link.send('2["x"]');
  bench.clock.advance(2_999);
  assertEquals(socket.closings, []);
  bench.clock.advance(1);
  assertEquals(socket.closings, [[1008, "not reading"]]);
});

Deno.test("the server has room for so many connections", () => {
  using bench = new EngineBench({ limits: { maxSessions: 2 } });
  bench.connect();
  assertEquals(bench.server.isFull, false);
  const socket = bench.connect();
  assertEquals(bench.server.isFull, true);
  socket.isClosed(1000);
  assertEquals(bench.server.isFull, false);
});

Deno.test("a session's own limits hold in its namespace", () => {
  using bench = new EngineBench({
    namespaceLimits: { identifyTimeoutMs: 3_000, maxFrameBytes: 10 },
    script: (link) => ({ refuse: ({ code }) => link.close(1008, code) }),
  });
  const silent = bench.connect(3);
  bench.clock.advance(4_000);
  assertEquals(silent.sent.at(-1), "41");
  const loud = bench.connect(3);
  loud.hears('42["too long for it"]');
  assertEquals(bench.log.at(-1), "refused frame_too_large");
  assertEquals(loud.sent.at(-1), "41");
});

Deno.test("two dialects cannot offer one namespace", () => {
  using bench = new EngineBench();
  const namespace = {
    name: "/x",
    dialect: "test",
    limits: NAMESPACE_LIMITS,
    connect: (_: Visit, link: ConstructorParameters<typeof ScriptedSession>[0]) =>
      new ScriptedSession(link),
  };
  const { limits, clock, connections, gate } = bench.server;
  const namespaces = [namespace, { ...namespace, dialect: "other" }];
  const error = assertThrows(
    () => new SocketIoServer({ limits, clock, connections, namespaces, gate }),
    RangeError,
  );
  assert(error.message.includes('"/x"'));
});

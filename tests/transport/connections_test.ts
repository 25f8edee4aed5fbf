import { assertEquals } from "@std/assert";
import { type Breaks, Turns } from "../../src/core/breaks.ts";
import { SignalError } from "../../src/core/errors.ts";
import type { LinkLimits } from "../../src/core/limits.ts";
import type { Link } from "../../src/core/session.ts";
import {
  type Acceptance,
  type ConnectionInfo,
  type ConnectionObserver,
  Connections,
} from "../../src/transport/connections.ts";
import type { OutputBudgetLimits } from "../../src/transport/output_budget.ts";
import type { Ending } from "../../src/transport/websocket.ts";
import { NO_BUDGET } from "../helpers/session/budget.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FakeSocket } from "../helpers/session/fake_socket.ts";
import { settle, WIDE_LIMITS } from "../helpers/session/hub.ts";
import { ScriptedSession } from "../helpers/session/scripted_session.ts";

const LIMITS: LinkLimits = { ...WIDE_LIMITS, maxQueuedBytes: 1_000_000, stallTimeoutMs: 15_000 };

class Observer implements ConnectionObserver {
  readonly log: string[] = [];

  opened({ id, address, dialect }: ConnectionInfo): void {
    this.log.push(`${id} opened ${address} ${dialect}`);
  }

  refused({ id }: ConnectionInfo, { code }: SignalError, count: number): void {
    this.log.push(`${id} refused ${code} ${count}`);
  }

  ended({ id }: ConnectionInfo, ending: Ending, refusals: number): void {
    const code = "code" in ending ? ` ${ending.code}` : "";
    this.log.push(`${id} ended by ${ending.by}${code}, ${refusals} refusals`);
  }

  failed({ id }: ConnectionInfo, error: unknown): void {
    this.log.push(`${id} failed: ${error instanceof Error ? error.message : error}`);
  }
}

/** Connections over fake sockets. */
class Bench implements Disposable {
  readonly clock = new FakeClock();
  readonly observer = new Observer();
  readonly connections: Connections;
  readonly sessions: ScriptedSession[] = [];
  released = 0;

  constructor(limits: Partial<OutputBudgetLimits> = {}) {
    this.connections = new Connections(this.clock, this.observer, { ...NO_BUDGET, ...limits });
  }

  readonly newSession = (link: Link): ScriptedSession => {
    const session = new ScriptedSession(link);
    this.sessions.push(session);
    return session;
  };

  /** A client whose handshake is done. */
  open(acceptance: Partial<Acceptance> = {}): FakeSocket {
    const socket = new FakeSocket();
    this.connections.accept(socket.asSocket, {
      dialect: "test",
      address: "192.0.2.1",
      limits: LIMITS,
      createSession: this.newSession,
      onReleased: () => this.released++,
      ...acceptance,
    });
    socket.opens();
    return socket;
  }

  [Symbol.dispose](): void {
    this.connections[Symbol.dispose]();
  }
}

/** Work that is never interrupted. */
async function newBreaks(): Promise<Breaks> {
  return await new Turns(new FakeClock()).begin();
}

/** A clock on which every piece of work has taken long enough, and whose turns the test begins. */
class Hurry {
  #nowMs = 0;
  readonly #actions: (() => void)[] = [];

  readonly now = (): number => ++this.#nowMs;

  readonly soon = (action: () => void): Disposable => {
    this.#actions.push(action);
    return { [Symbol.dispose]: () => {} };
  };

  /** Pieces of work that wait for their turn. */
  get waiting(): number {
    return this.#actions.length;
  }

  next(): void {
    this.#actions.shift()?.();
  }
}

Deno.test("a connection is reported from its opening to its end", async () => {
  using bench = new Bench();
  const socket = bench.open();
  socket.hears("a");
  socket.hears("b");
  assertEquals(bench.sessions[0]?.received, ["a", "b"]);
  assertEquals([bench.connections.size, bench.released], [1, 0]);
  socket.isClosed(1000);
  await settle();
  assertEquals(bench.observer.log, [
    "1 opened 192.0.2.1 test",
    "1 ended by client 1000, 0 refusals",
  ]);
  assertEquals([bench.connections.size, bench.released], [0, 1]);
  assertEquals(bench.sessions[0]?.timesClosed, 1);
});

Deno.test("a connection counts its frames and bytes, and leaves them to its dialect", async () => {
  using bench = new Bench();
  const socket = bench.open({ origin: "https://a.example", userAgent: "test/1" });
  socket.hears("four");
  socket.hears(new ArrayBuffer(3));
  bench.sessions[0]?.link.send("ab");
  bench.open({ dialect: "other" });
  const traffic = { framesReceived: 2, bytesReceived: 7, framesSent: 1, bytesSent: 2 };
  const none = { framesReceived: 0, bytesReceived: 0, framesSent: 0, bytesSent: 0 };
  const { transport, origin, userAgent, framesSent } = bench.connections.find("1") ?? {};
  assertEquals([transport, origin, userAgent], ["websocket", "https://a.example", "test/1"]);
  assertEquals(framesSent, 1);
  const sums = [["test", traffic], ["other", none]] as const;
  assertEquals(await bench.connections.traffic(await newBreaks()), new Map(sums));
  socket.isClosed(1000);
  await settle();
  assertEquals(bench.connections.find("1"), undefined);
  assertEquals(await bench.connections.traffic(await newBreaks()), new Map(sums));
});

Deno.test("looks at all connections are taken in turns, and one that ends meanwhile counts once", async () => {
  using bench = new Bench();
  const sockets = Array.from({ length: 200 }, () => bench.open());
  const hear = (nth: number): void => sockets[nth]?.hears("four");
  for (const nth of sockets.keys()) hear(nth);
  const turns = new Hurry();
  const begun = new Turns(turns).begin();
  turns.next();
  const breaks = await begun;
  const counted = bench.connections.traffic(breaks);
  await settle();
  assertEquals(turns.waiting, 1);
  // The first is counted already, and the last is not.
  hear(0);
  sockets[0]?.isClosed(1000);
  sockets[199]?.isClosed(1000);
  hear(1);
  await settle();
  const framesOf = async (traffic: ReturnType<Connections["traffic"]>): Promise<unknown> => {
    let isDone = false;
    void traffic.finally(() => isDone = true);
    for (; !isDone; await settle()) turns.next();
    return (await traffic).get("test")?.framesReceived;
  };
  assertEquals(await framesOf(counted), 201);
  assertEquals(await framesOf(bench.connections.traffic(breaks)), 202);
  const census = bench.connections.census(breaks);
  await settle();
  assertEquals(turns.waiting, 1);
  while (turns.waiting > 0) {
    turns.next();
    await settle();
  }
  assertEquals(await census, new Map([["test", 198]]));
});

Deno.test("the end of a connection is reported while its client still has its id", () => {
  const clock = new FakeClock();
  const ids: unknown[] = [];
  const observer = Object.assign(new Observer(), {
    ended: ({ peerId }: ConnectionInfo) => ids.push(peerId),
  });
  using connections = new Connections(clock, observer, NO_BUDGET);
  const socket = new FakeSocket();
  connections.accept(socket.asSocket, {
    dialect: "test",
    address: "192.0.2.1",
    limits: LIMITS,
    createSession: (link) => {
      const session: ScriptedSession = new ScriptedSession(link, {
        closed: () => session.peerId = undefined,
      });
      session.peerId = "alice";
      return session;
    },
    onReleased: () => {},
  });
  socket.opens();
  socket.isClosed();
  assertEquals(ids, ["alice"]);
});

Deno.test("connections are numbered one by one", () => {
  using bench = new Bench();
  bench.open();
  bench.open();
  assertEquals(bench.sessions.map(({ link }) => link.id), ["1", "2"]);
});

Deno.test("refusals are counted for each connection", () => {
  using bench = new Bench();
  const limits = { ...LIMITS, maxFrameBytes: 1 };
  const first = bench.open({ limits });
  const second = bench.open({ limits });
  first.hears("too long");
  first.hears("too long");
  second.hears("too long");
  assertEquals(bench.observer.log.slice(2), [
    "1 refused frame_too_large 1",
    "1 refused frame_too_large 2",
    "2 refused frame_too_large 1",
  ]);
});

Deno.test("a client that is turned out is refused like a newcomer; others are not", async () => {
  using bench = new Bench();
  const [meant, other, gone] = ["192.0.2.1", "192.0.2.2", "192.0.2.1"].map((address) =>
    bench.open({ address })
  );
  bench.sessions[2]?.link.close(1000);
  for (let time = 0; time < 2; time++) bench.connections.turnOut("192.0.2.1", "address_banned");
  await settle();
  bench.connections.turnOut("192.0.2.1", "address_banned");
  assertEquals(bench.sessions.map(({ refused }) => refused.map(({ code }) => code)), [
    ["address_banned"],
    [],
    [],
  ]);
  assertEquals([meant, other, gone].map((socket) => socket?.closings), [
    [[1013, "try again later"]],
    [],
    [[1000, ""]],
  ]);
});

Deno.test("an unsettled connection is reported once its dialect is known, and continues as that dialect's", async () => {
  using bench = new Bench();
  const limits = { ...LIMITS, maxFrameBytes: 5, maxQueuedBytes: 1_000 };
  const open = () =>
    bench.open({
      isUnsettled: true,
      createSession: (link, connection) =>
        new ScriptedSession(link, {
          receive: () => {
            const terms = { dialect: "guest", limits, goingAwayCode: 1012 };
            connection.settle(bench.newSession(link), terms);
          },
        }),
    });
  const socket = open();
  assertEquals(bench.observer.log, []);
  socket.hears("first frame");
  socket.hears("1234");
  socket.hears("123456");
  const [guest] = bench.sessions;
  assertEquals([guest?.received, guest?.refused.length], [["1234"], 1]);
  assertEquals(bench.observer.log, ["1 opened 192.0.2.1 guest", "1 refused frame_too_large 1"]);
  await bench.connections.drain(0);
  bench.clock.advance(0);
  assertEquals(socket.closings, [[1012, "going away"]]);

  const slow = open();
  slow.hears("first frame");
  slow.bufferedAmount = 1_501;
  bench.sessions[1]?.link.send("x".repeat(500));
  bench.clock.advance(0);
  assertEquals(slow.closings, [[1008, "not reading"]]);
});

Deno.test("an unsettled connection that stays as it is keeps its limits, dialect and code", async () => {
  using bench = new Bench();
  const socket = bench.open({
    isUnsettled: true,
    createSession: (link, connection) =>
      new ScriptedSession(link, {
        receive: () => connection.settle(new ScriptedSession(link)),
      }),
  });
  socket.hears("first frame");
  assertEquals(bench.observer.log, ["1 opened 192.0.2.1 test"]);
  await bench.connections.drain(0);
  bench.clock.advance(0);
  assertEquals(socket.closings, [[1001, "going away"]]);
});

Deno.test("an unsettled connection that never speaks is reported when it is refused, or ends", async () => {
  using bench = new Bench();
  const createSession = bench.newSession;
  bench.open({ isUnsettled: true, createSession }).isClosed(1000);
  bench.open({ isUnsettled: true, createSession });
  bench.clock.advance(LIMITS.identifyTimeoutMs);
  bench.open({ isUnsettled: true, createSession, refusal: new SignalError("server_full") });
  await settle();
  assertEquals(bench.observer.log.slice(0, 5), [
    "1 opened 192.0.2.1 test",
    "1 ended by client 1000, 0 refusals",
    "2 opened 192.0.2.1 test",
    "2 refused not_identified 1",
    "3 refused server_full 1",
  ]);
});

Deno.test("a connection that is let in only to be refused never reaches its session's opening", async () => {
  using bench = new Bench();
  let timesOpened = 0;
  let session: ScriptedSession | undefined;
  const socket = bench.open({
    refusal: new SignalError("server_full"),
    createSession: (link) =>
      session = new ScriptedSession(link, { opened: () => void timesOpened++ }),
  });
  await settle();
  assertEquals([timesOpened, session?.refused.map(({ code }) => code)], [0, ["server_full"]]);
  assertEquals(socket.closings, [[1013, "try again later"]]);
  assertEquals(bench.observer.log, [
    "1 refused server_full 1",
    "1 ended by server 1013, 1 refusals",
  ]);
});

Deno.test("a fault of one connection ends that one, and the others notice nothing", async () => {
  using bench = new Bench();
  const createSession: Acceptance["createSession"] = (link) =>
    new ScriptedSession(link, {
      receive: () => {
        throw new Error("bug");
      },
    });
  const broken = bench.open({ createSession });
  const healthy = bench.open();
  broken.hears("x");
  healthy.hears("x");
  await settle();
  assertEquals(bench.observer.log.slice(2), [
    "1 refused internal 1",
    "1 failed: bug",
    "1 ended by fault, 1 refusals",
  ]);
  assertEquals([broken.closings, healthy.closings], [[[1011, "internal error"]], []]);
});

Deno.test("once a second silent strangers are looked for", () => {
  using bench = new Bench();
  const limits = { ...LIMITS, identifyTimeoutMs: 2_500 };
  bench.open({ limits });
  bench.clock.advance(2_999);
  assertEquals(bench.observer.log.length, 1);
  bench.clock.advance(1);
  assertEquals(bench.observer.log.at(-1), "1 refused not_identified 1");
});

Deno.test("once a second readers are looked for that have stopped reading", () => {
  using bench = new Bench();
  const socket = bench.open({ limits: { ...LIMITS, stallTimeoutMs: 2_000 } });
  const healthy = bench.open();
  socket.bufferedAmount = 10;
  for (const { link } of bench.sessions) link.send("0123456789");
  bench.clock.advance(2_999);
  assertEquals(socket.closings, []);
  bench.clock.advance(1);
  assertEquals([socket.closings, healthy.closings], [[[1008, "not reading"]], []]);
});

Deno.test("when too much waits for all readers together, those with most are given up", () => {
  using bench = new Bench({ maxQueuedBytes: 1_000 });
  const sockets = [300, 500, 400, 0].map((bufferedAmount) =>
    Object.assign(bench.open(), { bufferedAmount })
  );
  for (const { link } of bench.sessions) link.send("x");
  bench.clock.advance(1_000);
  assertEquals(sockets.map(({ closings }) => closings.length), [0, 1, 0, 0]);
});

Deno.test("the limit of waiting bytes holds for all readers together", () => {
  using bench = new Bench({ maxQueuedBytes: 1_000 });
  const sockets = [600, 400].map((bufferedAmount) =>
    Object.assign(bench.open(), { bufferedAmount })
  );
  for (const { link } of bench.sessions) link.send("x");
  bench.clock.advance(1_000);
  assertEquals(sockets.map(({ closings }) => closings.length), [0, 0]);
  for (const socket of sockets) socket.bufferedAmount++;
  bench.clock.advance(1_000);
  assertEquals(sockets.map(({ closings }) => closings.length), [1, 0]);
});

Deno.test("a client that was given up counts until its socket is gone, and so do its address's", () => {
  using bench = new Bench({ maxQueuedBytesPerAddress: 100_000 });
  const silent = Object.assign(bench.open(), { bufferedAmount: 100_000 });
  const reading = bench.open();
  const elsewhere = bench.open({ address: "192.0.2.2" });
  const [first, second, third] = bench.sessions;
  first?.link.send("x".repeat(70_000));
  assertEquals(bench.connections.queuedBytes, 100_000);
  first?.link.send("x".repeat(20_000));
  assertEquals([first?.link.isOpen, silent.sent.length], [false, 1]);
  // Small messages reach who reads, large ones only clients of other addresses.
  second?.link.send("small");
  third?.link.send("x".repeat(50_000));
  assertEquals([reading.sent.length, elsewhere.sent.length], [1, 1]);
  second?.link.send("x".repeat(50_000));
  assertEquals([second?.link.isOpen, third?.link.isOpen], [false, true]);
  silent.isClosed();
  assertEquals(bench.connections.queuedBytes, 0);
  bench.open();
  bench.sessions[3]?.link.send("x".repeat(50_000));
  assertEquals(bench.sessions[3]?.link.isOpen, true);
});

Deno.test("bytes that a client takes after it was given up no longer count", () => {
  using bench = new Bench({ maxQueuedBytes: 100_000 });
  const silent = Object.assign(bench.open(), { bufferedAmount: 100_001 });
  bench.sessions[0]?.link.send("x".repeat(70_000));
  bench.sessions[0]?.link.close(1000);
  silent.bufferedAmount = 10;
  bench.clock.advance(1_000);
  assertEquals(bench.connections.queuedBytes, 10);
});

Deno.test("addresses that count as one share what may wait for an address", () => {
  const connections = new Connections(
    new FakeClock(),
    new Observer(),
    { ...NO_BUDGET, maxQueuedBytesPerAddress: 1_000 },
    () => "one",
  );
  using _end = connections;
  const sessions: ScriptedSession[] = [];
  const sockets = ["192.0.2.1", "192.0.2.2"].map((address) => {
    const socket = new FakeSocket();
    connections.accept(socket.asSocket, {
      dialect: "test",
      address,
      limits: LIMITS,
      createSession: (link) => {
        const session = new ScriptedSession(link);
        sessions.push(session);
        return session;
      },
      onReleased: () => {},
    });
    socket.opens();
    return Object.assign(socket, { bufferedAmount: 20_000 });
  });
  sessions[0]?.link.send("x".repeat(20_000));
  sessions[1]?.link.send("x");
  assertEquals([sockets.length, sessions[1]?.link.isOpen], [2, false]);
});

Deno.test("drain() closes everybody with 1001, and nobody for another reason meanwhile", async () => {
  using bench = new Bench();
  // Each session closes the other one when it is closed, as a GStreamer partner does.
  const links: ScriptedSession["link"][] = [];
  const createSession: Acceptance["createSession"] = (link) => {
    links.push(link);
    return new ScriptedSession(link, { closed: () => links.forEach((other) => other.close(1000)) });
  };
  const sockets = [1, 2, 3].map(() => bench.open({ createSession }));
  await bench.connections.drain(0);
  await settle();
  for (const { closings } of sockets) assertEquals(closings, [[1001, "going away"]]);
  assertEquals(bench.connections.size, 3);
});

Deno.test("drain() closes one connection after the other over its time", async () => {
  using bench = new Bench();
  const sockets = Array.from({ length: 40 }, () => bench.open());
  const countClosed = (): number => sockets.filter(({ closings }) => closings.length > 0).length;
  let isDone = false;
  bench.connections.drain(4_000).then(() => isDone = true);
  assertEquals(countClosed(), 1);
  for (let count = 2; count <= 40; count++) {
    await pass(bench, 100);
    assertEquals(countClosed(), count);
  }
  assertEquals(isDone, true);
});

Deno.test("a drain with many connections closes several in a step", async () => {
  using bench = new Bench();
  const sockets = Array.from({ length: 40 }, () => bench.open());
  const drained = bench.connections.drain(100);
  await pass(bench, 50);
  await drained;
  assertEquals(sockets.every(({ closings }) => closings.length === 1), true);
});

Deno.test("between two steps of a drain, a connection ends for its own reason", async () => {
  using bench = new Bench();
  const sockets = Array.from({ length: 4 }, () => bench.open());
  const drained = bench.connections.drain(4_000);
  await pass(bench, 500);
  const stays = sockets.findIndex(({ closings }) => closings.length === 0);
  bench.sessions[stays]?.link.close(1008, "kicked");
  assertEquals(sockets[stays]?.closings, [[1008, "kicked"]]);
  for (let second = 0; second < 4; second++) await pass(bench, 1_000);
  await drained;
});

Deno.test("a newcomer that is refused during a drain learns the refusal", async () => {
  using bench = new Bench();
  bench.open();
  bench.open();
  const drained = bench.connections.drain(4_000);
  assertEquals(bench.connections.isGoingAway, true);
  const late = bench.open({ refusal: new SignalError("server_full") });
  assertEquals(late.closings, [[1013, "try again later"]]);
  await pass(bench, 2_000);
  await drained;
});

Deno.test("a drain that is called off closes nobody else", async () => {
  using bench = new Bench();
  const sockets = Array.from({ length: 4 }, () => bench.open());
  const calledOff = new AbortController();
  const drained = bench.connections.drain(4_000, calledOff.signal);
  await pass(bench, 500);
  calledOff.abort();
  await drained;
  assertEquals(sockets.filter(({ closings }) => closings.length > 0).length, 1);
  assertEquals(bench.connections.isGoingAway, false);
  assertEquals(bench.clock.timers, 1);
});

Deno.test("a drain that nobody is left for is over at once", async () => {
  using bench = new Bench();
  await bench.connections.drain(2_000);
  await bench.connections.emptied();
});

Deno.test("emptied() resolves with the last socket that is gone", async () => {
  using bench = new Bench();
  const sockets = [bench.open(), bench.open()];
  let isEmpty = false;
  bench.connections.emptied().then(() => isEmpty = true);
  await bench.connections.drain(0);
  sockets[0]?.isClosed(1001);
  await settle();
  assertEquals(isEmpty, false);
  sockets[1]?.isClosed(1001);
  await settle();
  assertEquals([isEmpty, bench.connections.size], [true, 0]);
});

Deno.test("connections accepted after a drain are served as usual", async () => {
  using bench = new Bench();
  bench.open();
  await bench.connections.drain(0);
  const socket = bench.open();
  bench.sessions[1]?.link.close(1000, "bye");
  assertEquals(socket.closings, [[1000, "bye"]]);
});

Deno.test("disposing ends the sweep", () => {
  const bench = new Bench();
  assertEquals(bench.clock.timers, 1);
  bench[Symbol.dispose]();
  assertEquals(bench.clock.timers, 0);
});

/** Lets time pass, first to the end of a step and then to the next one. */
async function pass(bench: Bench, ms: number): Promise<void> {
  bench.clock.advance(20);
  await settle();
  bench.clock.advance(ms - 20);
  await settle();
}

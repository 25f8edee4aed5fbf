import { assertEquals } from "@std/assert";
import type { Clock } from "../../src/core/clock.ts";
import type { OutputLimits } from "../../src/core/limits.ts";
import type { Frame } from "../../src/core/session.ts";
import { type Ending, type LinkObserver, WebSocketLink } from "../../src/transport/websocket.ts";
import { newBudget } from "../helpers/session/budget.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { FakeSocket } from "../helpers/session/fake_socket.ts";
import { settle } from "../helpers/session/hub.ts";

const KIB = 1024;

/** Keeps what a link tells its owner, and in which order. */
class Observer implements LinkObserver {
  isGoingAway = false;
  readonly log: string[] = [];
  readonly frames: Frame[] = [];
  readonly endings: Ending[] = [];
  readonly faults: unknown[] = [];

  opened(): void {
    this.log.push("opened");
  }

  receive(frame: Frame): void {
    this.log.push("received");
    this.frames.push(frame);
  }

  exceeded(): void {
    this.log.push("exceeded");
  }

  takes(size: number): boolean {
    return size < 100;
  }

  refuse(): void {}

  ended(ending: Ending): void {
    this.log.push("ended");
    this.endings.push(ending);
  }

  released(): void {
    this.log.push("released");
  }

  failed(error: unknown): void {
    this.faults.push(error);
  }
}

interface Bench {
  readonly socket: FakeSocket;
  readonly link: WebSocketLink;
  readonly observer: Observer;
}

/** A link over a socket that is open. */
function newBench(limits: Partial<OutputLimits> = {}): Bench {
  const bench = newUnopened(limits);
  bench.socket.opens();
  bench.observer.log.length = 0;
  return bench;
}

function newUnopened(
  limits: Partial<OutputLimits> = {},
  clock: Pick<Clock, "soon"> = new FakeClock(),
): Bench {
  const socket = new FakeSocket();
  const observer = new Observer();
  const link = new WebSocketLink(
    socket.under(clock),
    { id: "1", address: "192.0.2.1" },
    { maxQueuedBytes: 1024 * KIB, stallTimeoutMs: 15_000, ...limits },
    observer,
    newBudget(),
  );
  return { socket, link, observer };
}

Deno.test("a link passes on what comes, text as text and bytes as bytes", () => {
  const { socket, observer } = newUnopened();
  assertEquals(socket.binaryType, "arraybuffer");
  socket.opens();
  socket.hears("text");
  socket.hears(new Uint8Array([1, 2]).buffer);
  assertEquals(observer.log, ["opened", "received", "received"]);
  assertEquals(observer.frames, ["text", new Uint8Array([1, 2])]);
});

Deno.test("a link sends frames as they are, in order", () => {
  const { socket, link } = newBench();
  link.send("a");
  link.send(new Uint8Array([1]));
  link.send("");
  assertEquals(socket.sent, ["a", new Uint8Array([1]), ""]);
});

Deno.test("a link names its connection", () => {
  const { link } = newBench();
  assertEquals([link.id, link.address, link.isOpen, link.backlog], ["1", "192.0.2.1", true, 0]);
});

Deno.test("close() ends the connection with its code, and reports it afterwards", async () => {
  const { socket, link, observer } = newBench();
  link.close(1002, "invalid protocol");
  assertEquals([link.isOpen, observer.log], [false, []]);
  assertEquals(socket.closings, [[1002, "invalid protocol"]]);
  await settle();
  assertEquals(observer.endings, [{ by: "server", code: 1002, reason: "invalid protocol" }]);
});

Deno.test("close() without a code sends a closing frame without one", async () => {
  const { socket, link, observer } = newBench();
  link.close();
  await settle();
  assertEquals(socket.closings, ["bare"]);
  assertEquals(observer.endings, [{ by: "server", code: 1005, reason: "" }]);
});

Deno.test("only the first close counts, and the end is reported once", async () => {
  const { socket, link, observer } = newBench();
  link.close(1002, "first");
  link.close(1000, "second");
  link.giveUp();
  link.fail(new Error("late"));
  await settle();
  socket.isClosed(1002, "first");
  assertEquals(socket.closings, [[1002, "first"]]);
  assertEquals(observer.log, ["ended", "released"]);
  assertEquals(observer.endings.length, 1);
});

Deno.test("nothing is sent or received once the end is decided on", () => {
  const { socket, link, observer } = newBench();
  link.close(1000);
  link.send("late");
  socket.hears("late");
  assertEquals([socket.sent, observer.frames], [[], []]);
});

Deno.test("nothing is sent to a socket that is closing without our doing", () => {
  const { socket, link } = newBench();
  socket.readyState = WebSocket.CLOSING;
  link.send("lost");
  assertEquals(socket.sent, []);
});

Deno.test("a client that leaves has ended the connection, and the socket is gone", () => {
  const { socket, link, observer } = newBench();
  socket.dispatchEvent(new Event("error"));
  socket.isClosed(1001, "bye");
  assertEquals(link.isOpen, false);
  assertEquals(observer.log, ["ended", "released"]);
  assertEquals(observer.endings, [{ by: "client", code: 1001, reason: "bye" }]);
});

Deno.test("a close that is reported twice counts once", async () => {
  const { socket, link, observer } = newBench();
  socket.isClosed(1001, "No response from ping frame.");
  socket.isClosed(1005);
  link.close(1000);
  await settle();
  assertEquals(observer.log, ["ended", "released"]);
});

Deno.test("a socket is released when it is gone, perhaps long after the end", async () => {
  const { socket, link, observer } = newBench();
  link.close(1000);
  await settle();
  assertEquals(observer.log, ["ended"]);
  socket.isClosed(1000);
  socket.isClosed(1000);
  assertEquals(observer.log, ["ended", "released"]);
});

Deno.test("a reason that does not fit into a closing frame is left out", () => {
  for (const [reason, sent] of [["x".repeat(123), true], ["x".repeat(124), false]] as const) {
    const { socket, link } = newBench();
    link.close(1002, reason);
    assertEquals(socket.closings, [[1002, sent ? reason : ""]]);
  }
  // Bytes count, not characters.
  const { socket, link } = newBench();
  link.close(1002, "ü".repeat(62));
  assertEquals(socket.closings, [[1002, ""]]);
});

Deno.test("a fault is reported and ends the connection with 1011", async () => {
  const { socket, link, observer } = newBench();
  const fault = new Error("bug");
  link.fail(fault);
  assertEquals([observer.faults, observer.log], [[fault], []]);
  assertEquals(socket.closings, [[1011, "internal error"]]);
  await settle();
  assertEquals(observer.endings, [{ by: "fault" }]);
});

Deno.test("while everybody is sent away, every end is 1001", async () => {
  const { socket, link, observer } = newBench();
  observer.isGoingAway = true;
  link.close(1000, "partner has left");
  await settle();
  assertEquals(socket.closings, [[1001, "going away"]]);
  assertEquals(observer.endings, [
    { by: "server", code: 1001, reason: "going away", isDrain: true },
  ]);
});

Deno.test("a link that is closed before its socket opens is closed as soon as it does", async () => {
  const { socket, link, observer } = newUnopened();
  link.close(1002, "no");
  await settle();
  assertEquals([socket.closings, observer.log], [[], ["ended"]]);
  socket.opens();
  assertEquals(socket.closings, [[1002, "no"]]);
  assertEquals(observer.log, ["ended"]);
});

/** Tasks that run on a test's command. */
class Tasks {
  #actions: (() => void)[] = [];

  soon(action: () => void): Disposable {
    this.#actions.push(action);
    return {
      [Symbol.dispose]: () => this.#actions = this.#actions.filter((one) => one !== action),
    };
  }

  run(): void {
    for (const action of this.#actions.splice(0)) action();
  }
}

Deno.test("the end is decided on at once, the closing frame goes out in a task of its own", async () => {
  const tasks = new Tasks();
  const { socket, link, observer } = newUnopened({}, tasks);
  socket.opens();
  link.close(1002, "no");
  await settle();
  assertEquals([link.isOpen, observer.log, socket.closings], [false, ["opened", "ended"], []]);
  tasks.run();
  assertEquals(socket.closings, [[1002, "no"]]);
});

Deno.test("a socket that is gone by then is left alone", () => {
  const tasks = new Tasks();
  const { socket, link } = newUnopened({}, tasks);
  socket.opens();
  link.close(1002);
  socket.isClosed(1001);
  tasks.run();
  assertEquals(socket.closings, []);
});

Deno.test("a socket that opens while it is being closed is closed once", () => {
  const tasks = new Tasks();
  const { socket, link, observer } = newUnopened({}, tasks);
  link.close(1001, "going away");
  socket.opens();
  tasks.run();
  assertEquals([socket.closings, observer.log], [[[1001, "going away"]], []]);
});

Deno.test("a reader that fills its queue is given up, after the send has returned", async () => {
  const { socket, link, observer } = newBench({ maxQueuedBytes: 8 * KIB });
  socket.bufferedAmount = 8 * KIB;
  link.send("x".repeat(2 * KIB));
  assertEquals([link.isOpen, link.backlog], [true, 8 * KIB]);
  // Bytes that are just being written do not count.
  socket.bufferedAmount = 10 * KIB;
  link.send("x".repeat(2 * KIB));
  assertEquals(link.isOpen, true);
  socket.bufferedAmount = 10 * KIB + 1;
  link.send("x".repeat(2 * KIB));
  assertEquals([link.isOpen, observer.log], [false, []]);
  assertEquals(socket.closings, [[1008, "not reading"]]);
  await settle();
  assertEquals(observer.endings, [{ by: "slow reader" }]);
});

Deno.test("the queue is looked at by bytes, however they are cut into frames", () => {
  const { socket, link } = newBench({ maxQueuedBytes: 8 * KIB });
  socket.bufferedAmount = 9 * KIB;
  for (let nth = 0; nth < 2 * KIB - 1; nth++) link.send("x");
  assertEquals(link.isOpen, true);
  link.send(new Uint8Array(1));
  assertEquals(link.isOpen, false);
});

Deno.test("a reader that takes no byte of its queue for too long is given up", async () => {
  const { socket, link, observer } = newBench({ stallTimeoutMs: 15_000 });
  socket.bufferedAmount = 100;
  link.send("x".repeat(100));
  for (const nowMs of [1_000_000, 1_001_000, 1_014_999]) link.checkStall(nowMs);
  assertEquals(link.isOpen, true);
  link.checkStall(1_015_000);
  await settle();
  assertEquals(observer.endings, [{ by: "slow reader" }]);
});

Deno.test("a reader that takes a little now and then is slow, but not given up", () => {
  const { socket, link } = newBench();
  link.send("x".repeat(100));
  for (let nth = 0; nth < 10; nth++) {
    socket.bufferedAmount = 100 - 10 * nth;
    link.checkStall(1_000_000 + 14_000 * nth);
  }
  assertEquals(link.isOpen, true);
});

Deno.test("a reader that took everything has done enough, until more waits for it", () => {
  const { socket, link } = newBench();
  socket.bufferedAmount = 100;
  link.send("x".repeat(100));
  link.checkStall(1_000_000);
  socket.bufferedAmount = 0;
  link.checkStall(1_010_000);
  for (const nowMs of [1_030_000, 1_060_000]) link.checkStall(nowMs);
  assertEquals([link.isOpen, link.backlog], [true, 0]);
});

Deno.test("bytes that have only just begun to wait are no stall, however many they are", () => {
  const { socket, link } = newBench({ stallTimeoutMs: 15_000 });
  // More than is sent without a look at the queue, after a long silence.
  socket.bufferedAmount = 128 * KIB;
  link.send("x".repeat(128 * KIB));
  link.checkStall(1_000_000);
  assertEquals(link.isOpen, true);
  link.checkStall(1_014_999);
  assertEquals(link.isOpen, true);
  link.checkStall(1_015_000);
  assertEquals(link.isOpen, false);
});

Deno.test("an old stall that is over does not count against the next queue", () => {
  const { socket, link } = newBench({ stallTimeoutMs: 15_000 });
  link.send("x".repeat(100));
  link.checkStall(1_000_000);
  socket.bufferedAmount = 128 * KIB;
  link.send("x".repeat(128 * KIB));
  link.checkStall(1_100_000);
  assertEquals(link.isOpen, true);
});

Deno.test("text of many bytes a character is not taken for a stall", () => {
  const { socket, link } = newBench({ stallTimeoutMs: 15_000 });
  const frame = "語".repeat(1_000);
  for (let nowMs = 1_000_000; nowMs < 1_200_000; nowMs += 1_000) {
    // The client takes all of the last frame and is sent the next one.
    socket.bufferedAmount = 3_000;
    link.send(frame);
    link.checkStall(nowMs);
  }
  assertEquals(link.isOpen, true);
});

Deno.test("a message that a transport refuses is the owner's to word, and ends the connection", async () => {
  const { socket, link, observer } = newBench();
  link.exceeded();
  link.exceeded();
  assertEquals([link.isOpen, observer.log], [false, ["exceeded"]]);
  assertEquals(socket.closings, [[1009, "message too big"]]);
  await settle();
  assertEquals(observer.endings, [{ by: "server", code: 1009, reason: "message too big" }]);
});

Deno.test("a client that breaks the protocol is closed with the transport's code", async () => {
  const { socket, link, observer } = newBench();
  link.violated(1007, "not UTF-8");
  assertEquals(socket.closings, [[1007, "not UTF-8"]]);
  await settle();
  assertEquals(observer.endings, [{ by: "server", code: 1007, reason: "not UTF-8" }]);
});

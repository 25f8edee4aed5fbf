import { assertEquals, assertStringIncludes } from "@std/assert";
import { SignalError } from "../../src/core/errors.ts";
import type { InputLimits } from "../../src/core/limits.ts";
import type { Frame } from "../../src/core/session.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle, TestClient, WIDE_LIMITS } from "../helpers/session/hub.ts";
import { type Script, ScriptedSession } from "../helpers/session/scripted_session.ts";

interface Bench {
  readonly client: TestClient;
  readonly session: ScriptedSession;
  readonly clock: FakeClock;
}

/** A client of a scripted session, before it is opened. */
function newBench(limits: Partial<InputLimits> = {}, script: Script = {}): Bench {
  const clock = new FakeClock();
  let session: ScriptedSession | undefined;
  const client = new TestClient(
    (link) => session = new ScriptedSession(link, script),
    { ...WIDE_LIMITS, ...limits },
    clock.now,
  );
  if (session === undefined) throw new Error("The client made no session");
  return { client, session, clock };
}

function bytes(length: number): Frame {
  return new Uint8Array(length);
}

Deno.test("a frame of just the largest size is received, one byte more is refused", () => {
  // Ten bytes each, of characters of one, two, three and four bytes.
  for (const text of ["abcdefghij", "éüéüé", "語語語x", "😀😀é"]) {
    for (const [maxFrameBytes, isReceived] of [[11, true], [10, true], [9, false]] as const) {
      const { client, session } = newBench({ maxFrameBytes });
      client.blurt(text);
      assertEquals(session.received, isReceived ? [text] : []);
      assertEquals(client.refusals, isReceived ? [] : ["frame_too_large"]);
    }
  }
});

Deno.test("a lone surrogate counts as the three bytes it is sent with", () => {
  for (const [maxFrameBytes, count] of [[3, 1], [2, 0]] as const) {
    const { client, session } = newBench({ maxFrameBytes });
    client.blurt("\ud800");
    assertEquals(session.received.length, count);
  }
});

Deno.test("a binary frame is measured in bytes", () => {
  const { client, session } = newBench({ maxFrameBytes: 10 });
  client.blurt(bytes(9), bytes(10), bytes(11));
  assertEquals(session.received.length, 2);
  assertEquals(client.refusals, ["frame_too_large"]);
});

Deno.test("the refusal of a large frame names the limit, not the frame", () => {
  const { client, session } = newBench({ maxFrameBytes: 4 });
  client.blurt("secret");
  assertStringIncludes(session.refused[0]?.message ?? "", "4 bytes");
});

Deno.test("a burst passes at once, and then as many frames as come due", () => {
  const { client, session, clock } = newBench({ framesPerSecond: 10, frameBurst: 3 });
  const offer = (count: number): number => {
    const before = session.received.length;
    for (let nth = 0; nth < count; nth++) client.blurt("x");
    return session.received.length - before;
  };
  assertEquals(offer(5), 3);
  clock.advance(99);
  assertEquals(offer(1), 0);
  clock.advance(1);
  assertEquals(offer(2), 1);
  clock.advance(200);
  assertEquals(offer(5), 2);
  // The allowance never grows beyond the burst.
  clock.advance(60_000);
  assertEquals(offer(5), 3);
});

Deno.test("a frame that empties the bucket of bytes passes, and is the last one", async () => {
  const { client, session } = newBench({ bytesPerSecond: 10, byteBurst: 100 });
  await client.say("x".repeat(100), "", "y");
  assertEquals([session.received.length, client.refusals], [1, ["rate_limited"]]);
});

Deno.test("bytes come from a bucket of their own; a frame may overdraw what is left of it", async () => {
  const { client, session, clock } = newBench({ bytesPerSecond: 10, byteBurst: 100 });
  await client.say("x".repeat(99), "y".repeat(50), "z");
  assertEquals([session.received.length, client.refusals], [2, ["rate_limited"]]);
  clock.advance(4_800);
  await client.say("z");
  assertEquals(session.received.length, 2);
  clock.advance(200);
  await client.say("z");
  assertEquals(session.received.length, 3);
});

Deno.test("without a limit any number of frames passes", () => {
  const { client, session } = newBench({ framesPerSecond: Infinity, frameBurst: 1 });
  for (let nth = 0; nth < 1_000; nth++) client.blurt("x");
  assertEquals([session.received.length, client.refusals.length], [1_000, 0]);
});

Deno.test("an excess is answered once, and the next one after a calm second again", () => {
  const { client, clock } = newBench({ framesPerSecond: 1, frameBurst: 1 });
  client.blurt("x", "x", "x", "x");
  assertEquals(client.refusals, ["rate_limited"]);
  // 900 ms without a frame are no calm.
  clock.advance(900);
  client.blurt("x");
  assertEquals(client.refusals.length, 1);
  clock.advance(1_001);
  client.blurt("x", "x");
  assertEquals(client.refusals, ["rate_limited", "rate_limited"]);
});

Deno.test("frames that are refused for their rate never reach the session", () => {
  const { client, session } = newBench({ framesPerSecond: 1, frameBurst: 2 });
  client.blurt("1", "2", "3", "4");
  assertEquals(session.received, ["1", "2"]);
});

Deno.test("a session learns of every frame that was dropped for its rate, after the refusal", () => {
  const told: Frame[] = [];
  const { client } = newBench({ framesPerSecond: 1, frameBurst: 1 }, {
    refuse: ({ code }) => void told.push(code),
    dropped: (frame) => void told.push(frame),
  });
  client.blurt("1", "2", "3", "4");
  assertEquals(told, ["rate_limited", "2", "3", "4"]);
});

Deno.test("a session that hangs up on an excess does not get the frame", () => {
  const told: Frame[] = [];
  const { client } = newBench({ framesPerSecond: 1, frameBurst: 1 }, {
    refuse: () => client.link.close(),
    dropped: (frame) => void told.push(frame),
  });
  client.blurt("1", "2", "3");
  assertEquals([told, client.refusals], [[], ["rate_limited"]]);
});

Deno.test("a session that stumbles over a dropped frame costs its own connection only", () => {
  const { client } = newBench({ framesPerSecond: 1, frameBurst: 1 }, {
    dropped: () => {
      throw new Error("stumbled");
    },
  });
  client.blurt("1", "2");
  assertEquals([client.refusals, client.link.faults.length], [["rate_limited", "internal"], 1]);
});

Deno.test("an excess of more than ten seconds is flooding", () => {
  const { client, clock } = newBench({ framesPerSecond: 1, frameBurst: 1 }, {
    refuse: ({ code }) => code === "flooding" && client.link.close(1008),
  });
  client.blurt("x", "x");
  for (let tick = 0; tick < 20; tick++) {
    clock.advance(500);
    client.blurt("x", "x");
  }
  assertEquals(client.refusals, ["rate_limited"]);
  clock.advance(1);
  client.blurt("x", "x");
  assertEquals(client.refusals, ["rate_limited", "flooding"]);
});

Deno.test("floodTimeoutMs and floodPauseMs: how long an excess may last, and what ends it", () => {
  const limits = {
    framesPerSecond: 0.001,
    frameBurst: 1,
    floodTimeoutMs: 2_000,
    floodPauseMs: 300,
  };
  const { client, clock } = newBench(limits, {});
  const exceed = (...pausesMs: readonly number[]): void => {
    for (const pauseMs of pausesMs) {
      clock.advance(pauseMs);
      client.blurt("x");
    }
  };
  client.blurt("x");
  exceed(0, 300, 300, 300, 300, 300, 300);
  assertEquals(client.refusals, ["rate_limited"]);
  exceed(300);
  assertEquals(client.refusals, ["rate_limited", "flooding"]);
  exceed(301);
  assertEquals(client.refusals, ["rate_limited", "flooding", "rate_limited"]);
});

Deno.test("frames that come while the session is waiting are handled afterwards, in order", async () => {
  const opening = Promise.withResolvers<void>();
  const { client, session } = newBench({}, { opened: () => opening.promise });
  client.pump.open();
  await client.say("1", "2", "3");
  assertEquals(session.received, []);
  opening.resolve();
  await settle();
  assertEquals(session.received, ["1", "2", "3"]);
  client.blurt("4");
  assertEquals(session.received.at(-1), "4");
});

Deno.test("a frame may make those behind it wait, again and again", async () => {
  const gates = new Map(["a", "b", "c"].map((name) => [name, Promise.withResolvers<void>()]));
  const { client, session } = newBench({}, { receive: (frame) => gates.get(`${frame}`)?.promise });
  await client.say("a", "1", "b", "2");
  assertEquals(session.received, ["a"]);
  gates.get("a")?.resolve();
  await settle();
  assertEquals(session.received, ["a", "1", "b"]);
  await client.say("c", "3");
  assertEquals(session.received, ["a", "1", "b"]);
  gates.get("b")?.resolve();
  await settle();
  assertEquals(session.received, ["a", "1", "b", "2", "c"]);
  gates.get("c")?.resolve();
  await settle();
  assertEquals(session.received, ["a", "1", "b", "2", "c", "3"]);
});

Deno.test("no frame overtakes those that waited, also in the moment the waiting ends", async () => {
  const opening = Promise.withResolvers<void>();
  const { client, session } = newBench({}, { opened: () => opening.promise });
  client.pump.open();
  client.blurt("1");
  opening.resolve();
  client.blurt("2");
  await Promise.resolve();
  client.blurt("3");
  await settle();
  assertEquals(session.received, ["1", "2", "3"]);
});

Deno.test("the limit of held frames holds; one more is flooding", async () => {
  const opening = Promise.withResolvers<void>();
  const { client, session } = newBench({ maxHeldFrames: 2 }, { opened: () => opening.promise });
  client.pump.open();
  client.blurt("1", "2");
  assertEquals(client.refusals, []);
  client.blurt("3");
  assertEquals(client.refusals, ["flooding"]);
  opening.resolve();
  await settle();
  assertEquals(session.received, ["1", "2"]);
});

Deno.test("a failed wait is refused, and the frames behind it are handled nevertheless", async () => {
  const { client, session } = newBench({}, {
    receive: (frame) => frame === "bad" ? Promise.reject(new SignalError("id_taken")) : undefined,
  });
  await client.say("bad", "1");
  assertEquals(client.refusals, ["id_taken"]);
  assertEquals(session.received, ["bad", "1"]);
});

Deno.test("an outcome that comes later holds no frames back, and is refused in its own time", async () => {
  const outcome = Promise.withResolvers<void>();
  const receive = (frame: Frame) => frame === "later" ? { outcome: outcome.promise } : undefined;
  const { client, session } = newBench({}, { receive });
  client.blurt("later", "behind");
  assertEquals([session.received, client.refusals], [["later", "behind"], []]);
  outcome.reject(new SignalError("peer_unknown"));
  await settle();
  assertEquals([client.refusals, client.isOpen], [["peer_unknown"], true]);
});

Deno.test("frames that waited are not handled when the refusal hung up", async () => {
  const { client, session } = newBench({}, {
    receive: () => Promise.reject(new SignalError("id_taken")),
    refuse: () => client.link.close(1002, "no"),
  });
  await client.say("bad", "1", "2");
  assertEquals(session.received, ["bad"]);
  assertEquals(session.timesClosed, 1);
});

Deno.test("a held frame that hangs up is the last one handled", async () => {
  const opening = Promise.withResolvers<void>();
  const { client, session } = newBench({}, {
    opened: () => opening.promise,
    receive: (frame) => frame === "bye" ? client.link.close(1000) : undefined,
  });
  client.pump.open();
  client.blurt("1", "bye", "2");
  opening.resolve();
  await settle();
  assertEquals(session.received, ["1", "bye"]);
});

Deno.test("a client that does not identify itself has just its time", async () => {
  const { client, session, clock } = newBench({ identifyTimeoutMs: 1_000 });
  client.pump.open();
  await client.say("anything");
  clock.advance(999);
  client.pump.checkIdentified(clock.now());
  assertEquals(client.refusals, []);
  clock.advance(1);
  client.pump.checkIdentified(clock.now());
  assertEquals(client.refusals, ["not_identified"]);
  assertEquals(session.refused[0]?.code, "not_identified");
});

Deno.test("a client that said who it is, or is gone, is not asked again", async () => {
  const one = newBench({ identifyTimeoutMs: 1_000 });
  one.session.isIdentified = true;
  const other = newBench({ identifyTimeoutMs: 1_000 });
  await other.client.leave();
  for (const { client, clock } of [one, other]) {
    clock.advance(60_000);
    client.pump.checkIdentified(clock.now());
    assertEquals(client.refusals, []);
  }
});

Deno.test("a SignalError is the session's to word, and the connection lives on", async () => {
  const { client, session } = newBench({}, {
    opened: () => {
      throw new SignalError("credentials_wrong");
    },
    receive: () => {
      throw new SignalError("bad_frame", "Cannot read");
    },
  });
  client.pump.open();
  await client.say("x");
  assertEquals(session.refused.map(({ code }) => code), ["credentials_wrong", "bad_frame"]);
  assertEquals([client.isOpen, client.link.faults.length], [true, 0]);
});

Deno.test("any other exception is logged, answered as internal, and ends the connection", async () => {
  for (const isLate of [false, true]) {
    for (const where of ["opened", "receive"] as const) {
      const fault = new TypeError("bug");
      const act = (): Promise<void> => {
        if (isLate) return Promise.reject(fault);
        throw fault;
      };
      const { client, session } = newBench({}, { [where]: act });
      client.pump.open();
      await client.say("x", "y");
      assertEquals(client.refusals, ["internal"]);
      assertEquals(session.refused.map(({ message }) => message), ["internal"]);
      assertEquals(client.link.faults, [fault]);
      assertEquals([client.closing, session.timesClosed], [[1011, "internal error"], 1]);
      assertEquals(session.received.length, where === "receive" ? 1 : 0);
    }
  }
});

Deno.test("a fault that comes to light after the connection has ended is logged all the same", async () => {
  const opening = Promise.withResolvers<void>();
  const { client } = newBench({}, { opened: () => opening.promise });
  client.pump.open();
  await client.leave();
  opening.reject(new TypeError("bug"));
  await settle();
  assertEquals(client.link.faults.length, 1);
});

Deno.test("a refusal after the end of the connection has no effect", async () => {
  const opening = Promise.withResolvers<void>();
  const { client, session } = newBench({}, { opened: () => opening.promise });
  client.pump.open();
  await client.leave();
  opening.reject(new SignalError("id_taken"));
  await settle();
  client.pump.refuse(new SignalError("server_full"));
  assertEquals([session.refused, client.refusals, client.link.faults], [[], [], []]);
});

Deno.test("a session that cannot word a refusal is at fault", () => {
  const fault = new Error("no words");
  const { client } = newBench({ maxFrameBytes: 1 }, {
    refuse: () => {
      throw fault;
    },
  });
  client.blurt("too long");
  assertEquals([client.link.faults, client.isOpen], [[fault], false]);
});

Deno.test("a session that cannot close is at fault, and closed only once", async () => {
  const fault = new Error("stuck");
  const { client, session } = newBench({}, {
    closed: () => {
      throw fault;
    },
  });
  await client.leave();
  client.pump.end();
  assertEquals([client.link.faults, session.timesClosed], [[fault], 1]);
});

Deno.test("a session is closed exactly once, whatever ends the connection and how often", async () => {
  const { client, session } = newBench();
  client.link.close(1000);
  client.link.close(1001);
  client.link.drop();
  assertEquals(session.timesClosed, 0);
  await settle();
  client.pump.end();
  assertEquals([session.timesClosed, client.closing], [1, [1000, ""]]);
});

Deno.test("nothing reaches a session whose connection is over, or is about to be", async () => {
  const { client, session, clock } = newBench({ maxFrameBytes: 10 });
  client.link.close(1000);
  client.blurt("1", "far too long a frame");
  await settle();
  client.blurt("2", "far too long a frame");
  clock.advance(60_000);
  client.pump.checkIdentified(clock.now());
  assertEquals([session.received, session.refused], [[], []]);
});

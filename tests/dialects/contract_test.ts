import { assert, assertEquals } from "@std/assert";
import { SignalError } from "../../src/core/errors.ts";
import type { Claim } from "../../src/core/hub.ts";
import type { PeerEvent } from "../../src/core/types.ts";
import { DialectBench } from "../helpers/dialect.ts";
import { ERROR_CODES } from "../helpers/error_codes.ts";
import type { Closing } from "../helpers/fake_link.ts";
import { settle, TestClient } from "../helpers/hub.ts";
import { DRIVEN } from "./drivers.ts";

/** What each dialect has to do, whatever its protocol. */
for (const { dialect, driver } of DRIVEN) {
  const { name } = dialect;

  /** A session of each socket route, as it is before its connection is open. */
  const unopened = (bench: DialectBench): TestClient[] =>
    bench.routes.flatMap((route) => {
      if (route.kind !== "upgrade") return [];
      const url = new URL(route.path, "http://signalbox.test");
      return [new TestClient((link) => route.connect(url, link), route.limits, bench.clock.now)];
    });

  Deno.test(`${name}: has a name that can stand in options, logs and metrics`, () => {
    assert(/^[a-z][a-z0-9]*$/.test(name));
    assert(dialect.title.length > 0);
  });

  Deno.test(`${name}: works with its defaults, and bounds every connection`, () => {
    using bench = new DialectBench(dialect);
    assert(unopened(bench).length > 0);
    for (const route of bench.routes) {
      assert(route.path.startsWith("/"));
      if (route.kind !== "upgrade") continue;
      const bounds = [
        route.limits.maxFrameBytes,
        route.limits.framesPerSecond,
        route.limits.frameBurst,
        route.limits.bytesPerSecond,
        route.limits.byteBurst,
        route.limits.identifyTimeoutMs,
        route.limits.maxHeldFrames,
        route.limits.maxQueuedBytes,
        route.limits.stallTimeoutMs,
      ];
      for (const bound of bounds) assert(Number.isSafeInteger(bound) && bound > 0);
    }
    for (const { path, hint } of bench.open.entrances) {
      assert(path.startsWith("/") && hint.length > 0);
    }
  });

  Deno.test(`${name}: a session does nothing before its connection is open`, async () => {
    using bench = new DialectBench(dialect);
    for (const client of unopened(bench)) {
      await settle();
      assertEquals([client.sent, client.isOpen, client.session.isIdentified], [[], true, false]);
      await client.leave();
      assertEquals([client.link.faults, bench.hub.peerCount], [[], 0]);
    }
  });

  for (const code of ERROR_CODES) {
    Deno.test(`${name}: words ${code}, before the opening and after the greeting`, async () => {
      using bench = new DialectBench(dialect);
      const clients = [...unopened(bench), await driver.greet(bench, "alice")];
      for (const client of clients) {
        client.pump.refuse(new SignalError(code, `text of ${code}`));
        for (const frame of client.heard()) assert(typeof frame === "string");
        assertLegal(client.closing);
        await client.leave();
        assertEquals(client.link.faults, []);
      }
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    });
  }

  // Whoever caused one of these is not served on, in any dialect.
  for (const code of ["frame_too_large", "flooding", "not_identified", "id_taken"] as const) {
    Deno.test(`${name}: hangs up after ${code}`, () => {
      using bench = new DialectBench(dialect);
      for (const client of unopened(bench)) {
        client.pump.refuse(new SignalError(code));
        assertEquals(client.isOpen, false);
      }
    });
  }

  Deno.test(`${name}: what is said of a fault does not tell what it was`, async () => {
    using bench = new DialectBench(dialect);
    const client = await driver.greet(bench, "alice");
    client.pump.refuse(new SignalError("internal"));
    for (const frame of client.heard()) assertEquals(/at |\.ts|Error:/.test(String(frame)), false);
  });

  Deno.test(`${name}: makes something of every event, also of those it never causes`, async () => {
    using bench = new DialectBench(dialect);
    const peer = { id: "bob", dialect: "other", info: null };
    const handle = { ...peer, realm: "other", isReleased: false };
    const events: PeerEvent[] = [
      { type: "entered", room: "r", members: [peer] },
      { type: "joined", room: "r", peer },
      { type: "left", room: "r", peer },
      { type: "described", room: "r", peer },
      { type: "stopped", room: "r" },
      { type: "paired", peer: handle, isCaller: true },
      { type: "paired", peer: handle, isCaller: false },
      { type: "undelivered", peer: "bob" },
      { type: "gone", peer: "bob" },
      { type: "replaced" },
    ];
    for (const event of events) {
      const client = await driver.greet(bench, "alice");
      client.session.deliver(event);
      assertLegal(client.closing);
      await client.leave();
      assertEquals(client.link.faults, []);
    }
  });

  Deno.test(`${name}: a peer that was greeted is known, and forgotten when it leaves`, async () => {
    using bench = new DialectBench(dialect);
    const client = await driver.greet(bench, "alice");
    assertEquals([client.session.isIdentified, bench.hub.has(name, "alice")], [true, true]);
    await client.leave();
    assertEquals([bench.hub.peerCount, bench.hub.has(name, "alice")], [0, false]);
  });

  Deno.test(`${name}: an id in use is refused to a stranger, and its holder notices nothing`, async () => {
    using bench = new DialectBench(dialect);
    const holder = await driver.greet(bench, "alice");
    const stranger = await driver.intrude(bench, "alice");
    assertEquals([stranger.isOpen, stranger.refusals], [false, ["id_taken"]]);
    await stranger.leave();
    assertEquals([holder.heard(), holder.isOpen, bench.hub.has(name, "alice")], [[], true, true]);
  });

  Deno.test(`${name}: who says nothing of itself is hung up on in time, and was nobody`, async () => {
    using bench = new DialectBench(dialect);
    const client = await driver.linger(bench);
    bench.clock.advance(60_000);
    client.pump.checkIdentified(bench.clock.now());
    await settle();
    assertEquals([client.isOpen, bench.hub.peerCount], [false, 0]);
  });

  Deno.test(`${name}: frames that come while an id is being asked for keep their order`, async () => {
    const answer = Promise.withResolvers<boolean>();
    const reserve = ({ id }: Claim): Promise<boolean> =>
      id === "alice" ? answer.promise : Promise.resolve(true);
    using bench = new DialectBench(dialect, { reserve });
    const [way] = driver.ways;
    const bob = await driver.greet(bench, "bob");
    const alice = await driver.greet(bench, "alice");
    await way.meet({ id: "alice", client: alice }, { id: "bob", client: bob });
    await alice.say(...["1", "2", "3"].map((text) => way.say("bob", text)));
    assertEquals([alice.sent, bob.heard(), bench.hub.has(name, "alice")], [[], [], false]);
    answer.resolve(true);
    await settle();
    assertEquals(bob.heard(), ["1", "2", "3"].map((text) => way.heard("alice", "bob", text)));
  });

  for (const way of driver.ways) {
    Deno.test(`${name}: what two peers say ${way.name} passes verbatim, in order`, async () => {
      using bench = new DialectBench(dialect);
      const alice = await driver.greet(bench, "alice");
      const bob = await driver.greet(bench, "bob");
      await way.meet({ id: "alice", client: alice }, { id: "bob", client: bob });
      const texts = ["", " ", "\n", "\0", "語😀\ud800", '"\\', '{"sdp":1.0}', "x".repeat(10_000)];
      alice.blurt(...texts.map((text) => way.say("bob", text)));
      bob.blurt(...texts.map((text) => way.say("alice", text)));
      await settle();
      assertEquals(bob.heard(), texts.map((text) => way.heard("alice", "bob", text)));
      assertEquals(alice.heard(), texts.map((text) => way.heard("bob", "alice", text)));
    });

    Deno.test(`${name}: peers that talked ${way.name} leave nothing behind`, async () => {
      using bench = new DialectBench(dialect);
      for (const first of ["alice", "bob"]) {
        const clients = new Map<string, TestClient>();
        for (const id of ["alice", "bob"]) clients.set(id, await driver.greet(bench, id));
        const [alice, bob] = ["alice", "bob"].map((id) => clients.get(id));
        assert(alice !== undefined && bob !== undefined);
        await way.meet({ id: "alice", client: alice }, { id: "bob", client: bob });
        await alice.say(way.say("bob", "hi"), way.say("nobody", "hi"));
        await clients.get(first)?.leave();
        for (const client of clients.values()) await client.leave();
        assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
        for (const client of clients.values()) assertEquals(client.link.faults, []);
      }
      bench.clock.advance(60_000);
      for (const { name, read } of bench.open.gauges ?? []) {
        assertEquals([name, read()], [name, 0]);
      }
    });
  }

  Deno.test(`${name}: gives all its timers back when it is closed`, () => {
    const bench = new DialectBench(dialect);
    bench[Symbol.dispose]();
    assertEquals(bench.clock.timers, 0);
  });
}

/** A closing frame that every client accepts (RFC 6455, sections 5.5 and 7.4). */
function assertLegal(closing: Closing | undefined): void {
  if (closing === undefined || closing === "bare") return;
  const [code, reason] = closing;
  const isLegal = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) ||
    (code >= 3000 && code <= 4999);
  assert(isLegal, `close code ${code}`);
  assert(new TextEncoder().encode(reason).length <= 123);
}

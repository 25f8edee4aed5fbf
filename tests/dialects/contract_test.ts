import { assert, assertEquals } from "@std/assert";
import { SignalError } from "../../src/core/errors.ts";
import type { Claim } from "../../src/core/peer.ts";
import type { PeerEvent } from "../../src/core/events.ts";
import type { Receiver } from "../../src/core/session.ts";
import { DialectBench, FORGOTTEN_MS } from "../helpers/session/dialect.ts";
import { ERROR_CODES, isFatal } from "../../src/core/errors.ts";
import type { Closing } from "../helpers/session/fake_link.ts";
import { settle } from "../helpers/session/hub.ts";
import { Friends, greet, heardBy } from "./driver.ts";
import { DRIVERS } from "./drivers.ts";

/** The contract of every dialect, whatever its protocol. */
for (const driver of DRIVERS) {
  const { dialect, ways, rival } = driver;
  const { name } = dialect;
  const [way] = ways;

  Deno.test(`${name}: has a name that can stand in options, logs and metrics`, () => {
    assert(/^[a-z][a-z0-9]*$/.test(name));
    assert(dialect.title.length > 0);
  });

  Deno.test(`${name}: works with its defaults, and bounds every connection`, () => {
    using bench = new DialectBench(dialect);
    assert(bench.openings.length > 0);
    for (const { path } of bench.routes) assert(path.startsWith("/"));
    for (const { limits } of bench.openings) {
      const bounds = [
        limits.maxFrameBytes,
        limits.framesPerSecond,
        limits.frameBurst,
        limits.bytesPerSecond,
        limits.byteBurst,
        limits.identifyTimeoutMs,
        limits.maxHeldFrames,
        limits.maxQueuedBytes,
        limits.stallTimeoutMs,
      ];
      for (const bound of bounds) assert(Number.isSafeInteger(bound) && bound > 0);
    }
    for (const { path, hint } of bench.open.entrances) {
      assert(path.startsWith("/") && hint.length > 0);
    }
  });

  Deno.test(`${name}: a session does nothing before its connection is open`, async () => {
    using bench = new DialectBench(dialect);
    for (const client of bench.unopened()) {
      await settle();
      assertEquals([client.sent, client.isOpen, client.session.isIdentified], [[], true, false]);
      await client.leave();
      assertEquals([client.link.faults, bench.hub.peerCount], [[], 0]);
    }
  });

  for (const code of ERROR_CODES) {
    Deno.test(`${name}: words ${code}, before the opening and after the greeting`, async () => {
      using bench = new DialectBench(dialect);
      const clients = [...bench.unopened(), (await greet(way, bench, "alice")).client];
      for (const client of clients) {
        client.pump.refuse(new SignalError(code, `text of ${code}`));
        for (const frame of client.heard()) assert(typeof frame === "string");
        assertLegal(client.closing);
        await client.leave();
        assertEquals(client.link.faults, []);
      }
      // Some hold a place for a client that was hung up on.
      bench.clock.advance(FORGOTTEN_MS);
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    });
  }

  // A fault closes the link by itself, whatever the session does.
  const fatal = ERROR_CODES.filter((code) => isFatal(code) && code !== "internal");
  for (const code of rival === undefined ? fatal : [...fatal, "id_taken"] as const) {
    Deno.test(`${name}: hangs up after ${code}`, () => {
      using bench = new DialectBench(dialect);
      for (const client of bench.unopened()) {
        client.pump.refuse(new SignalError(code));
        assertEquals(client.isOpen, false);
      }
    });
  }

  Deno.test(`${name}: the answer to a fault does not name the fault`, async () => {
    using bench = new DialectBench(dialect);
    const { client } = await greet(way, bench, "alice");
    client.pump.refuse(new SignalError("internal"));
    for (const frame of client.heard()) assertEquals(/at |\.ts|Error:/.test(String(frame)), false);
  });

  Deno.test(`${name}: makes something of every event, also of those it never causes`, async () => {
    // A peer of a dialect may be something else than the session of its connection.
    const receivers: Receiver[] = [];
    const reserve = ({ receiver }: Claim): Promise<boolean> => {
      receivers.push(receiver);
      return Promise.resolve(true);
    };
    using bench = new DialectBench(dialect, { reserve });
    const peer = { id: "bob", dialect: "other", info: null };
    const handle = { id: "bob", dialect: "other", realm: "other", fence: 1 };
    const events: PeerEvent[] = [
      { type: "entered", room: "r", self: peer, members: [peer] },
      { type: "updated", info: null },
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
      const { client } = await greet(way, bench, "alice");
      receivers.pop()?.deliver(event);
      for (const frame of client.heard()) assert(typeof frame === "string");
      assertLegal(client.closing);
      await client.leave();
      assertEquals(client.link.faults, []);
    }
  });

  Deno.test(`${name}: a peer that was greeted is known, and forgotten when it leaves`, async () => {
    using bench = new DialectBench(dialect);
    const { client, id } = await greet(way, bench, "alice");
    const isPeer = driver.isAnonymous !== true;
    assertEquals([client.session.isIdentified, bench.hub.has(name, id)], [true, isPeer]);
    await client.leave();
    assertEquals([bench.hub.peerCount, bench.hub.has(name, id)], [0, false]);
  });

  if (driver.isAnonymous === true) {
    Deno.test(`${name}: clients take no place among the peers of the hub`, async () => {
      using bench = new DialectBench(dialect);
      for (const wish of ["alice", "alice", "bob"]) await greet(way, bench, wish);
      assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    });
  } else if (rival === undefined) {
    Deno.test(`${name}: every client gets an id of its own, whatever it would like to be called`, async () => {
      using bench = new DialectBench(dialect);
      const ids = new Set<string>();
      for (const wish of ["alice", "alice", "bob"]) ids.add((await greet(way, bench, wish)).id);
      assertEquals([ids.size, bench.hub.peerCount, ids.has("alice")], [3, 3, false]);
    });
  } else {
    const outcome = rival.prevails === "holder" ? "is refused to" : "goes over to";
    Deno.test(`${name}: an id in use ${outcome} another client that claims it`, async () => {
      using bench = new DialectBench(dialect);
      const { client: holder } = await greet(way, bench, "alice");
      const other = await rival.connect(bench, "alice");
      const [winner, loser] = rival.prevails === "holder" ? [holder, other] : [other, holder];
      assertEquals([winner.isOpen, loser.isOpen], [true, false]);
      await loser.leave();
      assertEquals([winner.isOpen, bench.hub.has(name, "alice")], [true, true]);
      if (winner === holder) assertEquals([holder.heard(), other.refusals], [[], ["id_taken"]]);
      await winner.leave();
      assertEquals([bench.hub.peerCount, bench.hub.has(name, "alice")], [0, false]);
    });
  }

  const { linger } = driver;
  if (linger !== undefined) {
    Deno.test(`${name}: a client that does not identify itself is closed in time, and had no id`, async () => {
      using bench = new DialectBench(dialect);
      const client = await linger(bench);
      bench.clock.advance(FORGOTTEN_MS);
      client.pump.checkIdentified(bench.clock.now());
      await settle();
      assertEquals([client.isOpen, bench.hub.peerCount], [false, 0]);
    });
  }

  for (const { name: manner, hasty, ...way } of ways) {
    if (hasty === undefined) continue;
    const TEXTS = ["1", "2", "3"];

    Deno.test(`${name}: frames that come while an id is being asked for keep their order (${manner})`, async () => {
      const answer = Promise.withResolvers<boolean>();
      let isSlow = false;
      const reserve = (): Promise<boolean> => isSlow ? answer.promise : Promise.resolve(true);
      using bench = new DialectBench(dialect, { reserve });
      const bob = await greet({ name: manner, ...way }, bench, "bob");
      isSlow = true;
      const alice = await way.enter(bench, "alice");
      await alice.say(...hasty.say(bob.id, TEXTS));
      assertEquals([alice.sent, bob.client.heard(), bench.hub.peerCount], [[], [], 1]);
      answer.resolve(true);
      await settle();
      const id = way.welcome(alice, "alice");
      const heard = heardBy(bob, driver);
      // If they share a room, bob learns of alice before her words arrive.
      const news = heard.splice(0, heard.length - TEXTS.length);
      for (const frame of news) assertEquals(driver.about(frame), id);
      assertEquals(heard, TEXTS.map((text) => hasty.talk.heard(id, bob.id, text)));
    });

    Deno.test(`${name}: a client that leaves while its id is being claimed was never there (${manner})`, async () => {
      const answer = Promise.withResolvers<boolean>();
      let isSlow = false;
      const reserve = (): Promise<boolean> => isSlow ? answer.promise : Promise.resolve(true);
      using bench = new DialectBench(dialect, { reserve });
      const bob = await greet({ name: manner, ...way }, bench, "bob");
      isSlow = true;
      const alice = await way.enter(bench, "alice");
      await alice.say(...hasty.say(bob.id, TEXTS));
      await alice.leave();
      answer.resolve(true);
      await settle();
      assertEquals([alice.sent, alice.refusals, bob.client.heard()], [[], [], []]);
      assertEquals([bench.hub.peerCount, alice.link.faults, alice.link.late], [1, [], []]);
    });
  }

  for (const way of ways) {
    Deno.test(`${name}: messages of two peers ${way.name} pass verbatim, in order`, async () => {
      using bench = new DialectBench(dialect);
      const friends = await Friends.meet(driver, way, bench);
      const texts = ["", " ", "\n", "\0", "語😀\ud800", '"\\', '{"sdp":1.0}', "x".repeat(10_000)];
      const [heard, expected] = await friends.exchange(...texts);
      assertEquals(heard, expected);
    });

    Deno.test(`${name}: peers that talked ${way.name} leave nothing behind`, async () => {
      using bench = new DialectBench(dialect);
      for (const isAliceFirst of [true, false]) {
        const friends = await Friends.meet(driver, way, bench);
        const { alice, bob } = friends;
        await alice.client.say(friends.wordTo(bob.id), friends.wordTo("nobody"));
        for (const { client } of isAliceFirst ? [alice, bob] : [bob, alice]) await client.leave();
        assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
        for (const { client: { link } } of [alice, bob]) {
          assertEquals([link.faults, link.late], [[], []]);
        }
      }
      bench.clock.advance(FORGOTTEN_MS);
      for (const { name, read } of bench.gauges) {
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

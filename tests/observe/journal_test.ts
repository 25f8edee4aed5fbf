import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Happenings } from "../../src/core/happenings.ts";
import { SignalError } from "../../src/core/errors.ts";
import { addressKey } from "../../src/http/address.ts";
import { Journal } from "../../src/observe/journal.ts";
import type { Facts, Log } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { RecentRefusals } from "../../src/observe/recent_refusals.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

/** A log that keeps its lines. */
class FakeLog implements Log {
  readonly lines: string[] = [];

  constructor(readonly isDebug = false) {}

  write(level: string, what: string, facts: Facts = {}): void {
    this.lines.push(`${level} ${what} ${JSON.stringify(facts)}`);
  }

  writeForClient(level: string, what: string, facts: Facts): void {
    this.write(`client ${level}`, what, facts);
  }
}

const CONNECTION = { id: "7", address: "192.0.2.1", dialect: "peerjs" };
const FACTS = '"connection":"7","dialect":"peerjs","address":"192.0.2.1"';

interface Bench {
  readonly journal: Journal;
  readonly log: FakeLog;
  readonly metrics: Metrics;
  readonly refusals: RecentRefusals;
}

function newBench(isDebug = false): Bench {
  const log = new FakeLog(isDebug);
  const metrics = new Metrics(new FakeClock());
  let now = 0;
  const refusals = new RecentRefusals(50, () => ++now, addressKey);
  return { journal: new Journal(log, metrics, refusals, new Happenings()), log, metrics, refusals };
}

Deno.test("a connection is counted and logged, with dialect and address", async () => {
  const { journal, log, metrics } = newBench();
  journal.opened(CONNECTION);
  assertEquals(log.lines, [`client info connection opened {${FACTS}}`]);
  assertStringIncludes(
    await metrics.expose(),
    'signalbox_connections_accepted_total{dialect="peerjs"} 1\n',
  );
});

Deno.test("the first refusal of a connection is logged, and all are counted", async () => {
  const { journal, log, metrics } = newBench();
  for (let count = 1; count <= 3; count++) {
    journal.refused(CONNECTION, new SignalError("bad_frame", "secret bytes"), count);
  }
  assertEquals(log.lines, [`client info refused {${FACTS},"reason":"bad_frame"}`]);
  const counted = 'signalbox_refusals_total{dialect="peerjs",reason="bad_frame"} 3\n';
  assertStringIncludes(await metrics.expose(), counted);
});

Deno.test("an operator sees the newest refusals, of one kind of a connection one", () => {
  const { journal, refusals } = newBench();
  const connection = { ...CONNECTION, wordFor: () => "no-such-pool" };
  journal.refused(CONNECTION, new SignalError("bad_frame"), 1);
  journal.refused(CONNECTION, new SignalError("bad_frame"), 2);
  journal.refused(CONNECTION, new SignalError("rate_limited"), 3);
  for (const pool of ["a\n", "b", "a\n"]) {
    journal.refused(connection, new SignalError("room_unknown", "no", { pool }), 3);
  }
  const { id, ...who } = CONNECTION;
  const facts = { ...who, connection: id, reason: "no-such-pool" };
  assertEquals(refusals.list(), [
    { ...facts, pool: "a�", atMs: 6, count: 2 },
    { ...facts, pool: "b", atMs: 5, count: 1 },
    { ...facts, reason: "rate_limited", atMs: 3, count: 1 },
    { ...facts, reason: "bad_frame", atMs: 2, count: 2 },
  ]);
});

Deno.test("an operator's list of refusals is bounded, for each address to a tenth", () => {
  const { journal, refusals } = newBench();
  const refuse = (address: string, nth: number): void =>
    journal.refused({ ...CONNECTION, address, id: `${nth}` }, new SignalError("room_unknown"), 1);
  refuse("192.0.2.9", 0);
  for (let nth = 1; nth < 1_000; nth++) refuse("192.0.2.1", nth);
  const list = refusals.list();
  assertEquals(list.map(({ connection }) => connection), ["999", "998", "997", "996", "995", "0"]);
  // An IPv6 network counts as one address.
  for (let nth = 1; nth < 1_000; nth++) refuse(`2001:db8::${nth}`, 1_000 + nth);
  assertEquals(refusals.list().length, 11);
  for (let nth = 0; nth < 1_000; nth++) refuse(`198.51.100.${nth}`, nth);
  assertEquals(refusals.list().length, 50);
});

Deno.test("every refused join is logged, with the pool and in the dialect's own words", () => {
  const { journal, log } = newBench();
  const connection = { ...CONNECTION, wordFor: (code: string) => code.replace("room", "pool") };
  journal.refused(connection, new SignalError("bad_frame"), 1);
  journal.refused(connection, new SignalError("room_unknown", "no", { pool: "attic" }), 2);
  journal.refused(connection, new SignalError("room_missing"), 3);
  journal.refused(connection, new SignalError("peer_unknown"), 4);
  assertEquals(log.lines.slice(1), [
    `client info refused {${FACTS},"reason":"room_unknown","word":"pool_unknown","pool":"attic"}`,
    `client info refused {${FACTS},"reason":"room_missing","word":"pool_missing"}`,
  ]);
});

Deno.test("at debug level every refusal is logged", () => {
  const { journal, log } = newBench(true);
  for (let count = 1; count <= 3; count++) {
    journal.refused(CONNECTION, new SignalError("bad_frame"), count);
  }
  assertEquals(log.lines.length, 3);
});

Deno.test("an end is logged with the side that decided it, and the refusals before", () => {
  const { journal, log } = newBench();
  journal.ended(CONNECTION, { by: "client", code: 1001, reason: "bye\n" }, 0);
  journal.ended(CONNECTION, { by: "slow reader" }, 4);
  assertEquals(log.lines, [
    `client info connection closed {${FACTS},"by":"client","code":1001}`,
    `client info connection closed {${FACTS},"by":"slow reader","refusals":4}`,
  ]);
});

Deno.test("an end is counted by its cause, but not that of a refused newcomer", async () => {
  const { journal, metrics } = newBench();
  const server = { by: "server", code: 1001, reason: "going away" } as const;
  const client = { by: "client", code: 1000, reason: "" } as const;
  const ends = [
    ["client", CONNECTION, client],
    ["lost", CONNECTION, { by: "network" }],
    ["slow", CONNECTION, { by: "slow reader" }],
    ["fault", CONNECTION, { by: "fault" }],
    ["server", CONNECTION, server],
    ["drain", CONNECTION, { ...server, isDrain: true }],
    ["client", { ...CONNECTION, leaveReason: "left" }, server],
    ["kicked", { ...CONNECTION, leaveReason: "kicked" }, server],
    ["banned", { ...CONNECTION, leaveReason: "banned" }, server],
    ["expired", { ...CONNECTION, leaveReason: "expired" }, server],
  ] as const;
  for (const [, connection, ending] of ends) journal.ended(connection, ending, 0);
  journal.ended({ ...CONNECTION, isRefused: true }, server, 1);
  const samples = await metrics.samples("signalbox_connections_closed_total");
  const counted = Object.fromEntries(samples.map(({ labels, value }) => [labels["cause"], value]));
  const expected = Object.groupBy(ends, ([cause]) => cause);
  assertEquals(
    counted,
    Object.fromEntries(Object.entries(expected).map(([cause, some]) => [cause, some.length])),
  );
});

Deno.test("the peer's id is for somebody who looks for a fault, cut and without what terminals obey", () => {
  for (const isDebug of [false, true]) {
    const { journal, log } = newBench(isDebug);
    const connection = { ...CONNECTION, peerId: `a\x1b${"b".repeat(100)}` };
    journal.refused(connection, new SignalError("bad_frame"), 1);
    journal.ended(connection, { by: "network" }, 1);
    for (const line of log.lines) {
      assertEquals(line.includes('"peer":"a\ufffdb'), isDebug);
      assertEquals(line.includes("b".repeat(60)), isDebug);
      assertEquals(line.includes("b".repeat(65)), false);
    }
  }
});

Deno.test("a fault is counted, and logged with its place", async () => {
  const { journal, log, metrics } = newBench();
  journal.failed(CONNECTION, new TypeError("bug"));
  journal.fault(new TypeError("bug"));
  journal.fault("thrown text");
  for (const [nth, line] of log.lines.entries()) {
    assert(line.startsWith("client error fault"));
    assertStringIncludes(line, nth < 2 ? "TypeError: bug" : "thrown text");
  }
  assertStringIncludes(log.lines[0] ?? "", "journal_test.ts");
  assertStringIncludes(await metrics.expose(), "signalbox_faults_total 3\n");
});

Deno.test("a handshake that was refused by a status is counted and logged", async () => {
  const { journal, log, metrics } = newBench();
  journal.turnedAway({ dialect: "gstreamer", address: "192.0.2.1", pathname: "/gst" }, 426);
  const facts = '{"dialect":"gstreamer","address":"192.0.2.1","reason":"http_426"}';
  assertEquals(log.lines, [`client info refused ${facts}`]);
  assertStringIncludes(await metrics.expose(), 'reason="http_426"} 1\n');
});

Deno.test("a listener that broke is an error of the server's own", () => {
  const { journal, log } = newBench();
  journal.listenerBroken("http://[::]:8080", new Error("too many open files"));
  assertEquals(log.lines.map((line) => line.split(" ")[0]), ["error"]);
  assertStringIncludes(log.lines[0] ?? "", "too many open files");
});

Deno.test("a refused POST is logged, counted and listed like any refusal", async () => {
  const { journal, log, metrics, refusals } = newBench();
  const visitor = { dialect: "simple", address: "192.0.2.1", pathname: "/simple" };
  journal.requestRefused(visitor, new SignalError("id_not_issued", "secret bytes"), "bad_secret");
  journal.requestRefused(visitor, new SignalError("id_not_issued"), "bad_secret");
  journal.requestRefused(
    { ...visitor, address: "192.0.2.2" },
    new SignalError("bad_frame"),
    "bad_frame",
  );
  const facts = '"dialect":"simple","address":"192.0.2.1"';
  assertEquals(
    log.lines[0],
    `client info refused {${facts},"reason":"id_not_issued","word":"bad_secret"}`,
  );
  const counted = 'signalbox_refusals_total{dialect="simple",reason="id_not_issued"} 2\n';
  assertStringIncludes(await metrics.expose(), counted);
  const listed = refusals.list().map(({ address, connection, reason, count }) =>
    `${address} ${connection} ${reason} ${count}`
  );
  assertEquals(listed, ["192.0.2.2 none bad_frame 1", "192.0.2.1 none bad_secret 2"]);
});

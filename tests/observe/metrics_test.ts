import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CATALOGUE, type MetricEntry, readName } from "../../src/observe/catalogue.ts";
import { Turns } from "../../src/core/breaks.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { systemClock } from "../../src/system/clock.ts";
import { TurningClock } from "../helpers/session/turning_clock.ts";

const ENTRIES: readonly (readonly [string, MetricEntry])[] = Object.entries(CATALOGUE);
/** The series that a time-series database may get from one server. */
const MAX_SERIES = 1_500;

/** The series of one family, without its help and type. */
async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.expose();
  return text.split("\n").filter((line) => line.startsWith(name));
}

Deno.test("names, types and helps of the catalogue follow Prometheus' rules", () => {
  for (const [name, { type, help, labels, buckets = [] }] of ENTRIES) {
    assertMatch(name, /^(signalbox|process)_[a-z_]+$/);
    assertEquals(name.endsWith("_total"), type === "counter", name);
    assert(help !== "" && !help.endsWith("."), name);
    assert(!/_(bytes|seconds)_(?!total)/.test(name), `${name} has its unit in the middle`);
    assertEquals(buckets.length > 0, type === "histogram", name);
    assertEquals(buckets, [...buckets].sort((a, b) => a - b), name);
    assertEquals(new Set(labels).size, labels.length, name);
  }
});

Deno.test("no counter and gauge are one family to OpenMetrics", () => {
  const names = new Set(ENTRIES.map(([name]) => name));
  const known = ["signalbox_bridged_calls_total"];
  const twins = [...names].filter((name) => names.has(name.replace(/_total$/, "")));
  assertEquals(twins.filter((name) => name.endsWith("_total")), known);
});

Deno.test("every family is announced once, and a gauge without a source has no value", async () => {
  const text = await new Metrics(new Turns(systemClock)).expose();
  for (const [name, { type, help }] of ENTRIES) {
    assertEquals(text.split(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`).length, 2, name);
  }
  assertEquals(await linesOf(new Metrics(new Turns(systemClock)), "signalbox_store_up"), []);
  assertEquals(await linesOf(new Metrics(new Turns(systemClock)), "signalbox_faults_total"), [
    "signalbox_faults_total 0",
  ]);
});

Deno.test("counts with other labels are other counts", async () => {
  const metrics = new Metrics(new Turns(systemClock));
  const name = "signalbox_refusals_total";
  metrics.count(name, { dialect: "peerjs", reason: "x" });
  metrics.count(name, { dialect: "ssp", reason: "x" });
  metrics.count(name, { dialect: "peerjs", reason: "x" });
  assertEquals(await linesOf(metrics, name), [
    'signalbox_refusals_total{dialect="peerjs",reason="x"} 2',
    'signalbox_refusals_total{dialect="ssp",reason="x"} 1',
  ]);
});

Deno.test("a number of another part is read at each scrape, whether it grows or not", async () => {
  const metrics = new Metrics(new Turns(systemClock));
  let value: number | undefined = 1;
  metrics.read("signalbox_held_bytes", () => value, { dialect: "peerjs" });
  metrics.read("signalbox_ice_credentials_total", () => value);
  metrics.readEach("signalbox_store_records", () => [[{ kind: "ban" }, 3], [{ kind: "id" }, 4]]);
  for (const expected of [1, 5, 2]) {
    value = expected;
    assertEquals(await linesOf(metrics, "signalbox_held_bytes"), [
      `signalbox_held_bytes{dialect="peerjs"} ${expected}`,
    ]);
    assertEquals(await linesOf(metrics, "signalbox_ice_credentials_total"), [
      `signalbox_ice_credentials_total ${expected}`,
    ]);
  }
  value = undefined;
  assertEquals(await linesOf(metrics, "signalbox_held_bytes"), []);
  assertEquals(await linesOf(metrics, "signalbox_store_records"), [
    'signalbox_store_records{kind="ban"} 3',
    'signalbox_store_records{kind="id"} 4',
  ]);
});

Deno.test("a timer fills the buckets of its histogram", async () => {
  const metrics = new Metrics(new Turns(systemClock));
  const observe = metrics.timer("signalbox_relay_duration_seconds", { dialect: "peerjs" });
  observe(0.00002);
  observe(0.2);
  const lines = await linesOf(metrics, "signalbox_relay_duration_seconds");
  const labels = (bound: string) => `{le="${bound}",dialect="peerjs"}`;
  const valueAt = (bound: string): string | undefined =>
    lines.find((line) => line.includes(labels(bound)))?.split(" ").at(-1);
  assertEquals(["0.00001", "0.000025", "0.1", "+Inf"].map(valueAt), ["0", "1", "1", "2"]);
});

Deno.test("a family with too many label sets counts the further ones as other", async () => {
  const metrics = new Metrics(new Turns(systemClock));
  for (let nth = 0; nth < 1_000; nth++) {
    metrics.count("signalbox_refusals_total", { dialect: "peerjs", reason: `reason-${nth}` });
  }
  const lines = await linesOf(metrics, "signalbox_refusals_total");
  assertEquals(lines.length, 351);
  assertEquals(lines.at(-1), 'signalbox_refusals_total{dialect="other",reason="other"} 650');
});

Deno.test("a server with every label that exists stays within the limit of series", () => {
  /** The values of each label, generously. */
  const values: Readonly<Record<string, number>> = {
    dialect: 9,
    cause: 9,
    reason: 100,
    outcome: 18,
    kind: 8,
    step: 13,
    what: 2,
    mode: 3,
    caller: 6,
    callee: 6,
    status: 15,
    version: 1,
    commit: 1,
    deno: 1,
  };
  const seriesOf = ({ type, labels, buckets = [], maxSets = Infinity }: MetricEntry): number => {
    // A connection without a protocol, or with Socket.IO alone, identifies nobody and relays nothing.
    const known = type === "histogram" ? { ...values, dialect: 7 } : values;
    const sets = labels.reduce((product, label) => product * (known[label] ?? NaN), 1);
    return Math.min(sets, maxSets) * (buckets.length > 0 ? buckets.length + 3 : 1);
  };
  const total = ENTRIES.reduce((sum, [, entry]) => sum + seriesOf(entry), 0);
  assert(total <= MAX_SERIES, `${total} series`);
});

Deno.test("a name that the catalogue does not have is a mistake", () => {
  assertEquals(readName("signalbox_peers"), "signalbox_peers");
  for (const name of ["signalbox_nothing", "constructor", "signalbox_relay_duration_seconds"]) {
    assertThrows(() => readName(name), RangeError);
  }
});

Deno.test("a scrape that takes long is interrupted, and has every family", async () => {
  const clock = new TurningClock();
  const metrics = new Metrics(new Turns(clock));
  const log: string[] = [];
  metrics.read("signalbox_peers", () => {
    log.push("peers");
    clock.advance(1); // a read that takes long
    return 1;
  });
  metrics.read("signalbox_ready", () => void log.push("ready"));
  const text = metrics.expose();
  clock.advance(0);
  while (!log.includes("peers")) await Promise.resolve();
  for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
  log.push("break");
  clock.advance(0);
  const families = (await text).matchAll(/^# HELP (\S+)/gm).map(([, name]) => name);
  assertEquals([...families], Object.keys(CATALOGUE));
  assertEquals(log, ["peers", "break", "ready"]);
});

Deno.test("scrapes that come before one has begun share its text, and later ones do not", async () => {
  const clock = new TurningClock();
  const metrics = new Metrics(new Turns(clock));
  let reads = 0;
  let later: Promise<string> | undefined;
  metrics.read("signalbox_peers", () => {
    later ??= metrics.expose();
    return ++reads;
  });
  const both = [metrics.expose(), metrics.expose()];
  clock.advance(0);
  const [first, second] = await Promise.all(both);
  assertEquals(first, second);
  assertMatch(first ?? "", /^signalbox_peers 1$/m);
  clock.advance(0);
  assertMatch(await later ?? "", /^signalbox_peers 2$/m);
});

Deno.test("a scrape takes one look for several families, and the next one looks again", async () => {
  const metrics = new Metrics(new Turns(systemClock));
  let looks = 0;
  metrics.readTogether(() => ++looks, [
    ["signalbox_sockets", (seen) => [[{}, seen]]],
    ["signalbox_addresses", (seen) => [[{}, 10 * seen]]],
  ]);
  const shown = async (): Promise<string[]> => [
    ...await linesOf(metrics, "signalbox_sockets"),
    ...(await metrics.samples("signalbox_addresses")).map(({ value }) => `${value}`),
  ];
  assertEquals(await shown(), ["signalbox_sockets 1", "20"]);
  assertMatch(await metrics.expose(), /^signalbox_sockets 3$[^]*^signalbox_addresses 30$/m);
});

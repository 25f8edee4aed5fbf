import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import fc from "fast-check";
import { type Log, type LogOptions, openLog, shown } from "../../src/observe/log.ts";
import { anyText } from "../helpers/session/arbitraries.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { CapturedStderr } from "../helpers/process/stderr.ts";

interface Bench extends Disposable {
  readonly log: Log;
  readonly clock: FakeClock;
  readonly stderr: CapturedStderr;
}

function newBench(options: Partial<LogOptions> = {}): Bench {
  const clock = new FakeClock();
  const stderr = new CapturedStderr();
  const log = openLog({ level: "info", format: "text", linesPerSecond: 10, ...options }, clock);
  return {
    log,
    clock,
    stderr,
    [Symbol.dispose]: () => {
      log[Symbol.dispose]();
      stderr[Symbol.dispose]();
    },
  };
}

Deno.test("a line for people has a time, a level, what happened, and the facts", () => {
  using bench = newBench();
  bench.log.write("info", "connection opened", { connection: "7", address: "2001:db8::1" });
  const [line = "", ...others] = bench.stderr.lines();
  assertMatch(
    line,
    /^\d{4}-\d\d-\d\d[ T][\d:.+ Z]+ \w+ connection opened connection=7 address=2001:db8::1$/,
  );
  assertEquals(others, []);
});

Deno.test("a fact that is more than a word is quoted", () => {
  using bench = newBench();
  bench.log.write("info", "x", { a: 'say "hi" twice', b: "", c: 5, d: "a=b", e: "/path/to-x_1" });
  const expected = ' a="say \\"hi\\" twice" b="" c=5 d="a=b" e=/path/to-x_1';
  assert(bench.stderr.lines()[0]?.endsWith(expected));
});

Deno.test("a line for programs is one JSON object with the same facts", () => {
  using bench = newBench({ format: "json" });
  bench.log.write("warning", "connection opened", { connection: "7", count: 2 });
  const [line = ""] = bench.stderr.lines();
  const entry = JSON.parse(line);
  assertEquals([entry.message, entry.connection, entry.count], ["connection opened", "7", 2]);
  assertMatch(String(entry.level), /^warn/i);
  assert(!Number.isNaN(Date.parse(entry["@timestamp"] ?? entry.timestamp)));
});

const HOSTILE = 'a\nb\r\u2028\u2029\u0085\x1b[31m\x9b\0\u{202e}" x=1 {connection}';

for (const format of ["text", "json"] as const) {
  Deno.test(`in ${format} an event is one line, whatever its facts hold`, () => {
    using bench = newBench({ format });
    bench.log.write("error", "fault", { error: HOSTILE, stack: "Error: x\n    at y\n" });
    bench.log.write("info", "next");
    const lines = bench.stderr.lines();
    assertEquals(lines.length, 2);
    for (const line of lines) assert([...line].every((character) => character >= " "));
    if (format === "json") assertEquals(JSON.parse(lines[0] ?? "").error, HOSTILE);
  });
}

Deno.test("a line for people holds nothing that a terminal would obey", () => {
  using bench = newBench();
  bench.log.write("error", "fault", { error: HOSTILE });
  assertNotMatch(bench.stderr.lines()[0] ?? "", /[\p{Cc}\p{Cf}\u2028\u2029]/u);
});

Deno.test("events below the level are not written", () => {
  const levels = ["debug", "info", "warning", "error"] as const;
  for (const [nth, level] of levels.entries()) {
    using bench = newBench({ level });
    for (const one of levels) bench.log.write(one, one);
    assertEquals(bench.stderr.lines().length, levels.length - nth);
    assertEquals(bench.log.isDebug, level === "debug");
  }
});

Deno.test("clients cause as many lines a second as the budget has, and the rest is counted", () => {
  using bench = newBench({ linesPerSecond: 3 });
  const say = (times: number): void => {
    for (let nth = 0; nth < times; nth++) bench.log.writeForClient("info", "refused", { nth });
  };
  say(10);
  assertEquals(bench.stderr.lines().length, 3);
  bench.clock.advance(1_000);
  say(1);
  const [note = "", line = ""] = bench.stderr.lines();
  assertMatch(note, /log lines suppressed count=7$/);
  assertMatch(line, /refused nth=0$/);
  // A line is written once.
  bench.clock.advance(1_000);
  say(1);
  assertEquals(bench.stderr.lines().length, 1);
});

Deno.test("lines about connections crowd out neither a warning nor a fault", () => {
  using bench = newBench({ linesPerSecond: 2 });
  for (let nth = 0; nth < 9; nth++) bench.log.writeForClient("info", "connection opened", {});
  bench.log.writeForClient("warning", "taken over", {});
  bench.log.writeForClient("error", "fault", {});
  const [, , warning = "", fault = "", ...more] = bench.stderr.lines();
  assertMatch(warning, /taken over$/);
  assertMatch(fault, /fault$/);
  assertEquals(more, []);
});

Deno.test("the budget is not saved up", () => {
  using bench = newBench({ linesPerSecond: 2 });
  bench.clock.advance(60_000);
  for (let nth = 0; nth < 10; nth++) bench.log.writeForClient("info", "refused", {});
  assertEquals(bench.stderr.lines().length, 2);
});

Deno.test("the server's own lines are subject to no budget", () => {
  using bench = newBench({ linesPerSecond: 1 });
  for (let nth = 0; nth < 5; nth++) bench.log.write("info", "reloaded");
  bench.log.writeForClient("info", "refused", {});
  assertEquals(bench.stderr.lines().length, 6);
});

Deno.test("without a limit every line is written", () => {
  using bench = newBench({ linesPerSecond: Infinity });
  for (let nth = 0; nth < 500; nth++) bench.log.writeForClient("info", "refused", {});
  assertEquals(bench.stderr.lines().length, 500);
});

Deno.test("lines that nobody would see cost no budget", () => {
  using bench = newBench({ level: "warning", linesPerSecond: 1 });
  bench.log.writeForClient("info", "connection opened", {});
  bench.log.writeForClient("error", "fault", {});
  assertMatch(bench.stderr.lines().at(-1) ?? "", /fault$/);
});

Deno.test("a log that cannot be written stops nothing", () => {
  using bench = newBench();
  bench.stderr.fault = new Error("broken pipe");
  bench.log.write("error", "fault");
  bench.stderr.fault = undefined;
  bench.log.write("info", "still here");
  assertEquals(bench.stderr.lines().length, 1);
});

Deno.test("a second log in a process replaces the first, and can be closed like it", () => {
  using first = newBench();
  using second = newBench({ format: "json" });
  second.log.write("info", "x");
  assertEquals(first.stderr.lines(), []);
  JSON.parse(second.stderr.lines()[0] ?? "");
});

Deno.test("a client's text is cut, and shown without what a terminal would obey", () => {
  assertEquals(shown("going away"), "going away");
  assertEquals(shown("x".repeat(64)), "x".repeat(64));
  assertEquals(shown("x".repeat(65)), `${"x".repeat(64)}…`);
  assertEquals(shown("a\nb\x1b[31m\u2028\u202e"), "a�b�[31m��");
  assertEquals(shown(`${"x".repeat(63)}😀`), `${"x".repeat(63)}�…`);
});

Deno.test("whatever a client's text, what is shown of it is short and harmless", () => {
  fc.assert(fc.property(anyText(100), (text) => {
    const safe = shown(text);
    assert(safe.length <= 65 && safe.isWellFormed());
    assertNotMatch(safe, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
  }));
});

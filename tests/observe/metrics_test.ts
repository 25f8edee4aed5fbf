import { assertEquals } from "@std/assert";
import { Metrics } from "../../src/observe/metrics.ts";

Deno.test("metrics without any are an empty text", () => {
  assertEquals(new Metrics().expose().trim(), "");
});

Deno.test("a counter is announced at once, and shown from its first count on", () => {
  const metrics = new Metrics();
  metrics.counter("things_total", "Things");
  assertEquals(metrics.expose(), "# HELP things_total Things\n# TYPE things_total counter\n");
  metrics.count("things_total");
  metrics.count("things_total");
  assertEquals(metrics.expose().split("\n")[2], "things_total 2");
});

Deno.test("counts with other labels are other counts", () => {
  const metrics = new Metrics();
  metrics.counter("things_total", "Things");
  metrics.count("things_total", { dialect: "a", reason: "x" });
  metrics.count("things_total", { dialect: "b", reason: "x" });
  metrics.count("things_total", { dialect: "a", reason: "x" });
  assertEquals(metrics.expose().split("\n").slice(2), [
    'things_total{dialect="a",reason="x"} 2',
    'things_total{dialect="b",reason="x"} 1',
    "",
  ]);
});

Deno.test("a gauge is read when somebody asks, once for each of its labels", () => {
  const metrics = new Metrics();
  let value = 1;
  metrics.gauge("level", "Level", () => value);
  metrics.gauge("bytes", "Bytes", () => value, { dialect: "a" });
  metrics.gauge("bytes", "Bytes", () => 10 * value, { dialect: "b" });
  value = 2;
  assertEquals(
    metrics.expose(),
    [
      "# HELP level Level",
      "# TYPE level gauge",
      "level 2",
      "# HELP bytes Bytes",
      "# TYPE bytes gauge",
      'bytes{dialect="a"} 2',
      'bytes{dialect="b"} 20',
      "",
    ].join("\n"),
  );
});

Deno.test("names of every object's properties are plain names", () => {
  const metrics = new Metrics();
  metrics.count("constructor", { reason: "__proto__" });
  metrics.counter("constructor", "Things");
  assertEquals(metrics.expose().split("\n")[2], 'constructor{reason="__proto__"} 1');
});

Deno.test("a count that somebody else keeps is a counter, read when somebody asks", () => {
  const metrics = new Metrics();
  let value = 1;
  metrics.total("dropped_total", "Dropped", () => value);
  value = 2;
  assertEquals(metrics.expose().split("\n").slice(1), [
    "# TYPE dropped_total counter",
    "dropped_total 2",
    "",
  ]);
});

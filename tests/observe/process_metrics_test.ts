import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Clock } from "../../src/core/clock.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { type ProcessFacts, watchProcess } from "../../src/observe/process_metrics.ts";
import { openProcessUsage } from "../../src/system/process.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

const FACTS: ProcessFacts = {
  usage: {
    cpuSeconds: () => 1.5,
    residentBytes: () => 2_000,
    heapBytes: () => 1_000,
    openFiles: () => undefined,
    maxFiles: undefined,
    [Symbol.dispose]: () => {},
  },
  version: "1.2.3 (0a1b2c3d4e)",
  deno: "2.9.6",
  startedAtMs: 1_700_000_000_500,
  isReady: () => true,
  isDraining: () => false,
};

Deno.test("the process, its build and its readiness are shown; an unknown number is left out", async () => {
  const metrics = new Metrics(new FakeClock());
  using _watch = watchProcess(metrics, FACTS, new FakeClock());
  const text = await metrics.expose();
  for (
    const line of [
      "process_cpu_seconds_total 1.5",
      "process_resident_memory_bytes 2000",
      "process_heap_bytes 1000",
      "process_start_time_seconds 1700000000.5",
      "signalbox_ready 1",
      "signalbox_draining 0",
      'signalbox_build_info{version="1.2.3",commit="0a1b2c3d4e",deno="2.9.6"} 1',
    ]
  ) assertStringIncludes(text, `\n${line}\n`);
  assert(!/^process_(open|max)_fds /m.test(text));
});

Deno.test("a version without a commit has an empty one", async () => {
  const metrics = new Metrics(new FakeClock());
  using _watch = watchProcess(metrics, { ...FACTS, version: "1.2.3" }, new FakeClock());
  assertStringIncludes(await metrics.expose(), 'version="1.2.3",commit="",deno="2.9.6"');
});

Deno.test("a timer that fires late is lag of the event loop", async () => {
  const metrics = new Metrics(new FakeClock());
  let [now, fire] = [0, (): void => {}];
  const clock: Pick<Clock, "now" | "every"> = {
    now: () => now,
    every: (_intervalMs, action) => {
      fire = action;
      return { [Symbol.dispose]: () => {} };
    },
  };
  using _watch = watchProcess(metrics, FACTS, clock);
  for (const moment of [500, 1_020, 1_500]) {
    now = moment;
    fire();
  }
  const text = await metrics.expose();
  assertStringIncludes(text, 'signalbox_event_loop_lag_seconds_bucket{le="0.01"} 2\n');
  assertStringIncludes(text, "signalbox_event_loop_lag_seconds_sum 0.02\n");
});

Deno.test("the usage of this very process is measured", () => {
  using usage = openProcessUsage();
  assert(usage.cpuSeconds() > 0);
  assert(usage.residentBytes() > usage.heapBytes() && usage.heapBytes() > 0);
  if (Deno.build.os !== "linux") return;
  const before = usage.openFiles();
  using _file = Deno.openSync("/proc/self/status");
  assertEquals(usage.openFiles(), (before ?? NaN) + 1);
  assert((usage.maxFiles ?? 0) > 10);
});

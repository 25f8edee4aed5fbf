import type { Clock } from "../core/clock.ts";
import type { ProcessUsage } from "../system/process.ts";
import type { Metrics } from "./metrics.ts";

export interface ProcessFacts {
  readonly usage: ProcessUsage;
  /** Such as "1.2.3 (0a1b2c3d4e)". */
  readonly version: string;
  /** The version of the runtime. */
  readonly deno: string;
  /** Ms since 1970 at which the process started. */
  readonly startedAtMs: number;
  readonly isReady: () => boolean;
  readonly isDraining: () => boolean;
}

const LAG_EVERY_MS = 500;

/** Publishes the state of the process, and measures the delays of its event loop until disposed of. */
export function watchProcess(
  metrics: Metrics,
  facts: ProcessFacts,
  clock: Pick<Clock, "now" | "every">,
): Disposable {
  const { usage, startedAtMs, isReady, isDraining } = facts;
  metrics.read("process_cpu_seconds_total", () => usage.cpuSeconds());
  metrics.read("process_resident_memory_bytes", () => usage.residentBytes());
  metrics.read("process_heap_bytes", () => usage.heapBytes());
  metrics.read("process_open_fds", () => usage.openFiles());
  metrics.read("process_max_fds", () => usage.maxFiles);
  metrics.read("process_start_time_seconds", () => startedAtMs / 1_000);
  metrics.read("signalbox_ready", () => isReady() ? 1 : 0);
  metrics.read("signalbox_draining", () => isDraining() ? 1 : 0);
  metrics.read("signalbox_build_info", () => 1, buildOf(facts));
  return watchLag(metrics, clock);
}

function buildOf({ version, deno }: ProcessFacts): Record<string, string> {
  const [, number = version, commit = ""] = /^(\S+) \((\w+)\)$/.exec(version) ?? [];
  return { version: number, commit, deno };
}

function watchLag(metrics: Metrics, clock: Pick<Clock, "now" | "every">): Disposable {
  const observe = metrics.timer("signalbox_event_loop_lag_seconds");
  let dueAt = clock.now() + LAG_EVERY_MS;
  return clock.every(LAG_EVERY_MS, () => {
    const now = clock.now();
    observe(Math.max(0, now - dueAt) / 1_000);
    dueAt = now + LAG_EVERY_MS;
  });
}

import type { ProcessFacts } from "../observe/process_metrics.ts";
import { processStartMs } from "../system/clock.ts";
import type { ProcessUsage } from "../system/process.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** The facts of this process for the metrics. */
export function processFacts(
  { version }: { readonly version: string },
  { usage, life, trouble }: {
    readonly usage: ProcessUsage;
    readonly life: Lifecycle;
    readonly trouble: () => string | undefined;
  },
): ProcessFacts {
  return {
    usage,
    version,
    deno: Deno.version.deno,
    startedAtMs: processStartMs,
    isReady: () => (life.unready ?? trouble()) === undefined,
    isDraining: () => life.unready === "draining",
  };
}

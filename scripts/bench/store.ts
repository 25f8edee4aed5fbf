import { FloodResult } from "./job.ts";
import { repeat, row } from "./measure.ts";
import type { Plan } from "./plan.ts";
import { runJob, type ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";

/** Most CPU time per relayed message with a store, as a multiple of that without one. */
const CPU_TARGET = 1.03;
/** The cost of a relayed message shows best if a server does nothing else. */
const LOAD = { pairs: 1, inFlight: 64 } as const;

export interface StoreContest {
  /** Starts signalbox with these flags more. */
  readonly start: (flags: readonly string[]) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/**
 * Holds signalbox with a store in a file (with all that it keeps of PeerJS) against one without:
 * no relayed message may notice.
 */
export async function measureStore({ start, plan, signal }: StoreContest): Promise<Row[]> {
  const rounds = await repeat(plan.rounds, async () => {
    const folder = await Deno.makeTempDir({ prefix: "signalbox-bench-" });
    try {
      await using kv = await start([`--store=kv:${folder}`, "--peerjs-reserve-ids=1h"]);
      await using memory = await start([]);
      const targets = { signalbox: kv.target, yardstick: memory.target };
      const { warmUpMs, measureMs } = plan;
      const scenarios = { scenario: "peerjs", rivalScenario: "peerjs" };
      const job = { ...scenarios, targets, warmUpMs, measureMs };
      return await runJob({ kind: "flood", ...job, ...LOAD }, FloodResult, signal);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
  return [row("CPU per message, µs, 1 pair, 64 in flight", rounds, {
    digits: 2,
    value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
    target: CPU_TARGET,
  })];
}

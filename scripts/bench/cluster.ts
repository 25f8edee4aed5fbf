import { type Both, type PaceReading, PaceResult } from "./job.ts";
import { repeat, row } from "./measure.ts";
import type { Plan } from "./plan.ts";
import { denoProgram, runJob, ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";
import { serverFlags } from "./server_flags.ts";

/** Most CPU time of both nodes for a message between them, as a multiple of one within a node. */
const CPU_TARGET = 3;
const DELAY_RATE = 1_000;
const RATES = [DELAY_RATE, 4_000, 8_000] as const;
/** The share of a rate that a busy machine has to reach. */
const ENOUGH = 0.95;
const PAIRS = 50;
const SCENARIO = "peerjs";

interface Options {
  /** The server to measure. */
  readonly main: string;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** An engine that forgets everything with its process. */
class Engine implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = `redis+unix://${folder}/redis.sock`;
  }

  /** Undefined where there is no Redis. */
  static async start(): Promise<Engine | undefined> {
    const folder = await Deno.makeTempDir({ prefix: "signalbox-bench-" });
    const socket = ["--port", "0", "--unixsocket", `${folder}/redis.sock`];
    const forgetful = ["--save", "", "--appendonly", "no", "--dir", folder];
    try {
      const child = new Deno.Command("redis-server", {
        args: [...socket, ...forgetful],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      return new Engine(child, folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Rows of the rates that were measured, and the reasons for which others were not. */
export interface ClusterReport {
  readonly rows: readonly Row[];
  readonly remarks: readonly string[];
}

/**
 * Measures messages between two nodes beside those within one server that is no node. Returns the
 * reason where that cannot be.
 */
export async function measureCluster(options: Options): Promise<ClusterReport | string> {
  await using engine = await Engine.start();
  if (engine === undefined) return "redis-server is not installed";
  const rows: Row[] = [];
  const remarks: string[] = [];
  for (const perSecond of RATES) {
    try {
      const rounds = await repeat(
        options.plan.rounds,
        () => measureRate(perSecond, engine.url, options),
      );
      const reached = rateOf(rounds);
      rows.push(...rowsOf(perSecond, reached, rounds));
      if (reached >= perSecond * ENOUGH) continue;
      remarks.push(`${perSecond} per second: this machine reached ${Math.round(reached)}`);
    } catch (error) {
      options.signal.throwIfAborted();
      // The rows of the other rates are good all the same.
      remarks.push(`${perSecond} per second: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { rows, remarks };
}

/** The rate that both sides kept in every round. */
function rateOf(rounds: readonly Both<PaceReading>[]): number {
  const rates = rounds.flatMap(({ signalbox, yardstick }) => [signalbox, yardstick]);
  return Math.min(...rates.map(({ perSecond }) => perSecond));
}

async function measureRate(
  perSecond: number,
  url: string,
  { main, plan, signal }: Options,
): Promise<Both<PaceReading>> {
  const flags = serverFlags([SCENARIO]);
  const start = (...more: string[]): Promise<ServerProcess> =>
    ServerProcess.start(denoProgram(main, ["--dialects=peerjs", ...flags, ...more]), signal);
  await using alone = await start();
  const cluster = ["--cluster", url, "--cluster-prefix", crypto.randomUUID()];
  await using here = await start(...cluster, "--cluster-node", "a");
  await using there = await start(...cluster, "--cluster-node", "b");
  const { warmUpMs, measureMs } = plan;
  const targets = { signalbox: { ...here.target, other: there.target }, yardstick: alone.target };
  const job = { scenario: SCENARIO, rivalScenario: SCENARIO, targets, warmUpMs, measureMs };
  return await runJob({ kind: "pace", ...job, pairs: PAIRS, perSecond }, PaceResult, signal);
}

/** A rate that was not reached has no target: its row shows the one that was. */
function rowsOf(
  perSecond: number,
  reached: number,
  rounds: readonly Both<PaceReading>[],
): Row[] {
  const isReached = reached >= perSecond * ENOUGH;
  const unit = isReached
    ? `${perSecond} per second`
    : `${Math.round(reached)} in place of ${perSecond} per second`;
  const cpu = row(`CPU per message, µs, ${unit}`, rounds, {
    digits: 1,
    value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
    ...(isReached ? { target: CPU_TARGET } : {}),
  });
  if (perSecond !== DELAY_RATE) return [cpu];
  return [
    cpu,
    row(`delay p50, ms, ${unit}`, rounds, { digits: 3, value: ({ p50Ms }) => p50Ms }),
    row(`delay p99, ms, ${unit}`, rounds, { digits: 3, value: ({ p99Ms }) => p99Ms }),
  ];
}

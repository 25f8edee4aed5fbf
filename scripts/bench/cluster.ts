import { type Both, type Pace, type PaceReading, PaceResult } from "./job.ts";
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
/** Passes frames on by an engine, and does nothing else. */
const RELAY = new URL("redis_relay.ts", import.meta.url).href;

interface Options {
  /** The server to measure. */
  readonly main: string;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** An engine that forgets everything with its process. */
class Engine implements AsyncDisposable {
  readonly socket: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    this.socket = `${folder}/redis.sock`;
  }

  get url(): string {
    return `redis+unix://${this.socket}`;
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
  const attempt = async (name: string, measured: Promise<readonly Row[]>): Promise<void> => {
    try {
      rows.push(...await measured);
    } catch (error) {
      options.signal.throwIfAborted();
      // The other rows are good all the same.
      remarks.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  };
  for (const perSecond of RATES) {
    await attempt(`${perSecond} per second`, rateRows(perSecond, engine.url, options, remarks));
  }
  await attempt("bare relays", floorRows(engine.socket, options));
  return { rows, remarks };
}

/** @param remarks gets a rate that was not reached */
async function rateRows(
  perSecond: number,
  url: string,
  options: Options,
  remarks: string[],
): Promise<Row[]> {
  const rounds = await repeat(options.plan.rounds, () => measureRate(perSecond, url, options));
  const reached = rateOf(rounds);
  if (reached < perSecond * ENOUGH) {
    remarks.push(`${perSecond} per second: this machine reached ${Math.round(reached)}`);
  }
  return rowsOf(perSecond, reached, rounds);
}

async function floorRows(engine: string, options: Options): Promise<Row[]> {
  const rounds = await repeat(options.plan.rounds, () => measureFloor(engine, options));
  const unit = `bare relays, ${DELAY_RATE} per second`;
  const cpu = row(`CPU per message, µs, ${unit}`, rounds, {
    digits: 1,
    value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
  });
  return [cpu, ...delayRows(unit, rounds)];
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
  const targets = { signalbox: { ...here.target, other: there.target }, yardstick: alone.target };
  const job = { ...jobOf(plan, perSecond), rivalScenario: SCENARIO, targets };
  return await runJob(job, PaceResult, signal);
}

/** The least that two processes can do which reach each other by a Redis, with a node's library. */
async function measureFloor(
  engine: string,
  { main, plan, signal }: Options,
): Promise<Both<PaceReading>> {
  const streams = [crypto.randomUUID(), crypto.randomUUID()];
  const relay = (...args: readonly string[]): Promise<ServerProcess> =>
    ServerProcess.start(denoProgram(RELAY, [engine, ...args]), signal);
  await using alone = await ServerProcess.start(
    denoProgram(main, ["--dialects=peerjs", ...serverFlags([SCENARIO])]),
    signal,
  );
  await using here = await relay(...streams);
  await using there = await relay(...streams.toReversed());
  const targets = { signalbox: alone.target, yardstick: { ...here.target, other: there.target } };
  const job = { ...jobOf(plan, DELAY_RATE), targets };
  const { signalbox, yardstick } = await runJob(job, PaceResult, signal);
  return { signalbox: yardstick, yardstick: signalbox };
}

function jobOf(
  { clusterWarmUpMs, measureMs }: Plan,
  perSecond: number,
): Omit<Pace, "targets"> {
  const load = { pairs: PAIRS, perSecond, warmUpMs: clusterWarmUpMs, measureMs };
  return { kind: "pace", scenario: SCENARIO, ...load };
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
  return [cpu, ...delayRows(unit, rounds)];
}

function delayRows(unit: string, rounds: readonly Both<PaceReading>[]): Row[] {
  return [
    row(`delay p50, ms, ${unit}`, rounds, { digits: 3, value: ({ p50Ms }) => p50Ms }),
    row(`delay p99, ms, ${unit}`, rounds, { digits: 3, value: ({ p99Ms }) => p99Ms }),
  ];
}

import type { CrowdAnswer, CrowdRequest } from "./crowd_process.ts";
import { GUARDED, JWT_FLAGS, operatorFlags } from "./guarded.ts";
import { openPairs, type Pair, sleep } from "./pairs.ts";
import { Probe, sendPaced } from "./pace.ts";
import type { Plan } from "./plan.ts";
import { readLines, type ServerProcess } from "./process.ts";
import { interval, median, type Row } from "./report.ts";

/** Highest p99 of the delay while others watch, as a multiple of that without. */
const TARGET = 1.2;
const PAIRS = 50;
/** For what a change of the watchers leaves behind. */
const SETTLE_MS = 400;

export interface CrowdContest {
  readonly start: (flags: readonly string[]) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** The delays of two neighbouring windows. */
interface Windows {
  readonly watched: readonly number[];
  readonly plain: readonly number[];
}

export interface CrowdFigures {
  readonly rows: readonly Row[];
  /** The windows in words. */
  readonly remark: string;
}

/**
 * Times relayed messages while peers come and go. In every second window the events are read slowly, a
 * console is open and the webhook's receiver hangs. One server does both, and windows are short, so
 * that whatever else the machine does falls on both alike.
 */
export async function measureCrowd({ start, plan, signal }: CrowdContest): Promise<CrowdFigures> {
  await using crowd = new Crowd();
  const { url = "" } = await crowd.ask({ kind: "receive" });
  await using server = await start([...JWT_FLAGS, ...operatorFlags(url)]);
  const { target } = server;
  const { crowdPeers: peers, crowdPerSecond: perSecond, crowdWindows } = plan;
  await crowd.ask({ kind: "gather", origin: target.origin, peers, perSecond });
  const probes = await openProbes(target, crowd.failed.reject);
  const windows: Windows[] = [];
  const measure = async (): Promise<void> => {
    await takeWindow(crowd, probes, plan, false);
    for (let nth = 0; nth < crowdWindows; nth++) {
      signal.throwIfAborted();
      const take = (isWatched: boolean): Promise<number[]> =>
        takeWindow(crowd, probes, plan, isWatched);
      if (nth % 2 === 0) windows.push({ watched: await take(true), plain: await take(false) });
      else windows.push({ plain: await take(false), watched: await take(true) });
    }
  };
  await Promise.race([measure(), crowd.failed.promise]);
  const { arrivals } = await crowd.ask({ kind: "end" });
  return report(windows, arrivals);
}

async function openProbes(
  target: ServerProcess["target"],
  onFailure: (error: unknown) => void,
): Promise<Probe[]> {
  const [scenario] = GUARDED;
  if (scenario === undefined) throw new RangeError("Cannot send: no scenario");
  const targets = { signalbox: target, yardstick: target };
  const scenarios = { signalbox: scenario, yardstick: scenario };
  const { signalbox: pairs } = await openPairs(scenarios, targets, PAIRS);
  return pairs.map((pair: Pair) => new Probe(pair, scenario, onFailure));
}

/** The delays of one window, in ms. */
async function takeWindow(
  crowd: Crowd,
  probes: readonly Probe[],
  { crowdWindowMs, crowdMessagesPerSecond }: Plan,
  isWatched: boolean,
): Promise<number[]> {
  await crowd.ask({ kind: "watch", isOn: isWatched });
  await sleep(SETTLE_MS);
  for (const probe of probes) probe.delaysMs.splice(0);
  await sendPaced(probes, crowdMessagesPerSecond, crowdWindowMs);
  await sleep(SETTLE_MS);
  return probes.flatMap((probe) => probe.delaysMs.splice(0));
}

function report(windows: readonly Windows[], arrivals: number): CrowdFigures {
  const all = (side: keyof Windows): number => p99(windows.map((one) => one[side]));
  const pooled = { signalbox: all("watched"), yardstick: all("plain") };
  return {
    rows: [
      {
        title: `delay p99, ms, median of ${windows.length} windows each`,
        digits: 3,
        rounds: [{ signalbox: typical(windows, "watched"), yardstick: typical(windows, "plain") }],
        target: TARGET,
      },
      { title: "delay p99, ms, of all windows together", digits: 3, rounds: [pooled] },
    ],
    remark: `${arrivals} peers came; 95 % of the medians' ratios of resampled windows are within ` +
      `${interval(() => ratioOf(resample(windows)))}\n`,
  };
}

function resample(windows: readonly Windows[]): Windows[] {
  return windows.flatMap(() => windows[Math.floor(Math.random() * windows.length)] ?? []);
}

function ratioOf(windows: readonly Windows[]): number {
  return typical(windows, "watched") / typical(windows, "plain");
}

/** The median of the windows' p99: a machine that is busy elsewhere spoils single windows. */
function typical(windows: readonly Windows[], side: keyof Windows): number {
  return median(windows.map((one) => p99([one[side]])));
}

function p99(lists: readonly (readonly number[])[]): number {
  const sorted = Float64Array.from(lists.flat()).sort();
  return sorted[Math.floor(sorted.length * 0.99)] ?? NaN;
}

/** The other process, which answers one request at a time. */
class Crowd implements AsyncDisposable {
  /** Rejects when the other process ends by itself. */
  readonly failed: PromiseWithResolvers<never> = Promise.withResolvers<never>();
  readonly #child: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  #onAnswer: (answer: CrowdAnswer) => void = () => {};

  constructor() {
    const file = new URL("crowd_process.ts", import.meta.url).href;
    this.#child = new Deno.Command("nice", {
      args: ["-n", "19", Deno.execPath(), "run", "-A", file],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#requests = this.#child.stdin.getWriter();
    this.failed.promise.catch(() => {}); // It may fail while nobody waits.
    const onLine = (line: string): void => this.#onAnswer(JSON.parse(line));
    void readLines(this.#child.stdout, onLine).then(() =>
      this.failed.reject(new Error("The crowd failed"))
    );
  }

  async ask(request: CrowdRequest): Promise<CrowdAnswer> {
    const answered = Promise.withResolvers<CrowdAnswer>();
    this.#onAnswer = answered.resolve;
    const line = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
    return await Promise.race([
      this.#requests.write(line).then(() => answered.promise),
      this.failed.promise,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests.close().catch(() => {}); // It may have ended.
    await this.#child.status;
  }
}

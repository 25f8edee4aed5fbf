import type { CrowdAnswer, CrowdRequest } from "./crowd_worker.ts";
import { JWT_FLAGS, operatorFlags } from "./guarded.ts";
import { openPairs, type Pair, sleep } from "./pairs.ts";
import { Probe, sendPaced } from "./pace.ts";
import type { Plan } from "./plan.ts";
import type { ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";
import { GUARDED } from "./guarded.ts";

/** Highest p99 of the delay while others watch, as a multiple of that without. */
const TARGET = 1.2;
const PAIRS = 50;
/** For what a change of the watchers leaves behind. */
const SETTLE_MS = 400;
const RESAMPLES = 2_000;

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
  using crowd = new Crowd();
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
  const pooled = p99sOf(windows);
  const ratios = windows.map((one) => ratioOf([one])).toSorted((one, other) => one - other);
  const resampled = Array.from({ length: RESAMPLES }, () => ratioOf(resample(windows)))
    .toSorted((one, other) => one - other);
  const at = (values: readonly number[], share: number): string =>
    (values[Math.floor(share * (values.length - 1))] ?? NaN).toFixed(2);
  return {
    rows: [{
      title: `delay p99, ms, of ${windows.length} windows each`,
      digits: 3,
      rounds: [{ signalbox: pooled.watched, yardstick: pooled.plain }],
      target: TARGET,
    }],
    remark: `${arrivals} peers came; 95 % of the ratios of resampled windows are within ` +
      `${at(resampled, 0.025)}-${at(resampled, 0.975)}; ` +
      `the median of the neighbours' ratios is ${at(ratios, 0.5)}\n`,
  };
}

function resample(windows: readonly Windows[]): Windows[] {
  return windows.flatMap(() => windows[Math.floor(Math.random() * windows.length)] ?? []);
}

function ratioOf(windows: readonly Windows[]): number {
  const { watched, plain } = p99sOf(windows);
  return watched / plain;
}

function p99sOf(windows: readonly Windows[]): { readonly watched: number; readonly plain: number } {
  return {
    watched: p99(windows.map(({ watched }) => watched)),
    plain: p99(windows.map(({ plain }) => plain)),
  };
}

function p99(lists: readonly (readonly number[])[]): number {
  const sorted = Float64Array.from(lists.flat()).sort();
  return sorted[Math.floor(sorted.length * 0.99)] ?? NaN;
}

/** The other thread, which answers one request at a time. */
class Crowd implements Disposable {
  /** Rejects when the other thread fails. */
  readonly failed: PromiseWithResolvers<never> = Promise.withResolvers<never>();
  readonly #worker = new Worker(new URL("crowd_worker.ts", import.meta.url), { type: "module" });

  constructor() {
    this.#worker.addEventListener("error", ({ message }) => {
      this.failed.reject(new Error(`The crowd failed: ${message}`));
    });
    this.failed.promise.catch(() => {}); // It may fail while nobody waits.
  }

  ask(request: CrowdRequest): Promise<CrowdAnswer> {
    const answered = Promise.withResolvers<CrowdAnswer>();
    const onAnswer = ({ data }: MessageEvent<CrowdAnswer>): void => answered.resolve(data);
    this.#worker.addEventListener("message", onAnswer, { once: true });
    this.#worker.postMessage(request);
    return Promise.race([answered.promise, this.failed.promise]);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

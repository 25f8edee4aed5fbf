import { Frames } from "./frames.ts";
import { type Both, type Pace, type PaceReading, type Side, SIDES, type Target } from "./job.ts";
import { closePairs, openPairs, type Pair, sleep } from "./pairs.ts";
import { cpuMs } from "./process_usage.ts";
import { MIN_MESSAGE_BYTES, overYardstick, type Scenario } from "./scenarios.ts";

/** Long enough to reach a steady state, short enough that both servers see the same noise. */
const TURN_MS = 250;
/** For the last messages of a turn to arrive, so that they do not meet the other server's. */
const PAUSE_MS = 20;
/** How long a turn waits for messages that are still on their way. */
const LATE_MS = 1_000;

/** Sends to both servers by turns, at a rate that neither notices, and times every message. */
export async function pace(
  job: Pace,
  scenario: Scenario,
  rival = overYardstick(scenario),
): Promise<Both<PaceReading>> {
  const scenarios = { signalbox: scenario, yardstick: rival };
  const pairs = await openPairs(scenarios, job.targets, job.pairs);
  const failure = Promise.withResolvers<never>();
  const probesOf = (side: Side): Probe[] =>
    pairs[side].map((pair) => new Probe(pair, scenarios[side], failure.reject));
  const probes = { signalbox: probesOf("signalbox"), yardstick: probesOf("yardstick") };
  const measure = async (): Promise<Both<PaceReading>> => {
    await takeTurns(probes, job, job.warmUpMs);
    for (const side of SIDES) takeDelays(probes[side]);
    const spent = await takeTurns(probes, job, job.measureMs);
    const count = job.perSecond * job.measureMs / 1000;
    const of = (side: Side): PaceReading => ({
      ...delaysOf(takeDelays(probes[side]), count),
      cpuUsPerMessage: spent[side].cpuMs * 1000 / count,
      perSecond: job.perSecond * Math.ceil(job.measureMs / TURN_MS) * TURN_MS / spent[side].ms,
    });
    return { signalbox: of("signalbox"), yardstick: of("yardstick") };
  };
  const result = await Promise.race([measure(), failure.promise]);
  await closePairs(pairs);
  return result;
}

/** Times the messages of one pair. */
export class Probe {
  delaysMs: number[] = [];
  readonly #pair: Pair;
  readonly #frames: Frames;
  readonly #onFailure: (error: unknown) => void;
  readonly #sentAtMs: number[] = [];

  constructor(pair: Pair, scenario: Scenario, onFailure: (error: unknown) => void) {
    this.#pair = pair;
    this.#frames = new Frames(scenario, pair.ids, 1);
    this.#onFailure = onFailure;
    pair.a.count(MIN_MESSAGE_BYTES, () => {}).catch(onFailure);
    pair.b.count(MIN_MESSAGE_BYTES, (count) => this.#onMessages(count)).catch(onFailure);
  }

  /** Messages on their way. */
  get pending(): number {
    return this.#sentAtMs.length;
  }

  send(): void {
    this.#sentAtMs.push(performance.now());
    this.#pair.a.write(this.#frames.take(1)).catch(this.#onFailure);
  }

  #onMessages(count: number): void {
    const now = performance.now();
    for (const sentAtMs of this.#sentAtMs.splice(0, count)) this.delaysMs.push(now - sentAtMs);
  }
}

interface Spent {
  cpuMs: number;
  /** From the first message of each turn to the arrival of its last. */
  ms: number;
}

/** Returns what each side spent in its turns. */
async function takeTurns(
  probes: Both<Probe[]>,
  { perSecond, targets }: Pace,
  ms: number,
): Promise<Both<Spent>> {
  const spent = { signalbox: { cpuMs: 0, ms: 0 }, yardstick: { cpuMs: 0, ms: 0 } };
  for (let turn = 0; turn < ms / TURN_MS; turn++) {
    for (const side of turn % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const before = cpuOf(targets[side]);
      const start = performance.now();
      await sendPaced(probes[side], perSecond, TURN_MS);
      await arrival(probes[side]);
      spent[side].ms += performance.now() - start;
      await sleep(PAUSE_MS);
      spent[side].cpuMs += cpuOf(targets[side]) - before;
    }
  }
  return spent;
}

/** Waits for the messages that are on their way, within reason: some may be lost. */
async function arrival(probes: readonly Probe[]): Promise<void> {
  const late = performance.now() + LATE_MS;
  while (performance.now() < late && probes.some(({ pending }) => pending > 0)) await sleep(1);
}

function cpuOf({ pid, other }: Target): number {
  return cpuMs(pid) + (other === undefined ? 0 : cpuMs(other.pid));
}

/** Sends for so long; does not wait for answers, so that a slow server gets no fewer messages. */
export async function sendPaced(
  probes: readonly Probe[],
  perSecond: number,
  ms: number,
): Promise<void> {
  const start = performance.now();
  const total = perSecond * ms / 1000;
  for (let sent = 0; sent < total;) {
    const due = (performance.now() - start) * perSecond / 1000;
    for (; sent < Math.min(due, total); sent++) probes[sent % probes.length]?.send();
    await sleep(1);
  }
}

function takeDelays(probes: readonly Probe[]): number[] {
  return probes.flatMap((probe) => probe.delaysMs.splice(0));
}

function delaysOf(
  delaysMs: readonly number[],
  expected: number,
): Pick<PaceReading, "p50Ms" | "p99Ms"> {
  if (delaysMs.length < expected * 0.95) {
    throw new Error(`Only ${delaysMs.length} of ${expected} messages arrived in time`);
  }
  const sorted = delaysMs.toSorted((one, other) => one - other);
  const quantile = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

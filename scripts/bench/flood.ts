import { Frames } from "./frames.ts";
import { type Both, type Flood, type FloodReading, type Side, SIDES } from "./job.ts";
import { closePairs, openPairs, type Pair, sleep } from "./pairs.ts";
import { cpuMs, threadsCpuMs } from "./process_usage.ts";
import { MIN_MESSAGE_BYTES, overYardstick, type Scenario } from "./scenarios.ts";

/**
 * The servers take turns this short, so that whatever else the machine does falls on both alike.
 * Outside its turn a server has nothing to do, hence its CPU time is that of its turns.
 */
const TURN_MS = 100;

/** Loads both servers by turns and reads the CPU time that each delivered message took. */
export async function flood(
  job: Flood,
  scenario: Scenario,
  rival = overYardstick(scenario),
): Promise<Both<FloodReading>> {
  const scenarios = { signalbox: scenario, yardstick: rival };
  const pairs = await openPairs(scenarios, job.targets, job.pairs);
  const failure = Promise.withResolvers<never>();
  const flowsOf = (side: Side): Flow[] =>
    pairs[side].map((pair) => new Flow(pair, scenarios[side], job.inFlight, failure.reject));
  const flows = { signalbox: flowsOf("signalbox"), yardstick: flowsOf("yardstick") };
  const measure = async (): Promise<Both<FloodReading>> => {
    await takeTurns(job, flows, job.warmUpMs);
    const before = countersOf(job, flows);
    const spent = await takeTurns(job, flows, job.measureMs);
    const after = countersOf(job, flows);
    return {
      signalbox: reading(before.signalbox, after.signalbox, spent.signalbox),
      yardstick: reading(before.yardstick, after.yardstick, spent.yardstick),
    };
  };
  const result = await Promise.race([measure(), failure.promise]);
  await closePairs(pairs);
  return result;
}

/** Keeps a fixed number of messages of one pair in flight while it is running. */
class Flow {
  delivered = 0;
  readonly #pair: Pair;
  readonly #frames: Frames;
  readonly #inFlight: number;
  readonly #onFailure: (error: unknown) => void;
  /** Messages that may be sent now. */
  #credit: number;
  #isRunning = false;
  #isWriting = false;
  #onDrained = (): void => {};

  constructor(
    pair: Pair,
    scenario: Scenario,
    inFlight: number,
    onFailure: (error: unknown) => void,
  ) {
    this.#pair = pair;
    this.#frames = new Frames(scenario, pair.ids, inFlight);
    this.#inFlight = inFlight;
    this.#onFailure = onFailure;
    this.#credit = inFlight;
    pair.a.count(MIN_MESSAGE_BYTES, () => {}).catch(onFailure);
    pair.b.count(MIN_MESSAGE_BYTES, (count) => this.#onMessages(count)).catch(onFailure);
  }

  start(): void {
    this.#isRunning = true;
    this.#write().catch(this.#onFailure);
  }

  /** Resolves when everything sent has arrived. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    if (this.#credit === this.#inFlight) return;
    await new Promise<void>((resolve) => this.#onDrained = resolve);
  }

  #onMessages(count: number): void {
    this.delivered += count;
    this.#credit += count;
    if (!this.#isRunning) {
      if (this.#credit === this.#inFlight) this.#onDrained();
    } else if (!this.#isWriting) {
      this.#write().catch(this.#onFailure);
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#isRunning && this.#credit > 0) {
      const count = this.#credit;
      this.#credit = 0;
      await this.#pair.a.write(this.#frames.take(count));
    }
    this.#isWriting = false;
  }
}

/** The sum of a side's turns. */
interface Spent {
  wallMs: number;
  /** Undefined if the CPU time between the turns counts, too. */
  cpuMs: number | undefined;
}

/** Runs each side for `ms` in all and returns how long it was really running. */
async function takeTurns(
  { targets, countsTurnsAlone = false }: Flood,
  flows: Both<Flow[]>,
  ms: number,
): Promise<Both<Spent>> {
  const newSpent = (): Spent => ({ wallMs: 0, cpuMs: countsTurnsAlone ? 0 : undefined });
  const spent = { signalbox: newSpent(), yardstick: newSpent() };
  for (let turn = 0; turn < ms / TURN_MS; turn++) {
    for (const side of turn % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const start = performance.now();
      const startCpuMs = countsTurnsAlone ? threadsCpuMs(targets[side].pid) : 0;
      for (const flow of flows[side]) flow.start();
      await sleep(TURN_MS);
      await Promise.all(flows[side].map((flow) => flow.stop()));
      const total = spent[side];
      total.wallMs += performance.now() - start;
      if (total.cpuMs !== undefined) total.cpuMs += threadsCpuMs(targets[side].pid) - startCpuMs;
    }
  }
  return spent;
}

interface Counters {
  readonly delivered: number;
  readonly cpuMs: number;
}

function countersOf({ targets }: Flood, flows: Both<Flow[]>): Both<Counters> {
  const of = (side: Side): Counters => ({
    delivered: flows[side].reduce((sum, flow) => sum + flow.delivered, 0),
    cpuMs: cpuMs(targets[side].pid),
  });
  return { signalbox: of("signalbox"), yardstick: of("yardstick") };
}

function reading(before: Counters, after: Counters, { wallMs, cpuMs }: Spent): FloodReading {
  const messages = after.delivered - before.delivered;
  const usedMs = cpuMs ?? after.cpuMs - before.cpuMs;
  return {
    messagesPerSecond: messages / wallMs * 1000,
    cpuUsPerMessage: usedMs * 1000 / messages,
    serverBusy: usedMs / wallMs,
  };
}

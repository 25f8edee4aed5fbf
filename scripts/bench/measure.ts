import { type Both, FanOutResult, FloodResult, IdleResult, PaceResult, type Side } from "./job.ts";
import type { Plan } from "./plan.ts";
import { runJob, type ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";
import type { Scenario } from "./scenarios.ts";

/** How to start the servers that are compared, and what to do with them. */
export interface Contest {
  readonly start: (side: Side) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** Most memory per idle connection, as a multiple of the yardstick's. */
const MEMORY_TARGET = 1.3;
const PACED_PAIRS = 50;
/** Larger rooms are held against one of so many. */
const GROWTH_FROM = 10;
/**
 * How much more an announcement may cost in a larger room than in one of 10, as a multiple of what
 * the same growth costs the yardstick: a thousand sockets are dearer to the machine than ten. The
 * tolerance is the noise of the smaller room's figure, most of whose churn is the guests' own cost.
 */
const GROWTH_TARGET = 1.15;

/** Everything the report says about one dialect. */
export async function measure(scenario: Scenario, contest: Contest): Promise<Row[]> {
  const { plan } = contest;
  const rounds = await repeat(plan.rounds, () => measureLoad(scenario, contest));
  const rows = [
    ...floodRows("1 pair, 64 in flight", rounds.map((round) => round.onePair), scenario.cpuTarget),
    ...floodRows(
      `${plan.manyPairs} pairs, 1 in flight`,
      rounds.map((round) => round.manyPairs),
      scenario.cpuTarget,
    ),
    ...delayRows(`ms, ${plan.pacedPerSecond} per second`, rounds.map((round) => round.paced)),
  ];
  if (scenario.isVariant) return rows;
  if (scenario.enter !== undefined) {
    rows.push(
      ...fanOutRows(
        plan.rooms,
        await repeat(plan.fanOutRounds, () => measureFanOut(scenario, contest)),
      ),
    );
  }
  const memoryOf = (side: Side): Promise<number> =>
    idleMemory(() => contest.start(side), { scenario: scenario.name, side }, contest);
  const memory = await repeat(plan.idleRounds, async () => ({
    signalbox: await memoryOf("signalbox"),
    yardstick: await memoryOf("yardstick"),
  }));
  rows.push(row(`memory per idle connection, kB, ${plan.idleConnections} of them`, memory, {
    digits: 1,
    value: (bytes) => bytes / 1024,
    // Another runtime's connections are another size.
    ...(scenario.rival === undefined ? { target: scenario.memoryTarget ?? MEMORY_TARGET } : {}),
  }));
  return rows;
}

export async function repeat<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < times; n++) results.push(await work());
  return results;
}

interface Round {
  readonly onePair: FloodResult;
  readonly manyPairs: FloodResult;
  readonly paced: PaceResult;
}

/** One round. Its servers are new: how the runtime compiles a program differs from run to run. */
async function measureLoad(scenario: Scenario, contest: Contest): Promise<Round> {
  const { plan, signal } = contest;
  await using signalbox = await contest.start("signalbox");
  await using yardstick = await contest.start("yardstick");
  const common = {
    scenario: scenario.name,
    targets: { signalbox: signalbox.target, yardstick: yardstick.target },
    warmUpMs: plan.warmUpMs,
    measureMs: plan.measureMs,
  };
  const flood = { kind: "flood", ...common } as const;
  const many = { pairs: plan.manyPairs, inFlight: 1, warmUpMs: plan.manyWarmUpMs } as const;
  const pace = { kind: "pace", ...common } as const;
  return {
    onePair: await runJob({ ...flood, pairs: 1, inFlight: 64 }, FloodResult, signal),
    manyPairs: await runJob({ ...flood, ...many }, FloodResult, signal),
    paced: await runJob(
      { ...pace, pairs: PACED_PAIRS, perSecond: plan.pacedPerSecond },
      PaceResult,
      signal,
    ),
  };
}

/** Servers of its own, too: rooms of a thousand are no load to come after. */
async function measureFanOut(scenario: Scenario, contest: Contest): Promise<FanOutResult> {
  const { plan, signal } = contest;
  await using signalbox = await contest.start("signalbox");
  await using yardstick = await contest.start("yardstick");
  const job = {
    kind: "fanOut",
    scenario: scenario.name,
    targets: { signalbox: signalbox.target, yardstick: yardstick.target },
    rooms: plan.rooms,
    warmUpMs: plan.warmUpMs,
    measureMs: plan.fanOutMs,
  } as const;
  return await runJob(job, FanOutResult, signal);
}

/**
 * Bytes per idle connection of a server process of its own: one that has carried a load keeps memory
 * from it.
 * @param side how the server is spoken to
 */
export async function idleMemory(
  start: () => Promise<ServerProcess>,
  { scenario, side }: { readonly scenario: string; readonly side: Side },
  { plan, signal }: Pick<Contest, "plan" | "signal">,
): Promise<number> {
  await using server = await start();
  const job = {
    kind: "idle",
    scenario,
    side,
    target: server.target,
    connections: plan.idleConnections,
    warmUpConnections: plan.idleWarmUpConnections,
    settleMs: plan.idleSettleMs,
  } as const;
  return (await runJob(job, IdleResult, signal)).bytesPerConnection;
}

function floodRows(load: string, rounds: readonly FloodResult[], target: number): Row[] {
  return [
    row(`CPU per message, µs, ${load}`, rounds, {
      digits: 2,
      value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
      target,
    }),
    row(`messages per second, ${load}`, rounds, {
      digits: 0,
      value: ({ messagesPerSecond }) => messagesPerSecond,
    }),
    row("  server's share of a core meanwhile, %", rounds, {
      digits: 0,
      value: ({ serverBusy }) => serverBusy * 100,
    }),
  ];
}

function delayRows(unit: string, rounds: readonly PaceResult[]): Row[] {
  return [
    row(`delay p50, ${unit}`, rounds, { digits: 3, value: ({ p50Ms }) => p50Ms }),
    row(`delay p99, ${unit}`, rounds, { digits: 3, value: ({ p99Ms }) => p99Ms }),
  ];
}

function fanOutRows(rooms: readonly number[], rounds: readonly FanOutResult[]): Row[] {
  const costIn = (members: number) => (readings: FanOutResult[Side]): number =>
    readings.find((reading) => reading.members === members)?.cpuUsPerAnnouncement ?? NaN;
  const costs = rooms.map((members) =>
    row(`CPU per announcement, µs, room of ${members}`, rounds, {
      digits: 2,
      value: costIn(members),
    })
  );
  const growth = rooms.filter((members) => members > GROWTH_FROM).map((members) =>
    row(`  room of ${members} over room of ${GROWTH_FROM}`, rounds, {
      digits: 2,
      value: (readings) => costIn(members)(readings) / costIn(GROWTH_FROM)(readings),
      target: GROWTH_TARGET,
    })
  );
  return [...costs, ...growth];
}

export function row<T>(
  title: string,
  rounds: readonly Both<T>[],
  { value, ...rest }:
    & { digits: number; value: (reading: T) => number }
    & Pick<Row, "target">,
): Row {
  return {
    title,
    ...rest,
    rounds: rounds.map(({ signalbox, yardstick }) => ({
      signalbox: value(signalbox),
      yardstick: value(yardstick),
    })),
  };
}

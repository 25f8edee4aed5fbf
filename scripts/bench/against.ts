import {
  type Both,
  type FanOutReading,
  FanOutResult,
  type FloodReading,
  FloodResult,
  type Side,
} from "./job.ts";
import { type Contest, idleMemory, repeat, row } from "./measure.ts";
import { runJob, type ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";
import type { Scenario } from "./scenarios.ts";

/** Most that this checkout may take, as a multiple of what the other one takes. */
const TARGET = 1.02;
const JOIN_TARGET = 1.05;
/** Larger rooms are the announcements' business, which the comparison with the relay measures. */
const MAX_ROOM = 100;

/** Holds this checkout's server against another's, by turns under the same load. */
export async function measureAgainst(scenario: Scenario, contest: Contest): Promise<Row[]> {
  const { plan } = contest;
  const floods = await repeat(plan.rounds, () => measureFloods(scenario, contest));
  const rows = [
    floodRow("1 pair, 64 in flight", floods.map(({ onePair }) => onePair)),
    floodRow(`${plan.manyPairs} pairs, 1 in flight`, floods.map(({ manyPairs }) => manyPairs)),
  ];
  if (scenario.isVariant) return rows;
  if (scenario.enter !== undefined) rows.push(...await measureJoins(scenario, contest));
  // Both are spoken to as signalbox is.
  const memoryOf = (contender: Side): Promise<number> =>
    idleMemory(
      () => contest.start(contender),
      { scenario: scenario.name, side: "signalbox" },
      contest,
    );
  const memory = await repeat(plan.idleRounds, async () => ({
    signalbox: await memoryOf("signalbox"),
    yardstick: await memoryOf("yardstick"),
  }));
  rows.push(row(`memory per idle connection, kB, ${plan.idleConnections} of them`, memory, {
    digits: 1,
    value: (bytes) => bytes / 1024,
    target: TARGET,
  }));
  return rows;
}

function floodRow(load: string, rounds: readonly Both<FloodReading>[]): Row {
  return row(`CPU per message, µs, ${load}`, rounds, {
    digits: 2,
    value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
    target: TARGET,
  });
}

async function measureFloods(
  scenario: Scenario,
  { start, plan, signal }: Contest,
): Promise<{ readonly onePair: FloodResult; readonly manyPairs: FloodResult }> {
  await using signalbox = await start("signalbox");
  await using yardstick = await start("yardstick");
  const { warmUpMs, measureMs } = plan;
  const sides = alike(scenario, signalbox, yardstick);
  const flood = { kind: "flood", ...sides, warmUpMs, measureMs } as const;
  const many = { pairs: plan.manyPairs, inFlight: 1, warmUpMs: plan.manyWarmUpMs } as const;
  return {
    onePair: await runJob({ ...flood, pairs: 1, inFlight: 64 }, FloodResult, signal),
    manyPairs: await runJob({ ...flood, ...many }, FloodResult, signal),
  };
}

async function measureJoins(
  scenario: Scenario,
  { start, plan, signal }: Contest,
): Promise<Row[]> {
  const rooms = plan.rooms.filter((members) => members <= MAX_ROOM);
  const rounds = await repeat(plan.fanOutRounds, async () => {
    await using signalbox = await start("signalbox");
    await using yardstick = await start("yardstick");
    return await runJob(
      {
        kind: "fanOut",
        ...alike(scenario, signalbox, yardstick),
        rooms,
        warmUpMs: plan.warmUpMs,
        measureMs: plan.fanOutMs,
      },
      FanOutResult,
      signal,
    );
  });
  return rooms.map((_, nth) =>
    row(`CPU per join into a room of ${rooms[nth]}, and leave, µs`, rounds, {
      digits: 1,
      value: (readings: readonly FanOutReading[]) => readings[nth]?.cpuUsPerGuest ?? NaN,
      target: JOIN_TARGET,
    })
  );
}

function alike(
  { name }: Scenario,
  { target: signalbox }: ServerProcess,
  { target: yardstick }: ServerProcess,
): { scenario: string; rivalScenario: string; targets: Both<ServerProcess["target"]> } {
  return { scenario: name, rivalScenario: name, targets: { signalbox, yardstick } };
}

import { DIRECTIONS, MIXED_ROOM, PURE_ROOMS } from "./bridged_scenarios.ts";
import { type Both, FanOutResult, type FloodReading, FloodResult } from "./job.ts";
import { type Contest, repeat, row } from "./measure.ts";
import { runJob } from "./process.ts";
import type { Row } from "./report.ts";
import { SCENARIOS } from "./scenarios.ts";

/** Most CPU time per message of one dialect with bridging, as a multiple of that without. */
const SAME_DIALECT_TARGET = 1.02;
/** Most of a message to another dialect, as a multiple of one that is relayed verbatim. */
const BRIDGED_TARGET = 2;
/** Most of an announcement in a mixed room, as a multiple of those in rooms of one dialect. */
const ANNOUNCEMENT_TARGET = 1.1;
const LOAD = { pairs: 50, inFlight: 8 } as const;
const ROOM = 100;
const DIALECTS = ["gstreamer", "peerjs", "ssp", "simple-silent", "webrtcsink"];

/** Rows beside a server without `--bridge`, and rows beside verbatim relay and pure rooms. */
export interface BridgeFigures {
  readonly overPlain: readonly Row[];
  readonly overVerbatim: readonly Row[];
}

/**
 * Measures the cost of bridging to those who use it, and to those who do not. The contest's
 * signalbox bridges all dialects, and the yardstick is the same server without bridging.
 */
export async function measureBridge(contest: Contest): Promise<BridgeFigures> {
  const overPlain: Row[] = [];
  for (const name of DIALECTS) overPlain.push(await measureSameDialect(name, contest));
  const overVerbatim: Row[] = [];
  for (const { bridged, verbatim } of DIRECTIONS) {
    const rounds = await repeat(
      contest.plan.rounds,
      () => measureCall(bridged.name, verbatim.name, contest),
    );
    overVerbatim.push(floodRow(`CPU per message, µs, ${bridged.title}`, rounds, BRIDGED_TARGET));
  }
  overVerbatim.push(await measureMixedRoom(contest));
  return { overPlain, overVerbatim };
}

async function measureSameDialect(name: string, contest: Contest): Promise<Row> {
  const { start, plan, signal } = contest;
  const rounds = await repeat(plan.rounds, async () => {
    await using bridging = await start("signalbox");
    await using plain = await start("yardstick");
    const targets = { signalbox: bridging.target, yardstick: plain.target };
    const { warmUpMs, measureMs } = plan;
    const job = { scenario: name, rivalScenario: name, targets, warmUpMs, measureMs };
    return await runJob({ kind: "flood", ...job, ...LOAD }, FloodResult, signal);
  });
  const title = SCENARIOS.find((scenario) => scenario.name === name)?.title ?? name;
  return floodRow(`CPU per message, µs, ${title}`, rounds, SAME_DIALECT_TARGET);
}

/** Both servers bridge. */
async function measureCall(
  scenario: string,
  rivalScenario: string,
  { start, plan, signal }: Contest,
): Promise<FloodResult> {
  await using one = await start("signalbox");
  await using other = await start("signalbox");
  const targets = { signalbox: one.target, yardstick: other.target };
  const { warmUpMs, measureMs } = plan;
  const job = { scenario, rivalScenario, targets, warmUpMs, measureMs };
  return await runJob({ kind: "flood", ...job, ...LOAD }, FloodResult, signal);
}

/** A third of the members speaks each dialect; so does a third of the guests. */
async function measureMixedRoom({ start, plan, signal }: Contest): Promise<Row> {
  const rounds = await repeat(plan.fanOutRounds, async () => {
    const costs: Both<number>[] = [];
    for (const { name } of PURE_ROOMS) {
      await using mixed = await start("signalbox");
      await using pure = await start("signalbox");
      const { signalbox: [ofMixed], yardstick: [ofPure] } = await runJob(
        {
          kind: "fanOut",
          scenario: MIXED_ROOM.name,
          rivalScenario: name,
          targets: { signalbox: mixed.target, yardstick: pure.target },
          rooms: [ROOM],
          warmUpMs: plan.warmUpMs,
          measureMs: plan.fanOutMs,
        },
        FanOutResult,
        signal,
      );
      costs.push({
        signalbox: ofMixed?.cpuUsPerAnnouncement ?? NaN,
        yardstick: ofPure?.cpuUsPerAnnouncement ?? NaN,
      });
    }
    const mean = (side: keyof Both<number>): number =>
      costs.reduce((sum, cost) => sum + cost[side], 0) / costs.length;
    return { signalbox: mean("signalbox"), yardstick: mean("yardstick") };
  });
  return row(`CPU per announcement, µs, mixed room of ${ROOM}`, rounds, {
    digits: 2,
    value: (costUs) => costUs,
    target: ANNOUNCEMENT_TARGET,
  });
}

function floodRow(title: string, rounds: readonly Both<FloodReading>[], target: number): Row {
  return row(title, rounds, {
    digits: 2,
    value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
    target,
  });
}

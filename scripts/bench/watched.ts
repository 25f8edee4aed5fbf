import { FloodResult } from "./job.ts";
import { type Contest, repeat, row } from "./measure.ts";
import { runJob } from "./process.ts";
import type { Row } from "./report.ts";
import { scrape, watchAsConsole } from "./watchers.ts";

/** Most CPU time per message with tokens and watchers, as a multiple of that without. */
const TARGET = 1.03;
const PAIRS = 50;
/** Differences this small need more rounds than others: the runtime compiles each server differently. */
const ROUNDS_FACTOR = 4;

/** Holds a server that asks for tokens and is watched against one that is left alone. */
export async function measureWatched(contest: Contest): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [title, scenario] of [["PeerJS", "peerjs"], ["GStreamer", "gstreamer"]] as const) {
    const rounds = await repeat(
      ROUNDS_FACTOR * contest.plan.rounds,
      () => measureOnce(scenario, contest),
    );
    rows.push(row(`CPU per message, µs, ${title}, ${PAIRS} pairs`, rounds, {
      digits: 2,
      value: ({ cpuUsPerMessage }) => cpuUsPerMessage,
      target: TARGET,
    }));
  }
  return rows;
}

async function measureOnce(
  rivalScenario: string,
  { start, plan, signal }: Contest,
): Promise<FloodResult> {
  await using watched = await start("signalbox");
  await using plain = await start("yardstick");
  const { origin } = watched.target;
  using watch = endingWith(signal);
  scrape(origin, watch.signal);
  await watchAsConsole(origin, watch.signal);
  const job = {
    kind: "flood",
    scenario: `${rivalScenario}-jwt`,
    rivalScenario,
    targets: { signalbox: watched.target, yardstick: plain.target },
    pairs: PAIRS,
    inFlight: 1,
    warmUpMs: plan.warmUpMs,
    measureMs: plan.measureMs,
    // Watchers cost something between the turns, too, when there is no message to carry the cost.
    countsTurnsAlone: true,
  } as const;
  return await runJob(job, FloodResult, signal);
}

/** A signal that fires with another one, or when it is disposed of. */
function endingWith(signal: AbortSignal): { readonly signal: AbortSignal } & Disposable {
  const end = new AbortController();
  return {
    signal: AbortSignal.any([signal, end.signal]),
    [Symbol.dispose]: () => end.abort(),
  };
}

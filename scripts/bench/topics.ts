import { type TopicsResult, TopicsResult as Result } from "./job.ts";
import { repeat, row } from "./measure.ts";
import type { Plan } from "./plan.ts";
import { runJob, type ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";

/** Most CPU time per delivered message, as a multiple of the bare relay's and of y-webrtc's. */
const RELAY_TARGET = 1.15;
const ORIGINAL_TARGET = 0.75;
/** Most CPU time of pages that join a room together, as a multiple of y-webrtc's. */
const STORM_TARGET = 0.15;
const PAGES = 20;

export interface TopicsContest {
  readonly start: (server: "signalbox" | "relay" | "original") => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** Holds signalbox against a bare relay and against y-webrtc's own server. */
export async function measureTopics(
  { start, plan, signal }: TopicsContest,
): Promise<{ readonly overRelay: Row[]; readonly overOriginal: Row[] }> {
  const rounds = await repeat(plan.topicRounds, async () => {
    await using signalbox = await start("signalbox");
    await using relay = await start("relay");
    await using original = await start("original");
    const targets = {
      signalbox: signalbox.target,
      relay: relay.target,
      original: original.target,
    };
    const { topicSubscribers: subscribers, warmUpMs, measureMs, storms } = plan;
    const job = { kind: "topics", scenario: "topics", pages: PAGES, storms } as const;
    return await runJob({ ...job, targets, subscribers, warmUpMs, measureMs }, Result, signal);
  });
  const overRelay = rounds.map(({ signalbox, relay }) => ({ signalbox, yardstick: relay }));
  const overOriginal = rounds.map(({ signalbox, original }) => ({
    signalbox,
    yardstick: original,
  }));
  const deliveryRows = (
    readings: readonly { signalbox: Reading; yardstick: Reading }[],
    target: number,
  ): Row[] =>
    plan.topicSubscribers.map((count, nth) =>
      row(`CPU per delivered message, µs, ${count} subscribers`, readings, {
        digits: 2,
        value: ({ cpuUsPerDelivery }) => cpuUsPerDelivery[nth] ?? NaN,
        target,
      })
    );
  return {
    overRelay: deliveryRows(overRelay, RELAY_TARGET),
    overOriginal: [
      ...deliveryRows(overOriginal, ORIGINAL_TARGET),
      row(`CPU for ${PAGES} pages that join a room together, ms`, overOriginal, {
        digits: 0,
        value: ({ cpuMsPerStorm }) => cpuMsPerStorm,
        target: STORM_TARGET,
      }),
      row("  messages delivered to them", overOriginal, {
        digits: 0,
        value: ({ deliveriesPerStorm }) => deliveriesPerStorm,
      }),
    ],
  };
}

type Reading = TopicsResult["signalbox"];

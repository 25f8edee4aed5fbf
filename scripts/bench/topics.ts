import { SubscriptionsResult, type TopicsResult, TopicsResult as Result } from "./job.ts";
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
/** Most memory of an idle subscription beside its socket, in bytes. */
const SUBSCRIPTION_BYTES = 512;
/** Most that one of many subscriptions may cost, as a multiple of one of a few. */
const GROWTH_TARGET = 1.15;

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
    const { topicSubscribers: subscribers, manyWarmUpMs: warmUpMs, measureMs, storms } = plan;
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

/** Rows of many sockets that subscribe the same topics, beside the limit and beside a few sockets. */
export async function measureSubscriptions(
  { start, plan, signal }: TopicsContest,
): Promise<{ readonly memory: Row; readonly growth: Row }> {
  const measureOne = async (sockets: number): Promise<SubscriptionsResult> => {
    await using server = await start("signalbox");
    const { subscribedTopics: topics, idleSettleMs: settleMs } = plan;
    const job = { kind: "subscriptions", scenario: "topics", sockets, topics, settleMs } as const;
    return await runJob({ ...job, target: server.target }, SubscriptionsResult, signal);
  };
  const [few, many] = plan.subscribingSockets;
  const rounds = await repeat(plan.idleRounds, async () => ({
    signalbox: await measureOne(many),
    yardstick: await measureOne(few),
  }));
  const memory = rounds.map(({ signalbox }) => ({
    signalbox: signalbox.bytesPerSubscription,
    yardstick: SUBSCRIPTION_BYTES,
  }));
  return {
    memory: row("memory per idle subscription, bytes", memory, {
      digits: 0,
      value: (bytes) => bytes,
      target: 1,
    }),
    growth: row("CPU per subscription, µs", rounds, {
      digits: 2,
      value: ({ cpuUsPerSubscription }) => cpuUsPerSubscription,
      target: GROWTH_TARGET,
    }),
  };
}

type Reading = TopicsResult["signalbox"];

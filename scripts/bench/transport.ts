import { type Both, FanOutResult, FloodResult, PaceResult } from "./job.ts";
import { idleMemory, repeat, row } from "./measure.ts";
import type { Plan } from "./plan.ts";
import { runJob, type ServerProcess } from "./process.ts";
import type { Row } from "./report.ts";

const PAIRS = 50;
const ROOM = 100;

/** Most that the strict transport may take, as a multiple of what Deno.serve takes. */
const TARGETS = {
  memory: 0.6,
  gstreamer: 0.95,
  peerjs: 1.15,
  offers: 1.25,
  call: 1,
  join: 0.9,
  delay: 1.2,
};

/** The servers that are compared: two transports of signalbox, and the bare relay. */
export type Contender = "strict" | "serve" | "bare";

export interface TransportContest {
  readonly start: (contender: Contender) => Promise<ServerProcess>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
}

/** CPU time per message of all three servers, for the chart. */
export interface Bar {
  readonly title: string;
  readonly rounds: readonly Record<Contender, number>[];
}

export interface TransportFigures {
  readonly rows: readonly Row[];
  readonly bars: readonly Bar[];
}

/** Holds the strict transport against Deno.serve, and both against the bare relay. */
export async function measureTransports(contest: TransportContest): Promise<TransportFigures> {
  const { plan } = contest;
  const rows: Row[] = [];
  const bars: Bar[] = [];
  const loads = [
    ["GStreamer", "gstreamer", TARGETS.gstreamer],
    ["PeerJS", "peerjs", TARGETS.peerjs],
    ["PeerJS, offers only", "peerjs-offers", TARGETS.offers],
  ] as const;
  for (const [title, scenario, target] of loads) {
    const rounds = await repeat(plan.rounds, () => measureLoad(scenario, contest));
    rows.push(row(`CPU per message, µs, ${title}, ${PAIRS} pairs`, rounds, {
      digits: 2,
      value: (cpuUs) => cpuUs,
      target,
    }));
    bars.push({
      title: `${title}, CPU per message, µs`,
      rounds: rounds.map(({ signalbox, yardstick, bare }) => ({
        strict: signalbox,
        serve: yardstick,
        bare,
      })),
    });
  }
  rows.push(...await measureRooms(contest), await measureDelay(contest));
  const memory = await measureMemory(contest);
  rows.push(memory.row);
  bars.push(memory.bar);
  return { rows, bars };
}

/** The bare relay takes its turns against Deno.serve, whose two figures are made to agree. */
async function measureLoad(
  scenario: string,
  { start, plan, signal }: TransportContest,
): Promise<Both<number> & { readonly bare: number }> {
  await using strict = await start("strict");
  await using serve = await start("serve");
  await using bare = await start("bare");
  const { warmUpMs, measureMs } = plan;
  const load = { kind: "flood", scenario, pairs: PAIRS, inFlight: 1, warmUpMs, measureMs } as const;
  const transports = await runJob(
    {
      ...load,
      targets: { signalbox: strict.target, yardstick: serve.target },
      rivalScenario: scenario,
    },
    FloodResult,
    signal,
  );
  const relays = await runJob(
    { ...load, targets: { signalbox: serve.target, yardstick: bare.target } },
    FloodResult,
    signal,
  );
  const yardstick = transports.yardstick.cpuUsPerMessage;
  const share = relays.yardstick.cpuUsPerMessage / relays.signalbox.cpuUsPerMessage;
  return {
    signalbox: transports.signalbox.cpuUsPerMessage,
    yardstick,
    bare: yardstick * share,
  };
}

async function measureRooms({ start, plan, signal }: TransportContest): Promise<Row[]> {
  const rounds = await repeat(plan.fanOutRounds, async () => {
    await using strict = await start("strict");
    await using serve = await start("serve");
    return await runJob(
      {
        kind: "fanOut",
        scenario: "gstreamer",
        targets: { signalbox: strict.target, yardstick: serve.target },
        rivalScenario: "gstreamer",
        rooms: [ROOM],
        warmUpMs: plan.warmUpMs,
        measureMs: plan.fanOutMs,
      },
      FanOutResult,
      signal,
    );
  });
  const of = (read: (reading: FanOutResult["signalbox"][number]) => number) =>
  (
    readings: FanOutResult["signalbox"],
  ): number => readings[0] === undefined ? NaN : read(readings[0]);
  return [
    row("CPU per call set up and ended, µs", rounds, {
      digits: 1,
      value: of(({ cpuUsPerLoneGuest }) => cpuUsPerLoneGuest),
      target: TARGETS.call,
    }),
    row(`CPU per join into a room of ${ROOM}, and leave, µs`, rounds, {
      digits: 1,
      value: of(({ cpuUsPerGuest }) => cpuUsPerGuest),
      target: TARGETS.join,
    }),
  ];
}

async function measureDelay({ start, plan, signal }: TransportContest): Promise<Row> {
  const rounds = await repeat(plan.rounds, async () => {
    await using strict = await start("strict");
    await using serve = await start("serve");
    return await runJob(
      {
        kind: "pace",
        scenario: "gstreamer",
        targets: { signalbox: strict.target, yardstick: serve.target },
        rivalScenario: "gstreamer",
        pairs: PAIRS,
        perSecond: plan.pacedPerSecond,
        warmUpMs: plan.warmUpMs,
        measureMs: plan.measureMs,
      },
      PaceResult,
      signal,
    );
  });
  return row(`delay p99, ms, ${plan.pacedPerSecond} per second`, rounds, {
    digits: 3,
    value: ({ p99Ms }) => p99Ms,
    target: TARGETS.delay,
  });
}

async function measureMemory(
  contest: TransportContest,
): Promise<{ readonly row: Row; readonly bar: Bar }> {
  const { start, plan } = contest;
  const measureOne = async (contender: Contender): Promise<number> => {
    const side = contender === "bare" ? "yardstick" : "signalbox";
    return await idleMemory(() => start(contender), { scenario: "gstreamer", side }, contest) /
      1024;
  };
  const rounds = await repeat(plan.idleRounds, async () => ({
    strict: await measureOne("strict"),
    serve: await measureOne("serve"),
    bare: await measureOne("bare"),
  }));
  const title = `memory per idle connection, kB, ${plan.idleConnections} of them`;
  const pairs = rounds.map(({ strict, serve }) => ({ signalbox: strict, yardstick: serve }));
  return {
    row: row(title, pairs, { digits: 1, value: (kB) => kB, target: TARGETS.memory }),
    bar: { title, rounds },
  };
}

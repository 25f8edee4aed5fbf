/**
 * Measures signalbox against a bare relay under the same load in the same run; see `HELP`.
 * CPU time and memory are read from /proc, which is why it needs Linux.
 */
import { parseArgs } from "@std/cli/parse-args";
import * as z from "zod";
import type { Side } from "./bench/job.ts";
import { type Contest, measure, type Plan } from "./bench/measure.ts";
import {
  installNpmRelay,
  type NpmRelay,
  type NpmScript,
  SOCKET_IO_RELAY,
  YJS_RELAY,
} from "./bench/npm_relay.ts";
import { denoProgram, ServerProcess } from "./bench/process.ts";
import { format, isMet } from "./bench/report.ts";
import { measureStore } from "./bench/store.ts";
import { measureTopics } from "./bench/topics.ts";
import { type Contender, measureTransports } from "./bench/transport.ts";
import { drawChart } from "./bench/chart.ts";
import { describeMix, type Scenario, SCENARIOS } from "./bench/scenarios.ts";

/** Names of measurements that are not of a dialect's pairs. */
const STORE = "store";
const TOPICS = "topics";
const TRANSPORT = "transport";

const HELP = `Usage: deno task bench [options]

Per dialect: CPU time per relayed message, messages per second, delay, CPU time per announcement
in rooms of 2 to 1000, and memory per idle connection, each beside those of a bare relay that
parses nothing (the yardstick). OWT's is a relay on the npm package socket.io, for Node: npm
installs it for the time being, and where that cannot be, OWT is skipped. Topics are measured beside
y-webrtc's own server, too. And CPU time per message with a store in a file beside that without.

  --quick          One short round of everything: proves that the benchmark works, measures nothing
  --check          Exit with status 1 when a target is missed
  --only <names>   What to measure, separated by commas: ${
  [...SCENARIOS.map((s) => s.name), TOPICS, STORE, TRANSPORT].join(",")
}
  --main <file>    The server to measure, such as another checkout's main.ts
  --chart <file>   Draw the comparison of the transports as an SVG
  --help           This text

The CPU time per message is the figure to trust on a busy machine. Messages per second mean
something only where the server used a whole core.
`;

const FULL: Plan = {
  rounds: 5,
  warmUpMs: 1000,
  measureMs: 2500,
  manyPairs: 500,
  pacedPerSecond: 2000,
  fanOutRounds: 5,
  rooms: [2, 10, 100, 1000],
  fanOutMs: 2500,
  idleRounds: 3,
  idleConnections: 5000,
  idleWarmUpConnections: 2000,
  idleSettleMs: 2500,
  topicRounds: 5,
  topicSubscribers: [2, 20, 200, 1000],
  storms: 4,
};

const QUICK: Plan = {
  rounds: 1,
  warmUpMs: 100,
  measureMs: 300,
  manyPairs: 50,
  pacedPerSecond: 500,
  fanOutRounds: 1,
  // To fill a room of a thousand alone takes half a million announcements.
  rooms: [2, 10, 100],
  fanOutMs: 250,
  idleRounds: 1,
  idleConnections: 200,
  idleWarmUpConnections: 100,
  idleSettleMs: 100,
  topicRounds: 1,
  topicSubscribers: [2, 20],
  storms: 1,
};

/** Lifts every limit that the load would hit. Rates stay finite: checking them is part of the cost. */
const SERVER_FLAGS = [
  "--listen=http://127.0.0.1:0",
  "--limits-max-connections-per-address=unlimited",
  "--limits-connections-per-second=unlimited",
  "--limits-max-room-members=10000",
  "--topics-frames-per-second=100000000",
  "--topics-bytes-per-second=100000000000",
  ...SCENARIOS.filter(({ isVariant }) => !isVariant).flatMap(({ dialect, serverFlags }) => [
    `--${dialect}-frames-per-second=100000000`,
    `--${dialect}-bytes-per-second=100000000000`,
    ...serverFlags,
  ]),
];

const YARDSTICK = new URL("./bench/yardstick.ts", import.meta.url).href;

const Flags = z.object({
  quick: z.boolean(),
  check: z.boolean(),
  help: z.boolean(),
  only: z.string().optional(),
  chart: z.string().optional(),
  main: z.string().default(new URL("../main.ts", import.meta.url).href),
});

interface Options {
  readonly plan: Plan;
  readonly scenarios: readonly Scenario[];
  /** Whether to measure topics too. */
  readonly withTopics: boolean;
  /** Whether to compare stores too. */
  readonly withStore: boolean;
  /** Whether to compare transports too. */
  readonly withTransports: boolean;
  readonly main: string;
  readonly check: boolean;
  readonly chart: string | undefined;
}

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new Error("Interrupted"));
  Deno.addSignalListener("SIGINT", onSignal);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  try {
    const options = parse(args);
    if (options === null) {
      print(HELP);
      return 0;
    }
    if (Deno.build.os !== "linux") {
      throw new Error("Cannot measure: CPU time and memory are read from /proc, which needs Linux");
    }
    const isGood = await bench(options, interrupt.signal);
    return isGood || !options.check ? 0 : 1;
  } catch (error) {
    print(`${error instanceof Error ? error.message : error}\n`, Deno.stderr);
    return interrupt.signal.aborted ? 130 : 2;
  }
}

/** Prints each dialect's figures as soon as they are known; false when a target was missed. */
async function bench(options: Options, signal: AbortSignal): Promise<boolean> {
  const { plan, scenarios } = options;
  if (plan === QUICK) print("A quick run: the figures mean nothing\n");
  print(
    `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores; ` +
      `medians of ${plan.rounds} rounds of ${plan.measureMs / 1000} s ` +
      `(announcements: of ${plan.fanOutRounds}, memory: of ${plan.idleRounds})\n`,
  );
  let isGood = true;
  const skipped: string[] = [];
  for (const scenario of scenarios) {
    const outcome = await benchOne(scenario, options, signal);
    if (outcome === "skipped") skipped.push(scenario.name);
    isGood &&= outcome !== "missed";
  }
  if (options.withTopics) {
    const outcome = await benchTopics(options, signal);
    if (outcome === "skipped") skipped.push(TOPICS);
    isGood &&= outcome !== "missed";
  }
  if (options.withTransports) isGood = await benchTransports(options, signal) && isGood;
  if (options.withStore) isGood = await benchStore(options, signal) && isGood;
  const but = skipped.length > 0 ? `, but for what was skipped: ${skipped.join(", ")}` : "";
  print(`\n${isGood ? "All targets are met" : "Not all targets are met"}${but}\n`);
  return isGood;
}

async function benchOne(
  scenario: Scenario,
  { plan, main }: Options,
  signal: AbortSignal,
): Promise<"met" | "missed" | "skipped"> {
  print(`\n${scenario.title}: ${describeMix(scenario)}\n`);
  await using installed = new AsyncDisposableStack();
  let yardstick = denoProgram(YARDSTICK);
  if (scenario.rival !== undefined) {
    const relay = await install(SOCKET_IO_RELAY, signal);
    if (typeof relay === "string") {
      print(`Skipped: ${relay}\n`);
      return "skipped";
    }
    yardstick = installed.use(relay).command;
  }
  const commands = { signalbox: denoProgram(main, SERVER_FLAGS), yardstick };
  const start = (side: Side): Promise<ServerProcess> => ServerProcess.start(commands[side], signal);
  const contest: Contest = { start, plan, signal };
  const rows = await measure(scenario, contest);
  print(format(rows));
  return rows.every(isMet) ? "met" : "missed";
}

async function benchStore({ plan, main }: Options, signal: AbortSignal): Promise<boolean> {
  const start = (flags: readonly string[]): Promise<ServerProcess> =>
    ServerProcess.start(denoProgram(main, [...SERVER_FLAGS, ...flags]), signal);
  const rows = await measureStore({ start, plan, signal });
  const sides = { signalbox: "kv", yardstick: "memory" };
  print(`\nPeerJS, with a store in a file and without\n${format(rows, sides)}`);
  return rows.every(isMet);
}

async function benchTransports(
  { plan, main, chart }: Options,
  signal: AbortSignal,
): Promise<boolean> {
  const start = (contender: Contender): Promise<ServerProcess> =>
    ServerProcess.start(
      contender === "bare"
        ? denoProgram(YARDSTICK)
        : denoProgram(main, [...SERVER_FLAGS, `--transport=${contender}`]),
      signal,
    );
  const { rows, bars } = await measureTransports({ start, plan, signal });
  if (chart !== undefined) await Deno.writeTextFile(chart, drawChart(bars));
  const sides = { signalbox: "strict", yardstick: "serve" };
  print(`\nThe strict transport beside Deno.serve\n${format(rows, sides)}`);
  return rows.every(isMet);
}

/** Topics, beside a bare relay and beside the server that y-webrtc brings along. */
async function benchTopics(
  { plan, main }: Options,
  signal: AbortSignal,
): Promise<"met" | "missed" | "skipped"> {
  print("\nTopics: publications of 400 bytes to all subscribers\n");
  const installed = await install(YJS_RELAY, signal);
  if (typeof installed === "string") {
    print(`Skipped: ${installed}\n`);
    return "skipped";
  }
  await using original = installed;
  const commands = {
    signalbox: denoProgram(main, SERVER_FLAGS),
    relay: denoProgram(new URL("./bench/topic_relay.ts", import.meta.url).href),
    original: original.command,
  };
  const start = (server: keyof typeof commands): Promise<ServerProcess> =>
    ServerProcess.start(commands[server], signal);
  const { overRelay, overOriginal } = await measureTopics({ start, plan, signal });
  print(format(overRelay, { signalbox: "signalbox", yardstick: "relay" }));
  print(format(overOriginal, { signalbox: "signalbox", yardstick: "y-webrtc's" }));
  return [...overRelay, ...overOriginal].every(isMet) ? "met" : "missed";
}

/** Installs the relay to measure against, or returns the reason why it cannot. */
async function install(script: NpmScript, signal: AbortSignal): Promise<NpmRelay | string> {
  try {
    return await installNpmRelay(script, signal);
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

/** Null when help is asked for. */
function parse(args: string[]): Options | null {
  const unknown = (arg: string): never => {
    throw new TypeError(`Unknown argument "${arg}"; see --help`);
  };
  const flags = Flags.parse(
    parseArgs(args, {
      boolean: ["quick", "check", "help"],
      string: ["only", "main", "chart"],
      unknown,
    }),
  );
  if (flags.help) return null;
  if (flags.quick && flags.check) throw new TypeError("Cannot check targets in a quick run");
  const names = flags.only?.split(",") ?? [
    ...SCENARIOS.map(({ name }) => name),
    TOPICS,
    TRANSPORT,
    STORE,
  ];
  const others = [STORE, TOPICS, TRANSPORT];
  const scenarios = names.filter((name) => !others.includes(name)).map((name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name);
    if (!scenario) throw new TypeError(`Unknown dialect "${name}"; see --help`);
    return scenario;
  });
  return {
    plan: flags.quick ? QUICK : FULL,
    scenarios,
    withTopics: names.includes(TOPICS),
    withStore: names.includes(STORE),
    withTransports: names.includes(TRANSPORT),
    main: flags.main,
    check: flags.check,
    chart: flags.chart,
  };
}

function print(text: string, to: typeof Deno.stdout | typeof Deno.stderr = Deno.stdout): void {
  to.writeSync(new TextEncoder().encode(text));
}

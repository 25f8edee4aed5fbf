/**
 * Measures signalbox against a bare relay under the same load in the same run; see `HELP`.
 * CPU time and memory are read from /proc, which is why it needs Linux.
 */
import { parseArgs } from "@std/cli/parse-args";
import * as z from "zod";
import { measureAgainst } from "./bench/against.ts";
import { measureBridge } from "./bench/bridge.ts";
import { measureCluster } from "./bench/cluster.ts";
import { drawChart } from "./bench/chart.ts";
import { measureCrowd } from "./bench/crowd.ts";
import { JWT_FLAGS, operatorFlags } from "./bench/guarded.ts";
import type { Side } from "./bench/job.ts";
import { measureLogins } from "./bench/logins.ts";
import { type Contest, measure } from "./bench/measure.ts";
import {
  installNpmRelay,
  type NpmRelay,
  type NpmScript,
  SOCKET_IO_RELAY,
  YJS_RELAY,
} from "./bench/npm_relay.ts";
import { FULL, type Plan, QUICK } from "./bench/plan.ts";
import { denoProgram, ServerProcess } from "./bench/process.ts";
import { certainty, format, isMet, type Row } from "./bench/report.ts";
import { describeMix, type Scenario, SCENARIOS } from "./bench/scenarios.ts";
import { serverFlags } from "./bench/server_flags.ts";
import { measureStore } from "./bench/store.ts";
import { measureSubscriptions, measureTopics } from "./bench/topics.ts";
import { type Contender, measureTransports } from "./bench/transport.ts";
import { measureWatched } from "./bench/watched.ts";
import { Receiver } from "./bench/watchers.ts";

type Outcome = "met" | "missed" | "skipped";

/** Measurements that are not of a dialect's pairs, in their order. */
const OTHERS = {
  topics: benchTopics,
  cluster: benchCluster,
  transport: benchTransports,
  bridge: benchBridge,
  store: benchStore,
  watched: benchWatched,
  logins: benchLogins,
  crowd: benchCrowd,
} satisfies Record<string, (options: Options, signal: AbortSignal) => Promise<Outcome>>;
type Other = keyof typeof OTHERS;
const OTHER_NAMES = Object.keys(OTHERS) as readonly Other[];

const HELP = `Usage: deno task bench [options]

Per dialect: CPU time per relayed message, messages per second, delay, CPU time per announcement
in rooms of 2 to 1000, and memory per idle connection, each beside those of a bare relay that
parses nothing (the yardstick). OWT's is a relay on the npm package socket.io, for Node: npm
installs it for the time being, and where that cannot be, OWT is skipped. Topics are measured beside
y-webrtc's own server, too. And CPU time per message with a store in a file beside that without,
and with bridging beside that without; of bridged calls beside those of one dialect. With tokens and
watchers (a scrape each second, webhooks, an open console) beside without; of logins with each kind
of key; and the delay of messages while peers come and go and the watchers are slow. Messages
between two nodes of a cluster are measured beside those within a server, where there is a Redis.

With --against, the named dialects are measured beside another checkout instead: CPU time per
relayed message and per join, and memory per idle connection. "watched" compares with it, too.

  --quick          One short round of everything: proves that the benchmark works, measures nothing
  --check          Exit with status 1 when a target is missed
  --only <names>   What to measure, separated by commas: ${
  [...SCENARIOS.map(({ name }) => name), ...OTHER_NAMES].join(",")
}
  --main <file>    The server to measure, such as another checkout's main.ts
  --against <file> The main.ts of another checkout to compare with, instead of the bare relay
  --chart <file>   Draw the comparison of the transports as an SVG
  --help           This text

The CPU time per message is the figure to trust on a busy machine. Messages per second mean
something only where the server used a whole core.
`;

const YARDSTICK = new URL("./bench/yardstick.ts", import.meta.url).href;

const Flags = z.object({
  quick: z.boolean(),
  check: z.boolean(),
  help: z.boolean(),
  only: z.string().optional(),
  chart: z.string().optional(),
  against: z.string().optional(),
  main: z.string().default(new URL("../main.ts", import.meta.url).href),
});

interface Options {
  readonly plan: Plan;
  readonly scenarios: readonly Scenario[];
  readonly others: readonly Other[];
  readonly main: string;
  readonly against: string | undefined;
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
    const outcome = options.against === undefined
      ? await benchOne(scenario, options, signal)
      : await benchAgainst(scenario, { ...options, against: options.against }, signal);
    if (outcome === "skipped") skipped.push(scenario.name);
    isGood &&= outcome !== "missed";
  }
  for (const name of options.others) {
    const outcome = await OTHERS[name](options, signal);
    if (outcome === "skipped") skipped.push(name);
    isGood &&= outcome !== "missed";
  }
  const but = skipped.length > 0 ? `, but for what was skipped: ${skipped.join(", ")}` : "";
  print(`\n${isGood ? "All targets are met" : "Not all targets are met"}${but}\n`);
  return isGood;
}

async function benchOne(
  scenario: Scenario,
  { plan, main }: Options,
  signal: AbortSignal,
): Promise<Outcome> {
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
  const signalbox = denoProgram(main, serverFlags([scenario.dialect]));
  const rows = await measure(scenario, contestOf({ signalbox, yardstick }, plan, signal));
  print(format(rows));
  return outcomeOf(rows);
}

/** The same dialect of another checkout takes the yardstick's place. */
async function benchAgainst(
  scenario: Scenario,
  { plan, main, against }: Options & { readonly against: string },
  signal: AbortSignal,
): Promise<Outcome> {
  print(`\n${scenario.title}: ${describeMix(scenario)}\n`);
  const flags = serverFlags([scenario.dialect]);
  const commands = {
    signalbox: denoProgram(main, flags),
    yardstick: denoProgram(against, flags),
  };
  const rows = await measureAgainst(scenario, contestOf(commands, plan, signal));
  print(format(rows, { signalbox: "this", yardstick: "that" }));
  return outcomeOf(rows);
}

function contestOf(
  commands: Readonly<Record<Side, Deno.Command>>,
  plan: Plan,
  signal: AbortSignal,
): Contest {
  return { start: (side) => ServerProcess.start(commands[side], signal), plan, signal };
}

function outcomeOf(rows: readonly Row[]): Outcome {
  return rows.every(isMet) ? "met" : "missed";
}

/** Starts servers of PeerJS clients, with more flags. */
function peerJsStarter(
  main: string,
  signal: AbortSignal,
): (flags: readonly string[]) => Promise<ServerProcess> {
  return (flags) =>
    ServerProcess.start(denoProgram(main, [...serverFlags(["peerjs"]), ...flags]), signal);
}

async function benchStore({ plan, main }: Options, signal: AbortSignal): Promise<Outcome> {
  const rows = await measureStore({ start: peerJsStarter(main, signal), plan, signal });
  const sides = { signalbox: "kv", yardstick: "memory" };
  print(`\nPeerJS, with a store in a file and without\n${format(rows, sides)}`);
  return outcomeOf(rows);
}

async function benchTransports(
  { plan, main, chart }: Options,
  signal: AbortSignal,
): Promise<Outcome> {
  const start = (contender: Contender): Promise<ServerProcess> =>
    ServerProcess.start(
      contender === "bare" ? denoProgram(YARDSTICK) : denoProgram(main, [
        ...serverFlags(["gstreamer", "peerjs"]),
        `--transport=${contender}`,
      ]),
      signal,
    );
  const { rows, bars } = await measureTransports({ start, plan, signal });
  if (chart !== undefined) await Deno.writeTextFile(chart, drawChart(bars));
  const sides = { signalbox: "strict", yardstick: "serve" };
  print(`\nThe strict transport beside Deno.serve\n${format(rows, sides)}`);
  return outcomeOf(rows);
}

async function benchBridge({ plan, main }: Options, signal: AbortSignal): Promise<Outcome> {
  const flags = serverFlags(["gstreamer", "peerjs", "ssp", "simple", "webrtcsink"]);
  const commands = {
    signalbox: denoProgram(main, [...flags, "--bridge=all"]),
    yardstick: denoProgram(main, flags),
  };
  const { overPlain, overVerbatim } = await measureBridge(contestOf(commands, plan, signal));
  print("\nCalls within one dialect, with bridging and without\n");
  print(format(overPlain, { signalbox: "bridging", yardstick: "without" }));
  print("\nBridged calls and a mixed room, beside those of one dialect\n");
  print(format(overVerbatim, { signalbox: "bridged", yardstick: "verbatim" }));
  return outcomeOf([...overPlain, ...overVerbatim]);
}

async function benchCluster({ plan, main }: Options, signal: AbortSignal): Promise<Outcome> {
  print("\nPeerJS between two nodes of a cluster, and within one server\n");
  const report = await measureCluster({ plan, main, signal });
  if (typeof report === "string") {
    print(`Skipped: ${report}\n`);
    return "skipped";
  }
  const { rows, remarks } = report;
  print(format(rows, { signalbox: "across", yardstick: "within" }));
  for (const remark of remarks) print(`Not measured: ${remark}\n`);
  return remarks.length > 0 ? "missed" : outcomeOf(rows);
}

/** Tokens and watchers, beside the same build or another one without. */
async function benchWatched(
  { plan, main, against }: Options,
  signal: AbortSignal,
): Promise<Outcome> {
  await using receiver = new Receiver();
  const flags = serverFlags(["gstreamer", "peerjs"]);
  const commands = {
    signalbox: denoProgram(main, [...flags, ...JWT_FLAGS, ...operatorFlags(receiver.url)]),
    yardstick: denoProgram(against ?? main, flags),
  };
  const rows = await measureWatched(contestOf(commands, plan, signal));
  const sides = { signalbox: "watched", yardstick: "without" };
  print(`\nWith tokens, scrapes, webhooks and a console\n${format(rows, sides)}`);
  print(`95 % intervals of the ratios: ${rows.map(certainty).join(", ")}\n`);
  return outcomeOf(rows);
}

async function benchLogins({ plan, main }: Options, signal: AbortSignal): Promise<Outcome> {
  const { logins, shares } = await measureLogins({
    start: peerJsStarter(main, signal),
    plan,
    signal,
  });
  print("\nLogins of PeerJS clients, 100 a second, with each kind of key\n");
  print(format(logins, { signalbox: "with token", yardstick: "without" }));
  print(format(shares, { signalbox: "tokens", yardstick: "allowed" }));
  return outcomeOf(shares);
}

async function benchCrowd({ plan, main }: Options, signal: AbortSignal): Promise<Outcome> {
  const { rows, remark } = await measureCrowd({ start: peerJsStarter(main, signal), plan, signal });
  print(`\nDelays while ${plan.crowdPeers} peers come and go, watched and not\n`);
  print(format(rows, { signalbox: "watched", yardstick: "without" }));
  print(remark);
  return outcomeOf(rows);
}

/** Topics, beside a bare relay and beside the server that y-webrtc brings along. */
async function benchTopics(
  { plan, main }: Options,
  signal: AbortSignal,
): Promise<Outcome> {
  print("\nTopics: publications of 400 bytes to all subscribers\n");
  const installed = await install(YJS_RELAY, signal);
  if (typeof installed === "string") {
    print(`Skipped: ${installed}\n`);
    return "skipped";
  }
  await using original = installed;
  const commands = {
    signalbox: denoProgram(main, serverFlags(["topics"])),
    relay: denoProgram(new URL("./bench/topic_relay.ts", import.meta.url).href),
    original: original.command,
  };
  const start = (server: keyof typeof commands): Promise<ServerProcess> =>
    ServerProcess.start(commands[server], signal);
  const { overRelay, overOriginal } = await measureTopics({ start, plan, signal });
  print(format(overRelay, { signalbox: "signalbox", yardstick: "relay" }));
  print(format(overOriginal, { signalbox: "signalbox", yardstick: "y-webrtc's" }));
  const { memory, growth } = await measureSubscriptions({ start, plan, signal });
  const [few, many] = plan.subscribingSockets;
  print(format([memory], { signalbox: "signalbox", yardstick: "allowed" }));
  print(format([growth], { signalbox: `${many} sockets`, yardstick: `${few}` }));
  return outcomeOf([...overRelay, ...overOriginal, memory, growth]);
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
      string: ["only", "main", "against", "chart"],
      unknown,
    }),
  );
  if (flags.help) return null;
  if (flags.quick && flags.check) throw new TypeError("Cannot check targets in a quick run");
  const others: readonly Other[] = flags.against === undefined ? OTHER_NAMES : ["watched"];
  const names = flags.only?.split(",") ?? [...SCENARIOS.map(({ name }) => name), ...others];
  const isOther = (name: string): boolean => others.some((other) => other === name);
  const scenarios = names.filter((name) => !isOther(name)).map((name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name);
    if (!scenario) throw new TypeError(`Unknown dialect "${name}"; see --help`);
    return scenario;
  });
  return {
    plan: flags.quick ? QUICK : FULL,
    scenarios,
    others: others.filter((name) => names.includes(name)),
    main: flags.main,
    against: flags.against,
    check: flags.check,
    chart: flags.chart,
  };
}

function print(text: string, to: typeof Deno.stdout | typeof Deno.stderr = Deno.stdout): void {
  to.writeSync(new TextEncoder().encode(text));
}

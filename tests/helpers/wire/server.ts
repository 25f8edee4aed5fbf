import { type CommandLine, loadConfig } from "../../../src/config/load.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { readText } from "../../../src/system/files.ts";
import type { Facts, Log } from "../../../src/observe/log.ts";
import { openPersistence, type Persistence } from "../../../src/server/open_store.ts";
import type { Operator } from "../../../src/admin/operator.ts";
import { type Server, startServer } from "../../../src/server/mod.ts";
import { systemClock, wallClock } from "../../../src/system/clock.ts";
import { gaugeOf } from "./gauges.ts";
import { RUN_VARIABLES } from "./transport.ts";

/** One line that the server would have logged. */
export interface LogLine {
  readonly level: string;
  readonly what: string;
  readonly facts: Facts;
}

export interface TestServer extends AsyncDisposable {
  /** Where it listens, without a slash at the end; the first where there are several. */
  readonly url: string;
  /** The same for WebSockets. */
  readonly wsUrl: string;
  /** Where operators are served alone. */
  readonly adminUrl: string | undefined;
  /** Everything that was logged so far, lines of clients unlimited. */
  readonly log: readonly LogLine[];
  readonly operator: Operator;
  /** The current value of a metric's gauge, such as "signalbox_peers". */
  gauge(name: string): Promise<number>;
  /** Resolves when clients are served, who wait until then. */
  readonly started: Promise<void>;
  /** Reads secrets and keys again from their files; see Server. */
  readonly reload: Server["reload"];
  /** Ends it as the first signal does. */
  stop(): Promise<void>;
  readonly drain: Server["drain"];
  readonly undrain: Server["undrain"];
  readonly left: Server["left"];
}

export interface TestServerOptions {
  /** Flags as on the command line; without a `--listen` it takes a free loopback port. */
  readonly args?: readonly string[];
  readonly clock?: Clock;
}

type ServeCommand = Extract<CommandLine, { readonly type: "serve" }>;

/** Starts the server in this process, with metrics at `/metrics`. */
export function startTestServer({ args = [], clock }: TestServerOptions = {}): TestServer {
  const log = new CollectingLog();
  return serve(commandOf(args), { log, ...(clock === undefined ? {} : { clock }) });
}

/** The same with what `--store` among the arguments names. */
export async function startTestServerWithStore(
  { args = [], clock = systemClock }: TestServerOptions,
): Promise<TestServer> {
  const log = new CollectingLog();
  const command = commandOf(args);
  const persistence = await openPersistence(command.config, { log, clock, wallNow: wallClock });
  const server = serve(command, { log, clock, persistence });
  await server.started;
  return server;
}

function commandOf(args: readonly string[]): ServeCommand {
  const isListening = args.some((arg) => arg.startsWith("--listen"));
  const listening = isListening ? [] : ["--listen", "http://127.0.0.1:0"];
  const command = loadConfig({
    args: [...listening, "--metrics", "/metrics", ...args],
    variable: (name) => RUN_VARIABLES[name],
    readFile: readText,
  });
  if (command.type !== "serve") throw new TypeError(`Cannot serve with ${args.join(" ")}`);
  return command;
}

function serve(
  { config, secrets, origins }: ServeCommand,
  { log, ...parts }: { log: CollectingLog; clock?: Clock; persistence?: Persistence },
): TestServer {
  const server = startServer(config, { version: "0.0.0-test", log, secrets, origins, ...parts });
  const url = server.urls[0] ?? "";
  return {
    url,
    wsUrl: url.replace(/^http/, "ws"),
    adminUrl: server.adminUrls[0],
    log: log.lines,
    operator: server.operator,
    gauge: (name) => gaugeOf(url, name),
    started: server.started,
    reload: server.reload,
    stop: server.stop,
    drain: server.drain,
    undrain: server.undrain,
    left: server.left,
    [Symbol.asyncDispose]: server.stop,
  };
}

class CollectingLog implements Log {
  readonly lines: LogLine[] = [];
  readonly isDebug = false;

  write(level: string, what: string, facts: Facts = {}): void {
    this.lines.push({ level, what, facts });
  }

  writeForClient(level: string, what: string, facts: Facts): void {
    this.write(level, what, facts);
  }
}

// The first module that runs: no signal may end the process while the others begin.
import { heldSignals } from "./src/system/held_signals.ts";
import project from "./deno.json" with { type: "json" };
import build from "./src/build.json" with { type: "json" };
import { helpText } from "./src/config/help.ts";
import { configSchemaText } from "./src/config/json_schema.ts";
import { type CommandLine, ConfigError, loadConfig, type Sources } from "./src/config/load.ts";
import { readText } from "./src/system/files.ts";
import { type Log, openLog } from "./src/observe/log.ts";
import { tracesAreOn } from "./src/observe/traces.ts";
import { messageOf } from "./src/system/errors.ts";
import { dropPermissions } from "./src/system/permissions.ts";
import { bannerOf } from "./src/server/banner.ts";
import { clusterBelongings, joinCluster } from "./src/server/cluster.ts";
import { openPersistence, StoreError } from "./src/server/open_store.ts";
import { AddressError, type Server, startServer } from "./src/server/mod.ts";
import { systemClock, wallClock } from "./src/system/clock.ts";

/** Such as "1.2.3" or, in an executable, "1.2.3 (0a1b2c3d4e)" with the commit it was built from. */
const VERSION = build.commit === "" ? project.version : `${project.version} (${build.commit})`;
/** The exit code for a configuration that cannot be used (sysexits.h: EX_CONFIG). */
const EXIT_CONFIG = 78;
/** The runtime records URLs before any code of ours runs, so none can take the tokens out. */
const TRACES = "Cannot start with traces on: they hold URLs, and the tokens in them. Set " +
  "OTEL_TRACES_SAMPLER=always_off, which leaves metrics on, or use --trace-urls if your collector " +
  "removes url.full and url.query";
/** The exit code for a store or an address that cannot be used now; another try may succeed. */
const EXIT_NOW = 1;

async function main(): Promise<void> {
  try {
    const given = sources();
    const command = loadConfig(given);
    switch (command.type) {
      case "help":
        return print(helpText(VERSION));
      case "help-all":
        return print(helpText(VERSION, true));
      case "version":
        return print(`signalbox ${VERSION}`);
      case "config-schema":
        return print(configSchemaText());
      case "serve":
        return await serve(command, given);
      default:
        command satisfies never;
    }
  } catch (error) {
    Deno.exit(explain(error));
  }
}

/** Prints why the server does not start, and returns the exit code; throws bugs again. */
function explain(error: unknown): number {
  if (error instanceof StoreError || error instanceof AddressError) {
    complain(error.message);
    return error instanceof StoreError && !error.mayPass ? EXIT_CONFIG : EXIT_NOW;
  }
  // Its class is part of what is loaded for a cluster only.
  if (error instanceof Error && error.name === "ClusterError") {
    complain(error.message);
    return "mayPass" in error && error.mayPass === true ? EXIT_NOW : EXIT_CONFIG;
  }
  if (!(error instanceof ConfigError)) throw error;
  for (const message of error.messages) complain(message);
  return EXIT_CONFIG;
}

async function serve(
  { config, notices, secrets, origins }: Extract<CommandLine, { type: "serve" }>,
  { variable: variables }: Sources,
): Promise<void> {
  if (!config.traceUrls && tracesAreOn()) throw new ConfigError([TRACES]);
  const log = openLog(config.log, systemClock);
  for (const { text, facts } of notices) log.write("warning", text, facts);
  const parts = { log, clock: systemClock, wallNow: wallClock };
  const persistence = await openPersistence(config, { ...parts, variables });
  // A connection that was given up may still fail, such as by an alert of TLS: no call waits for it.
  let report = (error: unknown): void =>
    log.write("debug", "late error", { error: messageOf(error) });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    report(event.error);
  });
  const clustered = await joinCluster(config, { ...parts, store: persistence.store });
  const extras = { persistence, secrets, origins, clustered };
  let server: Server;
  try {
    server = startServer(config, { version: VERSION, log, ...extras });
  } catch (error) {
    await clustered?.cluster.withdraw();
    throw error;
  }
  report = server.reportFault;
  // From here on this process has the sealed state, and must seal it again when it stops.
  stopOnSignals(server, log);
  await server.started;
  const { readsFiles, usesSocket } = clusterBelongings(config);
  const kept = dropPermissions({
    store: config.store,
    readsFiles: server.readsFiles || readsFiles,
    usesSocket,
  });
  log.write("debug", "permissions kept", { names: kept.join(",") });
  // Errors that nothing else caught are bugs, but no reason to disconnect every client.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    server.reportFault(event.reason);
  });
  announce(server, log);
  server.logLimits();
}

/** Reports the start once: a person reads it at the terminal, everybody else in the log. */
function announce(server: Server, log: Log): void {
  if (Deno.stdout.isTerminal()) print(bannerOf(server));
  if (Deno.stdout.isTerminal() && Deno.stderr.isTerminal()) return;
  const { urls, adminUrls, pages, operatorPages, reachable, storePlace: place } = server;
  if (place !== undefined) log.write("info", "store opened", { place });
  const dialects = reachable.map(({ title }) => title).join(", ");
  const listed = (pages: Server["pages"]): string => pages.map(({ path }) => path).join(", ");
  for (const url of urls) log.write("info", "listening", { url, dialects, pages: listed(pages) });
  for (const url of adminUrls) {
    log.write("info", "serving operators", { url, pages: listed(operatorPages) });
  }
  if (server.clusterWords !== undefined) log.write("info", server.clusterWords);
}

/** The first signal stops the server in good order, the second at once; so does an operator's drain. */
function stopOnSignals(server: Server, log: Log): void {
  let isStopping = false;
  const end = async (): Promise<void> => {
    setTimeout(() => {
      log.write("error", "stopping took too long", { afterMs: server.stopBudgetMs });
      Deno.exit(0);
    }, server.stopBudgetMs);
    await server.stop();
    Deno.exit(0);
  };
  const stop = (signal: Deno.Signal) => (): void => {
    if (isStopping) Deno.exit(1);
    isStopping = true;
    log.write("info", "stopping", { signal });
    void end();
  };
  void server.left.then(end);
  Deno.addSignalListener("SIGINT", stop("SIGINT"));
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGTERM", stop("SIGTERM"));
  // By default these two end a process without a word. SIGUSR1 belongs to the runtime.
  Deno.addSignalListener("SIGQUIT", stop("SIGQUIT"));
  heldSignals.take("SIGUSR2", () => {
    log.write("info", "signal ignored", { signal: "SIGUSR2" });
  });
  // A service reloads on SIGHUP. In a terminal SIGHUP means that the terminal is gone.
  const isLost = !server.readsFiles && Deno.stdout.isTerminal();
  const reload = (): void => void server.reload({ certificate: true });
  heldSignals.take("SIGHUP", isLost ? stop("SIGHUP") : reload);
}

/** Reads variables only if this process may: it must run without any of them. */
function sources(): Sources {
  const mayRead = (variable?: string): boolean =>
    Deno.permissions.querySync(
      variable === undefined ? { name: "env" } : {
        name: "env",
        variable,
      },
    ).state === "granted";
  return {
    args: Deno.args,
    variable: (name) => mayRead(name) ? Deno.env.get(name) : undefined,
    variableNames: mayRead() ? Object.keys(Deno.env.toObject()) : [],
    readFile: readText,
  };
}

function print(text: string): void {
  write(Deno.stdout, text);
}

function complain(text: string): void {
  write(Deno.stderr, `signalbox: ${text}`);
}

/** Ignores failures: the reader may be gone (`signalbox | head -1`), or a disk full. */
function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  try {
    stream.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // There is no other place to report it.
  }
}

if (import.meta.main) await main();

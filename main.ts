import project from "./deno.json" with { type: "json" };
import build from "./src/build.json" with { type: "json" };
import { helpText } from "./src/config/help.ts";
import { ConfigError, loadConfig, type Sources } from "./src/config/load.ts";
import type { Config } from "./src/config/schema.ts";
import { readText } from "./src/system/files.ts";
import { type Log, openLog } from "./src/observe/log.ts";
import { dropPermissions } from "./src/system/permissions.ts";
import { openPersistence, StoreError } from "./src/server/open_store.ts";
import { AddressError, type Server, startServer } from "./src/server/mod.ts";
import { systemClock, wallClock } from "./src/system/clock.ts";

/** Such as "1.2.3" or, in an executable, "1.2.3 (0a1b2c3d4e)" with the commit it was built from. */
const VERSION = build.commit === "" ? project.version : `${project.version} (${build.commit})`;
/** The exit code for a configuration that cannot be used (sysexits.h: EX_CONFIG). */
const EXIT_CONFIG = 78;
/** The exit code for a store or an address that cannot be used now: trying again may help. */
const EXIT_NOW = 1;
/** Stopping takes no longer than this, whatever clients and the store do. */
const STOP_MS = 9_500;

async function main(): Promise<void> {
  try {
    const given = sources();
    const command = loadConfig(given);
    if (command.type === "help") return say(helpText(VERSION));
    if (command.type === "version") return say(`signalbox ${VERSION}`);
    await serve(command.config, given);
  } catch (error) {
    Deno.exit(explain(error));
  }
}

/** Says why there is no server, and returns the exit code; throws what is a bug. */
function explain(error: unknown): number {
  if (error instanceof StoreError || error instanceof AddressError) {
    complain(error.message);
    return error instanceof StoreError && !error.mayPass ? EXIT_CONFIG : EXIT_NOW;
  }
  if (!(error instanceof ConfigError)) throw error;
  for (const message of error.messages) complain(message);
  return EXIT_CONFIG;
}

async function serve(config: Config, { variable: variables }: Sources): Promise<void> {
  const log = openLog(config.log, systemClock);
  const parts = { log, clock: systemClock, wallNow: wallClock };
  const persistence = await openPersistence(config, { ...parts, variables });
  const server = startServer(config, { version: VERSION, log, persistence });
  // From here on what was sealed is this process's to seal again.
  stopOnSignals(server, log);
  await server.started;
  const hasCertificates = server.reload !== undefined;
  const kept = dropPermissions({ store: config.store, hasCertificates });
  log.write("debug", "permissions kept", { names: kept.join(",") });
  // The last net: whatever arrives here is a bug, but not a reason to hang up on everybody.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    server.reportFault(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    server.reportFault(event.error);
  });
  for (const url of server.urls) log.write("info", "listening", { url });
  const data = server.storePlace === undefined ? [] : [`Keeping data in ${server.storePlace}`];
  say([...data, ...whereToConnect(server)].join("\n"));
}

/** The first signal stops in good order, the second at once. */
function stopOnSignals(server: Server, log: Log): void {
  let isStopping = false;
  const stop = (signal: Deno.Signal) => async (): Promise<void> => {
    if (isStopping) Deno.exit(1);
    isStopping = true;
    log.write("info", "stopping", { signal });
    setTimeout(() => Deno.exit(0), STOP_MS);
    await server.stop();
    Deno.exit(0);
  };
  Deno.addSignalListener("SIGINT", stop("SIGINT"));
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGTERM", stop("SIGTERM"));
  const { reload } = server;
  // To a service SIGHUP means to reload, even if there is nothing to; to a program in a terminal
  // that the terminal is gone.
  if (reload === undefined && Deno.stdout.isTerminal()) return;
  Deno.addSignalListener("SIGHUP", () => void reload?.());
}

/** Each address to listen at, and under it where every dialect is reached. */
function whereToConnect({ urls, reachable }: Server): string[] {
  return urls.flatMap((url) => {
    const host = url.replace("[::]", "localhost").replace("0.0.0.0", "localhost");
    const dialects = reachable.map(({ title, entrance: { path, scheme, hint } }) => {
      const base = scheme === "ws" ? host.replace(/^http/, "ws") : host;
      return `  ${title.padEnd(12)}${base}${path}  ${hint}`;
    });
    return [`Listening on ${url}`, ...dialects];
  });
}

/** Variables are read only where this process may: it has to run without any of them. */
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

function say(text: string): void {
  write(Deno.stdout, text);
}

function complain(text: string): void {
  write(Deno.stderr, `signalbox: ${text}`);
}

/** Whoever was to read it may have gone (`signalbox | head -1`), a disk be full: no reason to end. */
function write(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  try {
    stream.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // There is no other place to say so.
  }
}

if (import.meta.main) await main();

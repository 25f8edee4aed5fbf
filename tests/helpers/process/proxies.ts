import apache2 from "../../e2e/proxies/apache2.conf" with { type: "text" };
import caddy from "../../e2e/proxies/Caddyfile" with { type: "text" };
import haproxy from "../../e2e/proxies/haproxy.cfg" with { type: "text" };
import nginx from "../../e2e/proxies/nginx.conf" with { type: "text" };
import { until } from "../wire/waiting.ts";
import { programOf, type ProxyName } from "./clients.ts";
import { freePort } from "./ports.ts";
import { readmeSnippet } from "./readme.ts";

/** A reverse proxy before a server, which compresses event streams where it may. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  readonly wsUrl: string;
  /** Makes it read its configuration again. */
  reload(): Promise<void>;
}

/** The time until a signal without effect is sent again. */
const REPEAT_MS = 3_000;

interface Kind {
  readonly template: string;
  readonly args: (file: string) => string[];
  /** The command, or the signal to the process, by which it is reloaded. */
  readonly reload: Deno.Signal | ((file: string, admin: number) => string[]);
  /** The line of its error log after each start and each reload. */
  readonly loaded?: string;
}

const KINDS: Readonly<Record<ProxyName, Kind>> = {
  apache2: {
    template: apache2,
    args: (file) => ["-f", file, "-D", "FOREGROUND"],
    reload: "SIGUSR1",
    loaded: "resuming normal operations",
  },
  caddy: {
    template: caddy,
    args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
    reload: (file, admin) => {
      const where = ["--address", `127.0.0.1:${admin}`, "--force"];
      return ["reload", "--adapter", "caddyfile", "--config", file, ...where];
    },
  },
  haproxy: { template: haproxy, args: (file) => ["-W", "-f", file], reload: "SIGUSR2" },
  nginx: { template: nginx, args: (file) => ["-c", file], reload: "SIGHUP" },
};

/**
 * Starts a proxy before the server at a URL, on a free port.
 * @param page the one whose configuration it gets, if any page has one for it
 */
export async function startProxy(
  name: ProxyName,
  target: string,
  page: string = "src/server/README.md",
): Promise<Proxy> {
  const upstream = new URL(target).host;
  const recommended = await documented(name, upstream, page);
  return await runProxy(name, (places) => {
    const values: Readonly<Record<string, string | number>> = {
      ...places,
      upstream,
      modules: "/usr/lib/apache2/modules",
      user: Deno.uid() === 0 ? "User www-data\nGroup www-data" : "",
      documented: recommended,
    };
    return KINDS[name].template.replace(/\{\{(\w+)\}\}/g, (_, key) => String(values[key]));
  });
}

/** The places that a proxy's configuration names. */
export interface ProxyPlaces {
  /** For its files, and removed with it. */
  readonly folder: string;
  readonly port: number;
  /** Where it is administered. */
  readonly admin: number;
}

/** Runs a proxy with a configuration of the test's own. */
export async function runProxy(
  name: ProxyName,
  configuration: (places: ProxyPlaces) => string,
): Promise<Proxy> {
  const { args, reload, loaded } = KINDS[name];
  const folder = await Deno.makeTempDir({ prefix: `signalbox-${name}-` });
  await Deno.chmod(folder, 0o755); // for the workers, which run as "nobody"
  const [port, admin] = [freePort(), freePort()];
  const file = `${folder}/configuration`;
  await Deno.writeTextFile(file, configuration({ folder, port, admin }));
  const env = { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
  const child = new Deno.Command(programOf(name), {
    args: args(file),
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let errors = "";
  const ended = Promise.all([
    child.status,
    (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) errors += text;
    })(),
  ]);
  let hasEnded = false;
  ended.then(() => hasEnded = true);
  /** Everything that it has logged: HAProxy and nginx log to standard error only. */
  async function log(): Promise<string> {
    return errors + await Deno.readTextFile(`${folder}/error.log`).catch(() => "");
  }
  async function explained<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (cause) {
      throw new Error(`${name} does not ${what}. Its log:\n${await log()}`, { cause });
    }
  }
  async function stop(): Promise<void> {
    try {
      // Apache forgets a SIGTERM that arrives as it begins a reload.
      await explained("end", signalUntil("SIGTERM", child, () => hasEnded));
    } catch (error) {
      signalTo(child, "SIGKILL");
      throw error;
    }
    await Deno.remove(folder, { recursive: true });
  }
  try {
    await until(`${name} to listen`, async () => {
      if (hasEnded) throw new Error(`${name} ended before it listened\n${errors}`);
      return await accepts(port);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `http://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${port}`,
    reload: async () => {
      if (typeof reload === "string") {
        const reloaded = loaded === undefined
          ? signalUntilReloaded(child, reload)
          : signalAndRead(child, reload, loaded, log);
        return await explained("reload", reloaded);
      }
      const command = new Deno.Command(programOf(name), { args: reload(file, admin), env });
      const { success, stderr } = await command.output();
      if (!success) throw new Error(`Cannot reload ${name}: ${new TextDecoder().decode(stderr)}`);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** The part of the configuration that a page recommends. */
async function documented(name: ProxyName, upstream: string, page: string): Promise<string> {
  if (name !== "nginx" && name !== "caddy") return "";
  const snippet = (await readmeSnippet(page, name))
    .replace(/127\.0\.0\.1:(8080|9090)/g, upstream);
  if (name === "nginx") return snippet;
  const site = snippet.replace(/^signal\.example\.org \{\n([\s\S]*)^\}$/m, "$1");
  return isOldCaddy() ? site.replace(/ \{\n *stream_close_delay .*\n *\}/, "") : site;
}

/** True before 2.7, which has no `stream_close_delay`. */
export function isOldCaddy(): boolean {
  const { stdout } = new Deno.Command(programOf("caddy"), { args: ["version"] }).outputSync();
  const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(new TextDecoder().decode(stdout)) ?? [];
  return Number(major) === 2 && Number(minor) < 7;
}

/**
 * Reloads a proxy whose number of workers is fixed, so a new one belongs to the new configuration.
 * HAProxy's worker listens before its master heeds signals: the first one may be lost.
 */
async function signalUntilReloaded(child: Deno.ChildProcess, signal: Deno.Signal): Promise<void> {
  const before = await workersOf(child.pid);
  await signalUntil(signal, child, async () => {
    return [...await workersOf(child.pid)].some((pid) => !before.has(pid));
  });
}

/** Reloads a proxy that starts and ends workers as it needs them, so only its log reports the end. */
async function signalAndRead(
  child: Deno.ChildProcess,
  signal: Deno.Signal,
  line: string,
  log: () => Promise<string>,
): Promise<void> {
  const loads = async (): Promise<number> => (await log()).split(line).length - 1;
  await until("the end of its start", async () => await loads() > 0);
  const before = await loads();
  signalTo(child, signal);
  await until("the end of its reload", async () => await loads() > before);
}

/** Sends a signal again and again until the condition holds. */
async function signalUntil(
  signal: Deno.Signal,
  child: Deno.ChildProcess,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  let signalledAt = -Infinity;
  await until(`the effect of ${signal}`, async () => {
    if (await condition()) return true;
    if (performance.now() - signalledAt > REPEAT_MS) {
      signalTo(child, signal);
      signalledAt = performance.now();
    }
    return false;
  });
}

function signalTo(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

async function workersOf(pid: number): Promise<ReadonlySet<string>> {
  const pids = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return new Set(pids.trim().split(" "));
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

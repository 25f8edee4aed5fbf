import { type Need, programOf } from "../process/clients.ts";
import { freePort } from "../process/ports.ts";
import { within } from "../wire/waiting.ts";

/** A real engine of a test's own, without a disk, on a port that nobody else has. */
export interface RedisServer extends AsyncDisposable {
  /** Such as `redis://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** Sends a signal, and waits for the end where it is SIGKILL. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  readonly pid: number;
  /** Runs a command of `redis-cli`, and returns its output. */
  command(...args: readonly string[]): Promise<string>;
  /** Starts it again at the same port: without a disk it comes back empty. */
  restart(): Promise<void>;
}

type Program = Extract<Need, "redis-server" | "valkey-server">;

/** @param settings further arguments of redis-server */
export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  return await startEngine("redis-server", settings);
}

/** A real Valkey; a test that uses its commands needs `redis-cli`, too. */
export async function startValkey(): Promise<RedisServer> {
  const server = await startEngine("valkey-server", []);
  return { ...server, url: server.url.replace("redis:", "valkey:") };
}

async function startEngine(name: Program, settings: readonly string[]): Promise<RedisServer> {
  const port = freePort();
  const folder = await Deno.makeTempDir({ prefix: "signalbox-redis-" });
  const all = ["--dir", folder, ...settings];
  let child = await spawn(name, port, all);
  const end = async (): Promise<void> => {
    kill(child);
    await child.status;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid(): number {
      return child.pid;
    },
    command: (...args) => redisCli(port, args),
    async signal(signal): Promise<void> {
      if (signal === "SIGKILL") await end();
      else child.kill(signal);
    },
    async restart(): Promise<void> {
      child = await spawn(name, port, all);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await end();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Three Sentinels that watch a primary under the name "main". */
export interface Sentinels extends AsyncDisposable {
  readonly ports: readonly number[];
  /** True once each knows the two others and the replica. Until then they make it no primary. */
  areReady(): Promise<boolean>;
}

/** @param settings further lines of each configuration; one for each Sentinel in a list */
export async function startSentinels(
  primary: Pick<RedisServer, "port">,
  ...settings: readonly (string | readonly string[])[]
): Promise<Sentinels> {
  await using undo = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "signalbox-sentinel-" });
  undo.defer(() => Deno.remove(folder, { recursive: true }));
  const ports = [freePort(), freePort(), freePort()];
  for (const [index, port] of ports.entries()) {
    const file = `${folder}/${port}.conf`;
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
      "sentinel down-after-milliseconds main 2000",
      "sentinel failover-timeout main 5000",
      ...settings.map((line) => typeof line === "string" ? line : line[index]),
    ];
    await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
    const child = await launch("redis-server", [file, "--sentinel"], "+monitor master main");
    undo.defer(async () => {
      kill(child);
      await child.status;
    });
  }
  const parts = undo.move();
  return {
    ports,
    async areReady(): Promise<boolean> {
      const infos = await Promise.all(ports.map((port) => redisCli(port, ["INFO", "sentinel"])));
      return infos.every((info) =>
        info.includes("status=ok") && /slaves=1,sentinels=3\b/.test(info)
      );
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function redisCli(port: number, args: readonly string[]): Promise<string> {
  const command = new Deno.Command("redis-cli", { args: ["-p", String(port), ...args] });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout).trim();
  if (!success) throw new Error(`Cannot run redis-cli: ${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has gone by itself.
  }
}

async function spawn(
  name: Program,
  port: number,
  settings: readonly string[],
): Promise<Deno.ChildProcess> {
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  return await launch(name, [...own, ...settings], "Ready to accept connections");
}

/** Starts an engine, and waits for a text in its output. */
async function launch(
  name: Program,
  args: readonly string[],
  readyText: string,
): Promise<Deno.ChildProcess> {
  const child = new Deno.Command(programOf(name), {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text = (text + chunk).slice(-4_096);
      if (text.includes(readyText)) ready.resolve();
    }
    ready.reject(new Error(`${name} ended before it was ready:\n${text}`));
  };
  void read();
  ready.promise.catch(() => {});
  await within(`${name} to be ready`, ready.promise);
  return child;
}

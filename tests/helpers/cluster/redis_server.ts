import { programOf } from "../process/clients.ts";
import { freePort } from "../process/ports.ts";
import { within } from "../wire/waiting.ts";

/** A real engine of a test's own, without a disk, on a port that nobody else has. */
export interface RedisServer extends AsyncDisposable {
  /** Such as `redis://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** Sends a signal, and waits for the end where it is SIGKILL. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts it again at the same port: without a disk it comes back empty. */
  restart(): Promise<void>;
}

/** @param settings further arguments of redis-server */
export async function startRedis(...settings: readonly string[]): Promise<RedisServer> {
  const port = freePort();
  const folder = await Deno.makeTempDir({ prefix: "signalbox-redis-" });
  const all = ["--dir", folder, ...settings];
  let child = await spawn(port, all);
  const kill = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has gone by itself.
    }
    await child.status;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async signal(signal): Promise<void> {
      if (signal === "SIGKILL") await kill();
      else child.kill(signal);
    },
    async restart(): Promise<void> {
      child = await spawn(port, all);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await kill();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function spawn(port: number, settings: readonly string[]): Promise<Deno.ChildProcess> {
  const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = new Deno.Command(programOf("redis-server"), {
    args: [...own, ...settings],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text = (text + chunk).slice(-4_096);
      if (text.includes("Ready to accept connections")) ready.resolve();
    }
    ready.reject(new Error(`redis-server ended before it was ready:\n${text}`));
  };
  void read();
  ready.promise.catch(() => {});
  await within("redis-server to be ready", ready.promise);
  return child;
}

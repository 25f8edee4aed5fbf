import type { ZodType } from "zod";
import type { Job, Target } from "./job.ts";

const START_MS = 30_000;
const STOP_MS = 6_000;
/** Extra time for a job, in which it opens and closes its connections. */
const JOB_GRACE_MS = 180_000;

/** A server under load. Lives until it is disposed of, whatever happens in between. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<unknown>;
  readonly #origin: string;

  private constructor(
    child: Deno.ChildProcess,
    output: Promise<unknown>,
    origin: string,
  ) {
    this.#origin = origin;
    this.#child = child;
    this.#output = output;
  }

  /**
   * Runs a program, its output piped, that prints `Listening on http://…`, or logs `listening
   * url=http://…`, once it can be reached.
   */
  static async start(command: Deno.Command, signal: AbortSignal): Promise<ServerProcess> {
    const child = command.spawn();
    const ready = Promise.withResolvers<string>();
    const seen: string[] = [];
    const onLine = (line: string): void => {
      const origin = /^Listening on (http:\S+)| INF listening url=(http:\S+)/.exec(line)?.slice(1)
        .find(Boolean);
      if (origin) ready.resolve(origin.replace(/\/$/, ""));
      else if (seen.length < 10) seen.push(line);
    };
    // Read to the end: a server whose output nobody reads would come to a stop.
    const output = Promise.all([
      readLines(child.stdout, onLine),
      readLines(child.stderr, onLine),
    ]);
    const ended = output.then(() => {
      throw new Error(`The server ended:\n${seen.join("\n")}`);
    });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(START_MS)]);
    try {
      const origin = await Promise.race([ready.promise, ended, whenAborted(limit)]);
      return new ServerProcess(child, output, origin);
    } catch (error) {
      await stop(child);
      throw error;
    }
  }

  get target(): Target {
    return { origin: this.#origin, pid: this.#child.pid };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
    await this.#output;
  }
}

/** How to run a Deno program as a server. */
export function denoProgram(entry: string, args: readonly string[] = []): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", entry, ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Has a load generator do one job and returns what it measured. */
export async function runJob<T>(job: Job, result: ZodType<T>, signal: AbortSignal): Promise<T> {
  const limitMs = JOB_GRACE_MS + durationMs(job);
  const limit = AbortSignal.timeout(limitMs);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("load.ts", import.meta.url).href, JSON.stringify(job)],
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.any([signal, limit]),
  }).output();
  signal.throwIfAborted();
  if (!success) {
    const reason = limit.aborted
      ? `not done after ${limitMs / 1000} s, was a message lost?`
      : new TextDecoder().decode(stderr);
    throw new Error(`Load "${job.kind}" of "${job.scenario}" failed: ${reason}`);
  }
  return result.parse(JSON.parse(new TextDecoder().decode(stdout)));
}

function durationMs(job: Job): number {
  if (job.kind === "idle" || job.kind === "subscriptions") return 2 * job.settleMs;
  if (job.kind === "topics") return 6 * job.subscribers.length * (job.warmUpMs + job.measureMs);
  const turns = job.kind === "fanOut" ? job.rooms.length + 1 : 1;
  return 2 * turns * (job.warmUpMs + job.measureMs);
}

async function stop(child: Deno.ChildProcess): Promise<void> {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), STOP_MS);
  await child.status;
  clearTimeout(timer);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    // It may have ended already.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Calls back for every line of a stream. */
export async function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

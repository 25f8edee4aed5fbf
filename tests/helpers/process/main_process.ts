import { listeningUrls } from "./listening.ts";
import { program } from "./program.ts";
import { RUN_VARIABLES } from "../wire/transport.ts";
import { within } from "../wire/waiting.ts";

/** How signalbox is run where that is what a test is about. */
export interface MainOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Deno's own flags; the sources run with them, and not the executable that is tested. */
  readonly denoArgs?: readonly string[];
  /** Files that the process may have open. */
  readonly openFiles?: number;
  /** A program that runs it, with its arguments. */
  readonly runner?: readonly string[];
}

/** A process that has ended. */
export interface MainResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that listens, killed at the end where it still runs. */
export interface MainProcess extends AsyncDisposable {
  /** Where it listens, from its log. */
  readonly urls: readonly string[];
  readonly pid: number;
  readonly ended: Promise<MainResult>;
  /** Its standard error so far. */
  stderr(): string;
  signal(signal: Deno.Signal): void;
}

/** Runs it to its end. */
export async function runMain(options: MainOptions): Promise<MainResult> {
  const child = spawn(options);
  const output = child.output();
  try {
    const { code, stdout, stderr } = await within("the end of the program", output);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (cause) {
    child.kill("SIGKILL");
    await output;
    throw new Error(`It does not end with ${JSON.stringify(options)}`, { cause });
  }
}

/**
 * Starts it with nothing but these options, and waits until it has logged where it listens.
 * @param meanwhile acts on the process while it starts
 */
export async function startMain(
  options: MainOptions,
  meanwhile?: (signal: MainProcess["signal"]) => Promise<void>,
): Promise<MainProcess> {
  const child = spawn(options);
  let [stdout, stderr] = ["", ""];
  const ready = Promise.withResolvers<void>();
  const listeners = (options.args ?? []).filter((arg) => /^--listen(=|$)/.test(arg)).length || 1;
  const read = async (
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    take: (text: string) => void,
  ): Promise<void> => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
  };
  const ended = Promise.all([
    child.status,
    read(child.stdout, (text) => stdout += text),
    read(child.stderr, (text) => {
      stderr += text;
      if (listeningUrls(stderr).length >= listeners) ready.resolve();
    }),
  ]).then(([{ code }]) => {
    ready.reject(new Error(`It ended with code ${code} before it listened\n${stderr}`));
    return { code, stdout, stderr };
  });
  const kill = async (): Promise<void> => {
    signal("SIGKILL");
    await ended;
  };
  const signal = (name: Deno.Signal): void => {
    try {
      child.kill(name);
    } catch {
      // It has ended already.
    }
  };

  try {
    await within("the program to listen", Promise.all([ready.promise, meanwhile?.(signal)]));
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    urls: listeningUrls(stderr),
    pid: child.pid,
    ended,
    stderr: () => stderr,
    signal,
    [Symbol.asyncDispose]: kill,
  };
}

function spawn(
  { args = [], env = {}, denoArgs, openFiles, runner = [] }: MainOptions,
): Deno.ChildProcess {
  const run = [...runner, ...program(denoArgs), ...args];
  // No SIGNALBOX_* or PORT but those of the test.
  const names = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "SystemRoot"];
  const inherited = names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const [command = "", ...rest] = openFiles === undefined
    ? run
    : ["bash", "-c", `ulimit -n ${openFiles}; exec "$@"`, "bash", ...run];
  return new Deno.Command(command, {
    args: rest,
    clearEnv: true,
    env: {
      NO_COLOR: "1",
      ...Object.fromEntries(inherited),
      ...RUN_VARIABLES,
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

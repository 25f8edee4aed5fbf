import { listeningUrls } from "./listening.ts";
import { program } from "./program.ts";
import { RUN_VARIABLES } from "../wire/transport.ts";
import { within } from "../wire/waiting.ts";

export interface ServerProcess extends AsyncDisposable {
  /** The first of `urls`, for the many tests with one listener. */
  readonly url: string;
  /** Where it listens, in the order of the `--listen` flags. */
  readonly urls: readonly string[];
  readonly pid: number;
  /** Its log so far. */
  stderr(): string;
  /** Sends a signal, SIGTERM unless told, and waits for the end. */
  stop(signal?: Deno.Signal): Promise<{ code: number }>;
}

export interface ServerProcessOptions {
  /** Variables added to those of this process, of which no `SIGNALBOX_*` is passed on. */
  env?: Record<string, string>;
}

/**
 * Starts the server as a user would: `deno run -A main.ts`, or the executable that is tested. Without a `--listen` or `--port` among the arguments it listens on a free loopback port.
 */
export async function startServerProcess(
  args: readonly string[] = [],
  { env = {} }: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const isToldWhere = args.some((arg) => isListenFlag(arg) || /^(--port|-p)(=|$)/.test(arg));
  const listening = isToldWhere ? [] : ["--listen", "http://127.0.0.1:0"];
  const child = spawn([...listening, ...args], env);
  const listeners = [...listening, ...args].filter(isListenFlag).length || 1;
  const ready = Promise.withResolvers<string[]>();
  let errors = "";
  const ended = Promise.all([
    child.status,
    read(child.stdout, () => {}),
    read(child.stderr, (text) => {
      errors += text;
      const urls = listeningUrls(errors);
      if (urls.length >= listeners) ready.resolve(urls);
    }),
  ]).then(([status]) => {
    ready.reject(new Error(`Server ended with code ${status.code} before it listened\n${errors}`));
    return status;
  });

  async function stop(signal: Deno.Signal = "SIGTERM"): Promise<{ code: number }> {
    kill(child, signal);
    try {
      const { code } = await within(`the server to end after ${signal}`, ended);
      return { code };
    } catch (error) {
      kill(child, "SIGKILL");
      throw error;
    }
  }

  try {
    const urls = await within("the server to listen", ready.promise);
    return {
      url: urls[0] ?? "",
      urls,
      pid: child.pid,
      stderr: () => errors,
      stop,
      [Symbol.asyncDispose]: async () => void await stop("SIGKILL"),
    };
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
}

function spawn(args: readonly string[], env: Record<string, string>): Deno.ChildProcess {
  const [command, ...fixed] = program();
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !name.startsWith("SIGNALBOX_")
  );
  return new Deno.Command(command, {
    args: [...fixed, ...args],
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

function isListenFlag(arg: string): boolean {
  return arg === "--listen" || arg.startsWith("--listen=");
}

async function read(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (text: string) => void,
): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended already, which is what was wanted.
  }
}

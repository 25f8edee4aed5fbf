import { within } from "../wire/waiting.ts";
import { RemoteConnection } from "./remote.ts";

/** A browser as a program. */
export interface BrowserProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder of its profile, removed at the end. */
  readonly profile: string;
  /** Finds the URL of its remote protocol in its output. */
  readonly endpoint: RegExp;
  /** Path of the protocol below that URL. */
  readonly path?: string;
  /** The protocol's command that ends it. */
  readonly quit: string;
}

/** A browser at work, by its remote protocol. */
export interface BrowserProcess extends AsyncDisposable {
  readonly remote: RemoteConnection;
}

/**
 * Launches a browser. One that starts on a busy machine may hang, so a second one gets the same time.
 */
export async function launchTwice<T>(launch: () => Promise<T>): Promise<T> {
  try {
    return await launch();
  } catch {
    return await launch();
  }
}

/**
 * Starts a browser and connects to it.
 * @param begin the first commands; a browser that does not obey them is killed
 */
export async function startBrowser(
  { command, args, env = {}, profile, endpoint, path = "", quit }: BrowserProgram,
  begin: (remote: RemoteConnection) => Promise<void>,
): Promise<BrowserProcess> {
  const child = new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const url = Promise.withResolvers<string>();
  // Its helper processes share stderr: the end of that means that none writes to the profile.
  const ended = watch(child, endpoint, url);

  let remote: RemoteConnection | undefined;

  async function stop(how: "quit" | "kill"): Promise<void> {
    try {
      if (how === "kill") child.kill("SIGKILL");
      else await remote?.send(quit);
    } catch {
      // It has gone by itself.
    }
    try {
      await within("the browser to end", ended);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    } finally {
      await remote?.[Symbol.asyncDispose]();
      await Deno.remove(profile, { recursive: true });
    }
  }

  try {
    const address = await within("the browser", url.promise);
    remote = await RemoteConnection.connect(address + path);
    await begin(remote);
    return { remote, [Symbol.asyncDispose]: () => stop("quit") };
  } catch (error) {
    await stop("kill");
    throw error;
  }
}

/** Finds the protocol's URL in the browser's output; settles when the browser has ended. */
async function watch(
  child: Deno.ChildProcess,
  endpoint: RegExp,
  url: PromiseWithResolvers<string>,
): Promise<void> {
  let errors = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    errors += text;
    const found = endpoint.exec(errors)?.[1];
    if (found !== undefined) url.resolve(found);
  }
  const { code } = await child.status;
  url.reject(new Error(`The browser ended with code ${code}\n${errors}`));
}

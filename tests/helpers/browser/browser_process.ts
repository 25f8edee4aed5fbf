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

/** Starts a browser and connects to it. */
export async function startBrowser(
  { command, args, env = {}, profile, endpoint, path = "", quit }: BrowserProgram,
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

  async function stop(remote?: RemoteConnection): Promise<void> {
    try {
      if (remote === undefined) child.kill("SIGKILL");
      else await remote.send(quit);
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
    const remote = await RemoteConnection.connect(address + path);
    return { remote, [Symbol.asyncDispose]: () => stop(remote) };
  } catch (error) {
    await stop();
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

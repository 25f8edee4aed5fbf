/** A relay on a package from npm, installed for as long as it is needed. */
export interface NpmRelay extends AsyncDisposable {
  /** Runs it; it prints where it can be reached. */
  readonly command: Deno.Command;
}

/** A script beside this one, and the packages that it needs. */
export interface NpmScript {
  readonly script: string;
  readonly packages: readonly string[];
}

/** A relay on the package socket.io. */
export const SOCKET_IO_RELAY: NpmScript = {
  script: "socket_io_relay.mjs",
  packages: ["socket.io@4.8.4"],
};
/** The server that y-webrtc brings along. */
export const YJS_RELAY: NpmScript = {
  script: "yjs_relay.mjs",
  packages: ["y-webrtc@10.3.0", "ws@8.23.0"],
};
const INSTALL_MS = 120_000;

/** Installs the packages in a folder of their own; throws with the reason where that cannot be. */
export async function installNpmRelay(
  { script, packages }: NpmScript,
  signal: AbortSignal,
): Promise<NpmRelay> {
  const folder = await Deno.makeTempDir({ prefix: "signalbox-bench-" });
  const remove = (): Promise<void> => Deno.remove(folder, { recursive: true });
  try {
    const install = [
      "install",
      "--no-audit",
      "--no-fund",
      "--no-save",
      "--prefix",
      folder,
      ...packages,
    ];
    await run("npm", install, folder, AbortSignal.any([signal, AbortSignal.timeout(INSTALL_MS)]));
    await run("node", ["--version"], folder, signal);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    command: new Deno.Command("node", {
      args: [new URL(script, import.meta.url).pathname],
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }),
    [Symbol.asyncDispose]: remove,
  };
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new Deno.Command(program, { args: [...args], cwd, stdin: "null", signal });
  const { success, stderr } = await command.output();
  signal.throwIfAborted();
  if (success) return;
  const lines = new TextDecoder().decode(stderr).split("\n");
  const reason = lines.find((line) => /^npm (ERR!|error) /.test(line)) ?? lines[0];
  throw new Error(`Cannot run "${program} ${args[0]}": ${reason}`);
}

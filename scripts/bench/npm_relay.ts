/** A relay on a package from npm, installed for as long as it is needed. */
export interface NpmRelay extends AsyncDisposable {
  /** Runs it; it prints where it can be reached. */
  readonly command: Deno.Command;
}

const PACKAGE = "socket.io@4.8.4";
const RELAY = new URL("socket_io_relay.mjs", import.meta.url);
const INSTALL_MS = 120_000;

/** Installs the package in a folder of its own; throws with the reason where that cannot be. */
export async function installSocketIoRelay(signal: AbortSignal): Promise<NpmRelay> {
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
      PACKAGE,
    ];
    await run("npm", install, folder, AbortSignal.any([signal, AbortSignal.timeout(INSTALL_MS)]));
    await run("node", ["--version"], folder, signal);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    command: new Deno.Command("node", {
      args: [RELAY.pathname],
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

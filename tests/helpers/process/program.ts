import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

const NAMED = Deno.env.get("SIGNALBOX_BIN");
/** The executable that is tested instead of the sources, where SIGNALBOX_BIN names one. */
export const EXECUTABLE = NAMED === undefined ? undefined : resolve(NAMED);

/**
 * The command line that runs signalbox.
 * @param denoArgs Deno's own flags: with them it is always the sources that run
 */
export function program(denoArgs?: readonly string[]): [command: string, ...args: string[]] {
  if (EXECUTABLE !== undefined && denoArgs === undefined) return [EXECUTABLE];
  return [Deno.execPath(), "run", "--no-prompt", ...denoArgs ?? ["-A"], MAIN];
}

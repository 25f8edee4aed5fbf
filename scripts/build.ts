/**
 * Builds a self-contained executable: `deno task compile [--output FILE]`, by default
 * `dist/signalbox`. It may do what the program needs and nothing else: listen, read and write the
 * files it is told to, and see its own variables. Where Deno's own archive cannot be had, DENORT_BIN names the
 * runtime to embed.
 */
import { parseArgs } from "@std/cli/parse-args";

const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  // For the store, whose folder is known only at start.
  "--allow-write",
  "--allow-env=SIGNALBOX_*,PORT,PEERSERVER_PATH,HOME,XDG_DATA_HOME,LOCALAPPDATA,DENO_KV_ACCESS_TOKEN",
  "--no-prompt",
];

const { output } = parseArgs(Deno.args, { string: ["output"] });
const file = typeof output === "string" && output !== "" ? output : "dist/signalbox";
const root = new URL("../", import.meta.url);
const compiler = new Deno.Command(Deno.execPath(), {
  args: ["compile", ...PERMISSIONS, "--output", file, "main.ts"],
  cwd: root,
});
const { success } = await compiler.spawn().status;
Deno.exit(success ? 0 : 1);

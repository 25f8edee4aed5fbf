/**
 * Builds self-contained executables; see `HELP`. The program is bundled first, so that nothing of a
 * dependency is embedded that the program does not use, and is allowed only what it needs.
 */
import { parseArgs } from "@std/cli/parse-args";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };

/** Our names of what Deno calls targets. */
export const TARGETS: ReadonlyMap<string, string> = new Map([
  ["linux-x64", "x86_64-unknown-linux-gnu"],
  ["linux-arm64", "aarch64-unknown-linux-gnu"],
  ["macos-x64", "x86_64-apple-darwin"],
  ["macos-arm64", "aarch64-apple-darwin"],
  ["windows-x64", "x86_64-pc-windows-msvc"],
]);

const HELP = `Usage: deno task compile [options]

Builds executables and SHA256SUMS into dist/.

  --only <names>    Systems to build for, separated by commas; without it all:
                    ${[...TARGETS.keys()].join(", ")}
  --output <file>   Builds one executable, for this system, and nothing else; ".exe" is added on
                    Windows
  --commit <hash>   What is built, for --version, where there is no git to tell
  --deno <file>     The Deno whose runtime is embedded, where it is not the one that runs this;
                    it downloads the runtime, unless DENORT_BIN names one
  --help            This text
`;

/**
 * It listens, reads configured files, keeps its store and reads its own variables. Only the
 * configuration names the files, so the server drops the rest once it listens.
 */
const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env=SIGNALBOX_*,PORT,PEERSERVER_PATH,HOME,XDG_DATA_HOME,USERPROFILE,LOCALAPPDATA,DENO_KV_ACCESS_TOKEN",
  "--no-prompt",
];

const MIB = 1024 * 1024;
/**
 * Its size now and a third of it. The library of the admin API brings the texts of all languages of
 * zod along, 0.8 MiB, which are loaded only where an operator has a token. The client of Redis brings
 * all commands along, 1.5 MiB, which are loaded only for a cluster.
 */
const PROGRAM_BUDGET = 6 * MIB;
const EXECUTABLE_BUDGET = 128 * MIB;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
/** Pages outside `src` that the program serves, and the files that they link to. */
const DOCUMENTS = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "scripts/README.md",
  "scripts/docker",
  "scripts/grafana/signalbox.json",
  "scripts/kubernetes/deployment.yaml",
  "scripts/performance.svg",
  "scripts/systemd",
  "tests/README.md",
];
/** The sources of the program. */
export const SOURCES = ["deno.json", "deno.lock", "main.ts", "src", ...DOCUMENTS];

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "signalbox-"));
  try {
    const { help, only, output, commit, deno = Deno.execPath() } = parse(Deno.args);
    if (help) {
      print(HELP);
      return 0;
    }
    const program = await bundle(folder, shortened(commit ?? await commitOfFolder()));
    if (output === undefined) await compileAll(deno, program, only ?? [...TARGETS.keys()]);
    else await compile({ deno, program, output: executableName(resolve(output), Deno.build.os) });
    return 0;
  } catch (error) {
    print(`Cannot build: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Options {
  readonly help: boolean;
  readonly only: readonly string[] | undefined;
  readonly output: string | undefined;
  readonly commit: string | undefined;
  readonly deno: string | undefined;
}

/** The name that `deno compile` gives to the file. */
export function executableName(output: string, system: string): string {
  return system.startsWith("windows") && !output.endsWith(".exe") ? `${output}.exe` : output;
}

/** The first ten digits, and what else is said of it, such as "-dirty". */
export function shortened(commit: string): string {
  return commit.replace(/^([0-9a-f]{10})[0-9a-f]+/, "$1");
}

function parse(args: string[]): Options {
  const unknown = (arg: string): never => {
    throw new TypeError(`Unknown argument "${arg}"; see --help`);
  };
  const string = ["only", "output", "commit", "deno"];
  const { help, only, output, commit, deno } = parseArgs(args, {
    boolean: ["help"],
    string,
    unknown,
  });
  const text = (value: unknown): string | undefined =>
    typeof value === "string" && value !== "" ? value : undefined;
  return {
    help: help === true,
    only: text(only)?.split(","),
    output: text(output),
    commit: text(commit),
    deno: text(deno),
  };
}

/** The program and what it uses of its dependencies in one file, the commit baked in. */
async function bundle(folder: string, commit: string): Promise<string> {
  const staged = join(folder, "staged");
  for (const name of SOURCES) {
    await cp(join(ROOT, name), join(staged, name), { recursive: true });
  }
  await writeFile(join(staged, "src", "build.json"), JSON.stringify({ commit }));
  const program = join(folder, "signalbox.js");
  await run(Deno.execPath(), ["bundle", "--quiet", "--output", program, "main.ts"], staged);
  const { size } = await stat(program);
  weigh("the program", size, PROGRAM_BUDGET);
  return program;
}

interface Compilation {
  readonly deno: string;
  readonly program: string;
  readonly output: string;
  readonly target?: string;
}

async function compile({ deno, program, output, target }: Compilation): Promise<void> {
  const forTarget = target === undefined ? [] : ["--target", target];
  const unstable = project.unstable.map((feature) => `--unstable-${feature}`);
  const flags = [...PERMISSIONS, ...unstable, "--no-check", "--no-config", ...forTarget];
  await run(deno, ["compile", "--quiet", ...flags, "--output", output, program], ROOT);
  const { size } = await stat(output);
  weigh(output, size, EXECUTABLE_BUDGET);
}

async function compileAll(deno: string, program: string, names: readonly string[]): Promise<void> {
  await mkdir(DIST, { recursive: true });
  const sums: string[] = [];
  for (const name of names) {
    const target = TARGETS.get(name);
    if (target === undefined) throw new TypeError(`Unknown system "${name}"; see --help`);
    const file = executableName(`signalbox-${name}`, name);
    const output = join(DIST, file);
    await compile({ deno, program, output, target });
    const sum = createHash("sha256").update(await readFile(output)).digest("hex");
    sums.push(`${sum}  ${file}\n`);
  }
  await writeFile(join(DIST, "SHA256SUMS"), sums.join(""));
}

/** The commit that is built; empty outside a repository. */
async function commitOfFolder(): Promise<string> {
  const args = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT }).output();
    return success ? new TextDecoder().decode(stdout).trim() : "";
  } catch {
    return ""; // There is no git here.
  }
}

async function run(command: string, args: string[], cwd: string): Promise<void> {
  const { code } = await new Deno.Command(command, { args, cwd }).spawn().status;
  if (code !== 0) throw new Error(`"${command} ${args[0]}" ended with ${code}`);
}

/** Prints what something weighs; more than its budget is an error. */
function weigh(what: string, bytes: number, budget: number): void {
  const inMib = (size: number): string => (size / MIB).toFixed(1);
  print(`${what}: ${inMib(bytes)} of ${inMib(budget)} MiB\n`);
  if (bytes > budget) throw new RangeError(`${what} is over its budget`);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

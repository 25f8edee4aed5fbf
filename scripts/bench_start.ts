/**
 * Measures how an executable starts, beside `deno run` of the same sources:
 * `deno task bench:start FILE`. Linux only: CPU time and memory are read from /proc.
 */
import { fileURLToPath } from "node:url";
import { cpuMs, residentBytes } from "./bench/process_usage.ts";

const ROUNDS = 9;
const START_MS = 30_000;
const MIB = 1024 * 1024;

interface Start {
  /** Measures from the start of the process until it reports that it listens. */
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly residentBytes: number;
}

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const [executable] = Deno.args;
  if (executable === undefined) {
    print("Which executable? deno task bench:start FILE");
    return 2;
  }
  const sources = fileURLToPath(new URL("../main.ts", import.meta.url));
  const contest = new Map<string, string[]>([
    ["deno run -A main.ts", [Deno.execPath(), "run", "-A", sources]],
    ["the executable", [executable]],
  ]);
  print(`Medians of ${ROUNDS} starts${" ".repeat(10)}ready, ms    CPU, ms   memory, MiB`);
  for (const [name, command] of contest) {
    const starts: Start[] = [];
    for (let round = 0; round < ROUNDS; round++) starts.push(await start(command));
    const figures = [
      median(starts, ({ readyMs }) => readyMs).toFixed(0),
      median(starts, ({ cpuMs }) => cpuMs).toFixed(0),
      (median(starts, ({ residentBytes }) => residentBytes) / MIB).toFixed(0),
    ];
    print(`${name.padEnd(28)}${figures.map((figure) => figure.padStart(10)).join(" ")}`);
  }
  return 0;
}

async function start([command = "", ...args]: readonly string[]): Promise<Start> {
  const begun = performance.now();
  await using child = new Deno.Command(command, {
    args: [...args, "--listen", "http://127.0.0.1:0"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MS);
  try {
    let output = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output.includes("\n")) break;
    }
    if (!output.startsWith("Listening")) throw new Error(`Cannot start "${command}"`);
    const readyMs = performance.now() - begun;
    return { readyMs, cpuMs: cpuMs(child.pid), residentBytes: residentBytes(child.pid) };
  } finally {
    clearTimeout(timer);
  }
}

function median(starts: readonly Start[], figure: (start: Start) => number): number {
  return starts.map(figure).toSorted((a, b) => a - b)[Math.floor(starts.length / 2)] ?? NaN;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

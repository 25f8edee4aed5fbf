import { alone, inMemory, overRedis } from "../helpers/cluster/stages.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { casesOver } from "./simple_cases.ts";

// Simple over three backplanes: none, one in this process, and a real engine.

casesOver("on one hub", alone, ({ name, fn }) => Deno.test(name, fn));
for (const seed of [1, 2, 3]) {
  casesOver(`over an engine in memory, seed ${seed}`, inMemory(seed), ({ name, fn }) => {
    Deno.test(name, fn);
  });
}
casesOver("over Redis", overRedis, clientTest, ["redis-server"]);

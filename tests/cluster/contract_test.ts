import { alone, inMemory, overRedis } from "../helpers/cluster/stages.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { contractOver } from "./contract.ts";

// One contract over three backplanes: none, one in this process, and a real engine.

contractOver("on one hub", alone, ({ name, fn }) => Deno.test(name, fn));
for (const seed of [1, 2, 3]) {
  contractOver(`over an engine in memory, seed ${seed}`, inMemory(seed), ({ name, fn }) => {
    Deno.test(name, fn);
  });
}
contractOver("over Redis", overRedis, clientTest, ["redis-server"]);

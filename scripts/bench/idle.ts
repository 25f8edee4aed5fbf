import type { Client } from "./client.ts";
import type { Idle, IdleResult } from "./job.ts";
import { inParallel, join, newWishes, sleep } from "./pairs.ts";
import { residentBytes } from "./process_usage.ts";
import { MIN_MESSAGE_BYTES, overYardstick, type Scenario } from "./scenarios.ts";

/** Enough for a handshake; thousands of larger ones would only cost the generator memory. */
const BUFFER_BYTES = 4096;

/** Opens many connections that stay silent and reads what each adds to the server's memory. */
export async function idle(job: Idle, scenario: Scenario): Promise<IdleResult> {
  const dialect = job.side === "yardstick" ? overYardstick(scenario) : scenario;
  const failure = Promise.withResolvers<never>();
  const clients: Client[] = [];
  const openMany = async (count: number): Promise<void> => {
    await inParallel(Array.from({ length: count / 2 }, newWishes), async ({ a, b }) => {
      for (const wish of [a, b]) {
        const { client } = await join(dialect, job.target.origin, wish, BUFFER_BYTES);
        // Answers pings.
        client.count(MIN_MESSAGE_BYTES, () => {}).catch(failure.reject);
        clients.push(client);
      }
    });
    await sleep(job.settleMs);
  };
  const measure = async (): Promise<IdleResult> => {
    // The first connections load code and warm caches, which no idle connection should pay for.
    await openMany(job.warmUpConnections);
    const before = residentBytes(job.target.pid);
    await openMany(job.connections);
    const after = residentBytes(job.target.pid);
    return { bytesPerConnection: (after - before) / job.connections };
  };
  const result = await Promise.race([measure(), failure.promise]);
  await inParallel(clients, (client) => client.close());
  return result;
}

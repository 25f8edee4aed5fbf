import { Client } from "./client.ts";
import type { Subscriptions, SubscriptionsResult } from "./job.ts";
import { inParallel, sleep } from "./pairs.ts";
import { cpuMs, residentBytes } from "./process_usage.ts";
import { MIN_MESSAGE_BYTES } from "./scenarios.ts";

const BUFFER_BYTES = 1024;
/** Topics subscribed before memory is read the first time, so that the program is warm. */
const WARM_UP_TOPICS = 100;

/** Has every socket subscribe the same topics, and reads what a subscription costs the server. */
export async function subscriptions(job: Subscriptions): Promise<SubscriptionsResult> {
  const { target: { origin, pid }, sockets, topics, settleMs } = job;
  const clients: Client[] = [];
  const failure = Promise.withResolvers<never>();
  const subscribe = async (from: number, to: number): Promise<void> => {
    const names = Array.from({ length: to - from }, (_, nth) => `a room's name, ${from + nth}`);
    const frame = JSON.stringify({ type: "subscribe", topics: names });
    for (const client of clients) await client.send(frame);
    await sleep(settleMs);
  };
  const measure = async (): Promise<SubscriptionsResult> => {
    await inParallel(Array.from({ length: sockets }), async () => {
      const client = await Client.open(origin, "/topics", { bufferBytes: BUFFER_BYTES });
      client.count(MIN_MESSAGE_BYTES, () => {}).catch(failure.reject);
      clients.push(client);
    });
    await subscribe(0, WARM_UP_TOPICS);
    const before = { bytes: residentBytes(pid), ms: cpuMs(pid) };
    await subscribe(WARM_UP_TOPICS, WARM_UP_TOPICS + topics);
    const count = sockets * topics;
    return {
      bytesPerSubscription: (residentBytes(pid) - before.bytes) / count,
      cpuUsPerSubscription: (cpuMs(pid) - before.ms) * 1000 / count,
    };
  };
  const result = await Promise.race([measure(), failure.promise]);
  for (const client of clients) await client.close();
  return result;
}

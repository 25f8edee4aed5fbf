import { Client } from "./client.ts";
import type { Both, Target } from "./job.ts";
import {
  body,
  MIN_MESSAGE_BYTES,
  overYardstick,
  type PairIds,
  type Scenario,
} from "./scenarios.ts";

export interface Pair {
  readonly a: Client;
  readonly b: Client;
  readonly ids: PairIds;
}

/** Connections opened at the same time; more would only fill the server's accept queue. */
const OPENING = 32;

/** Opens so many pairs on each server and proves that they reach each other. */
export async function openPairs(
  scenario: Scenario,
  targets: Both<Target>,
  count: number,
): Promise<Both<Pair[]>> {
  return {
    signalbox: await openSide(scenario, targets.signalbox, count),
    yardstick: await openSide(overYardstick(scenario), targets.yardstick, count),
  };
}

export async function closePairs(pairs: Both<Pair[]>): Promise<void> {
  await inParallel([...pairs.signalbox, ...pairs.yardstick], async ({ a, b }) => {
    await a.close();
    await b.close();
  });
}

/** A client the server knows by this id. */
export async function join(
  scenario: Scenario,
  origin: string,
  id: string,
  bufferBytes?: number,
): Promise<Client> {
  const client = await Client.open(origin, scenario.path(id), bufferBytes);
  await scenario.join(client, id);
  return client;
}

/** Ids that no other run uses, as long as the UUIDs of real clients. */
export function newIds(): PairIds {
  const stem = crypto.randomUUID().slice(0, -2);
  return { a: `${stem}-a`, b: `${stem}-b` };
}

export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: OPENING }, worker));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function openSide(scenario: Scenario, { origin }: Target, count: number): Promise<Pair[]> {
  const pairs: Pair[] = [];
  await inParallel(Array.from({ length: count }, newIds), async (ids) => {
    const a = await join(scenario, origin, ids.a);
    const b = await join(scenario, origin, ids.b);
    await scenario.pair(a, b, ids);
    await proveRelay({ a, b, ids }, scenario);
    pairs.push({ a, b, ids });
  });
  return pairs;
}

/** One of each kind of message must come out whole: errors sent back quickly are no throughput. */
async function proveRelay({ a, b, ids }: Pair, scenario: Scenario): Promise<void> {
  for (const n of [0, 1]) {
    const message = scenario.message(n, ids);
    if (message.length < MIN_MESSAGE_BYTES) throw new RangeError(`Message ${n} is too short`);
    await a.send(message);
    if (!(await b.receive()).includes(body(n))) throw new Error(`Message ${n} came out changed`);
  }
}

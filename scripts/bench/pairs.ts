import { Client } from "./client.ts";
import type { Both, Target } from "./job.ts";
import { body, MIN_MESSAGE_BYTES, type PairIds, type Scenario, type Wish } from "./scenarios.ts";

export interface Pair {
  readonly a: Client;
  readonly b: Client;
  readonly ids: PairIds;
}

/** Connections opened at the same time; more would only fill the server's accept queue. */
const OPENING = 32;

/** Opens so many pairs on each server and proves that they reach each other. */
export async function openPairs(
  scenarios: Both<Scenario>,
  targets: Both<Target>,
  count: number,
): Promise<Both<Pair[]>> {
  return {
    signalbox: await openSide(scenarios.signalbox, targets.signalbox, count),
    yardstick: await openSide(scenarios.yardstick, targets.yardstick, count),
  };
}

export async function closePairs(pairs: Both<Pair[]>): Promise<void> {
  await inParallel([...pairs.signalbox, ...pairs.yardstick], async ({ a, b }) => {
    await a.close();
    await b.close();
  });
}

/** A client that has joined, and the id that the server knows it by. */
export async function join(
  scenario: Scenario,
  origin: string,
  wish: Wish,
  bufferBytes?: number,
): Promise<{ readonly client: Client; readonly id: string }> {
  const { path, heartbeat } = scenario;
  const client = await Client.open(origin, path(wish), { bufferBytes, heartbeat });
  return { client, id: await scenario.join(client, wish) };
}

/** Two who want to meet in a room that no other run uses, by ids as long as those of real clients. */
export function newWishes(): { readonly a: Wish; readonly b: Wish } {
  const room = crypto.randomUUID().slice(0, -2);
  return { a: { id: `${room}-a`, room }, b: { id: `${room}-b`, room } };
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

async function openSide(scenario: Scenario, target: Target, count: number): Promise<Pair[]> {
  const { origin } = target;
  const { origin: othersOrigin } = target.other ?? target;
  const pairs: Pair[] = [];
  await inParallel(Array.from({ length: count }, newWishes), async (wishes) => {
    const a = await join(scenario, origin, wishes.a);
    const b = await join(scenario, othersOrigin, wishes.b);
    const pair = { a: a.client, b: b.client, ids: { a: a.id, b: b.id } };
    await scenario.pair(pair.a, pair.b, pair.ids);
    await proveRelay(pair, scenario);
    pairs.push(pair);
  });
  return pairs;
}

/** One of each kind of message must come out whole: errors sent back quickly are no throughput. */
async function proveRelay({ a, b, ids }: Pair, scenario: Scenario): Promise<void> {
  for (const n of [0, 1]) {
    const message = scenario.message(n, ids);
    if (message.length < MIN_MESSAGE_BYTES) throw new RangeError(`Message ${n} is too short`);
    await a.send(message);
    if (!(await b.receive()).includes(body(scenario, n))) {
      throw new Error(`Message ${n} came out changed`);
    }
  }
}

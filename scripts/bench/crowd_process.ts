import { type Client } from "./client.ts";
import { GUARDED } from "./guarded.ts";
import { inParallel, join, newWishes, sleep } from "./pairs.ts";
import { readLines } from "./process.ts";
import {
  isStopped,
  readSlowly,
  Receiver,
  resumeWebhooks,
  scrape,
  watchAsConsole,
} from "./watchers.ts";

// Peers that come and go, and the watchers of their server, in a process of their own: it has the lowest
// priority, because its work must not delay the messages that the other process times.

/** A request of the other process, a line of JSON. */
export type CrowdRequest =
  | { readonly kind: "receive" }
  | {
    readonly kind: "gather";
    readonly origin: string;
    readonly peers: number;
    readonly perSecond: number;
  }
  | { readonly kind: "watch"; readonly isOn: boolean }
  | { readonly kind: "end" };

/** The answer to each request. */
export interface CrowdAnswer {
  /** The receiver's address, for "receive". */
  readonly url?: string;
  /** Peers that have come so far. */
  readonly arrivals: number;
}

const TICK_MS = 20;
const MAX_AT_ONCE = 5;
const receiver = new Receiver();
const crowd: Client[] = [];
let origin = "";
let arrivals = 0;
let watch = new AbortController();
const ended = new AbortController();
let churning: Promise<void> = Promise.resolve();

/** Does one request. An error ends the process, which the other one notices. */
async function perform(request: CrowdRequest): Promise<void> {
  switch (request.kind) {
    case "receive":
      return;
    case "gather":
      origin = request.origin;
      await inParallel(Array.from({ length: request.peers }), come);
      churning = churn(request.perSecond);
      return;
    case "watch":
      return await (request.isOn ? beginWatching() : stopWatching());
    case "end":
      await stopWatching();
      ended.abort();
      await churning;
      // From now on, an end is no error.
      await inParallel(crowd.splice(0), (client) => client.close());
      await receiver[Symbol.asyncDispose]();
  }
}

async function come(): Promise<void> {
  const [scenario] = GUARDED;
  if (scenario === undefined) throw new RangeError("Cannot join: no scenario");
  const { client } = await join(scenario, origin, newWishes().a, 4_096);
  arrivals++;
  // It answers pings; an end that nobody asked for is an error of the benchmark.
  client.count(Infinity, () => {}).catch((error) => {
    if (crowd.includes(client)) throw error;
  });
  crowd.push(client);
}

/** Replaces the peers one after the other, so many a second. */
async function churn(perSecond: number): Promise<void> {
  let last = performance.now();
  let due = 0;
  while (!ended.signal.aborted) {
    const now = performance.now();
    // A machine that was busy elsewhere must not make up for it by a crowd at the door.
    due = Math.min(due + (now - last) * perSecond / 1_000, MAX_AT_ONCE);
    last = now;
    const moves: Promise<void>[] = [];
    for (; due >= 1; due--) moves.push(come(), crowd.shift()?.close() ?? Promise.resolve());
    await Promise.all(moves);
    await sleep(TICK_MS);
  }
}

async function beginWatching(): Promise<void> {
  watch.abort(); // The window before may have been watched, too.
  receiver.turn("hanging");
  await resumeWebhooks(origin);
  watch = new AbortController();
  scrape(origin, watch.signal);
  await watchAsConsole(origin, watch.signal);
  await readSlowly(origin, watch.signal);
}

async function stopWatching(): Promise<void> {
  watch.abort();
  receiver.turn("gone");
  while (!await isStopped(origin)) await sleep(TICK_MS);
}

async function answer(request: CrowdRequest): Promise<void> {
  await perform(request);
  const text = JSON.stringify({ url: receiver.url, arrivals } satisfies CrowdAnswer);
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}

// The other process is this one's own kind, hence its lines need no check.
await readLines(Deno.stdin.readable, (line) => void answer(JSON.parse(line) as CrowdRequest));
Deno.exit(0);

import type { Clock } from "../core/clock.ts";
import type { Link } from "../core/session.ts";

export interface DrainOptions {
  readonly clock: Clock;
  /** The time over which the closings are spread. */
  readonly spreadMs: number;
  /** Ends the drain early, between two steps. */
  readonly signal: AbortSignal | undefined;
  /** Marks the time in which every connection that ends is going away. */
  readonly mark: (isGoingAway: boolean) => void;
}

/** The least time between two steps; a step closes several connections if there are many. */
const STEP_MS = 50;
/** After a step, connections that end because of it go away as well, such as a call's partner. */
const WAKE_MS = 20;

/** Closes every connection as going away, in a random order. */
export async function closeOneByOne(
  links: readonly Pick<Link, "close">[],
  { clock, spreadMs, signal, mark }: DrainOptions,
): Promise<void> {
  const shuffled = shuffle(links);
  const steps = spreadMs > 0 ? Math.min(links.length, Math.ceil(spreadMs / STEP_MS)) : 1;
  const gapMs = spreadMs / steps;
  const wakeMs = Math.min(gapMs, WAKE_MS);
  for (let step = 0; step < steps && signal?.aborted !== true; step++) {
    const start = Math.ceil(step * links.length / steps);
    const end = Math.ceil((step + 1) * links.length / steps);
    mark(true);
    for (const link of shuffled.slice(start, end)) link.close(1001);
    // Closing the last ones is one step: nobody is left whose end could end another.
    if (end === links.length) break;
    await pause(clock, wakeMs, signal);
    mark(false);
    await pause(clock, gapMs - wakeMs, signal);
  }
  mark(false);
}

/** Waits, but no longer than until the signal. */
async function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  using _timer = clock.after(ms, resolve);
  const wake = (): void => resolve();
  signal?.addEventListener("abort", wake, { once: true });
  await promise;
  signal?.removeEventListener("abort", wake);
}

function shuffle<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order).map(({ item }) => item);
}

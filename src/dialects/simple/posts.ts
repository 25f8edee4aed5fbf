import type { Clock } from "../../core/clock.ts";
import type { Settled } from "./settled.ts";

/** A posted signal whose receipt has not come. */
export interface OpenPost extends Disposable {
  /** Names it in the signal. */
  readonly via: string;
  /** "unavailable" if its receipt was lost. */
  readonly settled: Promise<Settled["outcome"]>;
}

const PREFIX = "post ";

/** True for the name of a posted signal. No connection has such an id. */
export function isPost(via: string): boolean {
  return via.startsWith(PREFIX);
}

/** How long a signal may be without an outcome: longer than a node that died keeps its ids. */
export const OUTCOME_MS = 60_000;

/** Posted signals that wait for their receipts; each request has one at most. */
export class Posts {
  readonly #clock: Pick<Clock, "after">;
  readonly #open = new Map<string, (outcome: Settled["outcome"]) => void>();
  #count = 0;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  expect(): OpenPost {
    const via = `${PREFIX}${++this.#count}`;
    const { promise, resolve } = Promise.withResolvers<Settled["outcome"]>();
    const timer = this.#clock.after(OUTCOME_MS, () => resolve({ refused: "unavailable" }));
    this.#open.set(via, resolve);
    return {
      via,
      settled: promise,
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        this.#open.delete(via);
      },
    };
  }

  settle({ via = "", outcome }: Settled): void {
    this.#open.get(via)?.(outcome);
  }
}

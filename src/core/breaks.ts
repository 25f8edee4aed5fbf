import type { Clock } from "./clock.ts";

/** Work of an operator goes on for so long before clients have their turn: as long as a join takes. */
const MAX_WORK_MS = 0.5;

/** The turns of a server's work for operators. Clients have theirs between any two of them. */
export class Turns {
  readonly #clock: Pick<Clock, "now" | "soon">;
  /** Work that waits for its turn, the oldest first. */
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Pick<Clock, "now" | "soon">) {
    this.#clock = clock;
  }

  /** Begins work in a turn of its own. */
  async begin(): Promise<Breaks> {
    await this.next();
    return new Breaks(this.#clock, this);
  }

  /** Resolves at the beginning of a turn that no other work has. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    if (this.#waiting.length === 1) void this.#pass();
    return promise;
  }

  async #pass(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Clients' frames are read before the action of `soon`, but not before that of `next`.
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
      this.#waiting.shift()?.();
    }
  }
}

/** Divides one piece of long work into turns. */
export class Breaks {
  readonly #clock: Pick<Clock, "now">;
  readonly #turns: Turns;
  #workedSince: number;

  constructor(clock: Pick<Clock, "now">, turns: Turns) {
    this.#clock = clock;
    this.#turns = turns;
    this.#workedSince = clock.now();
  }

  /** True once the work since the last break has taken long enough. */
  get isDue(): boolean {
    return this.#clock.now() - this.#workedSince > MAX_WORK_MS;
  }

  /** Resolves when other work of the process has had its turn. */
  async take(): Promise<void> {
    await this.#turns.next();
    this.#workedSince = this.#clock.now();
  }
}

/** Items between two looks at the clock. */
const CHECK_EVERY = 64;

/** Visits all items. Other work of the process has its turn in between, and may add and remove some. */
export async function visitAll<T>(
  items: Iterable<T>,
  breaks: Breaks,
  visit: (item: T) => void,
): Promise<void> {
  let left = CHECK_EVERY;
  for (const item of items) {
    visit(item);
    if (--left > 0) continue;
    left = CHECK_EVERY;
    if (breaks.isDue) await breaks.take();
  }
}

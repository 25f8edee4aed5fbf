import type { Clock } from "./clock.ts";

/** Work of an operator goes on for so long before clients have their turn: as long as a join takes. */
const MAX_WORK_MS = 0.5;

/** Divides long work, so that clients need not wait for its end. */
export class Breaks {
  readonly #clock: Pick<Clock, "now" | "delay">;
  #workedSince: number;

  constructor(clock: Pick<Clock, "now" | "delay">) {
    this.#clock = clock;
    this.#workedSince = clock.now();
  }

  /** True once the work since the last break has taken long enough. */
  get isDue(): boolean {
    return this.#clock.now() - this.#workedSince > MAX_WORK_MS;
  }

  /** Resolves when other work of the process has had its turn. */
  async take(): Promise<void> {
    await this.#clock.delay(0);
    this.#workedSince = this.#clock.now();
  }
}

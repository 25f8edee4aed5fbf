/** Above one of these within `SPAN_MS` each call waits a little, so that it carries more. */
const MOST_CALLS = 12;
const MOST_STEPS = 24;
const SPAN_MS = 10;

interface Begun {
  readonly at: number;
  readonly steps: number;
}

/** How densely this node's calls to the engine come, and their steps. */
export class Density {
  readonly #calls: Begun[] = [];
  #steps = 0;

  /** A call begins. */
  begun(at: number, steps: number): void {
    this.#calls.push({ at, steps });
    this.#steps += steps;
  }

  /** True if the next call had better wait. */
  isHigh(now: number): boolean {
    for (let [first] = this.#calls; first !== undefined; [first] = this.#calls) {
      if (now - first.at < SPAN_MS) break;
      this.#calls.shift();
      this.#steps -= first.steps;
    }
    return this.#calls.length > MOST_CALLS || this.#steps > MOST_STEPS;
  }
}

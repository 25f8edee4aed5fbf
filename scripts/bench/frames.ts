import { textFrame } from "./client.ts";
import { MIX_PERIOD, type PairIds, type Scenario } from "./scenarios.ts";

/** The frames of one pair's mix one after the other, so that any run of them is one write. */
export class Frames {
  readonly #bytes: Uint8Array;
  readonly #offsets: number[] = [0];
  #next = 0;

  constructor(scenario: Scenario, ids: PairIds, longestRun: number) {
    const frames: Uint8Array[] = [];
    let length = 0;
    for (let n = 0; n < MIX_PERIOD + longestRun; n++) {
      const frame = textFrame(scenario.message(n, ids));
      frames.push(frame);
      this.#offsets.push(length += frame.length);
    }
    this.#bytes = new Uint8Array(length);
    frames.forEach((frame, n) => this.#bytes.set(frame, this.#offsets[n]));
  }

  /** The next messages of the mix. */
  take(count: number): Uint8Array {
    const from = this.#next;
    this.#next = (from + count) % MIX_PERIOD;
    return this.#bytes.subarray(this.#offsets[from], this.#offsets[from + count]);
  }
}

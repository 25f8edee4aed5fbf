/** The sender of a kept signal, which may have left long ago. */
export interface Speaker {
  /** True if the instance has left the room. */
  isGone: boolean;
}

/** A sender of which nothing else is known any more. */
export const GONE: Readonly<Speaker> = { isGone: true };

/** A signal that was sent, and may have to be sent again. */
export interface KeptSignal {
  readonly frame: string;
  readonly from: Readonly<Speaker>;
}

/** A signal takes three slots: its frame, its speaker and its size. */
type Slot = string | Readonly<Speaker> | number | undefined;
const SLOTS = 3;
const FIRST_SIGNALS = 8;

/**
 * A queue of signals as a ring in one array. `push` and `shift` would make the engine move an array
 * now and then, and everything that an abandoned array refers to lives until the next full
 * collection. In a queue of constant length that is most of its traffic. One object per signal
 * would cost memory for each. One array per column would spread thousands of queues over three cold
 * places in memory.
 */
export class KeptSignals {
  #slots: Slot[] = [];
  /** The first slot of the oldest signal. */
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param bytes what the frame takes: counting costs more than remembering */
  push(frame: string, from: Readonly<Speaker>, bytes: number): void {
    if (SLOTS * this.#length === this.#slots.length) this.#grow();
    const slots = this.#slots;
    const at = this.#at(this.#length);
    slots[at] = frame;
    slots[at + 1] = from;
    slots[at + 2] = bytes;
    this.#length++;
  }

  /** Drops the oldest, and returns its bytes. */
  shift(): number {
    if (this.#length === 0) return 0;
    const at = this.#first;
    // `push` wrote it.
    const bytes = this.#slots[at + 2] as number;
    this.#slots[at] = this.#slots[at + 1] = undefined;
    this.#first = this.#at(1);
    this.#length--;
    return bytes;
  }

  /** The newest so many, oldest first. */
  newest(count: number): KeptSignal[] {
    const signals: KeptSignal[] = [];
    for (let n = Math.max(0, this.#length - count); n < this.#length; n++) {
      const at = this.#at(n);
      // `push` wrote it.
      const [frame, from] = this.#slots.slice(at, at + 2) as [string, Readonly<Speaker>];
      signals.push({ frame, from });
    }
    return signals;
  }

  /** The first slot of the nth oldest signal. */
  #at(n: number): number {
    const at = this.#first + SLOTS * n;
    return at < this.#slots.length ? at : at - this.#slots.length;
  }

  #grow(): void {
    const { length } = this.#slots;
    const slots = [...this.#slots.slice(this.#first), ...this.#slots.slice(0, this.#first)];
    slots.length = SLOTS * Math.max(FIRST_SIGNALS, Math.ceil(this.#length * 1.5));
    this.#slots = slots.fill(undefined, length);
    this.#first = 0;
  }
}

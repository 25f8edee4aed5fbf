import type { Clock } from "../core/clock.ts";

export interface FailureLimits {
  /** Failures of one address before its refusals are delayed. */
  readonly failureBurst: number;
  /** Longest delay; 0 for none. */
  readonly maxDelayMs: number;
}

interface Record {
  count: number;
  lastAt: number;
}

/** Addresses remembered at most. */
const MAX_ADDRESSES = 100_000;
/** A failure counts for so long after the last one. */
const FORGET_MS = 60_000;
const FIRST_DELAY_MS = 100;

/** Slows down guessing: after some failures each further refusal of an address waits longer. */
export class Failures {
  readonly #limits: FailureLimits;
  readonly #now: Clock["now"];
  readonly #keyOf: (address: string) => string;
  /** The oldest failure first. */
  readonly #addresses = new Map<string, Record>();

  /** @param keyOf which addresses count as one */
  constructor(
    limits: FailureLimits,
    now: Clock["now"],
    keyOf: (address: string) => string,
  ) {
    this.#limits = limits;
    this.#now = now;
    this.#keyOf = keyOf;
  }

  /** Addresses that are remembered now. */
  get size(): number {
    return this.#addresses.size;
  }

  /** How long a refusal of the address has to wait now. */
  delayMs(address: string): number {
    const known = this.#current(this.#keyOf(address));
    const { failureBurst, maxDelayMs } = this.#limits;
    const excess = (known?.count ?? 0) - failureBurst;
    return excess <= 0 ? 0 : Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** (excess - 1));
  }

  /** Counts one more failure. */
  note(address: string): void {
    if (this.#limits.maxDelayMs === 0) return;
    const key = this.#keyOf(address);
    const count = 1 + (this.#current(key)?.count ?? 0);
    this.#addresses.delete(key);
    if (this.#addresses.size >= MAX_ADDRESSES) this.#forgetOldest();
    this.#addresses.set(key, { count, lastAt: this.#now() });
  }

  #current(key: string): Record | undefined {
    const known = this.#addresses.get(key);
    if (known === undefined || this.#now() - known.lastAt < FORGET_MS) return known;
    this.#addresses.delete(key);
    return undefined;
  }

  #forgetOldest(): void {
    const [oldest] = this.#addresses.keys();
    if (oldest !== undefined) this.#addresses.delete(oldest);
  }
}

import { refilled } from "../../core/allowance.ts";

export interface AddressQuotaOptions {
  /** Allowance of an address per hour, and at once beyond that. */
  readonly perHour: number;
  readonly burst: number;
  readonly now: () => number;
  /** Which addresses count as one. */
  readonly keyOf: (address: string) => string;
  /** Addresses to remember; the one that took nothing for the longest time is forgotten first. */
  readonly maxAddresses: number;
}

interface AddressAllowance {
  readonly left: number;
  readonly atMs: number;
}

const HOUR_S = 3_600;

/** An allowance for each address: counters that refill, not lists that could be filled. */
export class AddressQuota {
  readonly #options: AddressQuotaOptions;
  /** Ordered by last use, oldest first. */
  readonly #accounts = new Map<string, AddressAllowance>();

  constructor(options: AddressQuotaOptions) {
    this.#options = options;
  }

  get perHour(): number {
    return this.#options.perHour;
  }

  get burst(): number {
    return this.#options.burst;
  }

  /** The address that stands for all that count as one. */
  keyOf(address: string): string {
    return this.#options.keyOf(address);
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Takes one from the allowance; false if none is left. */
  take(address: string): boolean {
    const { now, keyOf, burst, maxAddresses } = this.#options;
    const key = keyOf(address);
    const account = this.#accounts.get(key);
    const left = account === undefined ? burst : this.#leftOf(account);
    if (left < 1) return false;
    this.#accounts.delete(key);
    this.#forgetFull();
    for (const oldest of this.#accounts.keys()) {
      if (this.#accounts.size < maxAddresses) break;
      this.#accounts.delete(oldest);
    }
    this.#accounts.set(key, { left: left - 1, atMs: now() });
    return true;
  }

  /** Forgets full accounts, two at a time: as many as new addresses can add, and one more. */
  #forgetFull(): void {
    let looked = 0;
    for (const [key, account] of this.#accounts) {
      if (++looked > 2 || this.#leftOf(account) < this.#options.burst) return;
      this.#accounts.delete(key);
    }
  }

  #leftOf({ left, atMs }: AddressAllowance): number {
    const { perHour, burst, now } = this.#options;
    return refilled(left, perHour / HOUR_S, burst, now() - atMs);
  }
}

import { Allowance } from "../core/allowance.ts";
import { addressKey } from "./address.ts";

/** A rate, and the addresses that it is counted for. */
export interface AddressRateLimits {
  /** Infinity for no limit. */
  readonly perSecond: number;
  readonly burst: number;
  /** Beyond them the address that was remembered longest is forgotten. */
  readonly maxAddresses: number;
}

/** A rate for each address; an IPv6 /64 counts as one address. */
export class AddressRates {
  readonly #limits: AddressRateLimits;
  readonly #now: () => number;
  readonly #allowances = new Map<string, Allowance>();

  constructor(limits: AddressRateLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#allowances.size;
  }

  /** @returns 0 if the request is within the rate, otherwise the seconds to wait */
  take(address: string): number {
    const { perSecond, burst, maxAddresses } = this.#limits;
    if (perSecond === Infinity) return 0;
    const key = addressKey(address);
    let allowance = this.#allowances.get(key);
    if (allowance === undefined) {
      if (this.#allowances.size >= maxAddresses) this.#forgetOldest();
      allowance = new Allowance(perSecond, burst, this.#now());
      this.#allowances.set(key, allowance);
    }
    return allowance.take(this.#now()) ? 0 : Math.ceil(1 / perSecond);
  }

  #forgetOldest(): void {
    const { value } = this.#allowances.keys().next();
    if (value !== undefined) this.#allowances.delete(value);
  }
}

import { addressKey } from "./address.ts";

/** Wrong tokens of one address within a minute. */
const MAX_WRONG = 10;
const WINDOW_MS = 60_000;
/** Addresses with wrong tokens that are remembered. */
const MAX_ADDRESSES = 10_000;
/** Characters of a token that no guess finds. */
export const SAFE_LENGTH = 16;

interface WrongTokens {
  count: number;
  readonly since: number;
}

/** Limits the wrong tokens of each address; an IPv6 /64 counts as one. */
export class Guesses {
  readonly #now: () => number;
  /** The address with the oldest last guess first. */
  readonly #addresses = new Map<string, WrongTokens>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Addresses remembered now. */
  get size(): number {
    return this.#addresses.size;
  }

  /**
   * Judges a request that shows a token, and counts a wrong one. Beyond the limit a short token that
   * is right may be a guess, so its answer is that of a wrong one.
   * @returns 0 if the limit does not refuse the request, otherwise the seconds until it no longer does
   */
  waitSeconds(address: string, token: string, isRight: boolean): number {
    const key = addressKey(address);
    if (!isRight) {
      const { count, since } = this.#count(key);
      return count > MAX_WRONG ? this.#secondsLeft(since) : 0;
    }
    const known = token.length < SAFE_LENGTH ? this.#current(key) : undefined;
    return known !== undefined && known.count >= MAX_WRONG ? this.#secondsLeft(known.since) : 0;
  }

  #count(key: string): WrongTokens {
    const wrong = this.#current(key) ?? { count: 0, since: this.#now() };
    wrong.count++;
    this.#addresses.delete(key);
    this.#addresses.set(key, wrong);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > MAX_ADDRESSES && oldest !== undefined) {
      this.#addresses.delete(oldest);
    }
    return wrong;
  }

  /** The wrong tokens of an address that still count. */
  #current(key: string): WrongTokens | undefined {
    const known = this.#addresses.get(key);
    return known === undefined || this.#now() - known.since >= WINDOW_MS ? undefined : known;
  }

  #secondsLeft(since: number): number {
    return Math.ceil((WINDOW_MS - (this.#now() - since)) / 1_000);
  }
}

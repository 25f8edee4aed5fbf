import type { Verdict } from "./authenticator.ts";

/** Counts the checks that are under way, by address: none may have all of a slow judge's places. */
export class ChecksUnderWay {
  readonly #max: number;
  readonly #keyOf: (address: string) => string;
  /** Only addresses with such a check are in it. */
  readonly #counts = new Map<string, number>();

  /** @param keyOf which addresses count as one */
  constructor(max: number, keyOf: (address: string) => string) {
    this.#max = max;
    this.#keyOf = keyOf;
  }

  /** Addresses with a check under way. */
  get size(): number {
    return this.#counts.size;
  }

  /** True if the address has to wait for the end of another of its checks. */
  isFull(address: string): boolean {
    // Most judges answer at once.
    if (this.#counts.size === 0) return false;
    return (this.#counts.get(this.#keyOf(address)) ?? 0) >= this.#max;
  }

  /** Counts a check until its end. */
  follow(address: string, check: Promise<Verdict>): Promise<Verdict> {
    const key = this.#keyOf(address);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return check.finally(() => this.#end(key));
  }

  #end(key: string): void {
    const left = (this.#counts.get(key) ?? 0) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

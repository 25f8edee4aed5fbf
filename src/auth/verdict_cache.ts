import type { Verdict } from "./authenticator.ts";

interface CachedVerdict {
  readonly verdict: Verdict;
  readonly endsAt: number;
}

/** Verdicts kept at most. */
const MAX_VERDICTS = 10_000;

/** Keeps verdicts for a while; beyond the limit the oldest goes first. */
export class VerdictCache {
  readonly #now: () => number;
  readonly #entries = new Map<string, CachedVerdict>();
  /** Questions that were answered from here. */
  hits = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Undefined if nothing is known, or no longer true. */
  get(key: string): Verdict | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#now() < entry.endsAt) {
      this.hits++;
      return entry.verdict;
    }
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, verdict: Verdict, lifetimeMs: number): void {
    if (lifetimeMs <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { verdict, endsAt: this.#now() + lifetimeMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_VERDICTS && oldest !== undefined) this.#entries.delete(oldest);
  }
}

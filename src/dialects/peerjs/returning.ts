interface Returner {
  /** The time at which it is given up. */
  readonly until: number;
  readonly absents: Set<string>;
}

/**
 * Senders of the last run, or of a node that ended, that are not back yet, each with the absent peers
 * that it has to learn of. If there are too many, the oldest senders are forgotten.
 */
export class Returning {
  readonly #max: number;
  /** The one that is given up first comes first. */
  readonly #senders = new Map<string, Returner>();
  #size = 0;

  /** @param max senders and absent peers that are remembered, together */
  constructor(max: number) {
    this.#max = max;
  }

  /** Senders with something to learn. */
  *awaited(): Generator<string> {
    for (const [sender, { absents }] of this.#senders) if (absents.size > 0) yield sender;
  }

  *pairs(): Generator<readonly [sender: string, absent: string]> {
    for (const [sender, { absents }] of this.#senders) {
      for (const absent of absents) yield [sender, absent];
    }
  }

  /** A sender may come back until then. */
  expect(sender: string, until: number): void {
    const absents = this.take(sender);
    this.#senders.set(sender, { until, absents });
    this.#grow(1 + absents.size);
  }

  /** A sender that may come back has to learn of a peer. */
  add(sender: string, absent: string): void {
    const absents = this.#senders.get(sender)?.absents;
    if (absents === undefined || absents.has(absent)) return;
    absents.add(absent);
    this.#grow(1);
  }

  /** It knows already. */
  delete(sender: string, absent: string): void {
    if (this.#senders.get(sender)?.absents.delete(absent) === true) this.#size--;
  }

  /** Forgets a sender, and returns the peers that it has to learn of. */
  take(sender: string): Set<string> {
    const absents = this.#senders.get(sender)?.absents ?? new Set();
    if (this.#senders.delete(sender)) this.#size -= 1 + absents.size;
    return absents;
  }

  /** The peers that a sender has to learn of, which are forgotten; it may come back all the same. */
  empty(sender: string): string[] {
    const absents = this.#senders.get(sender)?.absents;
    const all = [...absents ?? []];
    absents?.clear();
    this.#size -= all.length;
    return all;
  }

  /** Gives up the senders whose time is over. */
  expire(now: number): void {
    for (const [sender, { until }] of this.#senders) {
      if (until > now) return;
      this.take(sender);
    }
  }

  #grow(by: number): void {
    this.#size += by;
    for (const oldest of this.#senders.keys()) {
      if (this.#size <= this.#max) return;
      this.take(oldest);
    }
  }
}

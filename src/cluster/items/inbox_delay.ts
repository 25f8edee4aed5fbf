/** How long the fastest item counts: clocks drift, and the engine's may be set. */
const WINDOW_MS = 300_000;

/**
 * The time that items spend on their way, beyond that of the fastest one lately. The engine numbers
 * items by its clock, and no two machines' clocks are compared.
 */
export class InboxDelay {
  /** The smallest difference of the clocks, in this window and the one before. */
  #fastest = Infinity;
  #before = Infinity;
  #windowEndsAt = -Infinity;

  /** @param place an item's number, such as "1700000000000-0" */
  of(place: string, nowMs: number): number {
    const difference = nowMs - Number(place.slice(0, place.indexOf("-")));
    if (nowMs >= this.#windowEndsAt) {
      [this.#before, this.#fastest] = [this.#fastest, Infinity];
      this.#windowEndsAt = nowMs + WINDOW_MS;
    }
    this.#fastest = Math.min(this.#fastest, difference);
    return difference - Math.min(this.#fastest, this.#before);
  }
}

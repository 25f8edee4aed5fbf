/** A subscription to a topic, as far as held announcements go. */
export interface Announcer {
  /** The ids that it announced. */
  readonly ids: readonly string[];
  /** Takes an announcement that was held. @returns false if the subscription has ended since */
  takeLate(text: string): boolean;
}

/** An announcement, and the earlier announcers that it was kept from. */
interface HeldAnnouncement {
  readonly text: string;
  readonly heldAtMs: number;
  readonly from: Set<Announcer>;
}

/**
 * Announcements that were kept from an earlier announcer, because their sender is expected to call it.
 * A page that is full, or still has a dead connection to the other, does not call. The announcement is
 * delivered after all then, because otherwise the two would never meet (§5).
 */
export class HeldAnnouncements {
  readonly #max: number;
  /** By the announcer, the oldest announcement first. */
  readonly #held = new Map<Announcer, HeldAnnouncement>();
  #size = 0;

  /** @param max pairs of an announcer and a receiver that are remembered in total */
  constructor(max: number) {
    this.#max = max;
  }

  /** Pairs that are remembered now. */
  get size(): number {
    return this.#size;
  }

  /** Keeps an announcement from a receiver; over the limit it is dropped. */
  hold(by: Announcer, from: Announcer, text: string, nowMs: number): void {
    if (this.#size >= this.#max) return;
    const held = this.#held.get(by);
    if (held === undefined) this.#held.set(by, { text, heldAtMs: nowMs, from: new Set([from]) });
    else held.from.add(from);
    this.#size++;
  }

  /** The announcer has sent a signal to this id: it calls. */
  answered(by: Announcer, id: string): void {
    const held = this.#held.get(by);
    if (held === undefined) return;
    for (const from of held.from) {
      if (!from.ids.includes(id)) continue;
      held.from.delete(from);
      this.#size--;
    }
    if (held.from.size === 0) this.#held.delete(by);
  }

  /** The announcer has left, or announces itself anew. */
  forget(by: Announcer): void {
    this.#size -= this.#held.get(by)?.from.size ?? 0;
    this.#held.delete(by);
  }

  /** Delivers the announcements that are older. @returns the number of deliveries */
  release(beforeMs: number): number {
    let delivered = 0;
    for (const [by, { text, heldAtMs, from }] of this.#held) {
      if (heldAtMs > beforeMs) break;
      this.forget(by);
      for (const one of from) if (one.takeLate(text)) delivered++;
    }
    return delivered;
  }
}

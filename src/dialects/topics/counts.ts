/** Reasons for which a publication or a subscription comes to nothing. */
export const DROP_REASONS = ["not_json", "too_long", "too_many", "rate", "room"] as const;
export type DropReason = typeof DROP_REASONS[number];

/** The dialect's counters. */
export class Counts {
  published = 0;
  delivered = 0;
  /** Subscriptions that lost pages got back. */
  resumed = 0;
  /** Counts the subscribers that took a publication. */
  readonly onDelivered = (taken: number): void => void (this.delivered += taken);
  readonly #dropped = new Map<DropReason, number>();

  drop(reason: DropReason): void {
    this.#dropped.set(reason, this.dropped(reason) + 1);
  }

  dropped(reason: DropReason): number {
    return this.#dropped.get(reason) ?? 0;
  }
}

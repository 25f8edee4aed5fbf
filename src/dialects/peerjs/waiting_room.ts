import type { Clock } from "../../core/clock.ts";
import { Mailbox, type MailboxLimits } from "../../core/mailbox.ts";
import { attemptOf, type RelayedMessage } from "./messages.ts";

/** A message that waited, and who sent it. */
export interface HeldRelay {
  readonly from: string;
  readonly message: RelayedMessage;
}

/** Messages for peers that are about to connect, and the EXPIRE for those that never do (§7). */
export class WaitingRoom implements Disposable {
  readonly #mailbox: Mailbox;
  readonly #clock: Clock;
  readonly #report: (sender: string, absent: string) => void;
  readonly #sweep: Disposable;

  /** @param report tells a sender that what it said to an absent peer was dropped */
  constructor(
    limits: MailboxLimits,
    sweepMs: number,
    clock: Clock,
    report: (sender: string, absent: string) => void,
  ) {
    this.#mailbox = new Mailbox(limits);
    this.#clock = clock;
    this.#report = report;
    this.#sweep = clock.every(sweepMs, () => this.#expire());
  }

  /** Bytes held for absent peers. */
  get totalBytes(): number {
    return this.#mailbox.totalBytes;
  }

  /** Holds a message; its sender learns at once when there is no room for it. */
  park(from: string, to: string, message: RelayedMessage, bytes: number): void {
    const attempt = attemptOf(message.payload);
    const held = { from, to, attempt, bytes, payload: message };
    if (this.#mailbox.park(held, this.#clock.now()) === "refused") this.#report(from, to);
  }

  /** What waited for a peer, in order of arrival. */
  collect(to: string): HeldRelay[] {
    return this.#mailbox.collect(to).map(({ from, payload }) => ({
      from,
      // Nothing but what `park` was given.
      message: payload as RelayedMessage,
    }));
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #expire(): void {
    for (const { from, to } of this.#mailbox.expire(this.#clock.now())) this.#report(from, to);
  }
}

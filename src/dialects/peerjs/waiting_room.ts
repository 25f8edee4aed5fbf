import * as z from "zod";
import type { Clock } from "../../core/clock.ts";
import { Mailbox, type MailboxLimits } from "./mailbox.ts";
import type { Unsealed } from "../kit/sealed.ts";
import { attemptOf, type RelayedMessage } from "./messages.ts";

/** A message that waited, and who sent it. */
export interface HeldRelay {
  readonly from: string;
  readonly message: RelayedMessage;
}

/** An attempt as it is sealed for the next run. */
export const SealedAttempt = z.object({
  v: z.literal(1),
  from: z.string(),
  to: z.string(),
  attempt: z.string(),
  leftMs: z.number().min(0),
  isDropped: z.boolean(),
  messages: z.array(z.object({
    number: z.int(),
    bytes: z.int().min(0),
    payload: z.object({
      type: z.enum(["OFFER", "ANSWER", "CANDIDATE"]),
      payload: z.unknown().optional(),
    }),
  })),
});
export type SealedAttempt = z.infer<typeof SealedAttempt>;

/** How long senders of the last run have to come back for the EXPIRE of what they said in it. */
export const RETURN_MS = 300_000;

/** Messages for peers that are about to connect, and the EXPIRE for those that never do (§7). */
export class WaitingRoom implements Disposable {
  readonly #mailbox: Mailbox;
  readonly #clock: Clock;
  readonly #report: (sender: string, absent: string) => boolean;
  readonly #sweep: Disposable;
  /** Senders of the last run that are not back yet, and the absent peers to tell them of. */
  readonly #returning = new Map<string, Set<string>>();
  #returnBy = 0;

  /** @param report tells a sender that what it said to an absent peer was dropped; false: it is not here */
  constructor(
    limits: MailboxLimits,
    sweepMs: number,
    clock: Clock,
    report: (sender: string, absent: string) => boolean,
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

  /** Whether something of a sender waits for an absent peer. */
  holds(from: string, to: string): boolean {
    return this.#mailbox.holds(from, to);
  }

  /** Removes and returns the messages that waited for a peer, in order of arrival. */
  collect(to: string): HeldRelay[] {
    return this.#mailbox.collect(to).map(({ from, payload }) => ({
      from,
      // Nothing but what `park` was given.
      message: payload as RelayedMessage,
    }));
  }

  /** The peers that a sender of the last run did not reach; returned once, when it comes back. */
  welcome(sender: string): Iterable<string> {
    const absents = this.#returning.get(sender) ?? [];
    this.#returning.delete(sender);
    return absents;
  }

  /** The waiting messages, for the next run. */
  *sealed(): Generator<SealedAttempt> {
    for (const { messages, ...attempt } of this.#mailbox.attempts(this.#clock.now())) {
      // Nothing but what `park` was given, of which only attempts are held.
      const relayed = messages as SealedAttempt["messages"];
      yield {
        v: 1,
        ...attempt,
        messages: relayed.map(({ payload: { type, payload }, ...message }) => ({
          ...message,
          payload: { type, payload },
        })),
      };
    }
    for (const [from, absents] of this.#returning) {
      for (const to of absents) {
        yield { v: 1, from, to, attempt: "", leftMs: 0, isDropped: false, messages: [] };
      }
    }
  }

  /** Continues with the messages of the last run, for the rest of their time. */
  restore({ items, ageMs }: Unsealed<SealedAttempt>): void {
    const now = this.#clock.now();
    this.#returnBy = now + RETURN_MS;
    const held: SealedAttempt[] = [];
    for (const item of items) {
      this.#returning.set(item.from, this.#returning.get(item.from) ?? new Set());
      const leftMs = item.leftMs - ageMs;
      if (leftMs > 0) held.push({ ...item, leftMs });
      else if (!item.isDropped) this.#returning.get(item.from)?.add(item.to);
    }
    this.#mailbox.restore(held, now);
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #expire(): void {
    const now = this.#clock.now();
    if (now >= this.#returnBy) this.#returning.clear();
    for (const { from, to } of this.#mailbox.expire(now)) {
      if (!this.#report(from, to)) this.#returning.get(from)?.add(to);
    }
  }
}

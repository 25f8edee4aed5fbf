import * as z from "zod";
import type { Clock } from "../../core/clock.ts";
import { Mailbox, type MailboxLimits } from "./mailbox.ts";
import type { Unsealed } from "../kit/sealed.ts";
import { attemptOf, type RelayedMessage } from "./messages.ts";
import { Returning } from "./returning.ts";

/** A message that waited, and who sent it. */
export interface HeldRelay {
  readonly from: string;
  readonly message: RelayedMessage;
  /** Names one that came back from the other nodes of a cluster; the next run does not know it. */
  readonly firstNumber: number | undefined;
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

/** Bytes of one sealed item, as long as it has more than one message. */
const MAX_PART_BYTES = 256 * 1_024;

/** The owner's side of a waiting room. */
export interface WaitingRoomOwner {
  /**
   * Tells a sender that what it said to an absent peer was dropped; false: it is not here. A promise, if
   * it may be on another node.
   */
  expired(sender: string, absent: string): boolean | Promise<boolean>;
  /** Something waits for an absent peer from now on, for a time in ms. */
  awaited(absent: string, lifetimeMs: number): void;
}

export interface WaitingRoomLimits extends MailboxLimits {
  /** Senders of the last run that may come back, and the absent peers of each, together. */
  readonly maxReturning: number;
}

/** How long senders of the last run have to come back for the EXPIRE of what they said in it. */
export const RETURN_MS = 300_000;

/** Messages for peers that are about to connect, and the EXPIRE for those that never do (§7). */
export class WaitingRoom implements Disposable {
  readonly #mailbox: Mailbox;
  readonly #clock: Clock;
  readonly #owner: WaitingRoomOwner;
  /** How long a message can wait, in ms. */
  readonly #heldMs: number;
  readonly #sweep: Disposable;
  readonly #returning: Returning;
  /** Another run or node has everything now. */
  #isSealed = false;

  constructor(
    limits: WaitingRoomLimits,
    sweepMs: number,
    clock: Clock,
    owner: WaitingRoomOwner,
  ) {
    this.#mailbox = new Mailbox(limits);
    this.#returning = new Returning(limits.maxReturning);
    this.#clock = clock;
    this.#owner = owner;
    this.#heldMs = limits.holdMs + sweepMs;
    this.#sweep = clock.every(sweepMs, () => this.#expire());
  }

  /** Bytes held for absent peers. */
  get totalBytes(): number {
    return this.#mailbox.totalBytes;
  }

  /** How long anything can wait, in ms. */
  get longestMs(): number {
    return Math.max(this.#heldMs, RETURN_MS);
  }

  /** Holds a message; its sender learns at once when there is no room for it. */
  park(
    from: string,
    to: string,
    message: RelayedMessage,
    bytes: number,
    firstNumber?: number,
  ): void {
    const attempt = attemptOf(message.payload);
    const held = { from, to, attempt, bytes, payload: message, firstNumber };
    const isFirst = !this.#mailbox.knows(held);
    const outcome = this.#mailbox.park(held, this.#clock.now());
    if (outcome === "refused") void this.#owner.expired(from, to);
    if (outcome === "held" && isFirst) this.#owner.awaited(to, this.#heldMs);
  }

  /** The absent peers for which something waits, and the senders that an EXPIRE waits for. */
  *awaited(): Generator<string> {
    yield* this.#mailbox.awaited;
    yield* this.#returning.awaited();
  }

  /** Whether something of a sender waits for an absent peer. */
  holds(from: string, to: string): boolean {
    return this.#mailbox.holds(from, to);
  }

  /** Removes and returns the messages that waited for a peer, in order of arrival. */
  collect(to: string): HeldRelay[] {
    if (this.#isSealed) return [];
    return this.#mailbox.collect(to).map(({ from, payload, firstNumber }) => ({
      from,
      firstNumber,
      // Nothing but what `park` was given.
      message: payload as RelayedMessage,
    }));
  }

  /** The peers that a sender of the last run did not reach; returned once, when it comes back. */
  welcome(sender: string): Iterable<string> {
    return this.#returning.take(sender);
  }

  /** A sender is back on another node: it gets the EXPIRE that waited for it. */
  tellReturned(sender: string): void {
    if (this.#isSealed) return;
    for (const absent of this.#returning.empty(sender)) this.#tell(sender, absent);
  }

  /** The waiting messages, for the next run or another node; nothing is delivered here from now on. */
  *sealed(): Generator<SealedAttempt> {
    this.#isSealed = true;
    for (const { messages, ...attempt } of this.#mailbox.attempts(this.#clock.now())) {
      // Nothing but what `park` was given, of which only attempts are held.
      const relayed = messages as SealedAttempt["messages"];
      const plain = relayed.map(({ payload: { type, payload }, ...message }) => ({
        ...message,
        payload: { type, payload },
      }));
      for (const part of partsOf(plain)) yield { v: 1, ...attempt, messages: part };
    }
    for (const [from, to] of this.#returning.pairs()) {
      yield { v: 1, from, to, attempt: "", leftMs: 0, isDropped: false, messages: [] };
    }
  }

  /** Continues with the messages of the last run or of another node, for the rest of their time. */
  restore({ items, ageMs }: Unsealed<SealedAttempt>): void {
    const now = this.#clock.now();
    const held: SealedAttempt[] = [];
    for (const item of items) {
      this.#returning.expect(item.from, now + RETURN_MS);
      const leftMs = item.leftMs - ageMs;
      if (leftMs > 0) held.push({ ...item, leftMs });
      else if (!item.isDropped) this.#returning.add(item.from, item.to);
    }
    this.#mailbox.restore(held, now);
  }

  [Symbol.dispose](): void {
    this.#sweep[Symbol.dispose]();
  }

  #expire(): void {
    if (this.#isSealed) return;
    const now = this.#clock.now();
    this.#returning.expire(now);
    for (const { from, to } of this.#mailbox.expire(now)) this.#tell(from, to);
  }

  /** Tells a sender of an absent peer, or remembers it for one that is to come back. */
  #tell(from: string, to: string): void {
    const isTold = this.#owner.expired(from, to);
    if (isTold === true) return;
    this.#returning.add(from, to);
    if (isTold !== false) {
      void isTold.then((isTold) => isTold && this.#returning.delete(from, to));
    }
  }
}

/** Messages in parts that are small enough to travel; one without messages for none. */
function partsOf(messages: SealedAttempt["messages"]): SealedAttempt["messages"][] {
  const parts: SealedAttempt["messages"][] = [[]];
  let bytes = 0;
  for (const message of messages) {
    bytes += message.bytes;
    if (bytes > MAX_PART_BYTES && parts.at(-1)?.length !== 0) {
      parts.push([]);
      bytes = message.bytes;
    }
    parts.at(-1)?.push(message);
  }
  return parts;
}

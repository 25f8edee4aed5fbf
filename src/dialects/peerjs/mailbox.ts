import type { PeerId } from "../../core/events.ts";

/** Bytes charged for a held message beyond its text, so that tiny messages have a price too. */
const OVERHEAD_BYTES = 256;

/**
 * Bounds of a mailbox; bytes are those of the frames that brought the messages, and
 * `OVERHEAD_BYTES` each.
 */
export interface MailboxLimits {
  /** How long an attempt is held, counted from its first message. */
  readonly holdMs: number;
  /** Per sender and absent peer. */
  readonly maxMessages: number;
  /** Per sender and absent peer. */
  readonly maxBytes: number;
  /** Per absent peer, over all senders: it is delivered in one go. */
  readonly maxBytesPerReceiver: number;
  /** Per sender, over all absent peers. */
  readonly maxBytesPerSender: number;
  /** Attempts (and so absent peers) that one sender may have waiting. */
  readonly maxAttemptsPerSender: number;
  /** All senders together. */
  readonly maxTotalBytes: number;
}

/** One message for a peer that is not here. */
export interface HeldMessage {
  readonly from: PeerId;
  readonly to: PeerId;
  /** Names the connection attempt within sender and receiver; an attempt is held or dropped whole. */
  readonly attempt: string;
  readonly bytes: number;
  readonly payload: unknown;
  /** As it came back with it from the other nodes of a cluster. */
  readonly firstNumber?: number | undefined;
}

/** An attempt in the form in which another mailbox continues it. */
export interface HeldAttempt extends AttemptName {
  /** The rest of its time, in ms. */
  readonly leftMs: number;
  /** Its messages were dropped, and the sender knows. */
  readonly isDropped: boolean;
  readonly messages: readonly {
    /** Its place in the order of arrival, over all attempts. */
    readonly number: number;
    readonly bytes: number;
    readonly payload: unknown;
  }[];
}

type AttemptName = Pick<HeldMessage, "from" | "to" | "attempt">;

/** The state of an attempt: its messages wait, or it was dropped and later ones are ignored. */
interface AttemptState {
  readonly expiresAt: number;
  isDropped: boolean;
  /** The sender has been told that it was dropped. */
  isReported: boolean;
  messages: NumberedMessage[];
}

/** A message and its place in the order of arrival. */
interface NumberedMessage {
  readonly number: number;
  readonly message: HeldMessage;
}

/** Messages of one sender that wait for one absent peer. */
interface Correspondence {
  readonly attempts: Map<string, AttemptState>;
  messages: number;
  bytes: number;
}

/** Messages that wait for one absent peer. */
interface Box {
  bytes: number;
  readonly from: Map<PeerId, Correspondence>;
}

interface SenderTotal {
  bytes: number;
  attempts: number;
}

/** A sender and the absent peer that its messages did not reach. */
export interface Undelivered {
  readonly from: PeerId;
  readonly to: PeerId;
}

/**
 * Messages parked for peers that are not here yet. An attempt (an offer and its candidates) lives
 * from its first message for a fixed time and is delivered or dropped whole, so that nobody ever
 * receives candidates whose offer was dropped. Keys are compared as pairs, never joined strings.
 */
export class Mailbox {
  readonly #limits: MailboxLimits;
  readonly #boxes = new Map<PeerId, Box>();
  readonly #senders = new Map<PeerId, SenderTotal>();
  #totalBytes = 0;
  #nextNumber = 0;

  constructor(limits: MailboxLimits) {
    this.#limits = limits;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Number of absent peers for which something waits. */
  get size(): number {
    return this.#boxes.size;
  }

  /**
   * Holds a message. "refused": over a limit, and the whole attempt was dropped with it; tell the
   * sender. "ignored": the attempt was dropped before, and the sender has been told.
   */
  park(message: HeldMessage, nowMs: number): "held" | "refused" | "ignored" {
    const known = this.#find(message);
    if (known?.isDropped) return "ignored";
    const attempts = known === undefined ? this.#senders.get(message.from)?.attempts ?? 0 : 0;
    // Names of dropped attempts have to be remembered too, but not without end.
    if (attempts >= 2 * this.#limits.maxAttemptsPerSender) return "refused";
    const { correspondence, attempt } = this.#begin(message, nowMs + this.#limits.holdMs);
    const isTooMany = attempts >= this.#limits.maxAttemptsPerSender;
    if (isTooMany || this.#isOverLimit(message, correspondence)) {
      this.#drop(attempt);
      attempt.isReported = true;
      return "refused";
    }
    this.#hold(message, attempt);
    return "held";
  }

  /** Whether an attempt has begun, and is neither delivered nor over. */
  knows(attempt: AttemptName): boolean {
    return this.#find(attempt) !== undefined;
  }

  /** Whether something of a sender waits for a peer. */
  holds(from: PeerId, to: PeerId): boolean {
    return (this.#boxes.get(to)?.from.get(from)?.messages ?? 0) > 0;
  }

  /** The absent peers for which something waits. */
  get awaited(): Iterable<PeerId> {
    return this.#boxes.keys();
  }

  /** Everything that waits, in the form in which another mailbox continues it. */
  *attempts(nowMs: number): Generator<HeldAttempt> {
    for (const [to, box] of this.#boxes) {
      for (const [from, correspondence] of box.from) {
        for (const [name, attempt] of correspondence.attempts) {
          yield {
            from,
            to,
            attempt: name,
            leftMs: Math.max(0, attempt.expiresAt - nowMs),
            isDropped: attempt.isReported,
            messages: attempt.messages.map(({ number, message: { bytes, payload } }) => ({
              number,
              bytes,
              payload,
            })),
          };
        }
      }
    }
  }

  /**
   * Continues with the messages of another mailbox. An attempt without room here is dropped, and
   * reported when its time is over: its sender is not here yet.
   */
  restore(held: readonly HeldAttempt[], nowMs: number): void {
    const waiting: (NumberedMessage & { readonly attempt: AttemptState })[] = [];
    for (const one of held) {
      const { from, to, attempt: name } = one;
      const attempts = this.#senders.get(from)?.attempts ?? 0;
      if (attempts >= 2 * this.#limits.maxAttemptsPerSender) continue;
      const { attempt } = this.#begin(one, nowMs + Math.min(one.leftMs, this.#limits.holdMs));
      attempt.isReported = one.isDropped;
      // One without messages was dropped, whether its sender knows or not.
      attempt.isDropped = one.isDropped || one.messages.length === 0;
      for (const { number, bytes, payload } of one.messages) {
        waiting.push({ number, attempt, message: { from, to, attempt: name, bytes, payload } });
      }
    }
    for (const { message, attempt } of waiting.sort((a, b) => a.number - b.number)) {
      if (attempt.isDropped) continue;
      const correspondence = this.#boxes.get(message.to)?.from.get(message.from);
      if (correspondence === undefined) continue;
      if (this.#isOverLimit(message, correspondence)) this.#drop(attempt);
      else this.#hold(message, attempt);
    }
  }

  /** Hands out what waits for a peer, in order of arrival, once. */
  collect(to: PeerId): readonly HeldMessage[] {
    const box = this.#boxes.get(to);
    if (box === undefined) return [];
    const waiting: NumberedMessage[] = [];
    for (const [from, { attempts }] of box.from) {
      for (const attempt of attempts.values()) {
        waiting.push(...attempt.messages);
        this.#forget(attempt);
      }
      this.#countAttempts(from, -attempts.size);
    }
    this.#boxes.delete(to);
    return waiting.sort((a, b) => a.number - b.number).map(({ message }) => message);
  }

  /** Drops every attempt whose time is over; each sender and absent peer is named once. */
  expire(nowMs: number): Undelivered[] {
    const undelivered: Undelivered[] = [];
    for (const [to, box] of this.#boxes) {
      for (const [from, { attempts }] of box.from) {
        let isReported = false;
        for (const [name, attempt] of attempts) {
          if (attempt.expiresAt > nowMs) continue;
          if (!attempt.isReported && !isReported) {
            undelivered.push({ from, to });
            isReported = true;
          }
          this.#forget(attempt);
          attempts.delete(name);
          this.#countAttempts(from, -1);
        }
        if (attempts.size === 0) box.from.delete(from);
      }
      if (box.from.size === 0) this.#boxes.delete(to);
    }
    return undelivered;
  }

  #find({ from, to, attempt }: AttemptName): AttemptState | undefined {
    return this.#boxes.get(to)?.from.get(from)?.attempts.get(attempt);
  }

  #begin(
    { to, from, attempt: name }: AttemptName,
    expiresAt: number,
  ): { correspondence: Correspondence; attempt: AttemptState } {
    let box = this.#boxes.get(to);
    if (box === undefined) this.#boxes.set(to, box = { bytes: 0, from: new Map() });
    let correspondence = box.from.get(from);
    if (correspondence === undefined) {
      box.from.set(from, correspondence = { attempts: new Map(), messages: 0, bytes: 0 });
    }
    let attempt = correspondence.attempts.get(name);
    if (attempt === undefined) {
      attempt = { expiresAt, isDropped: false, isReported: false, messages: [] };
      correspondence.attempts.set(name, attempt);
      this.#countAttempts(from, 1);
    }
    return { correspondence, attempt };
  }

  #hold(message: HeldMessage, attempt: AttemptState): void {
    attempt.messages.push({ number: this.#nextNumber++, message });
    this.#charge(message, 1);
  }

  #drop(attempt: AttemptState): void {
    attempt.isDropped = true;
    this.#forget(attempt);
  }

  #isOverLimit(message: HeldMessage, { messages, bytes }: Correspondence): boolean {
    const limits = this.#limits;
    const added = cost(message);
    const ofReceiver = this.#boxes.get(message.to)?.bytes ?? 0;
    const ofSender = this.#senders.get(message.from)?.bytes ?? 0;
    return messages + 1 > limits.maxMessages || bytes + added > limits.maxBytes ||
      ofReceiver + added > limits.maxBytesPerReceiver ||
      ofSender + added > limits.maxBytesPerSender ||
      this.#totalBytes + added > limits.maxTotalBytes;
  }

  /** Gives back what an attempt's messages take; costs no more than there are of them. */
  #forget(attempt: AttemptState): void {
    for (const { message } of attempt.messages) this.#charge(message, -1);
    attempt.messages = [];
  }

  /** Counts a message in everything that is limited, or out of it. */
  #charge(message: HeldMessage, sign: 1 | -1): void {
    const bytes = sign * cost(message);
    this.#totalBytes += bytes;
    const box = this.#boxes.get(message.to);
    if (box !== undefined) box.bytes += bytes;
    const correspondence = box?.from.get(message.from);
    if (correspondence !== undefined) {
      correspondence.bytes += bytes;
      correspondence.messages += sign;
    }
    const sender = this.#senders.get(message.from);
    if (sender !== undefined) sender.bytes += bytes;
  }

  #countAttempts(from: PeerId, change: number): void {
    const sender = this.#senders.get(from);
    if (sender === undefined) {
      this.#senders.set(from, { bytes: 0, attempts: change });
      return;
    }
    sender.attempts += change;
    if (sender.attempts <= 0) this.#senders.delete(from);
  }
}

function cost(message: HeldMessage): number {
  return message.bytes + OVERHEAD_BYTES;
}

import type { PeerId } from "./types.ts";

/** What holding a message costs beyond its text; keeps many tiny messages from costing nothing. */
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
}

/** What became of an attempt: its messages wait, or it was dropped and later ones are ignored. */
interface Attempt {
  readonly expiresAt: number;
  isDropped: boolean;
}

/** What one sender has waiting for one absent peer. */
interface Correspondence {
  readonly attempts: Map<string, Attempt>;
  messages: number;
  bytes: number;
}

/** What waits for one absent peer. */
interface Box {
  /** In order of arrival, whoever sent them. */
  messages: HeldMessage[];
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
    const known = this.#boxes.get(message.to)?.from.get(message.from)?.attempts.get(
      message.attempt,
    );
    if (known?.isDropped) return "ignored";
    const attempts = known === undefined ? this.#senders.get(message.from)?.attempts ?? 0 : 0;
    // Names of dropped attempts have to be remembered too, but not without end.
    if (attempts >= 2 * this.#limits.maxAttemptsPerSender) return "refused";
    const correspondence = this.#begin(message, nowMs);
    const isTooMany = attempts >= this.#limits.maxAttemptsPerSender;
    if (isTooMany || this.#isOverLimit(message, correspondence)) {
      this.#dropAttempt(message);
      return "refused";
    }
    this.#boxes.get(message.to)?.messages.push(message);
    correspondence.messages++;
    this.#charge(message, cost(message));
    return "held";
  }

  /** Hands out what waits for a peer, in order of arrival, once. */
  collect(to: PeerId): readonly HeldMessage[] {
    const box = this.#boxes.get(to);
    if (box === undefined) return [];
    for (const message of box.messages) this.#charge(message, -cost(message));
    for (const [from, { attempts }] of box.from) this.#countAttempts(from, -attempts.size);
    this.#boxes.delete(to);
    return box.messages;
  }

  /** Drops every attempt whose time is over; each sender and absent peer is named once. */
  expire(nowMs: number): Undelivered[] {
    const undelivered: Undelivered[] = [];
    for (const [to, box] of this.#boxes) {
      let isChanged = false;
      for (const [from, { attempts }] of box.from) {
        let isReported = false;
        for (const [name, attempt] of attempts) {
          if (attempt.expiresAt > nowMs) continue;
          if (!attempt.isDropped && !isReported) {
            undelivered.push({ from, to });
            isReported = true;
          }
          attempts.delete(name);
          this.#countAttempts(from, -1);
          isChanged = true;
        }
      }
      if (isChanged) this.#sift(to, box);
    }
    return undelivered;
  }

  #begin(message: HeldMessage, nowMs: number): Correspondence {
    let box = this.#boxes.get(message.to);
    if (box === undefined) {
      this.#boxes.set(message.to, box = { messages: [], bytes: 0, from: new Map() });
    }
    let correspondence = box.from.get(message.from);
    if (correspondence === undefined) {
      box.from.set(message.from, correspondence = { attempts: new Map(), messages: 0, bytes: 0 });
    }
    if (!correspondence.attempts.has(message.attempt)) {
      const expiresAt = nowMs + this.#limits.holdMs;
      correspondence.attempts.set(message.attempt, { expiresAt, isDropped: false });
      this.#countAttempts(message.from, 1);
    }
    return correspondence;
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

  /** Forgets an attempt's messages but remembers its name until its time is over. */
  #dropAttempt({ to, from, attempt }: HeldMessage): void {
    const box = this.#boxes.get(to);
    const dropped = box?.from.get(from)?.attempts.get(attempt);
    if (box === undefined || dropped === undefined) return;
    dropped.isDropped = true;
    this.#sift(to, box);
  }

  /** Keeps only the messages of attempts that are alive, and the box only if any attempt is. */
  #sift(to: PeerId, box: Box): void {
    box.messages = box.messages.filter((message) => {
      const correspondence = box.from.get(message.from);
      const attempt = correspondence?.attempts.get(message.attempt);
      if (attempt !== undefined && !attempt.isDropped) return true;
      if (correspondence !== undefined) correspondence.messages--;
      this.#charge(message, -cost(message));
      return false;
    });
    for (const [from, { attempts }] of box.from) {
      if (attempts.size === 0) box.from.delete(from);
    }
    if (box.from.size === 0) this.#boxes.delete(to);
  }

  #charge(message: HeldMessage, bytes: number): void {
    this.#totalBytes += bytes;
    const box = this.#boxes.get(message.to);
    if (box !== undefined) box.bytes += bytes;
    const correspondence = box?.from.get(message.from);
    if (correspondence !== undefined) correspondence.bytes += bytes;
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

import { Buffer } from "node:buffer";
import { type KeptSignal, KeptSignals, type Speaker } from "./kept_signals.ts";

/** Bounds of what is kept for one instance, and for all of them together. */
export interface SignalLogLimits {
  /** Signals kept for an instance, and as many again queued while it is lost. */
  readonly maxKeptSignals: number;
  readonly maxKeptBytes: number;
  /** Bytes of all instances together. */
  readonly maxKeptBytesTotal: number;
}

/** Total bytes of all logs, and the logs that can be trimmed. */
export class KeptTotal {
  bytes = 0;
  /** Logs of connected instances that hold something, the next to give something up first. */
  readonly spare = new Set<SignalLog<never>>();

  /** Drops what was kept for connected instances, from each its oldest in turn, for something new. */
  makeRoom(bytes: number, maxBytes: number): boolean {
    for (const log of this.spare) {
      if (this.bytes + bytes <= maxBytes) return true;
      log.dropOldest();
    }
    return this.bytes + bytes <= maxBytes;
  }

  /**
   * Drops what connected instances were sent before the last time this was called: their clients
   * have it, or would be known to be lost by now.
   */
  age(): void {
    for (const log of [...this.spare]) log.age();
  }
}

/** From where on signals are sent again, and whether that is everything that was missed (§6). */
export interface Resumption {
  readonly recovered: boolean;
  readonly seq: number;
  readonly frames: readonly string[];
}

/** A log in the form in which another process continues it; its instance is lost by then. */
export interface SealedLog<Name> {
  readonly lastSeq: number;
  /** The newest signal before the instance was lost. */
  readonly lostAfter: number;
  /** The newest ones, without a gap; of a speaker that has gone no name is known. */
  readonly signals: readonly { readonly from: Name | null; readonly frame: string }[];
}

/**
 * The signals of one instance: numbers them, keeps the newest for an instance that missed some, and
 * queues those that come while it is lost. A queued signal is never dropped, because it was
 * acknowledged.
 */
export class SignalLog<Signal> {
  readonly #limits: SignalLogLimits;
  readonly #total: KeptTotal;
  readonly #encode: (seq: number, signal: Signal) => string;
  /**
   * True if everything that was sent long ago has arrived, because a loss would be known by now.
   * False for a client that never sends anything, as on a stream: its path may have been dead for
   * an hour.
   */
  ages = true;
  /** The newest signals, without a gap; made with the first. */
  #kept: KeptSignals | undefined = undefined;
  #bytes = 0;
  #lastSeq = 0;
  /** Newest signal before the instance was lost; undefined while it is connected. */
  #lostAfter: number | undefined = undefined;
  #queuedBytes = 0;
  /** Newest signal when old ones were last dropped. */
  #agedSeq = 0;

  /** @param encode writes the frame of a signal with its number */
  constructor(
    limits: SignalLogLimits,
    total: KeptTotal,
    encode: (seq: number, signal: Signal) => string,
  ) {
    this.#limits = limits;
    this.#total = total;
    this.#encode = encode;
  }

  get isQueueing(): boolean {
    return this.#lostAfter !== undefined;
  }

  /** From here on signals wait; harmless when called again. */
  startQueueing(): void {
    if (this.isQueueing) return;
    this.#total.spare.delete(this);
    this.#lostAfter = this.#lastSeq;
    this.#queuedBytes = 0;
  }

  /** Whether a signal may wait too. */
  hasRoomFor(signal: Signal): boolean {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    const bytes = Buffer.byteLength(this.#encode(this.#lastSeq + 1, signal));
    return this.#lastSeq - (this.#lostAfter ?? 0) < maxKeptSignals &&
      this.#queuedBytes + bytes <= maxKeptBytes && this.#total.makeRoom(bytes, maxKeptBytesTotal);
  }

  /**
   * Numbers a signal, keeps it and returns its frame: written in one go for each receiver, since
   * one that is put together of parts would be kept in parts, and nearly always there is only one.
   */
  append(from: Readonly<Speaker>, signal: Signal): string {
    const seq = ++this.#lastSeq;
    const frame = this.#encode(seq, signal);
    const bytes = this.#keep(frame, from);
    if (this.isQueueing) {
      this.#queuedBytes += bytes;
      return frame;
    }
    if (this.#length === 1) this.#total.spare.add(this);
    this.#trim();
    return frame;
  }

  /**
   * The instance is back.
   * @param seq the last signal it has received, if it is known
   */
  resume(seq: number | undefined): Resumption {
    const { isQueueing } = this;
    const lostAfter = this.#lostAfter ?? this.#lastSeq;
    this.#lostAfter = undefined;
    if (this.#length > 0) this.#total.spare.add(this);
    if (seq === undefined || seq > this.#lastSeq) {
      const after = isQueueing ? lostAfter : this.#lastSeq;
      return { recovered: false, seq: after, frames: this.#framesAfter(after) };
    }
    const before = this.#lastSeq - this.#length;
    const recovered = seq >= before;
    const from = recovered ? seq : before;
    return { recovered, seq: from, frames: this.#framesAfter(from) };
  }

  /** Everything that is kept. @param nameOf names a speaker; null for one that has gone */
  sealed<Name>(nameOf: (speaker: Readonly<Speaker>) => Name | null): SealedLog<Name> {
    return {
      lastSeq: this.#lastSeq,
      lostAfter: this.#lostAfter ?? this.#lastSeq,
      signals: this.#newest(this.#length).map(({ frame, from }) => ({ from: nameOf(from), frame })),
    };
  }

  /** Continues with the signals of an earlier log; for a new log only. */
  restore<Name>(
    { lastSeq, lostAfter, signals }: SealedLog<Name>,
    speakerOf: (name: Name | null) => Readonly<Speaker>,
  ): void {
    this.#lastSeq = lastSeq;
    this.#lostAfter = lostAfter;
    const firstQueued = signals.length - (lastSeq - lostAfter);
    for (const [n, { from, frame }] of signals.entries()) {
      const bytes = this.#keep(frame, speakerOf(from));
      if (n >= firstQueued) this.#queuedBytes += bytes;
    }
  }

  /** Gives the oldest signal up, for others. */
  dropOldest(): void {
    this.#shift();
    // Others are next.
    if (this.#total.spare.delete(this) && this.#length > 0) this.#total.spare.add(this);
  }

  /** Drops what was here when this was last called. */
  age(): void {
    if (!this.ages) return;
    while (this.#length > 0 && this.#lastSeq - this.#length < this.#agedSeq) this.#shift();
    this.#agedSeq = this.#lastSeq;
    if (this.#length === 0) this.clear();
  }

  /** Forgets everything. */
  clear(): void {
    this.#total.spare.delete(this);
    this.#kept = undefined;
    this.#charge(-this.#bytes);
  }

  get #length(): number {
    return this.#kept?.length ?? 0;
  }

  #newest(count: number): KeptSignal[] {
    return this.#kept?.newest(count) ?? [];
  }

  /** Without those of speakers that the handshake has just said are not here (§1, §6). */
  #framesAfter(seq: number): string[] {
    const present = this.#newest(this.#lastSeq - seq).filter(({ from }) => !from.isGone);
    return present.map(({ frame }) => frame);
  }

  /** Drops the oldest beyond the limits. */
  #trim(): void {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    while (this.#length > maxKeptSignals || this.#bytes > maxKeptBytes) this.#shift();
    if (this.#total.bytes > maxKeptBytesTotal) this.#total.makeRoom(0, maxKeptBytesTotal);
  }

  /** Returns what the frame takes, in bytes. */
  #keep(frame: string, from: Readonly<Speaker>): number {
    const bytes = Buffer.byteLength(frame);
    (this.#kept ??= new KeptSignals()).push(frame, from, bytes);
    this.#charge(bytes);
    return bytes;
  }

  #shift(): void {
    this.#charge(-(this.#kept?.shift() ?? 0));
  }

  #charge(bytes: number): void {
    this.#bytes += bytes;
    this.#total.bytes += bytes;
  }
}

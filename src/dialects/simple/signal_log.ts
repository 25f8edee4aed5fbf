import { Buffer } from "node:buffer";
import { Ring } from "./ring.ts";

/** Bounds of what is kept for one instance, and for all of them together. */
export interface SignalLogLimits {
  /** Signals kept for an instance, and as many again queued while it is lost. */
  readonly maxKeptSignals: number;
  readonly maxKeptBytes: number;
  /** Of all instances together. */
  readonly maxKeptBytesTotal: number;
}

/** What all logs hold together. */
export interface KeptTotal {
  bytes: number;
}

/** From where on signals are sent again, and whether that is everything that was missed (§6). */
export interface Recovery {
  readonly recovered: boolean;
  readonly seq: number;
  readonly frames: readonly string[];
}

/** Who said a signal: all that is kept of it, which may be long after it has gone. */
export interface Speaker {
  /** It has left the room, or this instance of it has. */
  isGone: boolean;
}

/**
 * The signals of one instance: numbers them, keeps the newest for an instance that missed some, and
 * queues those that come while it is lost. What is queued is never dropped: it was acknowledged.
 */
export class SignalLog<Signal> {
  readonly #limits: SignalLogLimits;
  readonly #total: KeptTotal;
  readonly #encode: (seq: number, signal: Signal) => string;
  /** The newest frames, without a gap. */
  readonly #frames = new Ring<string>();
  /** Of whom each of them is: beside them, since an object for each would weigh on every signal. */
  readonly #speakers = new Ring<Readonly<Speaker>>();
  #bytes = 0;
  #lastSeq = 0;
  /** Newest signal before the instance was lost; undefined while it is connected. */
  #lostAfter: number | undefined = undefined;
  #queuedBytes = 0;

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
    this.#trim();
    this.#lostAfter = this.#lastSeq;
    this.#queuedBytes = 0;
  }

  /** Whether a signal may wait too. */
  hasRoomFor(signal: Signal): boolean {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    const bytes = Buffer.byteLength(this.#encode(this.#lastSeq + 1, signal));
    return this.#lastSeq - (this.#lostAfter ?? 0) < maxKeptSignals &&
      this.#queuedBytes + bytes <= maxKeptBytes && this.#total.bytes + bytes <= maxKeptBytesTotal;
  }

  /**
   * Numbers a signal, keeps it and returns its frame: written in one go for each receiver, since
   * one that is put together of parts would be kept in parts, and nearly always there is only one.
   */
  append(from: Readonly<Speaker>, signal: Signal): string {
    const seq = ++this.#lastSeq;
    const frame = this.#encode(seq, signal);
    const bytes = Buffer.byteLength(frame);
    this.#frames.push(frame);
    this.#speakers.push(from);
    this.#charge(bytes);
    if (this.isQueueing) this.#queuedBytes += bytes;
    else this.#trim();
    return frame;
  }

  /** The instance is back. @param seq the last signal it has received, where it says so */
  resume(seq: number | undefined): Recovery {
    const { isQueueing } = this;
    const lostAfter = this.#lostAfter ?? this.#lastSeq;
    this.#lostAfter = undefined;
    if (seq === undefined || seq > this.#lastSeq) {
      const after = isQueueing ? lostAfter : this.#lastSeq;
      return { recovered: false, seq: after, frames: this.#framesAfter(after) };
    }
    const before = this.#lastSeq - this.#frames.length;
    const recovered = seq >= before;
    const from = recovered ? seq : before;
    return { recovered, seq: from, frames: this.#framesAfter(from) };
  }

  /** Forgets everything. */
  clear(): void {
    this.#frames.clear();
    this.#speakers.clear();
    this.#charge(-this.#bytes);
  }

  /** Without those of speakers that the handshake has just said are not here (§1, §6). */
  #framesAfter(seq: number): string[] {
    const frames = this.#frames.newest(this.#lastSeq - seq);
    const speakers = this.#speakers.newest(this.#lastSeq - seq);
    return frames.filter((_, n) => speakers[n]?.isGone === false);
  }

  /** Drops the oldest beyond the limits. */
  #trim(): void {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    while (
      this.#frames.length > maxKeptSignals || this.#bytes > maxKeptBytes ||
      (this.#total.bytes > maxKeptBytesTotal && this.#frames.length > 0)
    ) {
      this.#charge(-Buffer.byteLength(this.#frames.shift() ?? ""));
      this.#speakers.shift();
    }
  }

  #charge(bytes: number): void {
    this.#bytes += bytes;
    this.#total.bytes += bytes;
  }
}

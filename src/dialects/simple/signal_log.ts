import { Buffer } from "node:buffer";

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

interface Entry {
  readonly seq: number;
  readonly from: Readonly<Speaker>;
  readonly frame: string;
  readonly bytes: number;
}

/**
 * The signals of one instance: numbers them, keeps the newest for an instance that missed some, and
 * queues those that come while it is lost. What is queued is never dropped: it was acknowledged.
 */
export class SignalLog {
  readonly #limits: SignalLogLimits;
  readonly #total: KeptTotal;
  #entries: Entry[] = [];
  #bytes = 0;
  #lastSeq = 0;
  /** Newest signal before the instance was lost; undefined while it is connected. */
  #lostAfter: number | undefined = undefined;
  #queuedBytes = 0;

  constructor(limits: SignalLogLimits, total: KeptTotal) {
    this.#limits = limits;
    this.#total = total;
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
  hasRoomFor(text: string): boolean {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    const bytes = Buffer.byteLength(text);
    return this.#lastSeq - (this.#lostAfter ?? 0) < maxKeptSignals &&
      this.#queuedBytes + bytes <= maxKeptBytes && this.#total.bytes + bytes <= maxKeptBytesTotal;
  }

  /** Numbers a signal and keeps it; `make` writes the frame with its number. */
  append(
    from: Readonly<Speaker>,
    text: string,
    make: (seq: number, text: string) => string,
  ): string {
    const seq = ++this.#lastSeq;
    const frame = make(seq, text);
    const bytes = Buffer.byteLength(text);
    this.#entries.push({ seq, from, frame, bytes });
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
    const before = (this.#entries[0]?.seq ?? this.#lastSeq + 1) - 1;
    const recovered = seq >= before;
    const from = recovered ? seq : before;
    return { recovered, seq: from, frames: this.#framesAfter(from) };
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries = [];
    this.#charge(-this.#bytes);
  }

  /** Without those of speakers that the handshake has just said are not here (§1, §6). */
  #framesAfter(seq: number): string[] {
    const entries = this.#entries.filter((entry) => entry.seq > seq && !entry.from.isGone);
    return entries.map(({ frame }) => frame);
  }

  /** Drops the oldest beyond the limits. */
  #trim(): void {
    const { maxKeptSignals, maxKeptBytes, maxKeptBytesTotal } = this.#limits;
    while (
      this.#entries.length > maxKeptSignals || this.#bytes > maxKeptBytes ||
      (this.#total.bytes > maxKeptBytesTotal && this.#entries.length > 0)
    ) {
      this.#charge(-(this.#entries.shift()?.bytes ?? 0));
    }
  }

  #charge(bytes: number): void {
    this.#bytes += bytes;
    this.#total.bytes += bytes;
  }
}

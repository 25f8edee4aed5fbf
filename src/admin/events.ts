import { Buffer } from "node:buffer";
import type { Clock } from "../core/clock.ts";
import type { Happening, Happenings } from "../core/happenings.ts";
import type { WallClock } from "../core/kept.ts";
import { isoTime } from "../system/clock.ts";
import { Problem } from "./problem.ts";

/** The numbers of one second. */
export interface Stats {
  readonly connections: number;
  readonly peers: number;
  readonly rooms: number;
  readonly calls: number;
  readonly framesPerSecond: Readonly<Record<string, number>>;
  readonly refusalsPerSecond: number;
  readonly queuedBytes: number;
  readonly eventLoopLagSeconds: number;
  readonly residentBytes: number;
}

type FrameCounts = ReadonlyMap<string, number>;

export interface EventFeedOptions {
  readonly happenings: Happenings;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly instance: string;
  readonly maxStreams: number;
  /** Reads the numbers that are no rates. */
  readonly read: () => Omit<Stats, "framesPerSecond" | "refusalsPerSecond" | "eventLoopLagSeconds">;
  /** Frames received since the start, by dialect; they are counted in short turns. */
  readonly frames: () => Promise<FrameCounts>;
}

/** Events that are kept for readers that come back. */
const MAX_KEPT = 1_000;
/** Bytes that may wait for one reader. */
const MAX_BEHIND = 1024 * 1024;
/** Bytes of them that a reader gets when it comes back, with room for what happens meanwhile. */
const MAX_REPLAYED = 768 * 1024;
/** Events wait so long for others, to be sent together. */
const GATHER_MS = 50;
/** Length of text that is sent without waiting for more. */
const MAX_GATHERED = 64 * 1024;
const STATS_MS = 1_000;
const COMMENT_MS = 15_000;
const HEADERS = {
  "content-type": "text/event-stream",
  // Some proxies compress an event stream, and keep events back, unless it has an encoding.
  "content-encoding": "identity",
  "x-accel-buffering": "no",
};

type Chunk = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();
const COMMENT = ENCODER.encode(":\n\n");

/** An event. */
interface KeptEvent {
  readonly id: number;
  readonly type: string;
  readonly atMs: number;
  readonly data: unknown;
  /** Made once, when somebody reads it. */
  text?: string;
}

/** One reader of the feed. */
interface FeedReader {
  readonly wants: (type: string) => boolean;
  readonly write: (chunk: Chunk) => void;
  readonly close: () => void;
  readonly mayRead: () => boolean;
}

/** News for operators as a stream of events, and those that were sent lately. */
export class EventFeed implements Disposable {
  readonly #options: EventFeedOptions;
  readonly #readers = new Set<FeedReader>();
  readonly #stack = new DisposableStack();
  #kept: KeptEvent[] = [];
  /** Events that wait to be sent, and the length of their texts. */
  #gathered: KeptEvent[] = [];
  #gatheredLength = 0;
  #sending: Disposable | undefined;
  #nextId: number;
  /** The id of the newest event that is not kept any more. */
  #forgotten: number;
  #ticking: Disposable | undefined;
  #tickedAt = 0;
  #refusals = 0;
  #frames: Promise<FrameCounts> = Promise.resolve(new Map());

  constructor(options: EventFeedOptions) {
    this.#options = options;
    // Larger than every id of an earlier process.
    this.#nextId = options.wallNow();
    this.#forgotten = this.#nextId - 1;
    this.#stack.use(options.happenings.listen((happening) => this.#take(happening)));
    this.#stack.use(options.clock.every(COMMENT_MS, () => this.#comment()));
  }

  get streams(): number {
    return this.#readers.size;
  }

  /**
   * Opens a stream; throws if there are too many.
   * @param lastId of the last event that the reader has; undefined for none
   * @param mayRead asked each second; the stream ends with false
   */
  open(
    wants: FeedReader["wants"],
    lastId: number | undefined,
    mayRead: FeedReader["mayRead"] = () => true,
  ): Response {
    if (this.#readers.size >= this.#options.maxStreams) {
      throw new Problem("unavailable", { detail: "There are as many streams as configured" });
    }
    // A newcomer gets older events by its replay alone.
    this.#flush();
    let reader: FeedReader | undefined = undefined;
    const close = (): void => {
      if (reader !== undefined) this.#drop(reader);
    };
    const body = new ReadableStream<Chunk>({
      start: (controller) => {
        const write = (chunk: Chunk): void => {
          controller.enqueue(chunk);
          if ((controller.desiredSize ?? 0) >= 0) return;
          close();
          controller.error(new Error("The reader is too far behind"));
        };
        reader = { wants, write, close: () => controller.close(), mayRead };
        this.#add(reader);
        write(COMMENT);
        this.#replay(reader, lastId);
      },
      cancel: close,
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_BEHIND }));
    return new Response(body, { headers: HEADERS });
  }

  [Symbol.dispose](): void {
    this.#flush();
    for (const reader of [...this.#readers]) reader.close();
    this.#readers.clear();
    this.#ticking?.[Symbol.dispose]();
    this.#stack.dispose();
  }

  #add(reader: FeedReader): void {
    this.#readers.add(reader);
    if (this.#ticking !== undefined) return;
    this.#tickedAt = this.#options.clock.now();
    this.#refusals = 0;
    this.#frames = this.#options.frames();
    this.#ticking = this.#options.clock.every(STATS_MS, () => this.#tick());
  }

  #drop(reader: FeedReader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#takeGathered();
    this.#ticking?.[Symbol.dispose]();
    this.#ticking = undefined;
  }

  #replay(reader: FeedReader, lastId: number | undefined): void {
    if (lastId === undefined) return;
    // An id of the future belongs to a process whose clock went ahead.
    const kept = this.#newest();
    const first = kept[0]?.id ?? this.#nextId;
    const forgotten = this.#kept.findLast(({ id }) => id < first)?.id ?? this.#forgotten;
    const isAhead = lastId >= this.#nextId;
    if (lastId < forgotten || isAhead) {
      // A reader that is cut off before the replay begins there again.
      const id = isAhead ? this.#nextId - 1 : forgotten;
      reader.write(this.#chunkOf([this.#eventOf(id, "gap", {})]));
      if (isAhead) return;
    }
    let [events, length]: [KeptEvent[], number] = [[], 0];
    for (const event of kept) {
      if (event.id <= lastId || !reader.wants(event.type)) continue;
      events.push(event);
      length += this.#textOf(event).length;
      if (length < MAX_GATHERED) continue;
      reader.write(this.#chunkOf(events));
      [events, length] = [[], 0];
    }
    if (events.length > 0) reader.write(this.#chunkOf(events));
  }

  /** The events that are kept, or the last of them that one reader can take at once. */
  #newest(): readonly KeptEvent[] {
    const kept = this.#kept.slice(-MAX_KEPT);
    let bytes = 0;
    const last = kept.findLastIndex((event) =>
      (bytes += Buffer.byteLength(this.#textOf(event))) > MAX_REPLAYED
    );
    return kept.slice(last + 1);
  }

  #take({ type, data }: Happening): void {
    if (type === "refusal") this.#refusals++;
    const event = this.#eventOf(this.#nextId++, type, data);
    this.#kept.push(event);
    if (this.#kept.length >= 2 * MAX_KEPT) {
      this.#forgotten = this.#kept[this.#kept.length - MAX_KEPT - 1]?.id ?? this.#forgotten;
      this.#kept = this.#kept.slice(-MAX_KEPT);
    }
    this.#send(event);
  }

  /** The numbers of the last second; they are not kept. */
  #tick(): void {
    this.#flush();
    for (const reader of [...this.#readers].filter(({ mayRead }) => !mayRead())) {
      this.#drop(reader);
      reader.close();
    }
    if (this.#readers.size === 0) return;
    const { clock, read, frames } = this.#options;
    const now = clock.now();
    const seconds = Math.max(0.001, (now - this.#tickedAt) / 1_000);
    const lagMs = Math.max(0, now - this.#tickedAt - STATS_MS);
    const numbers = {
      ...read(),
      refusalsPerSecond: tenths(this.#refusals / seconds),
      eventLoopLagSeconds: Math.round(lagMs) / 1_000,
    };
    this.#tickedAt = now;
    this.#refusals = 0;
    const before = this.#frames;
    this.#frames = frames();
    void this.#report(numbers, [before, this.#frames], seconds);
  }

  /** Sends the numbers when the frames have been counted. */
  async #report(
    numbers: Omit<Stats, "framesPerSecond">,
    frames: readonly [before: Promise<FrameCounts>, now: Promise<FrameCounts>],
    seconds: number,
  ): Promise<void> {
    const [before, now] = await Promise.all(frames);
    const rates = [...now].map(([dialect, count]) =>
      [dialect, tenths((count - (before.get(dialect) ?? 0)) / seconds)] as const
    );
    const stats: Stats = { ...numbers, framesPerSecond: Object.fromEntries(rates) };
    this.#send(this.#eventOf(this.#nextId++, "stats", stats));
    this.#flush();
  }

  #eventOf(id: number, type: string, data: unknown): KeptEvent {
    return { id, type, atMs: this.#options.wallNow(), data };
  }

  #textOf(event: KeptEvent): string {
    return event.text ??= this.#written(event);
  }

  #written({ id, type, atMs, data }: KeptEvent): string {
    const { instance } = this.#options;
    const body = JSON.stringify({ type, timestamp: isoTime(atMs), instance, data });
    return `id: ${id}\nevent: ${type}\ndata: ${body}\n\n`;
  }

  #chunkOf(events: readonly KeptEvent[]): Chunk {
    return ENCODER.encode(events.map((event) => this.#textOf(event)).join(""));
  }

  /**
   * Gathers events: each write costs far more than the text, and a client whose step is the event must
   * not wait for it.
   */
  #send(event: KeptEvent): void {
    if (!this.#readers.values().some(({ wants }) => wants(event.type))) return;
    this.#gathered.push(event);
    this.#gatheredLength += this.#textOf(event).length;
    if (this.#gatheredLength >= MAX_GATHERED) return this.#flush();
    this.#sending ??= this.#options.clock.after(GATHER_MS, () => this.#flush());
  }

  /** Writes the gathered events to their readers, encoded once for all that want all of them. */
  #flush(): void {
    const events = this.#takeGathered();
    if (events.length === 0) return;
    let all: Chunk | undefined = undefined;
    for (const { wants, write } of [...this.#readers]) {
      const wanted = events.filter(({ type }) => wants(type));
      if (wanted.length === events.length) write(all ??= this.#chunkOf(events));
      else if (wanted.length > 0) write(this.#chunkOf(wanted));
    }
  }

  #takeGathered(): KeptEvent[] {
    const events = this.#gathered;
    this.#gathered = [];
    this.#gatheredLength = 0;
    this.#sending?.[Symbol.dispose]();
    this.#sending = undefined;
    return events;
  }

  #comment(): void {
    for (const { write } of this.#readers) write(COMMENT);
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

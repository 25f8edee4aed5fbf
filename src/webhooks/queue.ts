/** News for a receiver, in the form in which it waits. */
export interface WebhookEvent {
  readonly type: string;
  /** ISO 8601, UTC with ms. */
  readonly timestamp: string;
  readonly data: unknown;
}

/** An event that waits; its id is the same on every attempt. */
interface QueuedEvent {
  readonly id: string;
  /** On the server's clock. */
  readonly since: number;
  readonly event: WebhookEvent;
  /** Made at the first attempt. */
  body?: string;
  /** Lost events that the body names. */
  lost: number;
}

/** An event that is being delivered. */
export interface Current {
  readonly id: string;
  readonly body: string;
}

/** The events of one receiver in their order. It is bounded: a full queue drops the oldest event. */
export class EventQueue {
  readonly #max: number;
  readonly #instance: string;
  readonly #now: () => number;
  readonly #newId: () => string;
  #waiting: QueuedEvent[] = [];
  /** The place of the first event; those before it are gone. */
  #first = 0;
  #current: QueuedEvent | undefined;
  /** Lost events that no delivered body has named yet. */
  #unnamed = 0;
  /** All lost events. */
  dropped = 0;

  constructor(
    { max, instance, now, newId }: {
      readonly max: number;
      /** The name of this process in each body. */
      readonly instance: string;
      readonly now: () => number;
      readonly newId: () => string;
    },
  ) {
    this.#max = max;
    this.#instance = instance;
    this.#now = now;
    this.#newId = newId;
  }

  /** Events that wait, the one in delivery included. */
  get size(): number {
    return this.#waiting.length - this.#first + (this.#current === undefined ? 0 : 1);
  }

  /** The age of the oldest event in seconds; 0 without any. */
  get oldestSeconds(): number {
    const oldest = this.#current ?? this.#waiting[this.#first];
    return oldest === undefined ? 0 : (this.#now() - oldest.since) / 1_000;
  }

  push(event: WebhookEvent): void {
    if (this.size >= this.#max) this.#dropOldest();
    this.#waiting.push({ id: this.#newId(), since: this.#now(), event, lost: 0 });
  }

  /** An event is lost unqueued, because its receiver wants none now. */
  miss(): void {
    this.#note(1);
  }

  /** The event to deliver now, which stays so until it is delivered or lost. */
  current(): Current | undefined {
    this.#current ??= this.#take();
    const current = this.#current;
    if (current === undefined) return undefined;
    if (current.body === undefined) {
      const { type, timestamp, data } = current.event;
      current.lost = this.#unnamed;
      const dropped = current.lost === 0 ? {} : { dropped: current.lost };
      current.body = JSON.stringify({
        type,
        timestamp,
        instance: this.#instance,
        data,
        ...dropped,
      });
    }
    return { id: current.id, body: current.body };
  }

  /** The current event has arrived. */
  delivered(): void {
    this.#unnamed -= this.#current?.lost ?? 0;
    this.#current = undefined;
  }

  /** The current event is given up. */
  lose(): void {
    if (this.#current === undefined) return;
    this.#current = undefined;
    this.#note(1);
  }

  /** Loses every event. */
  clear(): void {
    const { size } = this;
    this.#current = undefined;
    this.#waiting = [];
    this.#first = 0;
    this.#note(size);
  }

  #dropOldest(): void {
    // The one in delivery may have arrived: the next one goes, if there is any.
    if (this.#take() === undefined) this.#current = undefined;
    this.#note(1);
  }

  #take(): QueuedEvent | undefined {
    const next = this.#waiting[this.#first];
    if (next === undefined) return undefined;
    this.#first++;
    // Cutting each time would cost as much as the queue is long.
    if (this.#first > this.#max || this.#first === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }

  #note(lost: number): void {
    this.dropped += lost;
    this.#unnamed += lost;
  }
}

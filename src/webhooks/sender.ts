import type { Clock } from "../core/clock.ts";
import { publicUrl } from "../core/public_url.ts";
import { EventQueue, type WebhookEvent } from "./queue.ts";

export interface Post {
  readonly url: string;
  readonly id: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface SenderOptions {
  readonly url: string;
  readonly instance: string;
  readonly maxQueued: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly newId: () => string;
  /** A number from 0 to 1, for the jitter of delays. */
  readonly random: () => number;
  /** Sends one request and returns the status of its answer; rejects with the reason. */
  readonly post: (request: Post) => Promise<number>;
  /** The outcome of one attempt, and its duration. */
  readonly onAttempt: (outcome: "delivered" | "failed", seconds: number) => void;
  /** An attempt failed, and the one before it did not. */
  readonly onTrouble: (reason: string) => void;
  /** The receiver has asked not to be sent anything more. */
  readonly onGone: () => void;
}

/** The state of one receiver, as operators see it. */
export interface SenderReport {
  /** Without its user and query. */
  readonly url: string;
  readonly queued: number;
  readonly oldestSeconds: number;
  readonly delivered: number;
  /** Attempts that failed. */
  readonly failed: number;
  /** Events that were lost. */
  readonly dropped: number;
  /** True after the receiver has answered 410, until a reload. */
  readonly stopped: boolean;
}

/** Delays between attempts; the last one repeats. */
const DELAYS_MS = [1, 5, 30, 120, 600, 1_800, 3_600].map((seconds) => 1_000 * seconds);
const JITTER = 0.2;
const GONE = 410;

/** Delivers events to one URL, one after the other. Nobody waits for it. */
export class WebhookSender {
  readonly #options: SenderOptions;
  readonly #queue: EventQueue;
  #delivered = 0;
  #failed = 0;
  /** Attempts to deliver the current event. */
  #attempts = 0;
  #isStopped = false;
  /** The last attempt failed. */
  #isInTrouble = false;
  #isSending = false;
  /** The pause before the next attempt. */
  #pause: Disposable | undefined;
  #request: AbortController | undefined;
  /** Set at the end of the process: no pauses any more. */
  #finished: PromiseWithResolvers<void> | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { maxQueued: max, instance, clock, newId } = options;
    this.#queue = new EventQueue({ max, instance, now: clock.now, newId });
  }

  get report(): SenderReport {
    const { size: queued, oldestSeconds, dropped } = this.#queue;
    return {
      url: publicUrl(this.#options.url),
      queued,
      oldestSeconds,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped,
      stopped: this.#isStopped,
    };
  }

  /** Queues an event: one push into a bounded array. */
  push(event: WebhookEvent): void {
    if (this.#isStopped) return this.#queue.miss();
    this.#queue.push(event);
    this.#next();
  }

  /** Sends again to a receiver that had asked for nothing more. */
  resume(): void {
    this.#isStopped = false;
  }

  /** Delivers what waits without pauses, until it is done or one attempt fails. */
  finish(): Promise<void> {
    const finished = this.#finished ??= Promise.withResolvers<void>();
    this.#pause?.[Symbol.dispose]();
    this.#pause = undefined;
    this.#next();
    return finished.promise;
  }

  /** Ends at once. */
  abort(): void {
    this.#isStopped = true;
    this.#pause?.[Symbol.dispose]();
    this.#request?.abort();
    this.#finished?.resolve();
  }

  #next(): void {
    if (this.#isSending || this.#isStopped || this.#pause !== undefined) return;
    const current = this.#queue.current();
    if (current === undefined) return this.#finished?.resolve();
    this.#isSending = true;
    void this.#attempt(current.id, current.body);
  }

  async #attempt(id: string, body: string): Promise<void> {
    const { clock, onAttempt } = this.#options;
    const startedAt = clock.now();
    const answer = await this.#post(id, body);
    this.#isSending = false;
    if (this.#isStopped) return;
    const isDelivered = typeof answer === "number" && answer >= 200 && answer < 300;
    onAttempt(isDelivered ? "delivered" : "failed", (clock.now() - startedAt) / 1_000);
    if (isDelivered) this.#succeed();
    else if (answer === GONE) this.#stop();
    else this.#fail(typeof answer === "number" ? `status ${answer}` : answer);
  }

  /** The status of the answer, or the reason why there is none. */
  async #post(id: string, body: string): Promise<number | string> {
    const { url, clock, timeoutMs, post } = this.#options;
    const request = this.#request = new AbortController();
    const late = Promise.withResolvers<string>();
    const onAbort = (): void => late.resolve("no answer in time");
    request.signal.addEventListener("abort", onAbort, { once: true });
    using _timer = clock.after(timeoutMs, () => request.abort());
    const answer = post({ url, id, body, signal: request.signal }).catch(({ message }: Error) =>
      message
    );
    return await Promise.race([answer, late.promise]);
  }

  #succeed(): void {
    this.#delivered++;
    this.#attempts = 0;
    this.#isInTrouble = false;
    this.#queue.delivered();
    this.#next();
  }

  #fail(reason: string): void {
    this.#failed++;
    this.#attempts++;
    if (!this.#isInTrouble) this.#options.onTrouble(reason);
    this.#isInTrouble = true;
    if (this.#finished !== undefined) return this.#finished.resolve();
    const { maxAttempts, clock, random } = this.#options;
    if (this.#attempts >= maxAttempts) {
      this.#attempts = 0;
      this.#queue.lose();
      return this.#next();
    }
    const delayMs = DELAYS_MS[this.#attempts - 1] ?? DELAYS_MS.at(-1) ?? 0;
    const jitter = 1 + JITTER * (2 * random() - 1);
    this.#pause = clock.after(delayMs * jitter, () => {
      this.#pause = undefined;
      this.#next();
    });
  }

  #stop(): void {
    this.#failed++;
    this.#attempts = 0;
    this.#isStopped = true;
    this.#queue.clear();
    this.#finished?.resolve();
    this.#options.onGone();
  }
}

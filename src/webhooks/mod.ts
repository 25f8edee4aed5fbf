import type { Clock } from "../core/clock.ts";
import { publicUrl } from "../core/public_url.ts";
import type { WebhookEvent } from "./queue.ts";
import { type SenderOptions, type SenderReport, WebhookSender } from "./sender.ts";

export type { WebhookEvent } from "./queue.ts";
export type { Post, SenderReport } from "./sender.ts";

/** The time that the end of the process spends on events that wait. */
const FINISH_MS = 2_000;

export interface WebhooksOptions extends Omit<SenderOptions, "url" | "onTrouble" | "onGone"> {
  readonly urls: readonly string[];
  /** The types of events to send. */
  readonly types: ReadonlySet<string>;
  readonly clock: Clock;
  /** A receiver fails, and did not before. */
  readonly onTrouble: (url: string, reason: string) => void;
  /** A receiver answered 410. */
  readonly onGone: (url: string) => void;
  /** The process ends, and so many events were not delivered. */
  readonly onUndelivered: (events: number) => void;
}

/** All webhooks of the server, each with a queue of its own. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #senders: readonly WebhookSender[];

  constructor(options: WebhooksOptions) {
    this.#options = options;
    const { urls, onTrouble, onGone } = options;
    this.#senders = urls.map((url) =>
      new WebhookSender({
        ...options,
        url,
        onTrouble: (reason) => onTrouble(publicUrl(url), reason),
        onGone: () => onGone(publicUrl(url)),
      })
    );
  }

  /** Queues an event for every receiver, and returns at once. */
  push(event: WebhookEvent): void {
    if (!this.#options.types.has(event.type)) return;
    for (const sender of this.#senders) sender.push(event);
  }

  /** The state of each receiver. */
  reports(): readonly SenderReport[] {
    return this.#senders.map(({ report }) => report);
  }

  /** A reload: receivers that asked for nothing more are sent events again. */
  resume(): void {
    for (const sender of this.#senders) sender.resume();
  }

  /** Spends up to two seconds on events that wait, and reports the rest. */
  async finish(): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _timer = this.#options.clock.after(FINISH_MS, late.resolve);
    const finished = Promise.all(this.#senders.map((sender) => sender.finish()));
    await Promise.race([finished, late.promise]);
    for (const sender of this.#senders) sender.abort();
    const events = this.reports().reduce((sum, { queued }) => sum + queued, 0);
    if (events > 0) this.#options.onUndelivered(events);
  }
}

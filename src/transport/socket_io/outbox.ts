import { Buffer } from "node:buffer";
import type { OutputBudget } from "../output_budget.ts";

/** Answers a poll: with packets, or with undefined because the connection is over. */
export type PollAnswer = (packets: readonly string[] | undefined) => void;

/** Bytes after which an answer takes no further packet: the rest waits for the next poll. */
const MAX_ANSWER_BYTES = 1_048_576;
/**
 * Packets of one answer. python-engineio drops an answer of more, with everything in it, although
 * the senders have had their acknowledgements by then. JavaScript clients take any number.
 */
const MAX_ANSWER_PACKETS = 16;

/** Packets that wait for a polling client, and its poll. */
export class PollOutbox {
  #packets: string[] = [];
  readonly #budget: OutputBudget;
  #bytes = 0;
  #newestBytes = 0;
  #poll: PollAnswer | undefined = undefined;
  #isFlushing = false;

  constructor(budget: OutputBudget) {
    this.#budget = budget;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that wait behind the newest packet, however large that is. */
  get bytesBehind(): number {
    return this.#bytes - this.#newestBytes;
  }

  get isPolled(): boolean {
    return this.#poll !== undefined;
  }

  push(packet: string): void {
    this.#packets.push(packet);
    this.#newestBytes = Buffer.byteLength(packet);
    this.#count(this.#bytes + this.#newestBytes);
    this.#flushSoon();
  }

  /** The client asks for packets; there must be no other poll. */
  wait(answer: PollAnswer): void {
    this.#poll = answer;
    this.#flushSoon();
  }

  /** Ends a poll, if there is one, with these packets and no others. */
  answer(packets: readonly string[] | undefined): void {
    const poll = this.#poll;
    this.#poll = undefined;
    poll?.(packets);
  }

  /** Everything that waits, which does so no longer. */
  takeAll(): string[] {
    this.#count(0);
    return this.#packets.splice(0);
  }

  /** Packets of one turn of the event loop go out in one answer. */
  #flushSoon(): void {
    if (this.#isFlushing || this.#poll === undefined || this.#packets.length === 0) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (this.#poll !== undefined && this.#packets.length > 0) this.answer(this.#takeSome());
    });
  }

  /** The oldest packets, as many as one answer may hold. */
  #takeSome(): string[] {
    const max = Math.min(this.#packets.length, MAX_ANSWER_PACKETS);
    if (max === this.#packets.length && this.#bytes <= MAX_ANSWER_BYTES) return this.takeAll();
    let [count, taken] = [0, 0];
    for (; count < max && taken < MAX_ANSWER_BYTES; count++) {
      taken += Buffer.byteLength(this.#packets[count] ?? "");
    }
    this.#count(this.#bytes - taken);
    return this.#packets.splice(0, count);
  }

  #count(bytes: number): void {
    this.#budget.charge(bytes - this.#bytes);
    this.#bytes = bytes;
  }
}

import { listOf, type Reply } from "../engine/engine.ts";

/** An item of a node's inbox: its place, and its parts in order. */
export interface Item {
  readonly place: string;
  readonly parts: readonly string[];
}

/** Reads the answer to an XREAD of one stream. Anything else is no item. */
export function itemsIn(reply: Reply): Item[] {
  const items: Item[] = [];
  for (const [place, fields] of entriesOf(reply)) {
    const parts = fields.filter((_, index) => index % 2 === 1);
    if (parts.every((part) => typeof part === "string")) items.push({ place, parts });
  }
  return items;
}

function* entriesOf(reply: Reply): Generator<readonly [string, readonly Reply[]]> {
  const [stream] = listOf(reply);
  const [, entries] = listOf(stream);
  for (const entry of listOf(entries)) {
    const [place, fields] = listOf(entry);
    if (typeof place === "string") yield [place, listOf(fields)];
  }
}

/** Most numbers remembered of one process: more than it sends in the time to a confirmation. */
const MOST_NUMBERS = 20_000;

/** The numbers of one process' messages that have come. */
export class Arrivals {
  /** The highest one, and the highest one of an earlier inbox. */
  last = 0;
  first = 0;
  /** The same, without any whose refusal may not have reached its sender. */
  sure = 0;
  /** Those whose receiver was not there. */
  readonly refused = new Set<number>();
  readonly #known = new Set<number>();
  /** All numbers up to this one have come, or will not come any more. */
  #floor = 0;

  /** This node's inbox begins anew, and so do those of others, which may have held refusals. */
  restart(): void {
    this.first = this.sure = this.last;
    for (const number of this.refused) this.sure = Math.min(this.sure, number - 1);
  }

  /** False for a number that has come before. */
  take(number: number): boolean {
    if (number <= this.#floor || this.#known.has(number)) return false;
    this.#known.add(number);
    this.last = Math.max(this.last, number);
    for (const oldest of this.#known) {
      if (this.#known.size <= MOST_NUMBERS) break;
      this.#known.delete(oldest);
      this.refused.delete(oldest);
    }
    return true;
  }

  /** The process was taken for dead. Should it come back, it sends only numbers that are higher. */
  settle(): void {
    // Those from before the last time are not repeated any more.
    for (const number of this.refused) if (number <= this.#floor) this.refused.delete(number);
    this.#floor = this.last;
    this.#known.clear();
  }
}

/** Most processes whose numbers are remembered; those of living ones always are. */
export const MOST_PROCESSES = 256;

/** The numbers of all processes' messages that have come. */
export class AllArrivals {
  readonly #isLiving: (process: string) => boolean;
  /** The process that was met, or died, last comes last. */
  readonly #arrivals = new Map<string, Arrivals>();

  constructor(isLiving: (process: string) => boolean) {
    this.#isLiving = isLiving;
  }

  /** Those of one process. For a new one, another that is gone may be forgotten. */
  of(process: string): Arrivals {
    const known = this.#arrivals.get(process);
    if (known !== undefined) return known;
    for (const oldest of this.#arrivals.keys()) {
      if (this.#arrivals.size < MOST_PROCESSES) break;
      if (!this.#isLiving(oldest)) this.#arrivals.delete(oldest);
    }
    const arrivals = new Arrivals();
    this.#arrivals.set(process, arrivals);
    return arrivals;
  }

  /** The highest numbers of a process: before this node's inbox began, and of all. */
  rangeOf(process: string): Readonly<Pick<Arrivals, "sure" | "first" | "last">> {
    return this.#arrivals.get(process) ?? { sure: 0, first: 0, last: 0 };
  }

  /** This node's inbox begins anew. */
  restart(): void {
    for (const arrivals of this.#arrivals.values()) arrivals.restart();
  }

  /** A process was taken for dead. One that was only cut off comes back, and repeats what is unconfirmed. */
  gone(process: string): void {
    const arrivals = this.#arrivals.get(process);
    if (arrivals === undefined) return;
    arrivals.settle();
    this.#arrivals.delete(process);
    this.#arrivals.set(process, arrivals);
  }
}

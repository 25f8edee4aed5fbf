import { listOf, type Reply } from "../engine/engine.ts";

/** An item of a node's inbox: its place, and its parts in order. */
export interface Item {
  readonly place: string;
  readonly parts: readonly string[];
}

/** Reads the answer to an XREAD of one stream. Anything else is no item. */
export function itemsIn(reply: Reply): Item[] {
  const items: Item[] = [];
  const stream = listOf(listOf(reply)[0]);
  for (const entry of listOf(stream[1])) {
    const [place, fields] = listOf(entry);
    const parts = partsOf(listOf(fields));
    if (typeof place === "string" && parts !== undefined) items.push({ place, parts });
  }
  return items;
}

/** The values of an entry's fields; undefined if one is no text. */
function partsOf(fields: readonly Reply[]): string[] | undefined {
  const parts: string[] = [];
  for (let index = 1; index < fields.length; index += 2) {
    const part = fields[index];
    if (typeof part !== "string") return undefined;
    parts.push(part);
  }
  return parts;
}

/** Least numbers remembered of one process: more than it sends in the time to a confirmation. */
export const LEAST_NUMBERS = 20_000;

/** The numbers of one process' messages that have come. */
export class Arrivals {
  /** The highest one, and the highest one of an earlier inbox. */
  last = 0;
  first = 0;
  /** The same, without any whose refusal may not have reached its sender. */
  sure = 0;
  /** Those whose receiver was not there. */
  readonly refused = new Set<number>();
  #known = new Set<number>();
  /**
   * Those before them. A set that loses its oldest number for each new one passes over all that it has
   * lost: 14 µs a number.
   */
  #before = new Set<number>();
  /** All numbers up to this one have come, or will not come any more. */
  #floor = 0;

  /** This node's inbox begins anew, and so do those of others, which may have held refusals. */
  restart(): void {
    this.first = this.sure = this.last;
    for (const number of this.refused) this.sure = Math.min(this.sure, number - 1);
  }

  /** False for a number that has come before. */
  take(number: number): boolean {
    if (number <= this.#floor || this.#known.has(number) || this.#before.has(number)) return false;
    if (this.#known.size >= LEAST_NUMBERS) this.#forget();
    this.#known.add(number);
    this.last = Math.max(this.last, number);
    return true;
  }

  /** Whether a message that is sent again was taken at an earlier try, as far as that is remembered. */
  hasTaken(firstNumber: number | undefined): boolean {
    if (firstNumber === undefined || this.refused.has(firstNumber)) return false;
    return this.#known.has(firstNumber) || this.#before.has(firstNumber);
  }

  /** The outcome of a message. @param firstNumber of one that was sent again, and may be once more */
  note(number: number, isTaken: boolean, firstNumber = number): void {
    if (!isTaken) return void this.refused.add(number);
    if (firstNumber === number) return;
    this.#known.add(firstNumber);
    this.refused.delete(firstNumber);
  }

  /** The process was taken for dead. Should it come back, it sends only numbers that are higher. */
  settle(): void {
    if (this.last === this.#floor) return; // it was before, and has sent nothing since
    // Those from before the last time are not repeated any more.
    for (const number of this.refused) if (number <= this.#floor) this.refused.delete(number);
    this.#floor = this.last;
    this.#known.clear();
    this.#before.clear();
  }

  #forget(): void {
    for (const number of this.refused) if (this.#before.has(number)) this.refused.delete(number);
    this.#before = this.#known;
    this.#known = new Set();
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

import type { Fleet, FleetNode } from "../admin/fleet.ts";
import type { Clock } from "../core/clock.ts";
import type { OpenDialect } from "../dialects/dialect.ts";
import type { Log } from "../observe/log.ts";

/** Hands items of a dialect to another node; resolves with those that no node has taken. */
export type HandOver = (dialect: string, items: readonly unknown[]) => Promise<unknown[]>;

const TOPIC = "adopt";
/** Characters of the items of one question. */
const MOST_AT_ONCE = 500_000;
/** Characters that a question holds at most. */
const MOST_LENGTH = 1_100_000;
/** A part of the time for sealing, which follows. */
const TIME_MS = 4_000;
/** How long an offer waits for its end: longer than the other node's. */
const OFFER_MS = 10_000;
/** How soon a question without an answer is asked again. */
const AGAIN_MS = 100;
const ANSWER_MS = 1_000;

/** A dialect that may take items over. */
interface Heir {
  readonly name: string;
  readonly dialect: Pick<OpenDialect, "adopt">;
}

/** Items that another node may leave to this one; undefined once they are adopted. */
interface Offer {
  adopt: (() => void) | undefined;
  readonly timer: Disposable;
}

/**
 * Takes over what nodes held that end, unless this one ends, too. A node offers its items first. They are
 * adopted by a second question, and only then: another node may have got them meanwhile.
 */
export class HandOvers implements Disposable {
  readonly #heirs: readonly Heir[];
  readonly #clock: Pick<Clock, "after">;
  readonly #isLeaving: () => boolean;
  readonly #offers = new Map<string, Offer>();

  constructor(heirs: readonly Heir[], clock: Pick<Clock, "after">, isLeaving: () => boolean) {
    this.#heirs = heirs;
    this.#clock = clock;
    this.#isLeaving = isLeaving;
  }

  answer(fleet: Fleet): void {
    fleet.answer(TOPIC, (question) => Promise.resolve(this.#answer(Object(question))));
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#offers.values()) timer[Symbol.dispose]();
  }

  #answer({ offer, dialect: name, items }: Partial<Record<string, unknown>>): boolean {
    if (typeof offer !== "string") return false;
    if (items === undefined) return this.#adopt(offer);
    const dialect = this.#heirs.find((one) => one.name === name)?.dialect;
    if (!Array.isArray(items) || dialect?.adopt === undefined || this.#isLeaving()) return false;
    const timer = this.#clock.after(OFFER_MS, () => this.#offers.delete(offer));
    this.#offers.set(offer, { adopt: () => dialect.adopt?.(items), timer });
    return true;
  }

  #adopt(name: string): boolean {
    const offer = this.#offers.get(name);
    if (offer?.adopt === undefined) return offer !== undefined;
    if (this.#isLeaving()) return false;
    offer.adopt();
    offer.adopt = undefined;
    return true;
  }
}

interface Parts {
  readonly clock: Pick<Clock, "now" | "delay">;
  readonly log: Pick<Log, "write">;
}

/** The way to the other nodes for what this one still holds at its end; undefined without a cluster. */
export function handOverTo(fleet: Fleet | undefined, parts: Parts): HandOver | undefined {
  if (fleet === undefined) return undefined;
  return async (dialect, items) => {
    const round = new Round(fleet, parts, dialect);
    const left: unknown[] = [];
    for (const part of partsOf(items)) {
      if (!await round.isTaken(part)) left.push(...part.items);
    }
    const handed = items.length - left.length;
    if (handed > 0) {
      parts.log.write("info", "handed over to another node", { dialect, items: handed });
    }
    return left;
  };
}

/** Items that fit into one question, as far as an item alone does. */
interface Part {
  readonly items: unknown[];
  /** Characters of them. */
  length: number;
}

/** One dialect's items on their way to the other nodes. */
class Round {
  readonly #fleet: Fleet;
  readonly #clock: Parts["clock"];
  readonly #dialect: string;
  readonly #until: number;
  /** Those that have not failed. */
  readonly #others: FleetNode[];

  constructor(fleet: Fleet, { clock }: Parts, dialect: string) {
    this.#fleet = fleet;
    this.#clock = clock;
    this.#dialect = dialect;
    this.#until = clock.now() + TIME_MS;
    // In a rolling restart the newest node is the last one to end.
    this.#others = [...fleet.nodes()].filter(({ name }) => name !== fleet.node)
      .sort((a, b) => b.sinceMs - a.sinceMs);
  }

  /** Whether a node has taken a part, as far as this one can know: no part is given to two. */
  async isTaken({ items, length }: Part): Promise<boolean> {
    // No question holds it, which is no reason to give a node up.
    if (length > MOST_LENGTH) return false;
    for (let [other] = this.#others; other !== undefined; [other] = this.#others) {
      const offer = crypto.randomUUID();
      // A node that hangs leaves time for the next one.
      const limitMs = this.#others.length === 1 ? this.#leftMs : this.#leftMs / 2;
      const question = { offer, dialect: this.#dialect, items };
      const isOffered = limitMs > 0 &&
        await this.#fleet.ask(other.name, TOPIC, question, limitMs) === true;
      if (isOffered && await this.#isAdopted(other.name, offer)) return true;
      this.#others.shift();
    }
    return false;
  }

  get #leftMs(): number {
    return this.#until - this.#clock.now();
  }

  /** Asks until there is an answer. Without one the node may have the items, and nobody else gets them. */
  async #isAdopted(name: string, offer: string): Promise<boolean> {
    while (this.#leftMs > 0) {
      const limitMs = Math.min(ANSWER_MS, this.#leftMs);
      const isAdopted = await this.#fleet.ask(name, TOPIC, { offer }, limitMs);
      if (typeof isAdopted === "boolean") return isAdopted;
      await this.#clock.delay(AGAIN_MS);
    }
    return true;
  }
}

function partsOf(items: readonly unknown[]): Part[] {
  const parts: Part[] = [];
  for (const item of items) {
    // With a comma.
    const length = JSON.stringify(item).length + 1;
    const last = parts.at(-1);
    if (last === undefined || last.length + length > MOST_AT_ONCE) {
      parts.push({ items: [item], length });
    } else {
      last.items.push(item);
      last.length += length;
    }
  }
  return parts;
}

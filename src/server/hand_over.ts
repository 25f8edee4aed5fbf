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
/** The time that is kept for withdrawing an offer. */
const WITHDRAW_MS = 1_000;
/** How long the end waits for offers that are being taken. */
const SETTLE_MS = 500;
/** The answer to an offer that can be withdrawn; a node of an earlier version answers true. */
const WITHDRAWABLE = "withdrawable";

/** A dialect that may take items over. */
interface Heir {
  readonly name: string;
  readonly dialect: Pick<OpenDialect, "adopt">;
}

/** Items that another node may leave to this one. */
interface Offer {
  readonly adopt: () => void;
  /** The other node's address; undefined for an earlier version, which withdraws nothing. */
  readonly maker: string | undefined;
  /** Whether this node has taken them; undefined before it was asked to. */
  isAdopted: Promise<boolean> | undefined;
  /** Disposed of when the offer has waited long enough. */
  readonly end: DisposableStack;
}

/**
 * Takes over what nodes held that end, unless this one ends, too. A node offers its items first. They are
 * adopted by a second question, and only then: another node may have got them meanwhile. The node that
 * claims the offer in the engine has the items, so one without an answer can withdraw them.
 */
export class HandOvers implements Disposable {
  readonly #heirs: readonly Heir[];
  readonly #fleet: Fleet;
  readonly #clock: Pick<Clock, "after">;
  readonly #isLeaving: () => boolean;
  readonly #offers = new Map<string, Offer>();

  constructor(
    heirs: readonly Heir[],
    fleet: Fleet,
    clock: Pick<Clock, "after">,
    isLeaving: () => boolean,
  ) {
    this.#heirs = heirs;
    this.#fleet = fleet;
    this.#clock = clock;
    this.#isLeaving = isLeaving;
    fleet.answer(TOPIC, (question) => this.#answer(Object(question)));
  }

  /** Resolves when no offer is being taken any more, or after a while. */
  async settled(): Promise<void> {
    const open = [...this.#offers.values()].map(({ isAdopted }) => isAdopted);
    const late = Promise.withResolvers<void>();
    using _timer = this.#clock.after(SETTLE_MS, late.resolve);
    await Promise.race([Promise.allSettled(open), late.promise]);
  }

  [Symbol.dispose](): void {
    for (const { end } of this.#offers.values()) end.dispose();
  }

  async #answer(
    { offer, maker, dialect: name, items }: Partial<Record<string, unknown>>,
  ): Promise<boolean | typeof WITHDRAWABLE> {
    if (typeof offer !== "string") return false;
    if (items === undefined) return await this.#adopt(offer);
    const dialect = this.#heirs.find((one) => one.name === name)?.dialect;
    if (!Array.isArray(items) || dialect?.adopt === undefined || this.#isLeaving()) return false;
    const end = new DisposableStack();
    end.use(this.#clock.after(OFFER_MS, () => this.#drop(offer)));
    const isWithdrawable = typeof maker === "string";
    this.#offers.set(offer, {
      adopt: () => dialect.adopt?.(items),
      maker: isWithdrawable ? maker : undefined,
      isAdopted: undefined,
      end,
    });
    return isWithdrawable ? WITHDRAWABLE : true;
  }

  #adopt(name: string): Promise<boolean> {
    const offer = this.#offers.get(name);
    if (offer === undefined) return Promise.resolve(false);
    return offer.isAdopted ??= this.#take(name, offer);
  }

  /** Adopts the items of an offer, if no other node has it. */
  async #take(name: string, { adopt, maker, end }: Offer): Promise<boolean> {
    if (this.#isLeaving()) return false;
    const claim = maker === undefined ? undefined : await this.#fleet.take(name, maker);
    if (typeof claim === "string") return false;
    adopt();
    if (end.disposed) claim?.[Symbol.dispose]();
    else end.use(claim);
    return true;
  }

  #drop(name: string): void {
    const offer = this.#offers.get(name);
    this.#offers.delete(name);
    offer?.end.dispose();
  }
}

interface Parts {
  readonly clock: Pick<Clock, "now" | "delay" | "after">;
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

  /** Whether a node has taken a part; no part is given to two. */
  async isTaken({ items, length }: Part): Promise<boolean> {
    // No question holds it, which is no reason to give a node up.
    if (length > MOST_LENGTH) return false;
    for (let [other] = this.#others; other !== undefined; [other] = this.#others) {
      const offer = crypto.randomUUID();
      // A node that hangs leaves time for the next one.
      const limitMs = this.#others.length === 1 ? this.#leftMs : this.#leftMs / 2;
      const question = { offer, maker: this.#fleet.address, dialect: this.#dialect, items };
      const answer = limitMs > 0
        ? await this.#fleet.ask(other.name, TOPIC, question, limitMs)
        : undefined;
      if (answer === true && await this.#isAdopted(other.name, offer) !== false) return true;
      if (answer === WITHDRAWABLE) {
        const outcome = await this.#outcomeOf(other.name, offer);
        if (outcome !== "open") return outcome === "adopted";
      }
      this.#others.shift();
    }
    return false;
  }

  get #leftMs(): number {
    return this.#until - this.#clock.now();
  }

  /**
   * The end of an offer. "open": no node has taken it, and none will. "unknown": the engine does not
   * answer; no other node is asked then.
   */
  async #outcomeOf(name: string, offer: string): Promise<"adopted" | "open" | "unknown"> {
    const isLast = this.#others.length === 1;
    const limitMs = isLast ? this.#leftMs - WITHDRAW_MS : this.#leftMs / 2;
    const isAdopted = await this.#isAdopted(name, offer, this.#clock.now() + limitMs);
    if (isAdopted !== undefined) return isAdopted ? "adopted" : "open";
    const outcome = await this.#withdraw(offer);
    if (outcome === "taken") return "adopted";
    if (outcome !== "unavailable") return "open";
    this.#others.length = 0;
    return "unknown";
  }

  /** This node has its claim until it ends, and after that nobody can take the offer. */
  async #withdraw(offer: string): ReturnType<Fleet["take"]> {
    const late = Promise.withResolvers<"unavailable">();
    using _timer = this.#clock.after(Math.max(0, this.#leftMs), () => late.resolve("unavailable"));
    return await Promise.race([this.#fleet.take(offer, this.#fleet.address), late.promise]);
  }

  /** Asks whether a node has adopted an offer until there is an answer; undefined without one. */
  async #isAdopted(
    name: string,
    offer: string,
    until = this.#until,
  ): Promise<boolean | undefined> {
    while (this.#clock.now() < until) {
      const limitMs = Math.min(ANSWER_MS, until - this.#clock.now());
      const isAdopted = await this.#fleet.ask(name, TOPIC, { offer }, limitMs);
      if (typeof isAdopted === "boolean") return isAdopted;
      await this.#clock.delay(AGAIN_MS);
    }
    return undefined;
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

/** Bytes of one link that waits although a budget is spent: small messages reach who reads. */
const FAIR_BYTES = 16 * 1024;

/** Bytes that wait in total, for all clients that share the limit. */
interface Account {
  readonly maxBytes: number;
  bytes: number;
}

/** How much may wait for clients. */
export interface OutputBudgetLimits {
  /** For all clients together. */
  readonly maxQueuedBytes: number;
  /** For all clients of one address together. */
  readonly maxQueuedBytesPerAddress: number;
}

/**
 * Bytes that wait for the clients of one address, and with them for all. They are counted as they
 * change, because a socket that is not read keeps its frames even after it was closed. A frame over
 * the limit must therefore never be handed to a socket, and a client that was given up counts until
 * it is gone.
 */
export class OutputBudget {
  readonly key: string;
  links = 0;
  readonly #own: Account;
  readonly #all: Account;

  constructor(key: string, own: Account, all: Account) {
    this.key = key;
    this.#own = own;
    this.#all = all;
  }

  /** Whether so much more may wait. */
  hasRoom(bytes: number): boolean {
    return this.#own.bytes + bytes <= this.#own.maxBytes &&
      this.#all.bytes + bytes <= this.#all.maxBytes;
  }

  /** Whether a link may go on beside a spent budget. @param bytes all that would wait for it */
  spares(bytes: number): boolean {
    return bytes <= FAIR_BYTES;
  }

  /** Something waits, or waits no longer. */
  charge(bytes: number): void {
    this.#own.bytes += bytes;
    this.#all.bytes += bytes;
  }
}

/** The budgets of all addresses that have links now. */
export class OutputBudgets {
  readonly #limits: OutputBudgetLimits;
  readonly #all: Account;
  readonly #byKey = new Map<string, OutputBudget>();

  constructor(limits: OutputBudgetLimits) {
    this.#limits = limits;
    this.#all = { maxBytes: limits.maxQueuedBytes, bytes: 0 };
  }

  /** Bytes that wait for all clients. */
  get bytes(): number {
    return this.#all.bytes;
  }

  /** Addresses that have links. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The budget of one more link; to be given back. */
  enter(key: string): OutputBudget {
    let budget = this.#byKey.get(key);
    if (budget === undefined) {
      const own = { maxBytes: this.#limits.maxQueuedBytesPerAddress, bytes: 0 };
      this.#byKey.set(key, budget = new OutputBudget(key, own, this.#all));
    }
    budget.links++;
    return budget;
  }

  leave(budget: OutputBudget): void {
    if (--budget.links === 0) this.#byKey.delete(budget.key);
  }
}

import type { RefusalFacts } from "../core/happenings.ts";
import { shown } from "./log.ts";
import type { ConnectionInfo } from "../transport/connections.ts";

/** A refusal, as an operator's list shows it. */
export interface RefusalReport extends RefusalFacts {
  /** Time of the last one, in ms since 1970. */
  readonly atMs: number;
  /** How often the connection got this refusal. */
  readonly count: number;
}

/** The largest share of one address, so that no client can push out all others. */
const SHARE = 1 / 10;

interface ListedRefusal {
  readonly report: RefusalReport;
  /** The key under which its address is counted. */
  readonly owner: string;
}

/** The newest refusals, because many clients show their users no error. */
export class RecentRefusals {
  /** Keyed by connection, address, reason and pool; the newest last. */
  readonly #entries = new Map<string, ListedRefusal>();
  readonly #max: number;
  readonly #wallNow: () => number;
  readonly #keyOf: (address: string) => string;

  /**
   * @param wallNow ms since 1970
   * @param keyOf which addresses count as one
   */
  constructor(
    max: number,
    wallNow: () => number,
    keyOf: (address: string) => string = (address) => address,
  ) {
    this.#max = max;
    this.#wallNow = wallNow;
    this.#keyOf = keyOf;
  }

  /** @param reason the dialect's own word */
  add(
    { id, dialect, address, user }: ConnectionInfo,
    reason: string,
    pool: string | undefined,
  ): void {
    const atMs = this.#wallNow();
    const what = pool === undefined ? { reason } : { reason, pool: shown(pool) };
    // POSTs have no connection of their own.
    const key = JSON.stringify([id, address, what]);
    const known = this.#entries.get(key);
    const count = 1 + (known?.report.count ?? 0);
    const owner = known?.owner ?? this.#keyOf(address);
    this.#entries.delete(key);
    const whose = user === undefined ? {} : { user };
    const report = { atMs, dialect, address, connection: id, ...what, ...whose, count };
    this.#entries.set(key, { report, owner });
    if (known === undefined) this.#makeRoom(owner);
  }

  /** The newest first. */
  list(): RefusalReport[] {
    return [...this.#entries.values()].map(({ report }) => report).reverse();
  }

  /** Drops the oldest entry, of the new entry's address if that has more than its share. */
  #makeRoom(newcomer: string): void {
    const all = [...this.#entries.keys()];
    const own = all.filter((key) => this.#entries.get(key)?.owner === newcomer);
    const isOverShare = own.length > Math.ceil(SHARE * this.#max);
    const [oldest] = isOverShare ? own : all;
    if (oldest !== undefined && (isOverShare || all.length > this.#max)) {
      this.#entries.delete(oldest);
    }
  }
}

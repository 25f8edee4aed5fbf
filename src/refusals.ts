import { shown } from "./log.ts";
import type { ConnectionInfo } from "./transport/connections.ts";

/** What was refused, in an operator's list. */
export interface RefusalReport {
  /** When it last was, in ms since 1970. */
  readonly atMs: number;
  readonly dialect: string;
  readonly address: string;
  readonly connection: string;
  /** In the dialect's own words where it has any, such as "no-such-pool". */
  readonly reason: string;
  /** Of a join: the pool that was asked for, cut to what a log line holds. */
  readonly pool?: string;
  /** How often the connection was refused this. */
  readonly count: number;
}

/** One address has at most so large a part of the list: nobody can push all others out. */
const SHARE = 1 / 10;

/** The newest refusals: a client that waits for nothing says nothing of it to its user. */
export class RecentRefusals {
  /** By connection, reason and pool, the newest last. */
  readonly #reports = new Map<string, RefusalReport>();
  readonly #max: number;
  readonly #wallNow: () => number;

  /** @param wallNow ms since 1970 */
  constructor(max: number, wallNow: () => number) {
    this.#max = max;
    this.#wallNow = wallNow;
  }

  /** @param reason in the dialect's own words */
  add({ id, dialect, address }: ConnectionInfo, reason: string, pool: string | undefined): void {
    const atMs = this.#wallNow();
    const what = pool === undefined ? { reason } : { reason, pool: shown(pool) };
    const key = JSON.stringify([id, what]);
    const count = 1 + (this.#reports.get(key)?.count ?? 0);
    this.#reports.delete(key);
    this.#reports.set(key, { atMs, dialect, address, connection: id, ...what, count });
    if (count > 1) return;
    this.#dropOldest((one) => one.address === address, Math.ceil(SHARE * this.#max));
    this.#dropOldest(() => true, this.#max);
  }

  /** The newest first. */
  list(): RefusalReport[] {
    return [...this.#reports.values()].reverse();
  }

  /** Of those that are meant, at most `max` stay. */
  #dropOldest(isMeant: (report: RefusalReport) => boolean, max: number): void {
    const meant = [...this.#reports].filter(([, report]) => isMeant(report));
    for (const [key] of meant.slice(0, Math.max(0, meant.length - max))) this.#reports.delete(key);
  }
}

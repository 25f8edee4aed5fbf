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

const MAX_REFUSALS = 200;

/** The newest refusals: a client that waits for nothing says nothing of it to its user. */
export class RecentRefusals {
  /** By connection, reason and pool, the newest last. */
  readonly #reports = new Map<string, RefusalReport>();
  readonly #wallNow: () => number;

  /** @param wallNow ms since 1970 */
  constructor(wallNow: () => number) {
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
    for (const oldest of this.#reports.keys()) {
      if (this.#reports.size <= MAX_REFUSALS) return;
      this.#reports.delete(oldest);
    }
  }

  /** The newest first. */
  list(): RefusalReport[] {
    return [...this.#reports.values()].reverse();
  }
}

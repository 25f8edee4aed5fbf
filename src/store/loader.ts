import type { Clock } from "../core/clock.ts";
import type { Key, StoreEngine } from "./engine/engine.ts";
import type { ReportStoreEvent } from "./events.ts";
import type { Table } from "./records/table.ts";
import { nextTurn, withinTime } from "./time_limit.ts";

/** The part of a table that loading needs. */
export type Loadable = Pick<Table<unknown>, "kind" | "adopt" | "loaded" | "isLoaded">;

export interface LoaderOptions {
  readonly engine: StoreEngine;
  readonly clock: Clock;
  /** Time limit for the lookup of one record. */
  readonly timeoutMs: number;
  readonly isInTrouble: () => boolean;
  /** Called with the outcome; without an error, the operation succeeded. */
  readonly onOutcome: (doing: "loading" | "reading", error?: unknown) => void;
  readonly report: ReportStoreEvent;
  /** Called with the key of an expired record, which must be deleted. */
  readonly onOver: (key: Key) => void;
  /** True if so many writes wait that no more should be added. */
  readonly isBusy: () => boolean;
}

const RETRY_MS = 2_000;
const BUSY_MS = 50;
/** Records that are loaded between two pauses. */
const BATCH = 500;

/** Loads the records of earlier runs into memory. */
export class Loader implements Disposable {
  readonly #options: LoaderOptions;
  #isEnded = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Loads all records of a table. */
  async load(table: Loadable): Promise<void> {
    const { engine, clock, report } = this.#options;
    let [read, unreadable] = [0, 0];
    for await (const { key, value } of engine.list([table.kind])) {
      const outcome = table.adopt(key, value);
      if (outcome === "over") await this.#deleteBehind(key);
      if (outcome === "unreadable") unreadable++;
      // A list yields its records in batches: clients are served between two of them.
      if (++read % BATCH === 0) await nextTurn(clock);
      if (this.#isEnded) return;
    }
    table.loaded();
    if (unreadable > 0) report({ type: "unreadable", kind: table.kind, records: unreadable });
  }

  /** Loads tables, and retries until all are loaded; never rejects. */
  async loadBehind(tables: readonly Loadable[]): Promise<void> {
    const { onOutcome, clock } = this.#options;
    while (!this.#isEnded) {
      try {
        for (const table of tables) if (!table.isLoaded) await this.load(table);
        return onOutcome("loading");
      } catch (error) {
        if (this.#isEnded) return;
        onOutcome("loading", error);
        await clock.delay(RETRY_MS);
      }
    }
  }

  /** Loads one record that may not be in memory yet; never rejects. */
  async lookUp(table: Loadable, parts: readonly string[]): Promise<void> {
    const { engine, clock, timeoutMs, isInTrouble, onOutcome, report } = this.#options;
    // Clients do not wait for a store that is known to be in trouble.
    if (isInTrouble()) return report({ type: "claim_unchecked" });
    const key = [table.kind, ...parts];
    try {
      const value = await withinTime(engine.get(key), timeoutMs, clock);
      if (value !== undefined) table.adopt(key, value);
    } catch (error) {
      onOutcome("reading", error);
      report({ type: "claim_unchecked" });
    }
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
  }

  /** Deletes an expired record, but not so fast that new records are dropped from the queue. */
  async #deleteBehind(key: Key): Promise<void> {
    const { onOver, isBusy, clock } = this.#options;
    onOver(key);
    while (isBusy() && !this.#isEnded) await clock.delay(BUSY_MS);
  }
}

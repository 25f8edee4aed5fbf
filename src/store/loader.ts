import type { Clock } from "../core/clock.ts";
import type { Engine, Key } from "./engine/engine.ts";
import type { Report } from "./events.ts";
import type { Table } from "./records/table.ts";
import { nextTurn, withinTime } from "./time_limit.ts";

/** What loading needs of a table, whatever its values are. */
export type Loadable = Pick<Table<unknown>, "kind" | "adopt" | "loaded" | "isLoaded">;

export interface LoaderOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Time that looking up one record may take. */
  readonly timeoutMs: number;
  readonly isInTrouble: () => boolean;
  /** Told how it went; without an error, well. */
  readonly onOutcome: (doing: "loading" | "reading", error?: unknown) => void;
  readonly report: Report;
  /** Takes the key of a record that is to be deleted, for its time is over. */
  readonly onOver: (key: Key) => void;
  /** Whether so many writes wait that no more should be made. */
  readonly isBusy: () => boolean;
}

const RETRY_MS = 2_000;
const BUSY_MS = 50;
/** A list's records that are taken in at once. */
const BATCH = 500;

/** Brings what earlier runs have stored into memory. */
export class Loader implements Disposable {
  readonly #options: LoaderOptions;
  #isEnded = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Adds all records of a table. */
  async load(table: Loadable): Promise<void> {
    const { engine, clock, report } = this.#options;
    let [read, unreadable] = [0, 0];
    for await (const { key, value } of engine.list([table.kind])) {
      const outcome = table.adopt(key, value);
      if (outcome === "over") await this.#deleteBehind(key);
      if (outcome === "unreadable") unreadable++;
      // A list gives its records in batches: clients come first between two of them.
      if (++read % BATCH === 0) await nextTurn(clock);
      if (this.#isEnded) return;
    }
    table.loaded();
    if (unreadable > 0) report({ type: "unreadable", kind: table.kind, records: unreadable });
  }

  /** The same for many, again and again until it is done; never rejects. */
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

  /** Adds one record that may not have been read yet; never rejects. */
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

  /** What is over goes too, but not so quickly that it pushes news out of the queue. */
  async #deleteBehind(key: Key): Promise<void> {
    const { onOver, isBusy, clock } = this.#options;
    onOver(key);
    while (isBusy() && !this.#isEnded) await clock.delay(BUSY_MS);
  }
}

import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { addressKey } from "../http/address.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { messageOf } from "../system/errors.ts";
import {
  openStore,
  Store,
  type StoreObserver,
  type Unreserved,
  type Variables,
} from "../store/mod.ts";

export { StoreError } from "../store/mod.ts";

export interface PersistenceOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** For the user's data folder; without it, `--store kv:` alone is an error. */
  readonly variables?: Variables;
}

/** A store, and what has become of it so far. */
export interface Persistence {
  readonly store: Store;
  readonly journal: StoreJournal;
}

/** Opens what `--store` names. Throws StoreError, whose message is for people. */
export async function openPersistence(
  config: Config,
  { log, clock, wallNow, variables = () => undefined }: PersistenceOptions,
): Promise<Persistence> {
  const journal = new StoreJournal(log);
  const options = { ...optionsOf(config, journal), clock, wallNow, variables };
  const dialects = DIALECTS.map(({ name }) => name);
  const store = await openStore(config.store, { ...options, dialects });
  return { store, journal };
}

/** A store that is forgotten with the process; throws RangeError where `--store` names another. */
export function forgetful(
  config: Config,
  { log, clock, wallNow }: PersistenceOptions,
): Persistence {
  if (config.store !== "memory") throw new RangeError(`Cannot use "${config.store}": not opened`);
  const journal = new StoreJournal(log);
  return { store: Store.inMemory({ ...optionsOf(config, journal), clock, wallNow }), journal };
}

/** What happens to the store, as log lines and counts. */
export class StoreJournal implements StoreObserver {
  readonly #log: Log;
  #failures = 0;
  #dropped = 0;
  #unchecked = 0;
  #unreserved = 0;
  #evicted = 0;
  #damaged = 0;
  #unreadable = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Shows the counts, and how the store is doing. */
  announce(metrics: Metrics, store: Store): void {
    const count = (name: string, help: string, read: () => number): void =>
      metrics.total(`signalbox_store_${name}_total`, help, read);
    count("failures", "Operations of the store that failed", () => this.#failures);
    count("dropped_writes", "Writes put off, for too many waited", () => this.#dropped);
    count("unchecked_claims", "Ids given out while the store failed", () => this.#unchecked);
    count("unreserved_ids", "Ids that are not kept for their tokens", () => this.#unreserved);
    count("evicted_reservations", "Reservations given up for new ones", () => this.#evicted);
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(`signalbox_store_${name}`, help, read);
    gauge("up", "Whether the store can be relied upon", () => store.trouble === undefined ? 1 : 0);
    gauge("damaged", "Damaged files moved aside", () => this.#damaged);
    gauge("unreadable", "Records that mean nothing", () => this.#unreadable);
    gauge("waiting_writes", "Records that wait to be written", () => store.waitingWrites);
    for (const kind of store.sizes.keys()) {
      const read = (): number => store.sizes.get(kind) ?? 0;
      metrics.gauge("signalbox_store_records", "Records in the store", read, { kind });
    }
  }

  inTrouble(reason: string, error: unknown): void {
    this.#log.write("error", "store in trouble", { reason, error: messageOf(error) });
  }

  recovered(): void {
    this.#log.write("info", "store recovered");
  }

  failed(): void {
    this.#failures++;
  }

  writeDropped(): void {
    this.#dropped++;
    if (this.#dropped > 1) return;
    this.#log.write("error", "too many writes wait for the store, it will be written anew");
  }

  unreadable(kind: string, records: number): void {
    this.#unreadable += records;
    this.#log.write("error", "records in the store that mean nothing", { kind, records });
  }

  claimUnchecked(): void {
    this.#unchecked++;
  }

  idUnreserved(why: Unreserved, address?: string): void {
    this.#unreserved++;
    const from = address === undefined ? {} : { address };
    this.#log.writeForClient("warning", "id not reserved", { reason: UNRESERVED[why], ...from });
  }

  reservationEvicted(): void {
    this.#evicted++;
    if (this.#evicted === 1) this.#log.write("warning", "reservations given up for new ones");
  }

  unwritten(records: number): void {
    this.#log.write("error", "ended before everything was stored", { records });
  }

  sealedLost(dialect: string, error: unknown): void {
    const what = "calls of the last run cannot go on";
    this.#log.write("error", what, { dialect, error: messageOf(error) });
  }

  sealedLeft(error: unknown): void {
    this.#log.write("warning", "cannot remove what was sealed", { error: messageOf(error) });
  }

  sealedTooMuch(dialect: string, items: number): void {
    this.#log.write("warning", "too much to seal", { dialect, items });
  }

  sealedUnreadable(dialect: string, items: number): void {
    this.#log.write("warning", "sealed items left out, for they mean nothing", { dialect, items });
  }

  exposed(folder: string, error: unknown): void {
    const what = "other users may read the store";
    this.#log.write("warning", what, { folder, error: messageOf(error) });
  }

  damaged(movedTo: string): void {
    this.#damaged++;
    this.#log.write("error", "damaged store moved aside", { file: movedTo });
  }
}

const UNRESERVED: Record<Unreserved, string> = {
  address: "too many new ones from this address",
  full: "there are too many",
  invalid: "it cannot be stored",
  too_large: "it cannot be stored",
};

function optionsOf(config: Config, observer: StoreJournal): {
  limits: Config["limits"];
  keyOf: (address: string) => string;
  timeoutMs: number;
  seals: boolean;
  observer: StoreJournal;
} {
  const { limits, storeTimeoutMs: timeoutMs, noSeal } = config;
  return { limits, keyOf: addressKey, timeoutMs, seals: !noSeal, observer };
}

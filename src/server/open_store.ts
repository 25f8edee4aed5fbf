import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { addressKey } from "../http/address.ts";
import type { Log } from "../observe/log.ts";
import { StoreJournal } from "../observe/store_journal.ts";
import {
  openStore,
  type ReportStoreEvent,
  Store,
  type StoreOptions,
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

function optionsOf(
  { limits, storeTimeoutMs: timeoutMs, noSeal }: Config,
  journal: StoreJournal,
): Omit<StoreOptions, "clock" | "wallNow"> {
  const report: ReportStoreEvent = (event) => journal.note(event);
  return { limits, keyOf: addressKey, timeoutMs, seals: !noSeal, report };
}

/** Why the store does not work, in a few words; undefined if it does. */
export function storeTrouble({ trouble }: Pick<Store, "trouble">): string | undefined {
  return trouble === undefined ? undefined : `the store: ${trouble}`;
}

import { openFolder } from "./folder.ts";
import type { StoreObserver } from "./health.ts";
import { KvEngine } from "./kv.ts";
import { defaultFolder, namedFolder, type Variables } from "./place.ts";
import { SealedFile } from "./sealed_file.ts";
import { Store, type StoreOptions } from "./store.ts";

export { StoreError } from "./engine.ts";
export type { StoreObserver, Unreserved } from "./health.ts";
export type { Variables } from "./place.ts";
export { Store, type StoreLimits, type StoreOptions } from "./store.ts";

export interface OpenStoreOptions extends StoreOptions {
  /** Those whose parts will be asked for. */
  readonly dialects: readonly string[];
  /** For the user's data folder. */
  readonly variables: Variables;
  readonly observer: StoreObserver & {
    /** A damaged file was moved aside, and the store begins empty. */
    damaged(movedTo: string): void;
    /** Other users of the machine may read the files, which could not be helped. */
    exposed(folder: string, error: unknown): void;
  };
}

/**
 * Opens what `--store` names. Throws StoreError, whose message is one line for people.
 * @param where `memory`, `kv:` (the default folder), `kv:FOLDER`, or `kv:` and a URL
 */
export async function openStore(where: string, options: OpenStoreOptions): Promise<Store> {
  if (where === "memory") return Store.inMemory(options);
  const { dialects, variables, observer, clock, wallNow } = options;
  const place = where.slice("kv:".length);
  if (/^https?:/.test(place)) return await Store.open(new KvEngine(place), dialects, options);
  const path = place === "" ? defaultFolder(variables) : namedFolder(place, variables);
  const stamp = String(Math.floor(wallNow() / 1_000));
  const folder = await openFolder(path, stamp, clock);
  if (folder.damaged !== undefined) observer.damaged(folder.damaged);
  if (folder.exposed !== undefined) observer.exposed(path, folder.exposed);
  // The engine lets go of the folder when it is closed, and the store closes it in any case.
  const engine = new KvEngine(folder.file, folder);
  return await Store.open(engine, dialects, {
    ...options,
    sealedIn: new SealedFile(folder.sealedFile),
  });
}

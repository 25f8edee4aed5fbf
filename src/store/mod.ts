import { StoreFolder } from "./engine/folder.ts";
import { KvEngine } from "./engine/kv.ts";
import { defaultFolder, namedFolder, type Variables } from "./engine/place.ts";
import { SealedFile } from "./seal/sealed_file.ts";
import { Store, type StoreOptions } from "./store.ts";

export { StoreError } from "./engine/engine.ts";
export type { ReportStoreEvent, StoreEvent, Unreserved } from "./events.ts";
export type { Variables } from "./engine/place.ts";
export { Store, type StoreLimits, type StoreOptions } from "./store.ts";

export interface OpenStoreOptions extends StoreOptions {
  /** Dialects whose parts will be used. */
  readonly dialects: readonly string[];
  /** For the user's data folder. */
  readonly variables: Variables;
}

/**
 * Opens what `--store` names. Throws StoreError, whose message is one line for people.
 * @param where `memory`, `kv:` (the default folder), `kv:FOLDER`, or `kv:` and a URL
 */
export async function openStore(where: string, options: OpenStoreOptions): Promise<Store> {
  if (where === "memory") return Store.inMemory(options);
  const { dialects, variables, report, clock, wallNow } = options;
  const place = where.slice("kv:".length);
  if (/^https?:/i.test(place)) {
    // Deno recognises a URL by its scheme, in lower case only.
    const url = place.replace(/^\w+/, (scheme) => scheme.toLowerCase());
    return await Store.open(new KvEngine(url), dialects, options);
  }
  const path = place === "" ? defaultFolder(variables) : namedFolder(place, variables);
  const folder = new StoreFolder(path, {
    clock,
    wallNow,
    onDamaged: (movedTo) => report({ type: "damaged", movedTo }),
    onExposed: (error) => report({ type: "exposed", folder: path, error }),
  });
  try {
    await folder.claim();
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
  // The engine releases the folder when it is closed, and the store always closes it.
  const engine = new KvEngine(folder.file, folder);
  const sealedIn = new SealedFile(folder.sealedFile, clock, folder);
  return await Store.open(engine, dialects, { ...options, sealedIn });
}

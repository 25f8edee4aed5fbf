import type { Engine } from "./engine.ts";
import { isSound, isThere, removeDatabase } from "./files.ts";
import { KvEngine } from "./kv.ts";
import { SealBrokenError } from "./seal.ts";

/** Where what is sealed is kept from one run to the next. */
export interface SealedPlace {
  readonly engine: Engine;
  /** Whether it may hold anything. Throws SealBrokenError where none of it can be read. */
  mayHold(): Promise<boolean>;
  /** Removes what deleted records have left behind. */
  clear(): Promise<void>;
}

/**
 * A file of its own: SQLite keeps what was deleted in its pages and its log, and a file as large as
 * it ever was. This one goes as a whole, and is there between two runs only.
 */
export class SealedFile implements SealedPlace {
  readonly engine: Engine;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.engine = new KvEngine(path);
  }

  async mayHold(): Promise<boolean> {
    if (!await isThere(this.#path)) return false;
    if (await isSound(this.#path)) return true;
    await this.clear();
    throw new SealBrokenError(`Cannot read "${this.#path}": it is damaged`);
  }

  /** Closing writes the log into the file, so that no part of it alone is what it was before. */
  async clear(): Promise<void> {
    this.engine.reopen();
    await removeDatabase(this.#path);
  }
}

/** Among all other records, as in a remote store. */
export function amongOthers(engine: Engine): SealedPlace {
  return {
    engine,
    mayHold: () => Promise.resolve(true),
    clear: () => Promise.resolve(),
  };
}

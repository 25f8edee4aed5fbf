import type { Clock } from "../../core/clock.ts";
import { type StoreEngine, StoreError } from "../engine/engine.ts";
import { isThere, removeDatabase } from "../engine/files.ts";
import type { StoreFolder } from "../engine/folder.ts";
import { type ClaimedFile, KvEngine } from "../engine/kv.ts";
import { reasonOf, storeFailure } from "../engine/reason.ts";
import { SealBrokenError } from "./seal.ts";
import { isUsable } from "../engine/soundness.ts";

/** The place of sealed state from one run to the next. */
export interface SealedPlace {
  readonly engine: StoreEngine;
  /** True if it may hold state. Throws SealBrokenError if it is damaged. */
  mayHold(): Promise<boolean>;
  /** Removes the remains of deleted records. */
  clear(): Promise<void>;
}

/**
 * A file of its own. SQLite keeps deleted bytes in its pages and its log, and its file never shrinks.
 * This file is removed as a whole, and exists between two runs only.
 */
export class SealedFile implements SealedPlace {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #folder: Pick<StoreFolder, "hold"> | undefined;
  readonly #engine: KvEngine;

  /** @param folder its locked folder; undefined without a lock */
  constructor(path: string, clock: Clock, folder?: Pick<StoreFolder, "hold">) {
    this.#path = path;
    this.#clock = clock;
    this.#folder = folder;
    const claimed: ClaimedFile = {
      // Never asked, because the file is open for a moment only.
      isHeld: true,
      // Leftovers are worthless at this point, so a damaged file is deleted.
      claim: async () => {
        await this.#folder?.hold();
        await this.#isSound();
      },
      [Symbol.dispose]: () => {},
    };
    this.#engine = new KvEngine(path, claimed);
  }

  get engine(): StoreEngine {
    return this.#engine;
  }

  async mayHold(): Promise<boolean> {
    const isFound = await isThere(this.#path);
    if (isFound && await this.#isSound()) return true;
    // The file is examined again before state is sealed.
    await this.#engine.rest();
    if (isFound) throw new SealBrokenError(`Cannot read "${this.#path}": it is damaged`);
    return false;
  }

  /** Closing merges the log into the file, so neither part remains readable alone. */
  async clear(): Promise<void> {
    await this.#engine.rest();
    await removeDatabase(this.#path);
  }

  /** Deletes a damaged file and returns false, because Deno KV may end the process over one. */
  async #isSound(): Promise<boolean> {
    try {
      if (await isUsable(this.#path, this.#clock)) return true;
      await removeDatabase(this.#path);
      return false;
    } catch (error) {
      throw new StoreError(`Cannot use "${this.#path}": ${storeFailure(error)}`, reasonOf(error));
    }
  }
}

/** A place among all other records, as in a remote store. */
export function amongOthers(engine: StoreEngine): SealedPlace {
  return {
    engine,
    mayHold: () => Promise.resolve(true),
    clear: () => Promise.resolve(),
  };
}

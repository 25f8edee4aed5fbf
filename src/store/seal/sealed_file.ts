import type { Clock } from "../../core/clock.ts";
import { type Engine, StoreError } from "../engine/engine.ts";
import { isThere, removeDatabase } from "../engine/files.ts";
import type { StoreFolder } from "../engine/folder.ts";
import { type ClaimedFile, KvEngine } from "../engine/kv.ts";
import { explain, reasonOf } from "../engine/reason.ts";
import { SealBrokenError } from "./seal.ts";
import { isUsable } from "../engine/soundness.ts";

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
  readonly #path: string;
  readonly #clock: Clock;
  readonly #folder: Pick<StoreFolder, "hold"> | undefined;
  readonly #engine: KvEngine;

  /** @param folder whose it is; undefined where nobody else is kept off */
  constructor(path: string, clock: Clock, folder?: Pick<StoreFolder, "hold">) {
    this.#path = path;
    this.#clock = clock;
    this.#folder = folder;
    const claimed: ClaimedFile = {
      // It is never open for so long that this would be asked.
      isHeld: true,
      // What is there when something is to be sealed is of no use to anybody.
      claim: async () => {
        await this.#folder?.hold();
        await this.#isSound();
      },
      [Symbol.dispose]: () => {},
    };
    this.#engine = new KvEngine(path, claimed);
  }

  get engine(): Engine {
    return this.#engine;
  }

  async mayHold(): Promise<boolean> {
    const isFound = await isThere(this.#path);
    if (isFound && await this.#isSound()) return true;
    // Whatever is there by the time that something is sealed is looked at then.
    await this.#engine.rest();
    if (isFound) throw new SealBrokenError(`Cannot read "${this.#path}": it is damaged`);
    return false;
  }

  /** Closing writes the log into the file, so that no part of it alone is what it was before. */
  async clear(): Promise<void> {
    await this.#engine.rest();
    await removeDatabase(this.#path);
  }

  /** False where it was damaged, and is gone: Deno KV may end the process over such a file. */
  async #isSound(): Promise<boolean> {
    try {
      if (await isUsable(this.#path, this.#clock)) return true;
      await removeDatabase(this.#path);
      return false;
    } catch (error) {
      throw new StoreError(`Cannot use "${this.#path}": ${explain(error)}`, reasonOf(error));
    }
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

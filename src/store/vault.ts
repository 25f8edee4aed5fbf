import type { Clock } from "../core/clock.ts";
import type { Sealed, SealOutcome, WallClock } from "../core/store.ts";
import type { Engine } from "./engine.ts";
import type { StoreObserver } from "./health.ts";
import { SealBrokenError, Sealer } from "./seal.ts";
import type { SecretBook } from "./secrets.ts";
import { withinTime } from "./time_limit.ts";

export interface VaultOptions {
  /** Undefined where everything is forgotten with the process. */
  readonly engine: Engine | undefined;
  readonly secrets: SecretBook;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** What one dialect may seal, in bytes. */
  readonly maxSealedBytes: number;
  readonly seals: boolean;
  readonly observer: StoreObserver;
}

/** What the sealing keys are derived from. */
const OWN_SECRET = "store";
const SEAL_MS = 4_000;

/** What is sealed with a store's own secret. */
export class Vault {
  readonly #options: VaultOptions;
  readonly #sealed = new Map<string, Sealed>();

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Reads or makes the secrets of these names, and takes out what was sealed for them. */
  async open(names: readonly string[]): Promise<void> {
    const { engine, secrets, seals, observer } = this.#options;
    if (engine === undefined) return;
    await secrets.open([OWN_SECRET, ...names]);
    for (const name of names) {
      try {
        const sealed = await this.#sealer()?.take(name);
        if (sealed !== undefined && seals) this.#sealed.set(name, sealed);
      } catch (error) {
        if (!(error instanceof SealBrokenError)) throw error;
        observer.sealedLost(name, error);
      }
    }
  }

  /** What was sealed under a name, once. */
  takeSealed(name: string): Sealed | undefined {
    const sealed = this.#sealed.get(name);
    this.#sealed.delete(name);
    return sealed;
  }

  /** Never rejects: what cannot be sealed is told to the observer. */
  async seal(name: string, items: Iterable<unknown>, lifetimeMs: number): Promise<SealOutcome> {
    const { seals, clock, observer } = this.#options;
    const sealer = this.#sealer();
    if (!seals || sealer === undefined) return { type: "off" };
    try {
      const counts = await withinTime(sealer.seal(name, items, lifetimeMs), SEAL_MS, clock);
      if (counts.leftOut > 0) observer.sealedTooMuch(name, counts.leftOut);
      return { type: "sealed", ...counts };
    } catch (error) {
      observer.sealedLost(name, error);
      return { type: "failed" };
    }
  }

  #sealer(): Sealer | undefined {
    const { engine, secrets, wallNow, maxSealedBytes: maxBytes } = this.#options;
    if (engine === undefined) return undefined;
    return new Sealer({ engine, secret: secrets.get(OWN_SECRET).current, wallNow, maxBytes });
  }
}

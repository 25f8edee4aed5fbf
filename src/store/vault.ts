import type { Clock } from "../core/clock.ts";
import type { Sealed, SealOutcome, WallClock } from "../core/store.ts";
import { type Engine, type Key, StoreError } from "./engine.ts";
import type { StoreObserver } from "./health.ts";
import { SealBrokenError, Sealer } from "./seal.ts";
import { withinTime } from "./time_limit.ts";

export interface VaultOptions {
  /** Undefined where everything is forgotten with the process. */
  readonly engine: Engine | undefined;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** What one dialect may seal, in bytes. */
  readonly maxSealedBytes: number;
  readonly seals: boolean;
  readonly observer: StoreObserver;
}

type Secret = Uint8Array<ArrayBuffer>;

/** What the sealing keys are derived from. */
const OWN_SECRET = "store";
const SECRET_BYTES = 32;
const SEAL_MS = 4_000;

/** A store's secrets, and what is sealed with them. */
export class Vault {
  readonly #options: VaultOptions;
  readonly #secrets = new Map<string, Secret>();
  readonly #sealed = new Map<string, Sealed>();

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Reads or makes the secrets of these names, and takes out what was sealed for them. */
  async open(names: readonly string[]): Promise<void> {
    const { engine, seals, observer } = this.#options;
    if (engine === undefined) return;
    for (const name of [OWN_SECRET, ...names]) {
      this.#secrets.set(name, await createSecret(engine, name));
    }
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

  /** Made up where there is no engine; throws RangeError where it is none of the opened ones. */
  secret(name: string): Secret {
    let secret = this.#secrets.get(name);
    if (secret === undefined) {
      if (this.#options.engine !== undefined) {
        throw new RangeError(`Cannot open "${name}": it was not named at start`);
      }
      this.#secrets.set(name, secret = newSecret());
    }
    return secret;
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

  /** The keys of all secrets. */
  *keys(): Generator<Key> {
    for (const name of this.#secrets.keys()) yield secretKey(name);
  }

  /** What is stored under one of the keys. */
  stored([, name = ""]: Key): Secret | undefined {
    return this.#secrets.get(name);
  }

  #sealer(): Sealer | undefined {
    const { engine, wallNow, maxSealedBytes: maxBytes } = this.#options;
    const secret = this.#secrets.get(OWN_SECRET);
    return engine && secret && new Sealer({ engine, secret, wallNow, maxBytes });
  }
}

/** The secret in the store; of two servers that start at once, the first one's. */
async function createSecret(engine: Engine, name: string): Promise<Secret> {
  for (;;) {
    const stored = await engine.get(secretKey(name));
    if (stored?.length === SECRET_BYTES) return stored;
    if (stored !== undefined) {
      throw new StoreError(
        `Cannot use the store in "${engine.place}": secret "${name}" is damaged`,
      );
    }
    const fresh = newSecret();
    if (await engine.create(secretKey(name), fresh)) return fresh;
  }
}

function newSecret(): Secret {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
}

function secretKey(name: string): Key {
  return ["secret", name];
}

import type { Clock } from "../../core/clock.ts";
import type { Sealed, SealOutcome, WallClock } from "../../core/kept.ts";
import type { Report } from "../events.ts";
import { type Found, SealBrokenError, Sealer } from "./seal.ts";
import type { SealedPlace } from "./sealed_file.ts";
import { OWN_SECRET, type SecretBook } from "../records/secrets.ts";
import { withinTime } from "../time_limit.ts";

export interface VaultOptions {
  /** The place of sealed state; undefined if nothing outlives the process. */
  readonly sealedIn: SealedPlace | undefined;
  readonly secrets: SecretBook;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** Limit for one dialect, in bytes. */
  readonly maxSealedBytes: number;
  readonly seals: boolean;
  readonly report: Report;
}

const SEAL_MS = 4_000;

/** State sealed with a store's own secret. */
export class Vault {
  readonly #options: VaultOptions;
  readonly #sealed = new Map<string, Sealed>();
  /** State of the last run that is not deleted yet, if any. */
  #found: Found[] | undefined;

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Opens the secrets of these names, and reads their sealed state. */
  async open(names: readonly string[]): Promise<void> {
    await this.#options.secrets.open([OWN_SECRET, ...names]);
    await this.#orLost("all", () => this.#readSealed(names));
  }

  /**
   * Deletes the state that was read. Must run before the first client is served, because state may be
   * resumed only once, and after everything else that can fail, because a failed start must leave it
   * to the next one.
   */
  async forgetSealed(): Promise<void> {
    const sealer = this.#sealer();
    if (this.#found === undefined || sealer === undefined) return;
    await sealer.discard(this.#found);
    this.#found = undefined;
    try {
      await this.#options.sealedIn?.clear();
    } catch (error) {
      // The file holds nothing usable any more; the next start removes it.
      this.#options.report({ type: "sealed_left", error });
    }
  }

  /** The sealed state of a name, once. */
  takeSealed(name: string): Sealed | undefined {
    const sealed = this.#sealed.get(name);
    this.#sealed.delete(name);
    return sealed;
  }

  /** Never rejects: a failure is reported. */
  async seal(name: string, items: Iterable<unknown>, lifetimeMs: number): Promise<SealOutcome> {
    const { seals, clock, report } = this.#options;
    const sealer = this.#sealer();
    if (!seals || sealer === undefined) return { type: "off" };
    try {
      const counts = await withinTime(sealer.seal(name, items, lifetimeMs), SEAL_MS, clock);
      if (counts.leftOut > 0) {
        report({ type: "sealed_too_much", dialect: name, items: counts.leftOut });
      }
      return { type: "sealed", ...counts };
    } catch (error) {
      report({ type: "sealed_lost", dialect: name, error });
      return { type: "failed" };
    }
  }

  /** Resolves when everything is closed; an operation that hangs delays it. */
  async close(): Promise<void> {
    await this.#options.sealedIn?.engine.close();
  }

  async #readSealed(names: readonly string[]): Promise<void> {
    const { sealedIn, seals } = this.#options;
    const sealer = this.#sealer();
    if (sealer === undefined || !await sealedIn?.mayHold()) return;
    this.#found = [];
    for (const name of names) {
      const found = await sealer.find(name);
      this.#found.push(found);
      if (!seals) continue;
      await this.#orLost(name, async () => {
        const sealed = await sealer.open(found);
        if (sealed !== undefined) this.#sealed.set(name, sealed);
      });
    }
  }

  /** Reports sealed state that cannot be read; its clients join again. */
  async #orLost(name: string, read: () => Promise<void>): Promise<void> {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.#options.report({ type: "sealed_lost", dialect: name, error });
    }
  }

  #sealer(): Sealer | undefined {
    const { sealedIn, secrets, wallNow, maxSealedBytes: maxBytes } = this.#options;
    if (sealedIn === undefined) return undefined;
    const { current: secret } = secrets.get(OWN_SECRET);
    return new Sealer({ engine: sealedIn.engine, secret, wallNow, maxBytes });
  }
}

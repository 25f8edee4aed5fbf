import type { Clock } from "../core/clock.ts";
import { isPublicKey, type KeySource, PublicKeys, type VerifyKey } from "./keys.ts";

export interface JwksOptions {
  /** Reads the set's text; rejects if it cannot. The signal aborts it. */
  readonly read: (signal: AbortSignal) => Promise<string>;
  /** Age at which the set is read again. */
  readonly cacheMs: number;
  /** Least time between two readings, whatever clients send. */
  readonly cooldownMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onRead: (outcome: "ok" | "failed", error?: unknown) => void;
}

const MAX_KEYS = 100;
/** How long the last good set is used while no other can be read. */
const KEEP_MS = 24 * 3_600_000;

/** A JWK Set that somebody else publishes: read in the background, and again for an unknown key. */
export class Jwks implements KeySource, Disposable {
  readonly #options: JwksOptions;
  readonly #timer: Disposable;
  #keys: PublicKeys | undefined;
  #readAt = -Infinity;
  #triedAt = -Infinity;
  #reading: Promise<void> | undefined;

  /** Begins to read the set. */
  constructor(options: JwksOptions) {
    this.#options = options;
    this.#timer = options.clock.every(options.cooldownMs, () => this.#refresh());
    this.#refresh();
  }

  get trouble(): string | undefined {
    return this.#current === undefined ? "no keys" : undefined;
  }

  /** Age of the set; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#keys === undefined ? undefined : this.#options.clock.now() - this.#readAt;
  }

  find(
    alg: string,
    kid: string | undefined,
  ): Promise<readonly VerifyKey[] | "unavailable"> {
    const keys = this.#current;
    const isKnown = keys !== undefined && (kid === undefined || keys.knows(kid));
    return isKnown ? keys.find(alg, kid) : this.#findAnew(alg, kid);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  get #current(): PublicKeys | undefined {
    const age = this.#options.clock.now() - this.#readAt;
    return age < KEEP_MS ? this.#keys : undefined;
  }

  async #findAnew(
    alg: string,
    kid: string | undefined,
  ): Promise<readonly VerifyKey[] | "unavailable"> {
    await this.#read();
    const keys = this.#current;
    return keys === undefined ? "unavailable" : await keys.find(alg, kid);
  }

  #refresh(): void {
    const { clock, cacheMs } = this.#options;
    if (clock.now() - this.#readAt >= cacheMs) void this.#read();
  }

  /** Reads the set, unless it was tried a moment ago; waits for a reading that is under way. */
  #read(): Promise<void> {
    if (this.#reading !== undefined) return this.#reading;
    const { clock, cooldownMs } = this.#options;
    if (clock.now() - this.#triedAt < cooldownMs) return Promise.resolve();
    this.#triedAt = clock.now();
    this.#reading = this.#readNow().finally(() => this.#reading = undefined);
    return this.#reading;
  }

  async #readNow(): Promise<void> {
    const { clock, read, timeoutMs, onRead } = this.#options;
    const abort = new AbortController();
    using _timer = clock.after(timeoutMs, () => abort.abort(new Error("no answer in time")));
    try {
      // A set replaces the one before as a whole.
      this.#keys = new PublicKeys(keysIn(await read(abort.signal)));
      this.#readAt = clock.now();
      onRead("ok");
    } catch (error) {
      onRead("failed", error);
    }
  }
}

/** The public keys of a set; throws if the text is not a set. */
export function keysIn(text: string): ConstructorParameters<typeof PublicKeys>[0] {
  const set: unknown = JSON.parse(text);
  const keys = typeof set === "object" && set !== null && "keys" in set ? set.keys : undefined;
  if (!Array.isArray(keys)) throw new TypeError("expected a JWK Set");
  if (keys.length > MAX_KEYS) throw new TypeError(`expected at most ${MAX_KEYS} keys`);
  return keys.filter(isPublicKey);
}

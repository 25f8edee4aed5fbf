import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import type { Fetched, IceServer } from "./ice_servers.ts";

export interface FetchOptions {
  /** Fetches servers; the signal aborts it. */
  readonly fetch: (signal: AbortSignal) => Promise<readonly IceServer[]>;
  /** Lifetime of the credentials that are asked for. */
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly onFetched: (outcome: "ok" | "failed", error?: unknown) => void;
}

const TIMEOUT_MS = 10_000;
/** Time after which a failed fetch is tried again. */
const RETRY_MS = 30_000;

/**
 * Servers that a provider lends out: fetched in the background and never for a client, and again when
 * half their life is over. While the provider fails, the last ones are good until they expire.
 */
export class FetchedServers implements Disposable {
  readonly #options: FetchOptions;
  readonly #timer: Disposable;
  readonly #ended = new AbortController();
  #fetched: Fetched | undefined;
  #isFetching = false;

  /** Begins to fetch. */
  constructor(options: FetchOptions) {
    this.#options = options;
    this.#timer = options.clock.every(RETRY_MS, () => this.#refresh());
    this.#refresh();
  }

  /** Undefined before the first fetch, and after the last credentials have expired. */
  get current(): Fetched | undefined {
    const fetched = this.#fetched;
    return fetched !== undefined && fetched.expiresAt > this.#options.wallNow()
      ? fetched
      : undefined;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#ended.abort(new Error("the server ended"));
  }

  #refresh(): void {
    const { wallNow, lifetimeMs } = this.#options;
    const leftMs = (this.#fetched?.expiresAt ?? 0) - wallNow();
    if (!this.#isFetching && leftMs <= lifetimeMs / 2) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    const { fetch, clock, wallNow, lifetimeMs, onFetched } = this.#options;
    const late = new AbortController();
    using _timer = clock.after(TIMEOUT_MS, () => late.abort(new Error("no answer in time")));
    this.#isFetching = true;
    // Their life begins no earlier than with the request.
    const expiresAt = wallNow() + lifetimeMs;
    try {
      const iceServers = await fetch(AbortSignal.any([late.signal, this.#ended.signal]));
      this.#fetched = { iceServers, expiresAt };
      onFetched("ok");
    } catch (error) {
      if (!this.#ended.signal.aborted) onFetched("failed", error);
    } finally {
      this.#isFetching = false;
    }
  }
}

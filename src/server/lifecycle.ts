import { type Listening, urlOf } from "../config/listeners.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Connections } from "../transport/connections.ts";
import type { Listener, TlsMaterial } from "../transport/transport.ts";

/**
 * The server's one state. "starting": requests wait. "renewing": the certificate changes, and
 * newcomers get 503. "ending": nobody is admitted any more.
 */
export type LifeState = "starting" | "ready" | "renewing" | "ending" | "ended";

/** A listener, and the configuration's words for its address. */
export interface Listened {
  readonly where: Listening;
  readonly listener: Listener;
}

export interface LifeParts {
  readonly connections: Pick<Connections, "drain" | "emptied">;
  readonly listeners: readonly Listened[];
  /** Connections outlive the renewal of their listener's certificate. */
  readonly keepsConnections: boolean;
  /** Removes what the last run sealed; the start is whole with it. */
  readonly begin: () => Promise<void>;
  /** Stops the announcement of departures. */
  readonly silence: () => void;
  /** Hands the state that clients can resume to the next run: the number of items by dialect. */
  readonly seal: () => Promise<ReadonlyMap<string, number>>;
  readonly dispose: () => void;
  readonly closeStore: () => Promise<void>;
  /** Reports the server's own steps. */
  readonly report: (step: "started" | "draining" | "stopped") => void;
}

/**
 * The longest time of each step of the end; they add up to less than a service manager's usual 10 s.
 * The drain goes before, for as long as the configuration says.
 */
const END_MS = {
  /** For our own closing frames: to sockets that are open afterwards the runtime says 1001. */
  farewell: 400,
  /** For the sockets to answer a closing frame, and for the listeners to stop. */
  close: 1_000,
  seal: 4_500,
  store: 3_000,
} as const;
/** The part of ten seconds that the steps leave. */
const SPARE_MS = 600;

/** The time within which the server has stopped, or is to be ended by force. */
export function stopBudgetMs(drainMs: number): number {
  const { farewell, close, seal, store } = END_MS;
  return drainMs + farewell + close + seal + store + SPARE_MS;
}

/** Begins, renews and ends a server. */
export class Lifecycle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #drainMs: number;
  readonly #begun = Promise.withResolvers<void>();
  #state: LifeState = "starting";
  #parts: LifeParts | undefined;
  #ending: Promise<void> | undefined;

  constructor(clock: Clock, log: Log, drainMs: number) {
    this.#clock = clock;
    this.#log = log;
    this.#drainMs = drainMs;
    // The caller of `run` decides what a failed start means.
    this.#begun.promise.catch(() => {});
  }

  get state(): LifeState {
    return this.#state;
  }

  /** True while `/readyz` answers 200. */
  get isReady(): boolean {
    return this.#state === "ready" || this.#state === "renewing";
  }

  /** True while newcomers are turned away. */
  get isClosed(): boolean {
    return this.#state !== "ready" && this.#state !== "starting";
  }

  /** Resolves when clients are served; rejects where they cannot be. */
  get started(): Promise<void> {
    return this.#begun.promise;
  }

  /** Takes the assembled server over, and starts to serve. */
  run(parts: LifeParts): void {
    this.#parts = parts;
    parts.begin().then(() => {
      if (this.#state === "starting") this.#state = "ready";
      parts.report("started");
    }).then(this.#begun.resolve, this.#begun.reject);
  }

  /**
   * Listens with another certificate. Where that ends connections, all are closed with their own
   * codes before, and a client that comes meanwhile is answered 503 instead of being cut off.
   * @returns true if the certificate is in use now; false if the server was not ready for it
   */
  async renew(tls: TlsMaterial): Promise<boolean> {
    const parts = this.#parts;
    if (parts === undefined || this.#state !== "ready") return false;
    const { connections, listeners, keepsConnections } = parts;
    if (!keepsConnections) {
      this.#state = "renewing";
      await connections.drain(0);
      await this.#within("farewell", connections.emptied());
    }
    try {
      const secure = listeners.filter(({ where }) => where.isSecure);
      await Promise.all(secure.map(({ listener }) => listener.renew(tls)));
      this.#log.write("info", "certificate taken up");
      return true;
    } finally {
      if (this.#state === "renewing") this.#state = "ready";
    }
  }

  /** Ends the server in good order; the last log line has the sealed items and the time. */
  stop(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    const startedAt = this.#clock.now();
    // The start still deletes what the last run sealed: nothing may be sealed before that is done.
    await Promise.allSettled([this.started]);
    this.#state = "ending";
    parts.report("draining");
    const { connections, listeners } = parts;
    parts.silence();
    await connections.drain(this.#drainMs);
    await this.#within("farewell", connections.emptied());
    const stopped = listeners.map(({ listener }) => listener.stop());
    await this.#within("close", Promise.all([connections.emptied(), ...stopped]));
    const sealed = await this.#within("seal", parts.seal());
    parts.report("stopped");
    parts.dispose();
    if (await this.#within("store", parts.closeStore().then(() => true)) === undefined) {
      this.#log.write("error", "the store did not close in time", { afterMs: END_MS.store });
    }
    this.#state = "ended";
    const ms = Math.round(this.#clock.now() - startedAt);
    this.#log.write("info", "stopped", { sealed: textOf(sealed), ms });
  }

  /** The outcome of a step; undefined if its time is over. */
  async #within<T>(step: keyof typeof END_MS, work: Promise<T>): Promise<T | undefined> {
    const late = Promise.withResolvers<undefined>();
    using _timer = this.#clock.after(END_MS[step], () => late.resolve(undefined));
    return await Promise.race([work, late.promise]);
  }
}

/** Where listeners are reached, in the order of the configuration. */
export function urlsOf(listeners: readonly Listened[]): string[] {
  return listeners.map(({ where, listener }) => urlOf({ ...where, port: listener.port }));
}

function textOf(sealed: ReadonlyMap<string, number> | undefined): string {
  if (sealed === undefined) return "too late";
  const parts = [...sealed].filter(([, items]) => items > 0);
  return parts.length === 0
    ? "nothing"
    : parts.map(([name, items]) => `${name} ${items}`).join(", ");
}

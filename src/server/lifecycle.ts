import { type Listening, urlOf } from "../config/listeners.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../observe/log.ts";
import type { Connections } from "../transport/connections.ts";
import type { Listener, TlsMaterial } from "../transport/transport.ts";

/**
 * The server's one state. "starting": requests wait. "renewing": the certificate changes, and
 * newcomers get 503. "leaving": a load balancer is to notice, and everybody is still admitted.
 * "draining": newcomers are refused as by a full server. "ending": everybody gets 503.
 */
export type LifeState =
  | "starting"
  | "ready"
  | "renewing"
  | "leaving"
  | "draining"
  | "ending"
  | "ended";

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
  /** Reports the end to webhooks, in no more time than sealing has. */
  readonly notify: () => Promise<void>;
  readonly dispose: () => void;
  readonly closeStore: (limitMs: number) => Promise<void>;
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
  /** Also for a start that is still under way. */
  seal: 4_500,
  store: 3_000,
} as const;
/** The part of ten seconds that the steps leave. */
const SPARE_MS = 600;
/**
 * During a drain that is no longer, clients hear nothing of each other's leaving: they resume on the
 * next run, or the connection of the other one is closed next.
 */
const SILENT_DRAIN_MS = 3_000;

/** The times of a planned end. */
export interface LeaveTimes {
  /** From the signal until newcomers are refused; `/readyz` answers 503 meanwhile. */
  readonly drainDelayMs: number;
  /** The time over which the connected are closed. */
  readonly drainMs: number;
}

/** An operator's drain. */
export interface DrainRequest {
  /** The time over which the connected are closed; without one they stay. */
  readonly closeOverSeconds?: number | undefined;
  /** Ends the process when nobody is left, or the time is over. */
  readonly exit?: boolean | undefined;
}

/** The time within which the server has stopped, or is to be ended by force. */
export function stopBudgetMs({ drainDelayMs, drainMs }: LeaveTimes): number {
  const { farewell, close, seal, store } = END_MS;
  return drainDelayMs + drainMs + farewell + close + seal + store + SPARE_MS;
}

/** Begins, renews and ends a server. */
export class Lifecycle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #times: LeaveTimes;
  readonly #begun = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();
  #state: LifeState = "starting";
  #parts: LifeParts | undefined;
  #ending: Promise<void> | undefined;
  /** Ends the operator's drain that is under way. */
  #drain = new AbortController();
  /** The operator's drain ends the process. */
  #isLeaving = false;
  /** It has taken its time. */
  #hasLeft = false;

  constructor(clock: Clock, log: Log, times: LeaveTimes) {
    this.#clock = clock;
    this.#log = log;
    this.#times = times;
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

  /** The reason for which `/readyz` answers 503; undefined while it answers 200. */
  get unready(): "starting" | "draining" | undefined {
    if (this.#state === "starting") return "starting";
    return this.isReady ? undefined : "draining";
  }

  /** True while newcomers are refused as by a full server. */
  get isDraining(): boolean {
    return this.#state === "draining";
  }

  /** True while every request of a client is answered 503. */
  get isClosed(): boolean {
    return this.#state === "renewing" || this.#state === "ending" || this.#state === "ended";
  }

  /** Resolves when an operator's drain has come to the end of the process. */
  get left(): Promise<void> {
    return this.#left.promise;
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
   * Listens with another certificate, once the server has started. If that ends connections, each is
   * closed with its own code first, and newcomers get 503 instead of being cut off.
   * @returns true if the certificate is in use now; false if the server was not ready for it
   */
  async renew(tls: TlsMaterial): Promise<boolean> {
    const parts = this.#parts;
    if (parts !== undefined) await this.started;
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

  /**
   * Refuses newcomers from now on, and closes the connected if the request gives a time; a further
   * request replaces the one before. Does nothing where the server ends already.
   */
  drain({ closeOverSeconds, exit = false }: DrainRequest = {}): void {
    const parts = this.#parts;
    if (parts === undefined || this.#ending !== undefined) return;
    this.#drain.abort();
    this.#drain = new AbortController();
    if (this.#state !== "draining") parts.report("draining");
    this.#state = "draining";
    this.#isLeaving ||= exit;
    const time = closeOverSeconds === undefined ? {} : { closeOverSeconds };
    this.#log.write("info", "draining", { ...time, exit: String(this.#isLeaving) });
    const spreadMs = closeOverSeconds === undefined ? undefined : 1_000 * closeOverSeconds;
    void this.#leave(parts, spreadMs, this.#drain.signal);
  }

  /** Admits newcomers again; false if the process is going to end. */
  undrain(): boolean {
    if (this.#isLeaving || this.#ending !== undefined) return false;
    if (this.#state !== "draining") return true;
    this.#drain.abort();
    this.#state = "ready";
    this.#log.write("info", "drain ended");
    return true;
  }

  /** Ends the server in good order; the last log line has the sealed items and the time. */
  stop(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    const parts = this.#parts;
    if (parts === undefined) return;
    const startedAt = this.#clock.now();
    if (this.#state !== "draining") parts.report("draining");
    // Clients of a server that is still starting only wait.
    if (this.#state !== "starting") await this.#withdraw(parts);
    this.#state = "ending";
    const { connections, listeners } = parts;
    parts.silence();
    await connections.drain(0);
    await this.#within("farewell", connections.emptied());
    const stopped = listeners.map(({ listener }) => listener.stop());
    await this.#within("close", Promise.all([connections.emptied(), ...stopped]));
    parts.report("stopped");
    const notified = this.#within("seal", parts.notify());
    const sealed = await this.#seal(parts);
    await notified;
    parts.dispose();
    if (
      await this.#within("store", parts.closeStore(END_MS.store).then(() => true)) === undefined
    ) {
      this.#log.write("error", "the store did not close in time", { afterMs: END_MS.store });
    }
    this.#state = "ended";
    const ms = Math.round(this.#clock.now() - startedAt);
    this.#log.write("info", "stopped", { sealed: textOf(sealed), ms });
  }

  /**
   * Seals after the start, which deletes what the last run sealed.
   * @returns undefined if the time is over
   */
  async #seal({ seal }: LifeParts): Promise<ReadonlyMap<string, number> | undefined> {
    let isLate = false;
    const begun = Promise.allSettled([this.started]);
    const work = begun.then(() => isLate ? undefined : seal());
    const sealed = await this.#within("seal", work);
    isLate = true;
    return sealed;
  }

  /** Lets a load balancer notice, and closes the connected over the configured time. */
  async #withdraw({ connections, silence }: LifeParts): Promise<void> {
    this.#drain.abort();
    if (this.#hasLeft) return;
    const { drainDelayMs, drainMs } = this.#times;
    if (this.#state !== "draining" && drainDelayMs > 0) {
      this.#state = "leaving";
      await this.#clock.delay(drainDelayMs);
    }
    if (drainMs === 0) return;
    this.#state = "draining";
    if (drainMs <= SILENT_DRAIN_MS) silence();
    await connections.drain(drainMs);
  }

  /** Carries an operator's drain out. */
  async #leave(
    { connections }: LifeParts,
    spreadMs: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const closed = spreadMs === undefined ? [] : [connections.drain(spreadMs, signal)];
    await Promise.race([connections.emptied(), ...closed]);
    if (!this.#isLeaving || signal.aborted) return;
    this.#hasLeft = true;
    this.#left.resolve();
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

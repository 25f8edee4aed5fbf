import type { Clock } from "../core/clock.ts";
import type { Bans, DialectStore, SharedStore, WallClock } from "../core/kept.ts";
import { Backing } from "./backing.ts";
import { BanList } from "./records/bans.ts";
import { type Engine, type Key, StoreError, StoreTimeoutError } from "./engine/engine.ts";
import {
  FORMAT_KEY,
  formatRecord,
  FORMATS,
  type Formats,
  proveCurrent,
  settleFormat,
} from "./engine/format.ts";
import { reasonOf, storeFailure } from "./engine/reason.ts";
import type { Report } from "./events.ts";
import { StoredOperatorLog } from "./records/operator_log.ts";
import { type RecordLimits, Records } from "./records/records.ts";
import { DialectReservations } from "./records/reservations.ts";
import { DialectRooms } from "./records/rooms.ts";
import type { WhenAccepted } from "./records/shared.ts";
import { amongOthers, type SealedPlace } from "./seal/sealed_file.ts";
import { OWN_SECRET, SecretBook } from "./records/secrets.ts";
import { withinTime } from "./time_limit.ts";
import { Vault } from "./seal/vault.ts";

export interface StoreLimits extends RecordLimits {
  readonly maxSealedBytes: number;
  readonly maxWaitingWrites: number;
}

export interface StoreOptions {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly limits: StoreLimits;
  /** Which addresses count as one. */
  readonly keyOf: (address: string) => string;
  /** Time after which an unfinished operation means that the store is in trouble. */
  readonly timeoutMs: number;
  /** True if state is sealed at shutdown; state of the last run is removed in any case. */
  readonly seals: boolean;
  readonly report: Report;
  /** The place of sealed state; by default among the engine's other records. */
  readonly sealedIn?: SealedPlace;
  /** The formats to write and to read; tests have formats of their own. */
  readonly formats?: Formats;
}

/** Time limit for everything that must be read before the server listens. */
const START_MS = 10_000;
/** Time limit for closing the engines. */
const CLOSE_MS = 1_000;
const TICK_MS = 1_000;

/**
 * Everything that outlives connections. Memory is authoritative while the server runs. An engine, if
 * there is one, is read at the start and written in the background, and no client waits for it.
 */
export class Store implements AsyncDisposable {
  readonly #engine: Engine | undefined;
  readonly #options: StoreOptions;
  readonly #formats: Formats;
  readonly #records: Records;
  readonly #secrets: SecretBook;
  readonly #vault: Vault;
  readonly #backing: Backing | undefined;
  readonly bans: Bans;
  readonly operatorLog: StoredOperatorLog;
  #timer: Disposable | undefined;
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine | undefined, options: StoreOptions) {
    const { clock, wallNow, limits, keyOf, timeoutMs, seals, report, formats = FORMATS } = options;
    this.#engine = engine;
    this.#options = options;
    this.#formats = formats;
    const onChange = (key: Key, isOwn = false): void => {
      this.#backing?.writes.add(key);
      if (isOwn) this.#records.shared.changed(key);
    };
    const secrets = this.#secrets = new SecretBook({ engine, clock, timeoutMs, onChange });
    const sealedIn = options.sealedIn ?? (engine && amongOthers(engine));
    const { maxSealedBytes, maxWaitingWrites } = limits;
    this.#vault = new Vault({ sealedIn, secrets, clock, wallNow, maxSealedBytes, seals, report });
    this.#records = new Records({
      secrets,
      limits,
      now: clock.now,
      wallNow,
      keyOf,
      report,
      isLoaded: engine === undefined,
      lookUp: async (...parts) =>
        await this.#backing?.loader.lookUp(this.#records.reservations, parts),
      onChange,
    });
    this.bans = new BanList(this.#records.bans, wallNow);
    this.operatorLog = new StoredOperatorLog(this.#records.log, limits.maxOperatorLog, wallNow);
    this.#backing = engine && new Backing({
      engine,
      clock,
      timeoutMs,
      maxWaitingWrites,
      report,
      valueOf: (key) => this.#valueOf(key),
      everything: () => this.#everything(engine),
      accept: (get) => proveCurrent(get, engine.place, this.#formats),
    });
  }

  /** A store that does not outlive the process. */
  static inMemory(options: StoreOptions): Store {
    const store = new Store(undefined, options);
    store.#begin();
    return store;
  }

  /**
   * Reads everything that the first connection needs, and starts to read the rest. If it throws a
   * StoreError, the engine is closed.
   * @param dialects dialects whose parts may be used
   */
  static async open(
    engine: Engine,
    dialects: readonly string[],
    options: StoreOptions,
  ): Promise<Store> {
    const store = new Store(engine, options);
    try {
      await store.#beforeServing(store.#start(engine, dialects));
    } catch (error) {
      await store.#abandon();
      throw error;
    }
    store.#begin();
    // Reservations may be many: until all are loaded, each claim looks up its own.
    const { reservations, log, shared } = store.#records;
    void store.#backing?.loader.loadBehind([reservations, log]).then(() => {
      shared.loaded([log.kind]);
    });
    return store;
  }

  /** The place of the records, for people; undefined if they do not outlive the process. */
  get place(): string | undefined {
    return this.#engine?.place;
  }

  /** The store's current trouble, in a few words without names; undefined if it works. */
  get trouble(): string | undefined {
    return this.#backing?.trouble;
  }

  /** Records that wait to be written. */
  get waitingWrites(): number {
    return this.#backing?.writes.waiting ?? 0;
  }

  /** How many records there are of each kind. */
  get sizes(): ReadonlyMap<string, number> {
    return this.#records.sizes;
  }

  /** True if all records of earlier runs are in memory. */
  get isLoaded(): boolean {
    return this.#records.isLoaded;
  }

  /** The part that the nodes of a cluster share, of which this is one. */
  shareAs(node: string): SharedStore {
    this.operatorLog.writeAs(node);
    return this.#records.shared;
  }

  /** Has `accepted` called after each change of another node. */
  whenAccepted(accepted: WhenAccepted): void {
    this.#records.shared.whenAccepted(accepted);
  }

  /**
   * A dialect's part, with its sealed state the first time; `forgetSealed` deletes that.
   * @param isHere true if an id is in use; its reservation neither expires nor is evicted
   */
  dialect(name: string, isHere: (id: string) => boolean): DialectStore {
    const { wallNow, report } = this.#options;
    const { book, rooms, shared } = this.#records;
    book.watch(name, isHere);
    return {
      secret: this.#secrets.get(name),
      sealed: this.#vault.takeSealed(name),
      unreadable: (items) => report({ type: "sealed_unreadable", dialect: name, items }),
      reservations: new DialectReservations(book, name),
      rooms: new DialectRooms(rooms, name, { wallNow, shared }),
      seal: async (items, lifetimeMs) => {
        await this.#backing?.lookBeforeEnd();
        return await this.#vault.seal(name, items, lifetimeMs);
      },
    };
  }

  /**
   * Deletes the last run's sealed state. Must be the last step of the start that can fail, and must
   * complete before the first client is served. Throws StoreError.
   */
  async forgetSealed(): Promise<void> {
    await this.#beforeServing(this.#vault.forgetSealed());
  }

  /** Replaces a dialect's secret; "failed": it could not be written. */
  async rotateSecret(dialect: string): Promise<"rotated" | "failed"> {
    // Sealed state could not be read without it.
    if (dialect === OWN_SECRET) throw new RangeError(`Cannot rotate the secret "${dialect}"`);
    return await this.#secrets.rotate(dialect);
  }

  /** Resolves with true once all changes so far are written, and with false if time is up. */
  async flush(limitMs: number = this.#options.timeoutMs): Promise<boolean> {
    return await this.#backing?.writes.flush(limitMs) ?? true;
  }

  /**
   * Writes as many changes as one operation's time allows, and closes everything.
   * @param limitMs the time for all of it; changes that are not written by then are reported before
   */
  close(limitMs: number = Infinity): Promise<void> {
    return this.#closing ??= this.#end(limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(): void {
    this.#timer = this.#options.clock.every(TICK_MS, () => this.#tick());
  }

  async #end(limitMs: number): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    const lastMs = clock.now() + limitMs - CLOSE_MS;
    this.#backing?.loader[Symbol.dispose]();
    await this.#backing?.lookBeforeEnd();
    this.#timer?.[Symbol.dispose]();
    const isFlushed = await this.flush(Math.min(timeoutMs, Math.max(0, lastMs - clock.now())));
    const records = this.#backing?.writes.unwritten ?? 0;
    if (!isFlushed) this.#options.report({ type: "unwritten", records });
    await this.#abandon();
  }

  /** Gives up on operations that hang; they end with the process. */
  async #abandon(): Promise<void> {
    const ends = Promise.all([this.#vault.close(), this.#backing?.close()]);
    try {
      await withinTime(ends, CLOSE_MS, this.#options.clock);
    } catch (error) {
      if (!(error instanceof StoreTimeoutError)) throw error;
    }
  }

  async #beforeServing(work: Promise<void>): Promise<void> {
    try {
      await withinTime(work, START_MS, this.#options.clock);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const message = `Cannot use the store in "${this.place}": ${storeFailure(error)}`;
      throw new StoreError(message, reasonOf(error));
    }
  }

  async #start(engine: Engine, dialects: readonly string[]): Promise<void> {
    await settleFormat(engine, this.#formats);
    // Proves a write: a store that can only be read would lose everything.
    await engine.commit([{ key: FORMAT_KEY, value: formatRecord(this.#formats.current) }]);
    await this.#vault.open(dialects);
    // These are few and are read synchronously, so all of them must be in memory.
    const { bans, rooms } = this.#records;
    for (const table of [bans, rooms]) await this.#backing?.loader.load(table);
  }

  #valueOf(key: Key): Uint8Array<ArrayBuffer> | undefined {
    const [kind] = key;
    if (kind === FORMAT_KEY[0]) return formatRecord(this.#formats.current);
    return kind === "secret" ? this.#secrets.stored(key) : this.#records.stored(key);
  }

  #tick(): void {
    this.#records.sweep(this.#backing?.isBusy ?? false);
    this.#backing?.tick();
  }

  async *#everything(engine: Engine): AsyncGenerator<Key> {
    yield FORMAT_KEY;
    yield* this.#secrets.keys();
    yield* this.#records.everything(engine);
  }
}

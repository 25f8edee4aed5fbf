import type { Clock } from "../core/clock.ts";
import type { Bans, DialectStore, OperatorLog, WallClock } from "../core/store.ts";
import { BanList } from "./bans.ts";
import { type Engine, type Key, StoreError, StoreGoneError } from "./engine.ts";
import { explain } from "./folder.ts";
import { FORMAT_KEY, formatRecord, FORMATS, type Formats, settleFormat } from "./format.ts";
import { type StoreObserver, Troubles } from "./health.ts";
import { Loader } from "./loader.ts";
import { StoredOperatorLog } from "./operator_log.ts";
import { type RecordLimits, Records } from "./records.ts";
import { DialectReservations } from "./reservations.ts";
import { DialectRooms } from "./rooms.ts";
import { amongOthers, type SealedPlace } from "./sealed_file.ts";
import { SecretBook } from "./secrets.ts";
import { withinTime } from "./time_limit.ts";
import { OWN_SECRET, Vault } from "./vault.ts";
import { WriteBehind } from "./write_behind.ts";

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
  /** Time that one operation may take before the store counts as being in trouble. */
  readonly timeoutMs: number;
  /** Whether anything is sealed at the end; what was is taken out at start all the same. */
  readonly seals: boolean;
  readonly observer: StoreObserver;
  /** Where what is sealed goes; by default, among the engine's other records. */
  readonly sealedIn?: SealedPlace;
  /** What is written, and what can be read: tests have formats of their own. */
  readonly formats?: Formats;
}

/** Time for all that has to be read before the server can listen. */
const START_MS = 10_000;
const TICK_MS = 1_000;
/** Ticks between two looks at a store that is well; one in trouble is looked at every time. */
const CHECK_TICKS = 5;
/** Ticks after which a look that does not end is given up, and the engine opened anew. */
const GIVE_UP_TICKS = 30;

/**
 * Everything that outlives connections. Memory is the truth while the server runs; an engine, where
 * there is one, is read at start and written behind, and nobody waits for it.
 */
export class Store implements AsyncDisposable {
  readonly #engine: Engine | undefined;
  readonly #options: StoreOptions;
  readonly #troubles: Troubles;
  readonly #records: Records;
  readonly #secrets: SecretBook;
  readonly #vault: Vault;
  readonly #writes: WriteBehind | undefined;
  readonly #loader: Loader | undefined;
  readonly bans: Bans;
  readonly operatorLog: OperatorLog;
  #timer: Disposable | undefined;
  #ticks = 0;
  /** When the look began that is under way, in ticks. */
  #checkingSince: number | undefined;
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine | undefined, options: StoreOptions) {
    const { clock, wallNow, limits, timeoutMs, observer } = options;
    this.#engine = engine;
    this.#options = options;
    const troubles = this.#troubles = new Troubles(observer, engine?.place ?? "");
    const onChange = (key: Key): void => this.#writes?.add(key);
    const secrets = this.#secrets = new SecretBook({ engine, clock, timeoutMs, onChange });
    const sealedIn = options.sealedIn ?? (engine && amongOthers(engine));
    const { maxSealedBytes } = limits;
    this.#vault = new Vault({ ...options, sealedIn, secrets, maxSealedBytes });
    this.#records = new Records({
      ...options,
      now: clock.now,
      isLoaded: engine === undefined,
      lookUp: async (...parts) => await this.#loader?.lookUp(this.#records.reservations, parts),
      onChange,
    });
    this.bans = new BanList(this.#records.bans, wallNow);
    this.operatorLog = new StoredOperatorLog(this.#records.log, limits.maxOperatorLog, wallNow);
    if (engine === undefined) return;
    this.#writes = new WriteBehind({
      engine,
      clock,
      valueOf: (key) => this.#valueOf(key),
      maxWaiting: limits.maxWaitingWrites,
      timeoutMs,
      onOutcome: (error) => troubles.note("writes", error),
      onDropped: () => observer.writeDropped(),
    });
    const isBusy = (): boolean => this.#isBusy();
    const shared = { engine, clock, timeoutMs, troubles, observer };
    this.#loader = new Loader({ ...shared, onOver: onChange, isBusy });
  }

  /** A store that is forgotten with the process. */
  static inMemory(options: StoreOptions): Store {
    const store = new Store(undefined, options);
    store.#begin();
    return store;
  }

  /**
   * Reads what has to be known before the first connection, and begins to read the rest. Throws
   * StoreError, and closes the engine then.
   * @param dialects those whose parts may be asked for
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
      store.#abandon();
      throw error;
    }
    store.#begin();
    // Reservations may be many: until all are read, a claim asks for its own.
    const { reservations, log } = store.#records;
    void store.#loader?.loadBehind([reservations, log]);
    return store;
  }

  /** Where records are kept, for people; undefined where they are forgotten with the process. */
  get place(): string | undefined {
    return this.#engine?.place;
  }

  /** Why the store cannot be relied upon now, in a few words without names; undefined if it can. */
  get trouble(): string | undefined {
    return this.#troubles.first;
  }

  /** Records that wait to be written. */
  get waitingWrites(): number {
    return this.#writes?.waiting ?? 0;
  }

  /** How many records there are of each kind. */
  get sizes(): ReadonlyMap<string, number> {
    return this.#records.sizes;
  }

  /** Whether all records of earlier runs are in memory. */
  get isLoaded(): boolean {
    return this.#records.isLoaded;
  }

  /**
   * A dialect's part. What was sealed for it is given out with this, once; `forgetSealed` ends it.
   * @param isHere whether an id is in use: then its reservation neither runs out nor makes room
   */
  dialect(name: string, isHere: (id: string) => boolean): DialectStore {
    const { wallNow, observer } = this.#options;
    const { book, rooms } = this.#records;
    book.watch(name, isHere);
    return {
      secret: this.#secrets.get(name),
      sealed: this.#vault.takeSealed(name),
      unreadable: (items) => observer.sealedUnreadable(name, items),
      reservations: new DialectReservations(book, name),
      rooms: new DialectRooms(rooms, name, wallNow),
      seal: (items, lifetimeMs) => this.#vault.seal(name, items, lifetimeMs),
    };
  }

  /**
   * Deletes what the last run has sealed: to be called when nothing but this can keep the server
   * from serving, and to be waited for before it serves. Throws StoreError.
   */
  async forgetSealed(): Promise<void> {
    await this.#beforeServing(this.#vault.forgetSealed());
  }

  /** Puts a new secret before a dialect's current one; "failed": it could not be written. */
  async rotateSecret(dialect: string): Promise<"rotated" | "failed"> {
    // Without it, what is sealed could not be read.
    if (dialect === OWN_SECRET) throw new RangeError(`Cannot rotate the secret "${dialect}"`);
    return await this.#secrets.rotate(dialect);
  }

  /** Resolves with true once everything that was changed so far is written; false: not in time. */
  async flush(limitMs: number = this.#options.timeoutMs): Promise<boolean> {
    return await this.#writes?.flush(limitMs) ?? true;
  }

  /** Writes what it can in the time of one operation, and lets go of everything. */
  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(): void {
    this.#timer = this.#options.clock.every(TICK_MS, () => this.#tick());
  }

  async #end(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#loader?.[Symbol.dispose]();
    if (!await this.flush()) this.#options.observer.unwritten(this.waitingWrites);
    this.#abandon();
  }

  #abandon(): void {
    this.#writes?.[Symbol.dispose]();
    this.#vault.close();
    this.#engine?.close();
  }

  async #beforeServing(work: Promise<void>): Promise<void> {
    try {
      await withinTime(work, START_MS, this.#options.clock);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError(`Cannot use the store in "${this.place}": ${explain(error)}`);
    }
  }

  async #start(engine: Engine, dialects: readonly string[]): Promise<void> {
    await settleFormat(engine, this.#options.formats ?? FORMATS);
    await this.#vault.open(dialects);
    // Few, and asked without waiting: all of them have to be here.
    const { bans, rooms } = this.#records;
    for (const table of [bans, rooms]) await this.#loader?.load(table);
  }

  #isBusy(): boolean {
    return this.waitingWrites > this.#options.limits.maxWaitingWrites / 2;
  }

  #valueOf(key: Key): Uint8Array<ArrayBuffer> | undefined {
    const [kind] = key;
    if (kind === FORMAT_KEY[0]) return formatRecord(FORMATS.current);
    return kind === "secret" ? this.#secrets.stored(key) : this.#records.stored(key);
  }

  #tick(): void {
    if (!this.#isBusy()) this.#records.sweep();
    this.#ticks++;
    if (this.#ticks - (this.#checkingSince ?? this.#ticks) >= GIVE_UP_TICKS) {
      this.#engine?.reopen();
      this.#checkingSince = undefined;
    }
    if (this.trouble !== undefined || this.#ticks % CHECK_TICKS === 0) void this.#check();
  }

  async #check(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined || this.#checkingSince !== undefined) return;
    const since = this.#checkingSince = this.#ticks;
    const work = engine.check().finally(() => {
      if (this.#checkingSince === since) this.#checkingSince = undefined;
    });
    try {
      await withinTime(work, this.#options.timeoutMs, this.#options.clock);
      this.#troubles.note("reading");
    } catch (error) {
      if (this.#closing !== undefined) return;
      this.#troubles.note("reading", error);
      if (!(error instanceof StoreGoneError)) return;
      // Memory has it all.
      engine.reopen();
      this.#writes?.addAll(this.#keys());
    }
  }

  *#keys(): Generator<Key> {
    yield FORMAT_KEY;
    yield* this.#secrets.keys();
    yield* this.#records.keys();
  }
}

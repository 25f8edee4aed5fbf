import type { Clock } from "../core/clock.ts";
import type { Bans, DialectStore, OperatorAction, OperatorLog, WallClock } from "../core/store.ts";
import { AddressQuota } from "./address_quota.ts";
import { BanList, readBan, type StoredBan } from "./bans.ts";
import { type Engine, type Key, StoreError, StoreGoneError } from "./engine.ts";
import { explain } from "./folder.ts";
import { reasonOf, type StoreObserver, Troubles } from "./health.ts";
import { readAction, StoredOperatorLog } from "./operator_log.ts";
import { readReservation, type Reservation } from "./reservation.ts";
import { ReservationBook } from "./reservation_book.ts";
import { DialectReservations } from "./reservations.ts";
import { DialectRooms } from "./rooms.ts";
import { Table, type TableLimits } from "./table.ts";
import { withinTime } from "./time_limit.ts";
import { SecretBook } from "./secrets.ts";
import { Vault } from "./vault.ts";
import { WriteBehind } from "./write_behind.ts";

export interface StoreLimits {
  readonly maxReservations: number;
  /** New ones of one address per hour, and at once on top of that. */
  readonly reservationsPerHour: number;
  readonly reservationBurst: number;
  readonly maxBans: number;
  readonly maxOperatorLog: number;
  readonly maxStoredRooms: number;
  readonly maxStoredRoomBytes: number;
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
}

/** What loading needs of a table, whatever its values are. */
type Loadable = Pick<Table<unknown>, "kind" | "adopt" | "loaded">;

/** What is written; a file of a newer format is refused. */
const FORMAT = 1;
const FORMAT_KEY: Key = ["format"];
/** Time for all that has to be read before the server can listen. */
const START_MS = 10_000;
const TICK_MS = 1_000;
/** Ticks between two looks at a store that is well; one in trouble is looked at every time. */
const CHECK_TICKS = 5;
/** Ticks after which a look that does not end is given up, and the engine opened anew. */
const GIVE_UP_TICKS = 30;
const SWEEP_RECORDS = 2_000;
const LOAD_RETRY_MS = 2_000;
const BUSY_MS = 50;
/** A list's records that are taken in at once. */
const LOAD_BATCH = 500;

/**
 * Everything that outlives connections. Memory is the truth while the server runs; an engine, where
 * there is one, is read at start and written behind, and nobody waits for it.
 */
export class Store implements AsyncDisposable {
  readonly #engine: Engine | undefined;
  readonly #options: StoreOptions;
  readonly #troubles: Troubles;
  readonly #reservations: Table<Reservation>;
  readonly #rooms: Table<unknown>;
  readonly #bans: Table<StoredBan>;
  readonly #log: Table<OperatorAction>;
  readonly #tables: ReadonlyMap<string, Table<unknown>>;
  readonly #secrets: SecretBook;
  readonly #vault: Vault;
  readonly #book: ReservationBook;
  readonly #writes: WriteBehind | undefined;
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
    this.#troubles = new Troubles(observer);
    const onChange = (key: Key): void => this.#writes?.add(key);
    const secrets = this.#secrets = new SecretBook({ engine, clock, timeoutMs, onChange });
    const { maxSealedBytes } = limits;
    this.#vault = new Vault({ engine, ...options, secrets, maxSealedBytes });
    const table = <Value>(
      kind: string,
      read: (stored: unknown) => Value | undefined,
      tableLimits: TableLimits,
    ): Table<Value> => {
      return new Table({ kind, read, ...tableLimits, wallNow, onChange }, engine === undefined);
    };
    this.#reservations = table("id", readReservation, { maxRecords: limits.maxReservations });
    this.#book = bookOf(this.#reservations, options, (...parts) => this.#lookUp(parts));
    this.#rooms = table("room", (stored) => stored, {
      maxRecords: limits.maxStoredRooms,
      maxBytes: limits.maxStoredRoomBytes,
    });
    this.#bans = table("ban", readBan, { maxRecords: limits.maxBans });
    this.#log = table("log", readAction, { maxRecords: limits.maxOperatorLog });
    const tables = [this.#reservations, this.#rooms, this.#bans, this.#log];
    this.#tables = new Map(tables.map((one) => [one.kind, one as Table<unknown>]));
    this.bans = new BanList(this.#bans, wallNow);
    this.operatorLog = new StoredOperatorLog(this.#log, limits.maxOperatorLog, wallNow);
    this.#writes = engine && new WriteBehind({
      engine,
      clock,
      valueOf: (key) => this.#valueOf(key),
      maxWaiting: limits.maxWaitingWrites,
      timeoutMs,
      onOutcome: (error) => this.#note("writes", error),
      onDropped: () => observer.writeDropped(),
    });
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
      await withinTime(store.#start(engine, dialects), START_MS, options.clock);
    } catch (error) {
      store.#abandon();
      if (error instanceof StoreError) throw error;
      throw new StoreError(`Cannot use the store in "${engine.place}": ${explain(error)}`);
    }
    store.#begin();
    void store.#loadBehind(engine);
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
    return new Map([...this.#tables].map(([kind, { size }]) => [kind, size]));
  }

  /** Whether all records of earlier runs are in memory. */
  get isLoaded(): boolean {
    return this.#reservations.isLoaded && this.#log.isLoaded;
  }

  /**
   * A dialect's part. What was sealed for it is given out with this, once.
   * @param isHere whether an id is in use: then its reservation neither runs out nor makes room
   */
  dialect(name: string, isHere: (id: string) => boolean): DialectStore {
    const { wallNow } = this.#options;
    this.#book.watch(name, isHere);
    return {
      secret: this.#secrets.get(name),
      sealed: this.#vault.takeSealed(name),
      unreadable: (items) => this.#options.observer.sealedUnreadable(name, items),
      reservations: new DialectReservations(this.#book, name),
      rooms: new DialectRooms(this.#rooms, name, wallNow),
      seal: (items, lifetimeMs) => this.#vault.seal(name, items, lifetimeMs),
    };
  }

  /** Puts a new secret before a dialect's current one; "failed": it could not be written. */
  rotateSecret(dialect: string): Promise<"rotated" | "failed"> {
    return this.#secrets.rotate(dialect);
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
    if (!await this.flush()) this.#options.observer.unwritten(this.waitingWrites);
    this.#abandon();
  }

  #abandon(): void {
    this.#writes?.[Symbol.dispose]();
    this.#engine?.close();
  }

  async #start(engine: Engine, dialects: readonly string[]): Promise<void> {
    const format = await engine.get(FORMAT_KEY);
    const version = format === undefined ? FORMAT : Number(new TextDecoder().decode(format));
    if (!(version <= FORMAT)) {
      throw new StoreError(
        `Cannot use the store in "${engine.place}": a newer signalbox wrote it (format ${version}, known is ${FORMAT})`,
      );
    }
    if (format === undefined) await engine.create(FORMAT_KEY, formatValue());
    await this.#vault.open(dialects);
    // Few, and asked without waiting: all of them have to be here.
    for (const table of [this.#bans, this.#rooms]) await this.#load(engine, table);
  }

  /** Reservations may be many: until all are read, a claim asks for its own. */
  async #loadBehind(engine: Engine): Promise<void> {
    while (this.#closing === undefined) {
      try {
        if (!this.#reservations.isLoaded) await this.#load(engine, this.#reservations);
        await this.#load(engine, this.#log);
        return this.#note("loading", undefined);
      } catch (error) {
        if (this.#closing !== undefined) return;
        this.#note("loading", error);
        await this.#options.clock.delay(LOAD_RETRY_MS);
      }
    }
  }

  async #load(engine: Engine, table: Loadable): Promise<void> {
    let read = 0;
    for await (const { key, value } of engine.list([table.kind])) {
      if (!table.adopt(key, value)) await this.#deleteBehind(key);
      // A list gives its records in batches: clients come first between two of them.
      if (++read % LOAD_BATCH === 0) await this.#pause();
      if (this.#closing !== undefined) return;
    }
    table.loaded();
  }

  /** What is over goes too, but not so quickly that it pushes news out of the queue. */
  async #deleteBehind(key: Key): Promise<void> {
    this.#writes?.add(key);
    while (this.#isBusy() && this.#closing === undefined) {
      await this.#options.clock.delay(BUSY_MS);
    }
  }

  #isBusy(): boolean {
    return this.waitingWrites > this.#options.limits.maxWaitingWrites / 2;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#options.clock.soon(resolve);
    await promise;
  }

  async #lookUp(parts: readonly string[]): Promise<void> {
    const { clock, timeoutMs, observer } = this.#options;
    const engine = this.#engine;
    if (engine === undefined) return;
    // Clients do not wait for a store that is known to be in trouble.
    if (this.trouble !== undefined) return observer.claimUnchecked();
    const key = [this.#reservations.kind, ...parts];
    try {
      const value = await withinTime(engine.get(key), timeoutMs, clock);
      if (value !== undefined) this.#reservations.adopt(key, value);
    } catch (error) {
      this.#note("reading", error);
      observer.claimUnchecked();
    }
  }

  #valueOf(key: Key): Uint8Array<ArrayBuffer> | undefined {
    const [kind = ""] = key;
    if (kind === "format") return formatValue();
    if (kind === "secret") return this.#secrets.stored(key);
    return this.#tables.get(kind)?.stored(key);
  }

  #tick(): void {
    if (!this.#isBusy()) this.#sweep();
    this.#ticks++;
    if (this.#ticks - (this.#checkingSince ?? this.#ticks) >= GIVE_UP_TICKS) {
      this.#engine?.reopen();
      this.#checkingSince = undefined;
    }
    if (this.trouble !== undefined || this.#ticks % CHECK_TICKS === 0) void this.#check();
  }

  #sweep(): void {
    const mayGo = (): boolean => true;
    this.#rooms.sweep(SWEEP_RECORDS, mayGo);
    this.#bans.sweep(SWEEP_RECORDS, mayGo);
    this.#log.sweep(SWEEP_RECORDS, mayGo);
    this.#book.sweep(SWEEP_RECORDS);
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
      this.#note("reading", undefined);
    } catch (error) {
      if (this.#closing !== undefined) return;
      this.#note("reading", error);
      if (!(error instanceof StoreGoneError)) return;
      // Memory has it all.
      engine.reopen();
      this.#writes?.addAll(this.#keys());
    }
  }

  *#keys(): Generator<Key> {
    yield FORMAT_KEY;
    yield* this.#secrets.keys();
    for (const table of this.#tables.values()) for (const { key } of table.list()) yield key;
  }

  #note(doing: string, error: unknown): void {
    if (error === undefined) return this.#troubles.clear(doing);
    this.#troubles.set(doing, reasonOf(error, this.place ?? ""), error);
  }
}

function bookOf(
  table: Table<Reservation>,
  { limits, clock: { now }, wallNow, keyOf, observer }: StoreOptions,
  lookUp: (...parts: readonly string[]) => Promise<void>,
): ReservationBook {
  const { maxReservations: maxRecords, reservationsPerHour: perHour, reservationBurst: burst } =
    limits;
  const quota = new AddressQuota({ perHour, burst, now, keyOf });
  return new ReservationBook({ table, maxRecords, quota, now, wallNow, observer, lookUp });
}

function formatValue(): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(String(FORMAT));
}

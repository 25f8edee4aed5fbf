import type { Clock } from "../core/clock.ts";
import type { Bans, DialectStore, WallClock } from "../core/store.ts";
import { BanList, readBan, type StoredBan } from "./bans.ts";
import { type Engine, type Key, StoreError, StoreTimeoutError } from "./engine.ts";
import { explain } from "./folder.ts";
import { isLoss, reasonOf, type StoreObserver, Troubles } from "./health.ts";
import { DialectReservations, readReservation, renew, type Reservation } from "./reservations.ts";
import { DialectRooms } from "./rooms.ts";
import { Table, type TableLimits } from "./table.ts";
import { nextTurn, withinTime } from "./time_limit.ts";
import { Vault } from "./vault.ts";
import { EngineWatch } from "./watch.ts";
import { WriteBehind } from "./write_behind.ts";

export interface StoreLimits {
  readonly maxReservations: number;
  readonly maxBans: number;
  readonly maxStoredRooms: number;
  readonly maxStoredRoomBytes: number;
  readonly maxSealedBytes: number;
  readonly maxWaitingWrites: number;
}

export interface StoreOptions {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly limits: StoreLimits;
  /** Time that one operation may take before the store counts as being in trouble. */
  readonly timeoutMs: number;
  /** Whether anything is sealed at the end; what was is taken out at start all the same. */
  readonly seals: boolean;
  readonly observer: StoreObserver;
}

/** What is written; a file of a newer format is refused. */
const FORMAT = 1;
const FORMAT_KEY: Key = ["format"];
/** Time for all that has to be read before the server can listen. */
const START_MS = 10_000;
/** Time for an engine to let go of what it has. */
const CLOSE_MS = 1_000;
const TICK_MS = 1_000;
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
  readonly #tables: ReadonlyMap<string, Table<unknown>>;
  readonly #vault: Vault;
  readonly #presence = new Map<string, (id: string) => boolean>();
  readonly #writes: WriteBehind | undefined;
  readonly bans: Bans;
  #timer: Disposable | undefined;
  readonly #watch: EngineWatch | undefined;
  /** The look before the end. */
  #lastLook: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(engine: Engine | undefined, options: StoreOptions) {
    const { clock, wallNow, limits, timeoutMs, observer } = options;
    this.#engine = engine;
    this.#options = options;
    this.#troubles = new Troubles(observer);
    this.#vault = new Vault({ engine, ...options, maxSealedBytes: limits.maxSealedBytes });
    const table = <Value>(
      kind: string,
      read: (stored: unknown) => Value | undefined,
      tableLimits: TableLimits,
    ): Table<Value> => {
      const onChange = (key: Key): void => this.#writes?.add(key);
      return new Table({ kind, read, ...tableLimits, wallNow, onChange }, engine === undefined);
    };
    this.#reservations = table("id", readReservation, { maxRecords: limits.maxReservations });
    this.#rooms = table("room", (stored) => stored, {
      maxRecords: limits.maxStoredRooms,
      maxBytes: limits.maxStoredRoomBytes,
    });
    this.#bans = table("ban", readBan, { maxRecords: limits.maxBans });
    const tables = [this.#reservations, this.#rooms, this.#bans];
    this.#tables = new Map(tables.map((one) => [one.kind, one as Table<unknown>]));
    this.bans = new BanList(this.#bans, wallNow);
    this.#writes = engine && new WriteBehind({
      engine,
      clock,
      valueOf: (key) => this.#valueOf(key),
      maxWaiting: limits.maxWaitingWrites,
      timeoutMs,
      onOutcome: (error) => this.#note("writes", error),
      everything: () => this.#everything(engine),
      onDropped: () => observer.writeDropped(),
      onRewriting: (isDone) => this.#noteRewriting(isDone),
    });
    this.#watch = engine && new EngineWatch({
      engine,
      clock,
      timeoutMs,
      isInTrouble: () => this.trouble !== undefined,
      onOutcome: (error) => this.#note("reading", error),
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
      await store.#abandon();
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
    return this.#reservations.isLoaded;
  }

  /**
   * A dialect's part. What was sealed for it is given out with this, once.
   * @param isHere whether an id is in use: then its reservation does not run out
   */
  dialect(name: string, isHere: (id: string) => boolean): DialectStore {
    const { wallNow } = this.#options;
    this.#presence.set(name, isHere);
    return {
      secret: this.#vault.secret(name),
      sealed: this.#vault.takeSealed(name),
      unreadable: (items) => this.#options.observer.sealedUnreadable(name, items),
      reservations: new DialectReservations({
        table: this.#reservations,
        wallNow,
        dialect: name,
        lookUp: (...parts) => this.#lookUp(parts),
      }),
      rooms: new DialectRooms(this.#rooms, name, wallNow),
      seal: async (items, lifetimeMs) => {
        await this.#lookBeforeEnd();
        return await this.#vault.seal(name, items, lifetimeMs);
      },
    };
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
    await this.#lookBeforeEnd();
    this.#timer?.[Symbol.dispose]();
    if (!await this.flush()) this.#options.observer.unwritten(this.#writes?.unwritten ?? 0);
    await this.#abandon();
  }

  /** Once: whoever lost the file since the last look would lose all of it, and not be told. */
  async #lookBeforeEnd(): Promise<void> {
    if (this.trouble === undefined) this.#lastLook ??= this.#watch?.lookBeforeEnd();
    await this.#lastLook;
  }

  /** What hangs is left behind: it ends with the process. */
  async #abandon(): Promise<void> {
    this.#writes?.[Symbol.dispose]();
    const ends = Promise.all([this.#watch?.end(), this.#engine?.close()]);
    try {
      await withinTime(ends, CLOSE_MS, this.#options.clock);
    } catch (error) {
      if (!(error instanceof StoreTimeoutError)) throw error;
    }
  }

  async #start(engine: Engine, dialects: readonly string[]): Promise<void> {
    const format = await engine.get(FORMAT_KEY);
    this.#checkFormat(format);
    if (format === undefined) await engine.create(FORMAT_KEY, formatValue());
    await this.#vault.open(dialects);
    // Few, and asked without waiting: all of them have to be here.
    for (const table of [this.#bans, this.#rooms]) await this.#load(engine, table);
  }

  /** Throws for a file that is not to be written. */
  #checkFormat(format: Uint8Array | undefined): void {
    const version = format === undefined ? FORMAT : Number(new TextDecoder().decode(format));
    if (version <= FORMAT) return;
    throw new StoreError(
      `Cannot use the store in "${this.place}": a newer signalbox wrote it (format ${version}, known is ${FORMAT})`,
    );
  }

  /** Reservations may be many: until all are read, a claim asks for its own. */
  async #loadBehind(engine: Engine): Promise<void> {
    while (this.#closing === undefined) {
      try {
        await this.#load(engine, this.#reservations);
        return this.#note("loading", undefined);
      } catch (error) {
        if (this.#closing !== undefined) return;
        this.#note("loading", error);
        await this.#options.clock.delay(LOAD_RETRY_MS);
      }
    }
  }

  async #load(
    engine: Engine,
    table: Table<unknown> | Table<Reservation> | Table<StoredBan>,
  ): Promise<void> {
    let [read, unreadable] = [0, 0];
    for await (const { key, value } of engine.list([table.kind])) {
      const outcome = table.adopt(key, value);
      if (outcome === "over") await this.#deleteBehind(key);
      if (outcome === "unreadable") unreadable++;
      // A list gives its records in batches: clients come first between two of them.
      if (++read % LOAD_BATCH === 0) await nextTurn(this.#options.clock);
      if (this.#closing !== undefined) return;
    }
    table.loaded();
    if (unreadable > 0) this.#options.observer.unreadable(table.kind, unreadable);
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
    if (kind === "secret") return this.#vault.stored(key);
    return this.#tables.get(kind)?.stored(key);
  }

  #tick(): void {
    this.#sweep();
    this.#watch?.tick();
  }

  #sweep(): void {
    const now = this.#options.wallNow();
    // Where much waits, what is over can wait too; what is in use cannot, or it would be over.
    const isBusy = this.#isBusy();
    const mayGo = (): boolean => !isBusy;
    this.#rooms.sweep(SWEEP_RECORDS, mayGo);
    this.#bans.sweep(SWEEP_RECORDS, mayGo);
    this.#reservations.sweep(SWEEP_RECORDS, (record) => {
      const { key: [, dialect = "", id = ""], value, expiresAtMs } = record;
      if (expiresAtMs - now > value.lifetimeMs / 2) return false;
      if (this.#presence.get(dialect)?.(id) !== true) return mayGo();
      renew(this.#reservations, record, now);
      return false;
    });
  }

  async *#everything(engine: Engine): AsyncGenerator<Key> {
    yield FORMAT_KEY;
    yield* this.#vault.keys();
    for (const table of this.#tables.values()) {
      for (const { key } of table.list()) yield key;
      for await (const { key, value } of engine.list([table.kind])) {
        if (table.isDeleted(key, value)) yield key;
      }
    }
  }

  #noteRewriting(isDone: boolean): void {
    if (isDone) return this.#troubles.clear("rewriting");
    this.#troubles.set(
      "rewriting",
      "not everything is written",
      new Error("all of it is written again"),
    );
  }

  #note(doing: string, error: unknown): void {
    if (error === undefined) return this.#troubles.clear(doing);
    this.#troubles.set(doing, reasonOf(error, this.place ?? ""), error);
    if (!isLoss(error)) return;
    // Memory has it all.
    this.#engine?.reopen("gone", async (get) => this.#checkFormat(await get(FORMAT_KEY)));
    this.#writes?.rewrite();
  }
}

function formatValue(): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(String(FORMAT));
}

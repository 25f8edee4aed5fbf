import type { OperatorAction, WallClock } from "../../core/kept.ts";
import { AddressQuota } from "./address_quota.ts";
import type { Key, StoreEngine } from "../engine/engine.ts";
import type { ReportStoreEvent } from "../events.ts";
import { ReservationBook } from "./reservation_book.ts";
import { Reservation, StoredAction, StoredBan, StoredRoom } from "./shapes.ts";
import { type SharedSecrets, SharedTables } from "./shared.ts";
import { Table, type TableLimits, type TableOptions } from "./table.ts";

export interface RecordLimits {
  readonly maxReservations: number;
  /** New ones of one address per hour, and at once beyond that. */
  readonly reservationsPerHour: number;
  readonly reservationBurst: number;
  /** Addresses whose allowance is remembered. */
  readonly maxAddresses: number;
  readonly maxBans: number;
  readonly maxOperatorLog: number;
  readonly maxStoredRooms: number;
  readonly maxStoredRoomBytes: number;
}

export interface RecordsOptions {
  readonly limits: RecordLimits;
  /** The nodes of a cluster share these, too. */
  readonly secrets: SharedSecrets;
  readonly now: () => number;
  readonly wallNow: WallClock;
  /** Which addresses count as one. */
  readonly keyOf: (address: string) => string;
  readonly report: ReportStoreEvent;
  /** False if records of an earlier run are still to be loaded. */
  readonly isLoaded: boolean;
  /** Loads a reservation that may not be in memory yet; never rejects. */
  readonly lookUp: (...parts: readonly string[]) => Promise<void>;
  /** Called after each change; `isOwn` is false for one of another node, and for an expiry. */
  readonly onChange: (key: Key, isOwn: boolean) => void;
}

/** Records of each kind that one sweep examines. */
const SWEEP_RECORDS = 2_000;

/** All records of a store except its secrets, one table per kind. */
export class Records {
  readonly reservations: Table<Reservation>;
  readonly rooms: Table<unknown>;
  readonly bans: Table<StoredBan>;
  readonly log: Table<OperatorAction>;
  /** The tables that all nodes of a cluster share. */
  readonly shared: SharedTables;
  /** The rules for reservations. */
  readonly book: ReservationBook;
  readonly #tables: ReadonlyMap<string, Table<unknown>>;

  constructor(options: RecordsOptions) {
    const { limits, wallNow, isLoaded, onChange } = options;
    const table = <Value>(
      kind: string,
      shape: TableOptions<Value>["shape"],
      tableLimits: TableLimits & Pick<TableOptions<Value>, "isShared">,
    ): Table<Value> => new Table({ kind, shape, ...tableLimits, wallNow, onChange }, isLoaded);
    this.reservations = table("id", Reservation, {
      maxRecords: limits.maxReservations,
      isShared: ({ isOperators }) => isOperators === true,
    });
    this.rooms = table("room", StoredRoom, {
      maxRecords: limits.maxStoredRooms,
      maxBytes: limits.maxStoredRoomBytes,
    });
    this.bans = table("ban", StoredBan, { maxRecords: limits.maxBans });
    this.log = table("log", StoredAction, { maxRecords: limits.maxOperatorLog });
    const tables = [this.reservations, this.rooms, this.bans, this.log];
    this.#tables = new Map(tables.map((one) => [one.kind, one as Table<unknown>]));
    this.shared = new SharedTables(this.#tables, options.secrets, {
      wallNow,
      report: options.report,
      isLasting: !isLoaded,
    });
    this.book = bookOf(this.reservations, options);
  }

  /** True if all records of earlier runs are loaded. */
  get isLoaded(): boolean {
    return [...this.#tables.values()].every((table) => table.isLoaded);
  }

  /** How many there are of each kind. */
  get sizes(): ReadonlyMap<string, number> {
    return new Map([...this.#tables].map(([kind, { size }]) => [kind, size]));
  }

  /** The value to store under a key; undefined without a record. */
  stored(key: Key): Uint8Array<ArrayBuffer> | undefined {
    return this.#tables.get(key[0] ?? "")?.stored(key);
  }

  /** The keys of all records to store, and of stored records to delete. */
  async *everything(engine: StoreEngine): AsyncGenerator<Key> {
    for (const table of this.#tables.values()) {
      for (const { key } of table.list()) yield key;
      for await (const { key, value } of engine.list([table.kind])) {
        if (table.isDeleted(key, value)) yield key;
      }
    }
  }

  /**
   * Examines some more records: renews those in use, and deletes expired ones.
   * @param isBusy true if so many writes wait that deletions should wait too
   */
  sweep(isBusy: boolean): void {
    const mayGo = (): boolean => !isBusy;
    this.rooms.sweep(SWEEP_RECORDS, mayGo);
    this.bans.sweep(SWEEP_RECORDS, mayGo);
    this.log.sweep(SWEEP_RECORDS, mayGo);
    this.book.sweep(SWEEP_RECORDS, !isBusy);
  }
}

function bookOf(
  table: Table<Reservation>,
  { limits, now, wallNow, keyOf, report, lookUp }: RecordsOptions,
): ReservationBook {
  const { maxReservations: maxRecords, reservationsPerHour: perHour, reservationBurst: burst } =
    limits;
  const { maxAddresses } = limits;
  const quota = new AddressQuota({ perHour, burst, maxAddresses, now, keyOf });
  return new ReservationBook({ table, maxRecords, quota, now, wallNow, report, lookUp });
}

import type { KeepOutcome, ReservationTerms, WallClock } from "../../core/kept.ts";
import type { AddressQuota } from "./address_quota.ts";
import { isKey } from "../engine/engine.ts";
import type { ReportStoreEvent } from "../events.ts";
import type { Reservation } from "./shapes.ts";
import type { ReadonlyRecord, Table } from "./table.ts";

export interface ReservationBookOptions {
  readonly table: Table<Reservation>;
  readonly maxRecords: number;
  /** New ones of each address. */
  readonly quota: AddressQuota;
  readonly now: () => number;
  readonly wallNow: WallClock;
  readonly report: ReportStoreEvent;
  /** Loads a record that may not be in memory yet; never rejects. */
  readonly lookUp: (...parts: readonly string[]) => Promise<void>;
}

type ReservationRecord = ReadonlyRecord<Reservation>;

/** Ids in use are renewed after this part of their lifetime, so a crash costs no more. */
const RENEWED_AFTER = 0.1;
/** Renewals per sweep, so that many ids in use do not flood the store. */
const MAX_RENEWALS = 1_000;
/** Reservations that one search selects for eviction. */
const VICTIMS = 5_000;
/** Pause per thousand reservations searched, about a hundred times the search itself. */
const PAUSE_MS = 10;

/** All dialects' reservations, and the rules for evicting them. */
export class ReservationBook {
  readonly #options: ReservationBookOptions;
  readonly #presence = new Map<string, (id: string) => boolean>();
  /** Candidates for eviction, the oldest last; some may be in use again. */
  #victims: ReservationRecord[] = [];
  #nextSearchAt = -Infinity;

  constructor(options: ReservationBookOptions) {
    this.#options = options;
  }

  /** @param isHere true if an id is in use; its reservation neither expires nor is evicted */
  watch(dialect: string, isHere: (id: string) => boolean): void {
    this.#presence.set(dialect, isHere);
  }

  async lookUp(dialect: string, id: string): Promise<void> {
    const { table, lookUp } = this.#options;
    if (!table.isLoaded && table.find(dialect, id) === undefined) await lookUp(dialect, id);
  }

  find(dialect: string, id: string): ReservationRecord | undefined {
    return this.#options.table.find(dialect, id);
  }

  list(dialect: string): Iterable<ReservationRecord> {
    return this.#options.table.list(dialect);
  }

  /** False and a report for an id that cannot be a key, so that nobody can reserve it. */
  isKey(dialect: string, id: string): boolean {
    const { table, report } = this.#options;
    const isOne = isKey([table.kind, dialect, id]);
    if (!isOne) report({ type: "id_unreserved", reason: "invalid", address: undefined });
    return isOne;
  }

  /** The limits of a cluster's reservations, and the address that they count for. */
  limitsOf(
    address: string | undefined,
  ): Pick<ReservationTerms, "address" | "maxRecords" | "perHour" | "burst"> {
    const { maxRecords, quota } = this.#options;
    const { perHour, burst } = quota;
    const key = address === undefined ? undefined : quota.keyOf(address);
    return { address: key, maxRecords, perHour, burst };
  }

  /** Reserves an id for a client; reports and returns false if that is impossible. */
  add(dialect: string, id: string, reservation: Reservation, address?: string): boolean {
    const { quota, report } = this.#options;
    const isOver = address !== undefined && !quota.take(address);
    const outcome = isOver ? "address" : this.set(dialect, id, reservation);
    if (outcome === "kept") return true;
    report({ type: "id_unreserved", reason: outcome, address });
    return false;
  }

  /** Restarts a reservation's lifetime. */
  set(dialect: string, id: string, reservation: Reservation): KeepOutcome {
    const { table, wallNow } = this.#options;
    if (!isKey([table.kind, dialect, id])) return "invalid";
    if (table.find(dialect, id) === undefined) this.#makeRoom();
    const { lifetimeMs = Infinity } = reservation;
    return table.set([dialect, id], reservation, wallNow() + lifetimeMs);
  }

  renew(dialect: string, id: string): void {
    const record = this.find(dialect, id);
    if (record !== undefined) this.set(dialect, id, record.value);
  }

  /** False if there is no such reservation. */
  delete(dialect: string, id: string): boolean {
    const isThere = this.find(dialect, id) !== undefined;
    this.#options.table.delete(dialect, id);
    return isThere;
  }

  /**
   * Examines some more reservations: renews those in use, and deletes expired ones.
   * @param mayGo true if deletions may be written now; renewals cannot wait
   */
  sweep(count: number, mayGo = true): void {
    const { table, wallNow } = this.#options;
    const now = wallNow();
    let renewals = 0;
    table.sweep(count, ({ key, value, expiresAtMs }) => {
      const { lifetimeMs = Infinity } = value;
      if (expiresAtMs === Infinity) return false;
      if (expiresAtMs - now > (1 - RENEWED_AFTER) * lifetimeMs) return false;
      if (!this.#isHere(key)) return mayGo;
      if (++renewals <= MAX_RENEWALS) table.set(key.slice(1), value, now + lifetimeMs);
      return false;
    });
  }

  /** Evicts an id that was claimed only once, the oldest first. */
  #makeRoom(): void {
    const { table, maxRecords, report } = this.#options;
    while (table.size >= maxRecords) {
      const victim = this.#victims.pop() ?? this.#search();
      if (victim === undefined) return;
      const [, dialect = "", id = ""] = victim.key;
      // It may have been renewed since.
      if (table.get(dialect, id) !== victim || !this.#isDispensable(victim)) continue;
      table.delete(dialect, id);
      report({ type: "reservation_evicted" });
    }
  }

  /** Searches all reservations, which is too slow to do for each new id. */
  #search(): ReservationRecord | undefined {
    const { table, now } = this.#options;
    if (now() < this.#nextSearchAt) return undefined;
    this.#nextSearchAt = now() + PAUSE_MS * Math.floor(table.size / 1_000);
    let [oldest, youngest]: [ReservationRecord[], number] = [[], Infinity];
    for (const record of table.all()) {
      if (lastSeenMs(record) >= youngest || !this.#isDispensable(record)) continue;
      oldest.push(record);
      if (oldest.length < 2 * VICTIMS) continue;
      oldest = oldest.sort((a, b) => lastSeenMs(a) - lastSeenMs(b)).slice(0, VICTIMS);
      youngest = Math.max(...oldest.slice(-1).map(lastSeenMs));
    }
    this.#victims = oldest.sort((a, b) => lastSeenMs(b) - lastSeenMs(a)).slice(-VICTIMS);
    return this.#victims.pop();
  }

  #isDispensable({ key, value, expiresAtMs }: ReservationRecord): boolean {
    const isOver = expiresAtMs <= this.#options.wallNow();
    const isOnlyClaimed = value.isProven !== true && value.isOperators !== true;
    return (isOver || isOnlyClaimed) && !this.#isHere(key);
  }

  #isHere([, dialect = "", id = ""]: ReservationRecord["key"]): boolean {
    return this.#presence.get(dialect)?.(id) === true;
  }
}

function lastSeenMs({ value: { lifetimeMs = Infinity }, expiresAtMs }: ReservationRecord): number {
  return expiresAtMs === Infinity ? Infinity : expiresAtMs - lifetimeMs;
}

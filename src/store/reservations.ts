import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import type { Reservations, WallClock } from "../core/store.ts";
import type { ReadonlyRecord, Table } from "./table.ts";

/** What is kept of a reservation: never the token itself. */
export interface Reservation {
  /** SHA-256 of the token, in base64url. */
  readonly digest: string;
  readonly lifetimeMs: number;
}

export interface ReservationOptions {
  readonly table: Table<Reservation>;
  readonly wallNow: WallClock;
  readonly dialect: string;
  /** Adds a record to the table that is only in the store so far; never rejects. */
  readonly lookUp: (...parts: readonly string[]) => Promise<void>;
}

/** One dialect's ids that stay with their tokens. */
export class DialectReservations implements Reservations {
  readonly #options: ReservationOptions;

  constructor(options: ReservationOptions) {
    this.#options = options;
  }

  async claim(
    id: string,
    token: string,
    lifetimeMs: number,
  ): Promise<"granted" | "taken" | "unreserved"> {
    const { table, dialect, lookUp, wallNow } = this.#options;
    const digest = await digestOf(token);
    if (!table.isLoaded && table.find(dialect, id) === undefined) await lookUp(dialect, id);
    // From here on without a pause, so that of two claims of a free id one is the first.
    const holder = table.find(dialect, id);
    if (holder !== undefined && !isEqual(holder.value.digest, digest)) return "taken";
    const outcome = table.set([dialect, id], { digest, lifetimeMs }, wallNow() + lifetimeMs);
    return outcome === "kept" ? "granted" : "unreserved";
  }

  touch(id: string): void {
    const { table, dialect } = this.#options;
    const record = table.find(dialect, id);
    if (record !== undefined) renew(table, record, this.#options.wallNow());
  }
}

/** Reads what was stored; undefined for what is no reservation. */
export function readReservation(stored: unknown): Reservation | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { digest, lifetimeMs }: Partial<Reservation> = stored;
  if (typeof digest !== "string" || typeof lifetimeMs !== "number") return undefined;
  return { digest, lifetimeMs };
}

/** Begins a reservation's lifetime anew. */
export function renew(
  table: Table<Reservation>,
  { key, value }: ReadonlyRecord<Reservation>,
  now: number,
): void {
  table.set(key.slice(1), value, now + value.lifetimeMs);
}

/** Asynchronous: many clients that come back at once must not stop the others. */
async function digestOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return Buffer.from(digest).toString("base64url");
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

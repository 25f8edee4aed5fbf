import type { Ban, Bans, KeepOutcome, WallClock } from "../../core/kept.ts";
import type { ReadonlyRecord, Table } from "./table.ts";

/** What is kept of a ban, beside its key and its end. */
export interface StoredBan {
  readonly reason: string;
}

/** Who may not use the server, by kind and value. */
export class BanList implements Bans {
  readonly #table: Table<StoredBan>;
  readonly #wallNow: WallClock;

  constructor(table: Table<StoredBan>, wallNow: WallClock) {
    this.#table = table;
    this.#wallNow = wallNow;
  }

  find(kind: string, value: string): Ban | undefined {
    const record = this.#table.find(kind, value);
    return record && toBan(record);
  }

  set(
    kind: string,
    value: string,
    { reason, lifetimeMs = Infinity }: { reason: string; lifetimeMs?: number },
  ): KeepOutcome {
    return this.#table.set([kind, value], { reason }, this.#wallNow() + lifetimeMs);
  }

  lift(kind: string, value: string): void {
    this.#table.delete(kind, value);
  }

  *list(): Generator<Ban> {
    for (const record of this.#table.list()) yield toBan(record);
  }
}

/** Reads what was stored; undefined for what is no ban. */
export function readBan(stored: unknown): StoredBan | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { reason }: Partial<StoredBan> = stored;
  return typeof reason === "string" ? { reason } : undefined;
}

function toBan({ key: [, kind = "", value = ""], value: { reason }, expiresAtMs }: ReadonlyRecord<
  StoredBan
>): Ban {
  return { kind, value, reason, expiresAtMs };
}

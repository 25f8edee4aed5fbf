import type { Ban, Bans, KeepOutcome, WallClock } from "../../core/kept.ts";
import type { StoredBan } from "./shapes.ts";
import type { ReadonlyRecord, Table } from "./table.ts";

/** Bans, by kind and value. */
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

function toBan({ key: [, kind = "", value = ""], value: { reason }, expiresAtMs }: ReadonlyRecord<
  StoredBan
>): Ban {
  return { kind, value, reason, expiresAtMs };
}

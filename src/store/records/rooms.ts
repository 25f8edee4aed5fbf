import type { KeepOutcome, StoredRooms, WallClock } from "../../core/kept.ts";
import type { SharedTables } from "./shared.ts";
import type { Table } from "./table.ts";

/** One dialect's rooms of the operator: one record per room and per description. */
export class DialectRooms implements StoredRooms {
  readonly #table: Table<unknown>;
  readonly #dialect: string;
  readonly #wallNow: WallClock;
  readonly #shared: Pick<SharedTables, "whenAccepted">;

  constructor(
    table: Table<unknown>,
    dialect: string,
    { wallNow, shared }: {
      readonly wallNow: WallClock;
      readonly shared: Pick<SharedTables, "whenAccepted">;
    },
  ) {
    this.#table = table;
    this.#dialect = dialect;
    this.#wallNow = wallNow;
    this.#shared = shared;
  }

  *list(): Generator<{ room: string; settings: unknown }> {
    for (const { key, value } of this.#table.list(this.#dialect)) {
      const [, , room = "", ...member] = key;
      if (member.length === 0) yield { room, settings: value };
    }
  }

  settings(room: string): unknown {
    return this.#table.find(this.#dialect, room)?.value;
  }

  keep(room: string, settings: unknown, lifetimeMs = Infinity): KeepOutcome {
    return this.#table.set([this.#dialect, room], settings, this.#wallNow() + lifetimeMs);
  }

  forget(room: string): void {
    for (const { key } of [...this.#table.list(this.#dialect, room)]) {
      this.#table.delete(...key.slice(1));
    }
  }

  *descriptions(): Generator<{ room: string; member: string; description: unknown }> {
    for (const { key: [, , room = "", member], value } of this.#table.list(this.#dialect)) {
      if (member !== undefined) yield { room, member, description: value };
    }
  }

  description(room: string, member: string): unknown {
    return this.#table.find(this.#dialect, room, member)?.value;
  }

  describe(room: string, member: string, description: unknown): KeepOutcome {
    if (description !== null) return this.#table.set([this.#dialect, room, member], description);
    this.#table.delete(this.#dialect, room, member);
    return "kept";
  }

  watch(changed: (room: string, member: string, description: unknown) => void): void {
    this.#shared.whenAccepted(([kind, dialect, room = "", member]) => {
      if (kind !== this.#table.kind || dialect !== this.#dialect || member === undefined) return;
      changed(room, member, this.description(room, member));
    });
  }
}

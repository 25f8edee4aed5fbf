import type { SharedRecord, SharedStore, WallClock } from "../../core/kept.ts";
import type { Key } from "../engine/engine.ts";
import type { ReportStoreEvent } from "../events.ts";
import type { SecretBook } from "./secrets.ts";
import type { Table } from "./table.ts";

/** Gets the key of a record that another node has changed; `isThere` is false for one removed. */
export type WhenAccepted = (key: Key, isThere: boolean) => void;

export type SharedSecrets = Pick<SecretBook, "accept" | "shared" | "whenChanged">;

const SECRET = "secret";

/** The tables that all nodes of a cluster share. */
export class SharedTables implements SharedStore {
  readonly #tables: ReadonlyMap<string, Table<unknown>>;
  readonly #secrets: SharedSecrets;
  readonly #wallNow: WallClock;
  readonly #report: ReportStoreEvent;
  readonly isLasting: boolean;
  readonly #accepted: WhenAccepted[] = [];
  #tell: ((record: SharedRecord) => void) | undefined;

  constructor(
    tables: ReadonlyMap<string, Table<unknown>>,
    secrets: SharedSecrets,
    { wallNow, report, isLasting }: {
      readonly wallNow: WallClock;
      readonly report: ReportStoreEvent;
      /** True if the tables outlive this process. */
      readonly isLasting: boolean;
    },
  ) {
    this.#tables = tables;
    this.#secrets = secrets;
    this.#wallNow = wallNow;
    this.#report = report;
    this.isLasting = isLasting;
  }

  accept({ key, text, lifetimeMs, stamp = 0 }: SharedRecord): boolean {
    const [kind = "", ...parts] = key;
    const outcome = kind === SECRET
      ? this.#secrets.accept(parts[0] ?? "", text, stamp)
      : this.#tables.get(kind)?.accept(parts, text, this.#wallNow() + lifetimeMs, stamp) ??
        "invalid";
    if (outcome === "taken") {
      for (const accepted of this.#accepted) accepted(key, text !== undefined);
    }
    return outcome !== "invalid";
  }

  *records(): Generator<SharedRecord> {
    yield* this.#secrets.shared();
    for (const table of this.#tables.values()) yield* table.shared();
  }

  whenChanged(tell: (record: SharedRecord) => void): void {
    for (const table of this.#tables.values()) table.share(this.isLasting);
    this.#tell = tell;
    this.#secrets.whenChanged(tell);
  }

  /** Has `accepted` called after each change of another node. */
  whenAccepted(accepted: WhenAccepted): void {
    this.#accepted.push(accepted);
  }

  noteReservation(outcome: "full" | "address" | "evicted", address: string | undefined): void {
    if (outcome === "evicted") this.#report({ type: "reservation_evicted" });
    else this.#report({ type: "id_unreserved", reason: outcome, address });
  }

  /** This node has changed a record. */
  changed(key: Key): void {
    const table = this.#tables.get(key[0] ?? "");
    if (table?.isShared(key) === true) this.#tell?.({ ...table.sharedAt(key), stamp: undefined });
  }

  /** Records of earlier runs have been loaded, which other nodes may lack. */
  loaded(kinds: readonly string[]): void {
    for (const kind of kinds) {
      for (const record of this.#tables.get(kind)?.shared() ?? []) this.#tell?.(record);
    }
  }
}

import type { Clock } from "../core/clock.ts";
import type { SharedRecord, SharedStore } from "../core/kept.ts";
import { type Engine, type EngineConnection, EngineError, listOf } from "./engine/engine.ts";
import type { Seal } from "./seal.ts";
import { ownName, readOwnName } from "./names.ts";
import { packNames, unpackNames } from "./texts.ts";

/** Kinds of records that nodes share; the script knows the same. */
const KINDS = ["secret", "ban", "room", "log", "id"];
/** Ids that clients reserved, which only nodes with a store that lasts copy. */
const OWN = "own";
/** Marks an operator's reservation in its JSON. */
const OPERATORS = '"isOperators":true';
const STAMP = /^[1-9]\d{0,15}$/;
/** In ms, or "-" for no end. */
const LIFETIME = /^(-|-?\d{1,15})$/;
const CALL_MS = 5_000;
const RETRY_MS = 250;
const MOST_AT_ONCE = "500";

export interface RecordParts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** The beginning of every key. */
  readonly prefix: string;
  readonly push: (...args: readonly string[]) => void;
  /** For the records of kind "secret". */
  readonly seal: Seal;
}

/**
 * The records of this node's store that all nodes share. The engine puts changes into one order and
 * hands them to every node; each node has a copy, and gives it to an engine that has lost its data.
 */
export class SharedRecords {
  readonly #parts: RecordParts;
  #store: SharedStore | undefined;
  #isStopped = false;

  constructor(parts: RecordParts) {
    this.#parts = parts;
  }

  /** Reads what other nodes keep, and shares each change of this one from now on. */
  async open(store: SharedStore): Promise<void> {
    this.#store = store;
    await this.#readAll();
    store.whenChanged((record) => {
      for (const step of this.#stepsOf(record)) this.#parts.push(...step);
    });
  }

  /** Reads all again: what others changed while this node was away. */
  async refresh(): Promise<void> {
    while (!this.#isStopped && this.#store !== undefined) {
      try {
        return await this.#readAll();
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        await this.#parts.clock.delay(RETRY_MS);
      }
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** The steps that tell an engine everything again. */
  *steps(): Generator<readonly string[]> {
    if (this.#store?.isLasting === true) yield ["h"];
    for (const record of this.#store?.records() ?? []) yield* this.#stepsOf(record);
  }

  /** Another node, or this one, has changed a record; false for an item that means nothing. */
  changed([kind = "", name = "", ...facts]: readonly string[]): boolean {
    const [stamp = "", lifetime = "", isThere, text] = facts;
    const parts = kind === OWN ? readOwnName(name) : unpackNames(name);
    const isNumbered = STAMP.test(stamp) && LIFETIME.test(lifetime);
    if (parts === undefined || !isNumbered || this.#store === undefined) return false;
    const plain = kind === "secret" ? this.#parts.seal.open(name, text ?? "") : text;
    if (isThere === "1" && plain === undefined) return false;
    return this.#store.accept({
      key: [kind === OWN ? "id" : kind, ...parts],
      text: isThere === "1" ? plain : undefined,
      lifetimeMs: lifetime === "-" ? Infinity : Number(lifetime),
      stamp: Number(stamp),
    });
  }

  /** Ends a client's reservation; false if there is none. */
  async unreserve(dialect: string, id: string): Promise<boolean> {
    const { engine, prefix, push } = this.#parts;
    const name = ownName(dialect, id);
    const connection = await engine.connect("call");
    try {
      const record = await connection.command(["HGET", `${prefix}kept:${OWN}`, name], CALL_MS);
      if (!/^\d+ \S+ 1 /.test(String(record))) return false;
      push("G", OWN, name, "", "-", "0", "");
      return true;
    } finally {
      connection.close();
    }
  }

  /** A client of this node has its id on other terms than it asked for. */
  noteReservation(outcome: "full" | "address" | "evicted", address: string): void {
    this.#store?.noteReservation(outcome, address === "" ? undefined : address);
  }

  /** The steps that have a record kept. An operator's reservation takes the place of a client's. */
  *#stepsOf(record: SharedRecord): Generator<string[]> {
    const { key: [kind, dialect = "", id = ""], text } = record;
    const isOperators = kind === "id" && (text === undefined || text.includes(OPERATORS));
    const own = [OWN, ownName(dialect, id)] as const;
    if (kind === "id" && !isOperators) return yield this.#stepOf(record, ...own);
    yield this.#stepOf(record, kind ?? "", packNames(record.key.slice(1)));
    if (isOperators) yield this.#stepOf({ ...record, text: undefined }, ...own);
  }

  /** A step that has a record kept. */
  #stepOf(record: SharedRecord, kind: string, name: string): string[] {
    const { text = "", lifetimeMs, stamp } = record;
    const lifetime = lifetimeMs === Infinity ? "-" : String(Math.max(0, Math.ceil(lifetimeMs)));
    const time = stamp === undefined ? "" : String(stamp);
    const body = kind === "secret" ? this.#parts.seal.close(name, text) : text;
    return ["G", kind, name, time, lifetime, text === "" ? "0" : "1", body];
  }

  async #readAll(): Promise<void> {
    const { engine, prefix } = this.#parts;
    const connection = await engine.connect("call");
    try {
      const kinds = this.#store?.isLasting === true ? [...KINDS, OWN] : KINDS;
      for (const kind of kinds) await this.#read(kind, connection, `${prefix}kept:${kind}`);
    } finally {
      connection.close();
    }
  }

  async #read(kind: string, connection: EngineConnection, key: string): Promise<void> {
    const [seconds, micros] = listOf(await connection.command(["TIME"], CALL_MS)).map(Number);
    const now = Math.floor((seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000);
    let cursor = "0";
    do {
      const command = ["HSCAN", key, cursor, "COUNT", MOST_AT_ONCE];
      const [next, flat] = listOf(await connection.command(command, CALL_MS));
      const entries = listOf(flat).map(String);
      for (let index = 0; index + 1 < entries.length; index += 2) {
        const [, stamp = "", ends = "", isThere = "", text = ""] =
          /^(\d+) (\d+|-|@\S+) ([01]) ([^]*)$/.exec(entries[index + 1] ?? "") ?? [];
        // An id in use is kept for its lifetime at least.
        const lifetime = ends === "-"
          ? ends
          : ends.startsWith("@")
          ? /"lifetimeMs":(\d+)/.exec(text)?.[1] ?? "0"
          : String(Number(ends) - now);
        this.changed([kind, entries[index] ?? "", stamp, lifetime, isThere, text]);
      }
      cursor = String(next);
    } while (cursor !== "0");
  }
}

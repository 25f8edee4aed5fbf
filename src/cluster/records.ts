import type { Clock } from "../core/clock.ts";
import type { SharedRecord, SharedStore } from "../core/kept.ts";
import { type Engine, type EngineConnection, EngineError, type Reply } from "./engine.ts";
import type { Seal } from "./seal.ts";
import { packNames, unpackNames } from "./texts.ts";

/** Kinds of records that nodes share; the script knows the same. */
const KINDS = ["secret", "ban", "room", "log"] as const;
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
    store.whenChanged((record) => this.#parts.push(...this.#stepOf(record)));
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
    for (const record of this.#store?.records() ?? []) yield this.#stepOf(record);
  }

  /** Another node, or this one, has changed a record; false for an item that means nothing. */
  changed([kind = "", name = "", ...facts]: readonly string[]): boolean {
    const [stamp = "", lifetime = "", isThere, text] = facts;
    const parts = unpackNames(name);
    const isNumbered = STAMP.test(stamp) && LIFETIME.test(lifetime);
    if (parts === undefined || !isNumbered || this.#store === undefined) return false;
    const plain = kind === "secret" ? this.#parts.seal.open(name, text ?? "") : text;
    if (isThere === "1" && plain === undefined) return false;
    return this.#store.accept({
      key: [kind, ...parts],
      text: isThere === "1" ? plain : undefined,
      lifetimeMs: lifetime === "-" ? Infinity : Number(lifetime),
      stamp: Number(stamp),
    });
  }

  /** A step that has a record kept. */
  #stepOf({ key: [kind = "", ...parts], text = "", ...record }: SharedRecord): string[] {
    const name = packNames(parts);
    const { lifetimeMs, stamp } = record;
    const lifetime = lifetimeMs === Infinity ? "-" : String(Math.max(0, Math.ceil(lifetimeMs)));
    const time = stamp === undefined ? "" : String(stamp);
    const body = kind === "secret" ? this.#parts.seal.close(name, text) : text;
    return ["G", kind, name, time, lifetime, text === "" ? "0" : "1", body];
  }

  async #readAll(): Promise<void> {
    const { engine, prefix } = this.#parts;
    const connection = await engine.connect("call");
    try {
      for (const kind of KINDS) await this.#read(kind, connection, `${prefix}kept:${kind}`);
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
          /^(\d+) (\d+|-) ([01]) ([^]*)$/.exec(entries[index + 1] ?? "") ?? [];
        const lifetime = ends === "-" ? ends : String(Number(ends) - now);
        this.changed([kind, entries[index] ?? "", stamp, lifetime, isThere, text]);
      }
      cursor = String(next);
    } while (cursor !== "0");
  }
}

function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

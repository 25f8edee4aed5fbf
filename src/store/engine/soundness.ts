import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";
import { StoreError } from "./engine.ts";

/** SQLite's codes, without what is added to them for details. */
const CODE = { error: 1, busy: 5, locked: 6, corrupt: 11, notADatabase: 26 };
/** What Deno KV's own threads read without being asked: where this fails, they end the process. */
const TAKEN_FOR_GRANTED = [
  "select k, v, v_encoding, version, expiration_ms from kv limit 0",
  "select ts, id, data, backoff_schedule, keys_if_undelivered from queue limit 0",
  "select deadline, id, data, backoff_schedule, keys_if_undelivered from queue_running limit 0",
];
/** Records that Deno KV cannot read, or ends the process over: its numbers (2) have eight bytes. */
const UNREADABLE = `select 1 from kv where v_encoding not in (1, 2, 3)
  or v_encoding = 2 and length(v) <> 8 or typeof(k) <> 'blob' or typeof(v) <> 'blob'
  or typeof(version) <> 'integer' or typeof(expiration_ms) <> 'integer' limit 1`;
/** The last of Deno KV's migrations; before it, opening the file ends with an error at most. */
const MIGRATIONS = 3;
/** What is read at once, as far as that can be foreseen: a few ms. */
const SLICE_BYTES = 1024 * 1024;
const SLICE_RECORDS = 1_000;
/** How long a lock of another process is waited for, which should be short. */
const LOCKED_MS = 2_000;
const POLL_MS = 50;

/** The tables of Deno KV, whichever of its versions made them. */
const KV_TABLES = ["kv", "queue", "queue_running", "data_version", "migration_state"];
/** The key `[1, "format"]` as Deno KV writes it: every file of ours has this record. */
const FORMAT_RECORD = "x'21bff000000000000002666f726d617400'";

/**
 * True if a sound file holds something but no record of ours: it belongs to another program. To be
 * asked before anything writes to the file.
 */
export async function isForeign(file: string, clock: Clock): Promise<boolean> {
  if (!hasContent(file)) return false;
  return await whenUnlocked(() => {
    try {
      return reading(file, holdsOthers, openUntouched);
    } catch (error) {
      // A damaged file has no owner.
      if (isDamage(error)) return false;
      throw error;
    }
  }, clock);
}

function holdsOthers(database: DatabaseSync): boolean {
  const has = (sql: string): boolean => database.prepare(`${sql} limit 1`).all().length > 0;
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
    .map(({ name }) => String(name));
  const own = tables.filter((name) => KV_TABLES.includes(name));
  if (own.includes("kv") && has(`select 1 from kv where k = ${FORMAT_RECORD}`)) return false;
  if (tables.some((name) => !KV_TABLES.includes(name) && !name.startsWith("sqlite_"))) return true;
  const records = own.filter((name) => ["kv", "queue", "queue_running"].includes(name));
  return records.some((name) => has(`select 1 from ${name}`));
}

/** True if a process, perhaps this one, holds the file's lock so that nobody else can write. */
export function isLockedNow(file: string): boolean {
  try {
    proveWritable(file);
    return false;
  } catch (error) {
    return isLocked(error);
  }
}

/**
 * True if Deno KV can safely open the file, false if the file is damaged. Throws if it cannot be
 * written.
 */
export async function isUsable(file: string, clock: Clock): Promise<boolean> {
  if (!await whenUnlocked(() => isSound(file), clock)) return false;
  await whenUnlocked(() => proveWritable(file), clock);
  return true;
}

/**
 * Whether all records of a file that is in use can still be read from it, past what KV remembers;
 * in slices, between which others come first. Another file handle would not do: whoever closes one
 * takes SQLite's locks away.
 */
export async function isReadable(file: string, pause: () => Promise<void>): Promise<boolean> {
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const slice = database.prepare("select k, v from kv where k > ? order by k limit ?");
      let last = new Uint8Array();
      for (let limit = 16;;) {
        const rows = slice.all(last, limit);
        const key = rows.at(-1)?.["k"];
        if (!(key instanceof Uint8Array)) return true;
        last = new Uint8Array(key);
        const bytes = rows.reduce(
          (sum, { v }) => sum + (v instanceof Uint8Array ? v.length : 0),
          1,
        );
        limit = Math.ceil(Math.min(SLICE_RECORDS, 4 * limit, SLICE_BYTES * rows.length / bytes));
        await pause();
      }
    } finally {
      database.close();
    }
  } catch (error) {
    if (isLocked(error)) return true;
    if (isDamage(error)) return false;
    throw error;
  }
}

/** As others' locks are short, one that lasts is not to be waited for. */
async function whenUnlocked<T>(work: () => T, clock: Clock): Promise<T> {
  for (let waitedMs = 0;; waitedMs += POLL_MS) {
    try {
      return work();
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (waitedMs >= LOCKED_MS) {
        throw new StoreError("its file is locked by another process", "locked");
      }
    }
    await clock.delay(POLL_MS);
  }
}

/** Whether the file can be read throughout, by Deno KV too; also where there is none. */
function isSound(file: string): boolean {
  if (!hasContent(file)) return true;
  return isIntact(() =>
    reading(file, (database) => {
      const [first] = database.prepare("pragma quick_check(1)").all();
      return first?.["quick_check"] === "ok" && isForKv(database);
    })
  );
}

/** Reads from a file that is there. */
function reading<T>(file: string, read: (database: DatabaseSync) => T, open = openToRead): T {
  const database = open(file);
  try {
    return read(database);
  } finally {
    database.close();
  }
}

/** Opens a file that nobody uses, and leaves nothing beside it where that can be had. */
function openUntouched(file: string): DatabaseSync {
  if (hasContent(`${file}-wal`) || hasContent(`${file}-journal`)) return openToRead(file);
  try {
    const path = encodeURI(Deno.realPathSync(file)).replace(/[?#]/g, encodeURIComponent);
    return new DatabaseSync(`file:${path}?immutable=1`, { readOnly: true });
  } catch {
    // Deno takes the whole URI for the path that has to be permitted.
    return openToRead(file);
  }
}

function openToRead(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: true });
  } catch (error) {
    // SQLite gives no reason, but the file is there.
    if (!(error instanceof Error && /unable to open/.test(error.message))) throw error;
    throw new StoreError("its file may not be read", "denied");
  }
}

/** Throws if the file cannot be written now; see `isLocked`. */
function proveWritable(file: string): void {
  if (!hasContent(file)) return;
  const database = new DatabaseSync(file);
  try {
    // Unlike `exec`, a statement reports why it failed.
    database.prepare("begin immediate").run();
    try {
      // SQLite opens a file that may only be read, and begins: only a change is refused.
      database.prepare("create table signalbox_probe (x)").run();
    } finally {
      database.exec("rollback");
    }
  } finally {
    database.close();
  }
}

/** Whether it failed because another process has a lock. */
function isLocked(error: unknown): boolean {
  return [CODE.busy, CODE.locked].includes(codeOf(error));
}

function hasContent(file: string): boolean {
  try {
    const { isDirectory, size } = Deno.statSync(file);
    if (isDirectory) throw new Error("its file is a folder");
    return size > 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isIntact(look: () => boolean): boolean {
  try {
    return look();
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

/** Whether Deno KV can work with the tables; new ones it makes by itself. */
function isForKv(database: DatabaseSync): boolean {
  const rows = (sql: string): number => database.prepare(sql).all().length;
  if (rows("select 1 from sqlite_master where name = 'migration_state'") === 0) return true;
  const isComplete = `select 1 from migration_state where k = 0 and version >= ${MIGRATIONS}`;
  if (rows(isComplete) === 0) return true;
  for (const sql of TAKEN_FOR_GRANTED) rows(sql);
  const version = "select 1 from data_version where k = 0 and typeof(version) = 'integer'";
  return rows(version) === 1 && rows(UNREADABLE) === 0;
}

/** Whether the file is to blame; a table or column that is missing counts as damage too. */
function isDamage(error: unknown): boolean {
  return [CODE.error, CODE.corrupt, CODE.notADatabase].includes(codeOf(error));
}

function codeOf(error: unknown): number {
  const isCoded = error instanceof Error && "errcode" in error;
  return isCoded && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
}

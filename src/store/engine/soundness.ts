import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";
import { StoreError } from "./engine.ts";

/** SQLite's primary result codes. */
const CODE = { error: 1, busy: 5, locked: 6, corrupt: 11, notADatabase: 26 };
/** Queries that Deno KV's own threads run; a failure there ends the process. */
const TAKEN_FOR_GRANTED = [
  "select k, v, v_encoding, version, expiration_ms from kv limit 0",
  "select ts, id, data, backoff_schedule, keys_if_undelivered from queue limit 0",
  "select deadline, id, data, backoff_schedule, keys_if_undelivered from queue_running limit 0",
];
/** Records that Deno KV cannot read, or that end the process: its numbers (2) have eight bytes. */
const UNREADABLE = `select 1 from kv where v_encoding not in (1, 2, 3)
  or v_encoding = 2 and length(v) <> 8 or typeof(k) <> 'blob' or typeof(v) <> 'blob'
  or typeof(version) <> 'integer' or typeof(expiration_ms) <> 'integer' limit 1`;
/** Deno KV's last migration; opening an older file fails with an error at worst. */
const MIGRATIONS = 3;
/** Size of one slice, read in a few ms. */
const SLICE_BYTES = 1024 * 1024;
const SLICE_RECORDS = 1_000;
/** Time to wait for another process's lock, which should be short. */
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
 * True if all records of a file in use can be read from the disk, and not only from KV's cache. Reads
 * in slices and yields between them. Uses SQLite, because closing another handle would release
 * SQLite's locks.
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

/** Retries while another process has a lock, for a short time only. */
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

/** True if Deno KV can read the whole file, or if there is no file. */
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

/** Opens a file that is not in use, if possible without leaving files beside it. */
function openUntouched(file: string): DatabaseSync {
  if (hasContent(`${file}-wal`) || hasContent(`${file}-journal`)) return openToRead(file);
  try {
    const path = encodeURI(Deno.realPathSync(file)).replace(/[?#]/g, encodeURIComponent);
    return new DatabaseSync(`file:${path}?immutable=1`, { readOnly: true });
  } catch {
    // With restricted permissions Deno takes the whole URI for a path.
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
      // SQLite begins a transaction even on a read-only file, and refuses only a change.
      database.prepare("create table signalbox_probe (x)").run();
    } finally {
      database.exec("rollback");
    }
  } finally {
    database.close();
  }
}

/** True if an operation failed because another process has a lock. */
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

/** True if Deno KV can use the tables; it creates missing ones. */
function isForKv(database: DatabaseSync): boolean {
  const rows = (sql: string): number => database.prepare(sql).all().length;
  if (rows("select 1 from sqlite_master where name = 'migration_state'") === 0) return true;
  const isComplete = `select 1 from migration_state where k = 0 and version >= ${MIGRATIONS}`;
  if (rows(isComplete) === 0) return true;
  for (const sql of TAKEN_FOR_GRANTED) rows(sql);
  const version = "select 1 from data_version where k = 0 and typeof(version) = 'integer'";
  return rows(version) === 1 && rows(UNREADABLE) === 0;
}

/** True if the file is at fault; a missing table or column counts as damage too. */
function isDamage(error: unknown): boolean {
  return [CODE.error, CODE.corrupt, CODE.notADatabase].includes(codeOf(error));
}

function codeOf(error: unknown): number {
  const isCoded = error instanceof Error && "errcode" in error;
  return isCoded && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
}

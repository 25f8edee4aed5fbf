import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/clock.ts";

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

/** Whether Deno KV can be let near the file: else it is damaged. Throws where nobody can write to it. */
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
      if (waitedMs >= LOCKED_MS) throw new Error("its file is locked by another process");
    }
    await clock.delay(POLL_MS);
  }
}

/** Whether the file can be read throughout, by Deno KV too; also where there is none. */
function isSound(file: string): boolean {
  if (!hasContent(file)) return true;
  return isIntact(() => {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const [first] = database.prepare("pragma quick_check(1)").all();
      return first?.["quick_check"] === "ok" && isForKv(database);
    } finally {
      database.close();
    }
  });
}

/** Throws where nobody could write to the file now; see `isLocked`. */
function proveWritable(file: string): void {
  if (!hasContent(file)) return;
  const database = new DatabaseSync(file);
  try {
    // Unlike `exec`, it says why it failed.
    database.prepare("begin immediate").run();
    database.exec("rollback");
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

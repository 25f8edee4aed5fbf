import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { StoreError, StoreTimeoutError } from "./engine.ts";
import { KV_FILE } from "./kv.ts";
import { withinTime } from "./time_limit.ts";

/** A folder that nobody else uses until it is disposed of, its file sound or not there yet. */
export interface StoreFolder extends Disposable {
  readonly file: string;
  /** Where a damaged file was moved to; undefined where there was none. */
  readonly damaged: string | undefined;
}

const LOCK_FILE = "lock";
const LOCK_MS = 500;
/** SQLite's codes of a file that is damaged, and of one that is none of its own. */
const DAMAGED = [11, 26];

/**
 * Makes the folder where it is missing, takes its lock, and moves a damaged file aside: Deno KV may
 * end the process over one. Throws StoreError.
 * @param stamp goes into the name of what is moved aside
 */
export async function openFolder(
  folder: string,
  stamp: string,
  clock: Clock,
): Promise<StoreFolder> {
  const file = `${folder}/${KV_FILE}`;
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new StoreError(`Cannot use the store in "${folder}": ${explain(error)}`);
    }
  };
  await attempt(() => Deno.mkdir(folder, { recursive: true, mode: 0o700 }));
  using undo = new DisposableStack();
  const lock = await attempt(() =>
    Deno.open(`${folder}/${LOCK_FILE}`, { create: true, write: true })
  );
  undo.use(lock);
  // The system lets go of it with the process, however that ends.
  if (!await attempt(() => take(lock, clock))) {
    throw new StoreError(`Cannot use the store in "${folder}": another server uses it`);
  }
  let damaged: string | undefined;
  if (!await attempt(() => isSound(file))) {
    damaged = `${file}.damaged-${stamp}`;
    for (const part of ["", "-wal", "-shm"]) await attempt(() => move(file + part, damaged + part));
  }
  const held = undo.move();
  return { file, damaged, [Symbol.dispose]: () => held.dispose() };
}

/** Whether the lock could be had at once. */
async function take(file: Deno.FsFile, clock: Clock): Promise<boolean> {
  // Deno 2.6 has none: there, a lock that does not come soon is somebody else's.
  const tryLock: unknown = Reflect.get(file, "tryLock");
  if (typeof tryLock === "function") return await tryLock.call(file, true) === true;
  try {
    await withinTime(file.lock(true), LOCK_MS, clock);
    return true;
  } catch (error) {
    if (error instanceof StoreTimeoutError) return false;
    throw error;
  }
}

/** Whether the file is a database that can be read throughout, or is not there. */
async function isSound(file: string): Promise<boolean> {
  try {
    const { size } = await Deno.stat(file);
    if (size === 0) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const [first] = database.prepare("pragma quick_check(1)").all();
      return first?.["quick_check"] === "ok";
    } finally {
      database.close();
    }
  } catch (error) {
    if (DAMAGED.includes(codeOf(error))) return false;
    throw error;
  }
}

function codeOf(error: unknown): number {
  const isCoded = error instanceof Error && "errcode" in error;
  return isCoded && typeof error.errcode === "number" ? error.errcode : 0;
}

async function move(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What went wrong, in words for people. */
export function explain(error: unknown): string {
  if (error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists) {
    return "it is not a folder";
  }
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll("\n", " ");
}

import type { Clock } from "../core/clock.ts";
import { StoreError, StoreTimeoutError } from "./engine.ts";
import { closeToOthers, createPrivate, isSound, moveDatabase } from "./files.ts";
import { KV_FILE } from "./kv.ts";
import { withinTime } from "./time_limit.ts";

/** A folder that nobody else uses until it is disposed of, its file sound or not there yet. */
export interface StoreFolder extends Disposable {
  readonly file: string;
  /** Beside it, what is sealed for the next run only. */
  readonly sealedFile: string;
  /** Where a damaged file was moved to; undefined where there was none. */
  readonly damaged: string | undefined;
  /** Why other users of the machine may still read the files; undefined where they may not. */
  readonly exposed: unknown;
}

const LOCK_FILE = "lock";
const SEALED_FILE = "sealed.kv";
const LOCK_MS = 500;

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
  const [file, sealedFile, lockFile] = [KV_FILE, SEALED_FILE, LOCK_FILE].map((name) =>
    `${folder}/${name}`
  ) as [string, string, string]; // as many as there are names
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      const mayPass = !isNoFolder(error);
      throw new StoreError(`Cannot use the store in "${folder}": ${explain(error)}`, mayPass);
    }
  };
  await attempt(() => Deno.mkdir(folder, { recursive: true, mode: 0o700 }));
  using undo = new DisposableStack();
  await attempt(() => createPrivate(lockFile));
  const lock = await attempt(() => Deno.open(lockFile, { write: true }));
  undo.use(lock);
  // The system lets go of it with the process, however that ends.
  if (!await attempt(() => take(lock, clock))) {
    throw new StoreError(`Cannot use the store in "${folder}": another server uses it`);
  }
  let exposed: unknown;
  try {
    for (const one of [file, sealedFile, lockFile]) await closeToOthers(one);
  } catch (error) {
    exposed = error;
  }
  let damaged: string | undefined;
  if (!await attempt(() => isSound(file))) {
    damaged = `${file}.damaged-${stamp}`;
    const aside = damaged;
    await attempt(() => moveDatabase(file, aside));
  }
  const held = undo.move();
  return { file, sealedFile, damaged, exposed, [Symbol.dispose]: () => held.dispose() };
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

/** What went wrong, in words for people. */
export function explain(error: unknown): string {
  if (isNoFolder(error)) return "it is not a folder";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll("\n", " ");
}

function isNoFolder(error: unknown): boolean {
  return error instanceof Deno.errors.NotADirectory || error instanceof Deno.errors.AlreadyExists;
}

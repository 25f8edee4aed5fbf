import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/store.ts";
import { StoreError, StoreTimeoutError } from "./engine.ts";
import { KV_FILE } from "./kv.ts";
import { isLocked, isSound, proveWritable } from "./soundness.ts";
import { withinTime } from "./time_limit.ts";

export interface FolderOptions {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** A damaged file was moved aside. */
  readonly onDamaged: (movedTo: string) => void;
}

const LOCK_FILE = "lock";
const LOCK_MS = 500;
/** What has to fit onto the disk: SQLite's files beside the main one, and some records. */
const ROOM_BYTES = 128 * 1024;
/** How long a lock of another process on the file itself is waited for, which should be short. */
const LOCKED_MS = 2_000;
const POLL_MS = 50;

/** A folder that nobody else uses until it is disposed of. */
export class StoreFolder implements Disposable {
  readonly #path: string;
  readonly #options: FolderOptions;
  #lock: Deno.FsFile | undefined;

  constructor(path: string, options: FolderOptions) {
    this.#path = path;
    this.#options = options;
  }

  get file(): string {
    return `${this.#path}/${KV_FILE}`;
  }

  /** Whether whoever claims the folder next will meet our lock: it may have been deleted. */
  get isHeld(): boolean {
    if (this.#lock === undefined) return false;
    try {
      const [ours, there] = [this.#lock.statSync(), Deno.lstatSync(`${this.#path}/${LOCK_FILE}`)];
      return ours.dev === there.dev && ours.ino === there.ino;
    } catch {
      return false;
    }
  }

  /**
   * Makes the folder where it is missing, takes its lock, and moves a damaged file aside: Deno KV
   * may end the process over one. To be done before each opening of the file. Throws StoreError.
   */
  async claim(): Promise<void> {
    try {
      await Deno.mkdir(this.#path, { recursive: true, mode: 0o700 });
      const lock = this.#lock = await this.#claimLock();
      await proveRoom(lock);
      if (await this.#whenUnlocked(() => isSound(this.file))) {
        await this.#whenUnlocked(() => proveWritable(this.file));
      } else await this.#moveAside();
    } catch (error) {
      throw new StoreError(`Cannot use the store in "${this.#path}": ${explain(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** The system lets go of it with the process, however that ends. */
  async #claimLock(): Promise<Deno.FsFile> {
    if (this.#lock !== undefined && this.isHeld) return this.#lock;
    this[Symbol.dispose]();
    const lock = await Deno.open(`${this.#path}/${LOCK_FILE}`, { create: true, write: true });
    using undo = new DisposableStack();
    undo.use(lock);
    if (!await take(lock, this.#options.clock)) throw new Error("another server uses it");
    undo.move();
    return lock;
  }

  /** As others' locks are short, one that lasts is not to be waited for. */
  async #whenUnlocked<T>(work: () => T): Promise<T> {
    for (let waitedMs = 0;; waitedMs += POLL_MS) {
      try {
        return work();
      } catch (error) {
        if (!isLocked(error)) throw error;
        if (waitedMs >= LOCKED_MS) throw new Error("its file is locked by another process");
      }
      await this.#options.clock.delay(POLL_MS);
    }
  }

  async #moveAside(): Promise<void> {
    const stamp = Math.floor(this.#options.wallNow() / 1_000);
    let movedTo = `${this.file}.damaged-${stamp}`;
    for (let count = 2; await isThere(movedTo); count++) {
      movedTo = `${this.file}.damaged-${stamp}-${count}`;
    }
    for (const part of ["", "-wal", "-shm"]) await move(this.file + part, movedTo + part);
    this.#options.onDamaged(movedTo);
  }
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

/** Throws where the disk is full: SQLite would speak of input and output, or begin and fail later. */
async function proveRoom(lock: Deno.FsFile): Promise<void> {
  const bytes = new Uint8Array(ROOM_BYTES);
  await lock.seek(0, Deno.SeekMode.Start);
  try {
    for (let at = 0; at < bytes.length;) at += await lock.write(bytes.subarray(at));
    await lock.syncData();
  } finally {
    await lock.truncate(0);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
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
  if (/is full|no space|quota/i.test(message)) return "the disk is full";
  return message.replaceAll("\n", " ");
}

import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import { StoreError, StoreTimeoutError } from "./engine.ts";
import { closeToOthers, createPrivate, isThere, moveDatabase } from "./files.ts";
import { type ClaimedFile, KV_FILE } from "./kv.ts";
import { foreign } from "./format.ts";
import { reasonOf, storeFailure } from "./reason.ts";
import { isForeign, isUsable } from "./soundness.ts";
import { withinTime } from "../time_limit.ts";

export interface FolderOptions {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** A damaged file was moved aside. */
  readonly onDamaged: (movedTo: string) => void;
  /** Other users of the machine may read the files, and that could not be changed; called once. */
  readonly onExposed: (error: unknown) => void;
}

const LOCK_FILE = "lock";
const SEALED_FILE = "sealed.kv";
const LOCK_MS = 500;
/** Space that the disk must have, for SQLite's other files and some records. */
const ROOM_BYTES = 128 * 1024;

/** A folder that is locked for this process until it is disposed of. */
export class StoreFolder implements ClaimedFile {
  readonly #path: string;
  readonly #options: FolderOptions;
  #lock: Deno.FsFile | undefined;
  /** Settles when the last claim is done. */
  #turn: Promise<void> = Promise.resolve();
  #isExposed = false;
  #isClosed = false;

  constructor(path: string, options: FolderOptions) {
    this.#path = path;
    this.#options = options;
  }

  get file(): string {
    return `${this.#path}/${KV_FILE}`;
  }

  /** The file beside it, with sealed state for the next run. */
  get sealedFile(): string {
    return `${this.#path}/${SEALED_FILE}`;
  }

  /** True if the lock file is still the one that we locked; it may have been deleted. */
  get isHeld(): boolean {
    if (this.#lock === undefined) return false;
    try {
      const [ours, there] = [this.#lock.statSync(), Deno.lstatSync(this.#lockFile)];
      return ours.dev === there.dev && ours.ino === there.ino;
    } catch {
      return false;
    }
  }

  /**
   * Creates the folder if it is missing, locks it, checks that the disk has space, and revokes other
   * users' access. Throws StoreError.
   */
  async hold(): Promise<void> {
    await this.#inTurn(async () => await this.#prepare(await this.#lockFolder()));
  }

  /**
   * Also moves a damaged file aside, because Deno KV may end the process over one. Must precede each
   * opening of the file. Throws StoreError.
   */
  async claim(): Promise<void> {
    await this.#inTurn(async () => {
      const lock = await this.#lockFolder();
      const { clock } = this.#options;
      // Before anything is done to the file, its mode included.
      if (await isForeign(this.file, clock)) throw foreign(this.file);
      await this.#prepare(lock);
      if (!await isUsable(this.file, clock)) await this.#moveAside();
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#letGo();
  }

  get #lockFile(): string {
    return `${this.#path}/${LOCK_FILE}`;
  }

  /** Runs claims one after the other, because the lock excludes this process too. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    try {
      await turn;
    } catch (error) {
      if (error instanceof StoreError && error.reason === "foreign") throw error;
      const what = `Cannot use the store in "${this.#path}": ${storeFailure(error)}`;
      throw new StoreError(what, reasonOf(error));
    }
  }

  async #lockFolder(): Promise<Deno.FsFile> {
    await Deno.mkdir(this.#path, { recursive: true, mode: 0o700 });
    return this.#lock = await this.#claimLock();
  }

  async #prepare(lock: Deno.FsFile): Promise<void> {
    await this.#closeToOthers();
    await proveRoom(lock);
  }

  /** The system releases the lock when the process ends, even after a crash. */
  async #claimLock(): Promise<Deno.FsFile> {
    if (this.#lock !== undefined && this.isHeld) return this.#lock;
    this.#letGo();
    await createPrivate(this.#lockFile);
    const lock = await Deno.open(this.#lockFile, { read: true, write: true });
    using undo = new DisposableStack();
    undo.use(lock);
    if (!await take(lock, this.#options.clock)) {
      throw new StoreError("another server uses it", "in_use");
    }
    if (this.#isClosed) throw new Error("the store is closed");
    if (await holdsText(lock)) throw foreign(this.#lockFile);
    undo.move();
    return lock;
  }

  #letGo(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  async #closeToOthers(): Promise<void> {
    try {
      for (const one of [this.file, this.sealedFile, this.#lockFile]) await closeToOthers(one);
    } catch (error) {
      if (!this.#isExposed) this.#options.onExposed(error);
      this.#isExposed = true;
    }
  }

  async #moveAside(): Promise<void> {
    const stamp = Math.floor(this.#options.wallNow() / 1_000);
    let movedTo = `${this.file}.damaged-${stamp}`;
    for (let count = 2; await isThere(movedTo); count++) {
      movedTo = `${this.file}.damaged-${stamp}-${count}`;
    }
    await moveDatabase(this.file, movedTo);
    this.#options.onDamaged(movedTo);
  }
}

/** True if the lock was free. */
async function take(file: Deno.FsFile, clock: Clock): Promise<boolean> {
  // Deno 2.6 lacks `tryLock`: there, a lock that is not granted soon is held by another process.
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

/** True if a lock file holds more than the zeros of `proveRoom`, such as a program's process id. */
async function holdsText(lock: Deno.FsFile): Promise<boolean> {
  const bytes = new Uint8Array(ROOM_BYTES);
  const count = await lock.read(bytes) ?? 0;
  return bytes.subarray(0, count).some((byte) => byte !== 0);
}

/** Throws if the disk is full: SQLite would report an I/O error, or fail later. */
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

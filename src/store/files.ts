import { DatabaseSync } from "node:sqlite";

/** What SQLite puts beside a file while it is in use, and after a crash. */
const PARTS = ["", "-wal", "-shm"];
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
/** SQLite's codes of a file that is damaged, and of one that is none of its own. */
const DAMAGED = [11, 26];

/**
 * Makes an empty file that is its owner's alone from its first byte on, where there is none: SQLite
 * takes it for a new database, and gives what it puts beside it the same mode.
 */
export async function createPrivate(file: string): Promise<void> {
  (await Deno.open(file, { create: true, write: true, mode: OWNER_ONLY })).close();
}

/** Takes from others what an earlier version, or a copy, has granted them. */
export async function closeToOthers(file: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for (const part of PARTS) {
    const { mode } = await statIfAny(file + part) ?? {};
    if (((mode ?? 0) & OTHERS) !== 0) await Deno.chmod(file + part, OWNER_ONLY);
  }
}

/** Whether the file is a database that can be read throughout, or is not there, or empty. */
export async function isSound(file: string): Promise<boolean> {
  if (((await statIfAny(file))?.size ?? 0) === 0) return true;
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

/** Whether there is one, or something that belongs to one. */
export async function isThere(file: string): Promise<boolean> {
  for (const part of PARTS) if (await statIfAny(file + part) !== undefined) return true;
  return false;
}

/** Moves a database that nobody uses, with all that belongs to it. */
export async function moveDatabase(from: string, to: string): Promise<void> {
  for (const part of PARTS) await ifThere(Deno.rename(from + part, to + part));
}

/** Removes a database that nobody uses, with all that belongs to it. */
export async function removeDatabase(file: string): Promise<void> {
  for (const part of PARTS) await ifThere(Deno.remove(file + part));
}

/** Copies a database that nobody uses; a copy of that name is there as a whole, or as it was. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const unfinished = `${to}.part`;
  await removeDatabase(unfinished);
  // The shared memory is made anew from the log.
  for (const part of ["", "-wal"]) await ifThere(Deno.copyFile(from + part, unfinished + part));
  await removeDatabase(to);
  await moveDatabase(unfinished, to);
}

async function statIfAny(path: string): Promise<Deno.FileInfo | undefined> {
  return await ifThere(Deno.stat(path));
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): number {
  const isCoded = error instanceof Error && "errcode" in error;
  return isCoded && typeof error.errcode === "number" ? error.errcode : 0;
}

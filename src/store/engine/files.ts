/** What SQLite puts beside a file while it is in use, and after a crash. */
const PARTS = ["", "-wal", "-shm"];
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/**
 * Makes an empty file that is its owner's alone from its first byte on, where there is none: SQLite
 * takes it for a new database, and gives what it puts beside it the same mode. One that is there is
 * not opened: to close it would take away SQLite's locks.
 */
export async function createPrivate(file: string): Promise<void> {
  try {
    (await Deno.open(file, { createNew: true, write: true, mode: OWNER_ONLY })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Takes from others what an earlier version, or a copy, has granted them. */
export async function closeToOthers(file: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for (const part of PARTS) {
    const { mode } = await statIfAny(file + part) ?? {};
    if (((mode ?? 0) & OTHERS) !== 0) await Deno.chmod(file + part, OWNER_ONLY);
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

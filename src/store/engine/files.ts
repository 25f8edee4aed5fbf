/** Suffixes of SQLite's files: the database, its log and its shared memory. */
const PARTS = ["", "-wal", "-shm"];
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/**
 * Creates an empty file that only its owner can read, unless it exists. SQLite takes an empty file
 * for a new database, and creates its other files with the same mode. An existing file is not
 * opened, because closing it would release SQLite's locks.
 */
export async function createPrivate(file: string): Promise<void> {
  try {
    (await Deno.open(file, { createNew: true, write: true, mode: OWNER_ONLY })).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Revokes other users' access to a database, which an earlier version or a copy may have granted. */
export async function closeToOthers(file: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  for (const part of PARTS) {
    const { mode } = await statIfAny(file + part) ?? {};
    if (((mode ?? 0) & OTHERS) !== 0) await Deno.chmod(file + part, OWNER_ONLY);
  }
}

/** True if a database, or one of its other files, exists. */
export async function isThere(file: string): Promise<boolean> {
  for (const part of PARTS) if (await statIfAny(file + part) !== undefined) return true;
  return false;
}

/** Moves a database that is not in use, with its other files. */
export async function moveDatabase(from: string, to: string): Promise<void> {
  for (const part of PARTS) await ifThere(Deno.rename(from + part, to + part));
}

/** Removes a database that is not in use, with its other files. */
export async function removeDatabase(file: string): Promise<void> {
  for (const part of PARTS) await ifThere(Deno.remove(file + part));
}

/** Copies a database that is not in use; the copy appears complete, or an older copy stays. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const unfinished = `${to}.part`;
  await removeDatabase(unfinished);
  // SQLite rebuilds the shared memory from the log.
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

/**
 * Steps of the server itself, which wait for the engine however long it is away: how many of their
 * arguments name what they are about. A later one about the same replaces an earlier one that waits.
 */
const SUBJECT_ARGS: Readonly<Record<string, number>> = {
  /** A guest: its realm and id. */
  I: 2,
  /** An id that is wanted. */
  N: 2,
  /** Two peers that part: realm, id, fence, and the other one with its fence. */
  U: 5,
  /** A record: its kind and name. */
  G: 2,
  /** News: the kind and the body. */
  B: 2,
};

/** Names the subject of a step; undefined for one that no later step replaces. */
export function subjectOf([letter = "", ...args]: readonly string[]): string | undefined {
  const count = SUBJECT_ARGS[letter];
  return count === undefined ? undefined : JSON.stringify([letter, ...args.slice(0, count)]);
}

/** True for a step of which there may be any number: records and news of operators and dialects. */
export function isNews([letter]: readonly string[]): boolean {
  return letter === "G" || letter === "B";
}

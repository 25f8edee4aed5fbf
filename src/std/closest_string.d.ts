/** Declarations of the part of @std/text/closest-string 1 that config/load.ts uses. */
export function closestString(
  word: string,
  possible: ReadonlyArray<string>,
  options?: { caseSensitive?: boolean },
): string;

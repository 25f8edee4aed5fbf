import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Finds the known word that `word` was probably meant to be; undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // A longer word may hold more mistakes; to a short one, almost every word is near.
  let least = Math.min(Math.floor(word.length / 2), 2 + Math.floor(word.length / 8));
  let found: string | undefined;
  for (const one of known) {
    const distance = levenshteinDistance(word.toLowerCase(), one.toLowerCase());
    if (distance > least || found !== undefined && distance === least) continue;
    [found, least] = [one, distance];
  }
  return found;
}

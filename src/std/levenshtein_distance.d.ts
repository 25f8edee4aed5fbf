/** Declarations of the part of @std/text/levenshtein-distance 1 that config/nearest.ts uses. */
export function levenshteinDistance(first: string, second: string): number;

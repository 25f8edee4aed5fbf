// The typed door to @std/text/levenshtein-distance; see assert.ts beside it.
// @ts-types="./levenshtein_distance.d.ts"
export { levenshteinDistance } from "npm:deno-std@1.4.0/text/levenshtein_distance.js";

// The typed door to @std/assert: the npm build carries no declarations. With JSR at hand, map
// "@std/assert" to "jsr:@std/assert@1" in deno.json and delete this pair of files.
// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";

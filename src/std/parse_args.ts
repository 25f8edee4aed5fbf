// The typed door to @std/cli/parse-args; see assert.ts beside it.
// @ts-types="./parse_args.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";

// The typed door to @std/http/negotiation; see assert.ts beside it.
// @ts-types="./negotiation.d.ts"
export { accepts } from "npm:deno-std@1.4.0/http/negotiation.js";

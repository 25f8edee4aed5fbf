import { registerAgain } from "../helpers/session/test_files.ts";
import { realms } from "../helpers/session/realms.ts";

// The suites of all dialects run once more here in a bridged realm: between peers of one dialect
// nothing may change.

realms.mode = "bridged";

/** Files that make their own realms, and the longest one. */
const APART = /\/(fuzz|bridge\w*)_test\.ts$/;

await registerAgain(new URL("./", import.meta.url), APART);

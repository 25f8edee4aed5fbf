import { testFilesIn } from "../helpers/session/test_files.ts";
import { realms } from "../helpers/session/realms.ts";

// The suites of all dialects run once more here in a bridged realm: between peers of one dialect
// nothing may change.

realms.mode = "bridged";

/** Files without a hub, files that make their own, and the longest one. */
const APART =
  /\/(kit\/.*|messages|python_text|mailbox|signal_log|kept_signals|issued_ids|fuzz|written_events|late_steps|leg_contract|bridge\w*)_test\.ts$/;

for (const file of testFilesIn(new URL("./", import.meta.url))) {
  if (file.href !== import.meta.url && !APART.test(file.href)) await import(file.href);
}

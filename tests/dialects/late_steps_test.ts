import { testFilesIn } from "../helpers/session/test_files.ts";
import { hubs } from "../helpers/session/hub_modes.ts";

// The dialects' suites run once more here over a hub whose steps all have to wait: no dialect notices
// whether a claim, a join, a description or a call is carried out at once.

hubs.mode = "late";

/**
 * Files without a hub; the operator's commands, which are this process' own and do not wait; and the
 * crowd of ssp, whose stage has to know whose claim is asked about.
 */
const APART =
  /\/(kit\/.*|messages|python_text|mailbox|signal_log|kept_signals|issued_ids|operations|ordering|written_events|bridged_realm|late_steps)_test\.ts$/;

for (const file of testFilesIn(new URL("./", import.meta.url))) {
  if (!APART.test(file.href)) await import(file.href);
}

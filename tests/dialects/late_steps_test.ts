import { registerAgain } from "../helpers/session/test_files.ts";
import { hubs } from "../helpers/session/hub_modes.ts";

// The dialects' suites run once more here over a hub whose steps all have to wait: no dialect notices
// whether a claim, a join, a description or a call is carried out at once.

hubs.mode = "late";

/**
 * The operator's commands are this process' own and do not wait; the crowd of ssp has to know whose
 * claim is asked about.
 */
const APART = /\/(operations|ordering)_test\.ts$/;

await registerAgain(new URL("./", import.meta.url), APART);

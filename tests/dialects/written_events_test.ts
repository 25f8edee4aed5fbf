import { walkTests } from "../helpers/session/test_files.ts";
import { events } from "../helpers/session/written_events.ts";

// All suites of the dialects once more, with every event written as JSON and read again on its way:
// what one peer gets of another is data, and could come from another machine.

events.mode = "written";
for (const file of walkTests(new URL("./", import.meta.url))) {
  if (file.href !== import.meta.url) await import(file.href);
}

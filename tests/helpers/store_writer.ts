/**
 * A process to be killed: keeps ids `0`, `1`, … in the store of a folder, and says each number on a
 * line of its own once it is written.
 */
import { openStore } from "../../src/store/mod.ts";
import { systemClock } from "../../src/transport/clock.ts";
import { storeOptions } from "./store.ts";

const [folder = ""] = Deno.args;
const options = storeOptions({ clock: systemClock });
const store = await openStore(`kv:${folder}`, {
  ...options,
  dialects: ["a"],
  variables: () => undefined,
});
const { reservations } = store.dialect("a", () => false);
for (let id = 0;; id++) {
  await reservations.claim(`${id}`, "one", 3_600_000);
  if (!await store.flush()) break;
  Deno.stdout.writeSync(new TextEncoder().encode(`${id}\n`));
}

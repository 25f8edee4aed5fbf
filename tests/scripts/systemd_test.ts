import { assert, assertEquals } from "@std/assert";
import { stopBudgetMs } from "../../src/server/lifecycle.ts";

const FOLDER = new URL("../../scripts/systemd/", import.meta.url);

/** Settings of a unit, without comments and without those of its program. */
async function settingsOf(name: string): Promise<string[]> {
  const unit = await Deno.readTextFile(new URL(name, FOLDER));
  const own = /^(#|$|ExecStart=|WorkingDirectory=|CacheDirectory=|Environment=DENO_DIR=)/;
  return unit.split("\n").filter((line) => !own.test(line));
}

Deno.test("the units reload by SIGHUP, and wait for a stop without a drain", async () => {
  const settings = await settingsOf("signalbox.service");
  assert(settings.includes("ExecReload=/bin/kill -HUP $MAINPID"));
  const [, seconds] = /^TimeoutStopSec=(\d+)s$/m.exec(settings.join("\n")) ?? [];
  assert(1_000 * Number(seconds) >= stopBudgetMs({ drainDelayMs: 0, drainMs: 0 }));
});

Deno.test("both units protect the system alike: only their programs differ", async () => {
  assertEquals(await settingsOf("signalbox-folder.service"), await settingsOf("signalbox.service"));
});

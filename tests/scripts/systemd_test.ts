import { assertEquals } from "@std/assert";

const FOLDER = new URL("../../scripts/systemd/", import.meta.url);

/** Settings of a unit, without comments and without those of its program. */
async function settingsOf(name: string): Promise<string[]> {
  const unit = await Deno.readTextFile(new URL(name, FOLDER));
  const own = /^(#|$|ExecStart=|WorkingDirectory=|CacheDirectory=|Environment=DENO_DIR=)/;
  return unit.split("\n").filter((line) => !own.test(line));
}

Deno.test("both units protect the system alike: only their programs differ", async () => {
  assertEquals(await settingsOf("signalbox-folder.service"), await settingsOf("signalbox.service"));
});

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { FORMAT_KEY, formatRecord, FORMATS } from "../../src/store/engine/format.ts";
import { KvEngine } from "../../src/store/engine/kv.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { NOBODY, openFolder, StoreWitness } from "../helpers/store/store.ts";
import { descriptionIn, type Step, takesBack } from "../helpers/store/store_writer.ts";
import { until, within } from "../helpers/wire/waiting.ts";

const HOUR = 3_600_000;

/** Runs the writer until it has said so many steps, kills it, and gives the last of them. */
async function writeAndKill(folder: string, actor: string, steps: number): Promise<Step> {
  const script = fileURLToPath(new URL("../helpers/store/store_writer.ts", import.meta.url));
  const writer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, folder, actor],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let last: Step = { nth: -1, secret: "" };
  let isKilled = false;
  const read = async (): Promise<void> => {
    let text = "";
    for await (const piece of writer.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      // A line that was cut off is no promise.
      const line = text.slice(0, text.lastIndexOf("\n") + 1).trimEnd().split("\n").at(-1) ?? "";
      if (line !== "") last = JSON.parse(line);
      if (last.nth + 1 < steps || isKilled) continue;
      isKilled = true;
      writer.kill("SIGKILL");
    }
  };
  await within("the writer", Promise.all([read(), writer.status]));
  assert(last.nth + 1 >= steps, `it ended at ${last.nth}`);
  return last;
}

Deno.test("nothing that was written is lost by kill -9, and nothing comes back that was taken back", async () => {
  await using temp = await TempFolder.make();
  for (const steps of [1, 40, 200]) {
    const actor = `writer of ${steps}`;
    const last = await writeAndKill(temp.path, actor, steps);
    const witness = new StoreWitness();
    await using store = await openFolder(temp.path, witness);
    await until("the rest to be read", () => store.isLoaded);
    const { reservations, rooms, secret } = store.dialect("a", NOBODY);
    const own = new Set([...reservations.list()].map(({ id }) => id));
    const logged = store.operatorLog.list().filter((entry) => entry.actor === actor);
    const loggedSteps = new Set(logged.map(({ subject: [name] }) => name));
    for (let nth = 0; nth <= last.nth; nth++) {
      const name = `${nth}`;
      assertEquals(await reservations.claim(name, "two", HOUR), "taken", `lost id ${nth}`);
      assert(loggedSteps.has(name), `lost log entry ${nth}`);
      const kept = {
        settings: rooms.settings(name),
        description: rooms.description(name, "topic"),
        ban: store.bans.find("address", name)?.reason,
        isReserved: own.has(`operator's ${nth}`),
      };
      const all = {
        settings: { nth },
        description: descriptionIn(nth),
        ban: name,
        isReserved: true,
      };
      const none = {
        settings: undefined,
        description: undefined,
        ban: undefined,
        isReserved: false,
      };
      if (!takesBack(nth + 1)) assertEquals(kept, all);
      else if (nth < last.nth) assertEquals(kept, none);
    }
    // The next step may have rotated it once more.
    const secrets = [secret.current, secret.previous ?? new Uint8Array()];
    assert(secrets.some((one) => Buffer.from(one).toString("hex") === last.secret), "lost secret");
    assertEquals(witness.events, []);
  }
});

Deno.test("a store of 100,000 reservations opens before it is read, and knows each of them from the start", async () => {
  await using temp = await TempFolder.make();
  const count = 100_000;
  const engine = new KvEngine(`${temp.path}/signalbox.kv`);
  const value = new TextEncoder().encode(
    JSON.stringify({ v: { digest: "x".repeat(43), lifetimeMs: HOUR }, exp: Date.now() + HOUR }),
  );
  await engine.create(FORMAT_KEY, formatRecord(FORMATS.current));
  for (let from = 0; from < count; from += 1_000) {
    const names = Array.from({ length: 1_000 }, (_, at) => `peer-number-${from + at}`);
    await engine.commit(names.map((name) => ({ key: ["id", "a", name], value })));
  }
  await engine.close();

  await using store = await openFolder(temp.path);
  assertEquals(store.isLoaded, false);
  const { reservations } = store.dialect("a", NOBODY);
  // The last of the list, asked for before it can be read.
  assertEquals(await reservations.claim(`peer-number-${count - 1}`, "mine", HOUR), "taken");
  assertEquals(await reservations.claim("new", "mine", HOUR), "granted");
  assertEquals(store.isLoaded, false, "it was read before anybody could ask");

  // While the rest is read, others have their turns.
  let turns = 0;
  const watch = setInterval(() => turns++, 0);
  await until("the rest to be read", () => store.isLoaded);
  clearInterval(watch);
  assertEquals(store.sizes.get("id"), count + 1);
  assert(turns >= 20, `others had ${turns} turns`);
});

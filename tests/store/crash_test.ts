import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { Store } from "../../src/store/mod.ts";
import { openStore } from "../../src/store/mod.ts";
import { KvEngine } from "../../src/store/kv.ts";
import { systemClock } from "../../src/transport/clock.ts";
import { TempFolder } from "../helpers/engines.ts";
import { storeOptions, StoreWitness } from "../helpers/store.ts";
import { until, within } from "../helpers/waiting.ts";

const NOBODY = (): boolean => false;
const HOUR = 3_600_000;

function open(folder: string, witness = new StoreWitness()): Promise<Store> {
  const variables = (): undefined => undefined;
  const options = storeOptions({ clock: systemClock, witness });
  return openStore(`kv:${folder}`, { ...options, dialects: ["a"], variables });
}

Deno.test("nothing that was written is lost by kill -9", async () => {
  await using temp = await TempFolder.make();
  const script = fileURLToPath(new URL("../helpers/store_writer.ts", import.meta.url));
  for (const lines of [1, 40, 200]) {
    const writer = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, temp.path],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let last = -1;
    let isKilled = false;
    const read = async (): Promise<void> => {
      let text = "";
      for await (const piece of writer.stdout.pipeThrough(new TextDecoderStream())) {
        text += piece;
        // A line that was cut off is no promise.
        const whole = text.slice(0, text.lastIndexOf("\n") + 1).trimEnd();
        last = Number(whole.split("\n").at(-1));
        if (last + 1 < lines || isKilled) continue;
        isKilled = true;
        writer.kill("SIGKILL");
      }
    };
    await within("the writer", Promise.all([read(), writer.status]));
    assert(last + 1 >= lines, `it ended at ${last}`);

    const witness = new StoreWitness();
    await using store = await open(temp.path, witness);
    const { reservations } = store.dialect("a", NOBODY);
    for (let id = 0; id <= last; id++) {
      assertEquals(await reservations.claim(`${id}`, "two", HOUR), "taken", `lost ${id}`);
    }
    assertEquals(witness.events, []);
  }
});

Deno.test("a store of 100,000 reservations opens at once, and knows each of them from the start", async () => {
  await using temp = await TempFolder.make();
  const count = 100_000;
  const engine = new KvEngine(`${temp.path}/signalbox.kv`);
  const value = new TextEncoder().encode(
    JSON.stringify({ v: { digest: "x".repeat(43), lifetimeMs: HOUR }, exp: Date.now() + HOUR }),
  );
  for (let from = 0; from < count; from += 1_000) {
    const names = Array.from({ length: 1_000 }, (_, at) => `peer-number-${from + at}`);
    await engine.commit(names.map((name) => ({ key: ["id", "a", name], value })));
  }
  engine.close();

  const begin = performance.now();
  await using store = await open(temp.path);
  const opened = performance.now() - begin;
  assertEquals(store.isLoaded, false);
  const { reservations } = store.dialect("a", NOBODY);
  // The last of the list, asked for before it can be read.
  assertEquals(await reservations.claim(`peer-number-${count - 1}`, "mine", HOUR), "taken");
  assertEquals(await reservations.claim("new", "mine", HOUR), "granted");
  const claimed = performance.now() - begin;
  assertEquals(store.isLoaded, false, "it was read before anybody could ask");
  // To read them all takes half a second on a machine with nothing else to do; opening does not.
  assert(claimed < 1_000, `opened after ${opened} ms, claims answered after ${claimed} ms`);

  // While the rest is read, nobody waits for long.
  let [last, gap] = [performance.now(), 0];
  const watch = setInterval(() => {
    const now = performance.now();
    gap = Math.max(gap, now - last);
    last = now;
  }, 5);
  await until("the rest to be read", () => store.isLoaded);
  clearInterval(watch);
  assertEquals(store.sizes.get("id"), count + 1);
  assert(gap < 500, `others waited for ${gap} ms`);
});

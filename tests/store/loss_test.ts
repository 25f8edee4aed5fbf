import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Store } from "../../src/store/mod.ts";
import { systemClock } from "../../src/system/clock.ts";
import { TempFolder } from "../helpers/store/engines.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { NOBODY, openAt, StoreWitness } from "../helpers/store/store.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { until } from "../helpers/wire/waiting.ts";

// A file that is lost while the server runs: it is noticed, told of, and made up for from memory.

const MINUTE = 60_000;
/** Time goes by quickly in these tests: files may be slow for longer than usual. */
const PATIENT = { timeoutMs: 60_000 };

interface Running {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly witness: StoreWitness;
  readonly file: string;
}

async function open(folder: string): Promise<Running> {
  const [clock, witness] = [new FakeClock(), new StoreWitness()];
  const store = await openAt(folder, { clock, witness, ...PATIENT });
  await until("the rest to be read", () => store.isLoaded);
  return { store, clock, witness, file: `${folder}/signalbox.kv` };
}

/** Puts something into it that takes more than KV's page cache. */
async function fill({ store }: Running): Promise<void> {
  const { rooms, reservations } = store.dialect("a", NOBODY);
  for (let room = 0; room < 800; room++) rooms.keep(`${room}`, "x".repeat(4_000));
  await reservations.claim("x", "one", MINUTE);
  assertEquals(await store.flush(), true);
}

/** Fails where something of it is missing. */
async function proveFilled({ store }: Running): Promise<void> {
  const { rooms, reservations } = store.dialect("a", NOBODY);
  assertEquals([...rooms.list()].length, 800);
  assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
}

async function recover({ store, clock, witness }: Running, reason: string): Promise<void> {
  await until("the loss", () => {
    clock.advance(1_000);
    return witness.events.includes(`trouble: ${reason}`);
  });
  await until("the recovery", () => {
    clock.advance(1_000);
    return store.trouble === undefined;
  });
  assertEquals(await store.flush(), true);
}

async function removeFile(file: string): Promise<void> {
  for (const part of ["", "-wal", "-shm"]) {
    await Deno.remove(file + part).catch(() => {});
  }
}

/** Changes a file in its place. */
async function edit(path: string, work: (file: Deno.FsFile) => Promise<unknown>): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await work(file);
}

/** Writes into the file what only its log has so far. */
function checkpoint(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("pragma wal_checkpoint(truncate)");
  database.close();
}

const noise = (bytes: number): Uint8Array<ArrayBuffer> =>
  crypto.getRandomValues(new Uint8Array(bytes));

for (
  const [how, reason, lose] of [
    ["deleted", "its file was deleted or replaced", removeFile],
    ["deleted with its folder", "its file was deleted or replaced", async (file) => {
      await Deno.remove(file.replace(/\/[^/]*$/, ""), { recursive: true });
    }],
    ["replaced by a damaged one", "its file was deleted or replaced", async (file) => {
      await removeFile(file);
      await Deno.writeFile(file, noise(20_000));
    }],
    ["emptied", "its file is damaged", (file) => edit(file, (open) => open.truncate(0))],
    ["cut in half", "its file is damaged", async (file) => {
      const { size } = await Deno.stat(file);
      await edit(file, (open) => open.truncate(size / 2));
    }],
    [
      "overwritten at its beginning",
      "its file is damaged",
      (file) => edit(file, (open) => open.write(noise(20_000))),
    ],
    ["overwritten inside", "its file is damaged", (file) =>
      edit(file, async (open) => {
        await open.seek(400_000, Deno.SeekMode.Start);
        await open.write(noise(50_000));
      })],
  ] as [string, string, (file: string) => Promise<void>][]
) {
  systemTest({
    name: `a file that is ${how} while it is in use is written anew from memory`,
    needs: "unlinking",
    fn: async () => {
      await using temp = await TempFolder.make();
      const folder = `${temp.path}/store`;
      {
        const running = await open(folder);
        await using store = running.store;
        await fill(running);
        checkpoint(running.file);
        await lose(running.file);
        await recover(running, reason);
        assertEquals(store.trouble, undefined);
      }
      const again = await open(folder);
      await using _store = again.store;
      await proveFilled(again);
      assertEquals(again.witness.events, []);
    },
  });
}

systemTest({
  name: "a file that was lost since the last look is noticed at the end, before anything is sealed",
  needs: "unlinking",
  fn: async () => {
    await using temp = await TempFolder.make();
    {
      const running = await open(temp.path);
      await using store = running.store;
      await fill(running);
      await removeFile(running.file);
      const sealed = await store.dialect("a", NOBODY).seal(["state"], MINUTE);
      assertEquals(sealed.type, "sealed");
      assertEquals(running.witness.events[0], "trouble: its file was deleted or replaced");
    }
    const again = await open(temp.path);
    await using store = again.store;
    assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
    await proveFilled(again);
  },
});

systemTest({
  name: "a lock that was deleted is taken again, and no second server comes in by that",
  needs: "unlinking",
  fn: async () => {
    await using temp = await TempFolder.make();
    const running = await open(temp.path);
    await using _store = running.store;
    await fill(running);
    await Deno.remove(`${temp.path}/lock`);
    await recover(running, "its lock was deleted");
    // Deno 2.6 has to wait for a lock, to see that it is taken.
    const opening = openAt(temp.path, { clock: systemClock });
    const second = await opening.catch((error) => error.message);
    assertEquals(second, `Cannot use the store in "${temp.path}": another server uses it`);
  },
});

systemTest({
  name: "a server that has lost the folder to another one writes no more",
  needs: "unlinking",
  fn: async () => {
    await using temp = await TempFolder.make();
    const first = await open(temp.path);
    await using store = first.store;
    await Deno.remove(`${temp.path}/lock`);
    {
      const second = await open(temp.path);
      await using _store = second.store;
      first.clock.advance(5_000);
      await until("the loss", () => first.witness.events.length > 0);
      await until("the other to be met", () => {
        first.clock.advance(1_000);
        return store.trouble === "another server uses its folder";
      });
      store.bans.set("id", "first", { reason: "r" });
      second.store.bans.set("id", "second", { reason: "r" });
      assertEquals(await second.store.flush(), true);
      first.clock.advance(10_000);
      const database = new DatabaseSync(second.file, { readOnly: true });
      const bans = database.prepare("select k from kv where instr(k, cast('ban' as blob))").all();
      database.close();
      assertEquals(bans.length, 1);
    }
    await until("the recovery", () => {
      first.clock.advance(1_000);
      return store.trouble === undefined;
    });
  },
});

for (
  const [what, format, reason] of [
    ["a newer", "2", "a newer signalbox wrote its file"],
    ["an unknown", "one", "its file has another format"],
  ] as const
) {
  systemTest({
    name: `a file of ${what} format that comes while it runs is left alone`,
    needs: "unlinking",
    fn: async () => {
      await using temp = await TempFolder.make();
      const other = `${temp.path}/other.kv`;
      const kv = await Deno.openKv(other);
      await kv.set([1, "format"], new TextEncoder().encode(format));
      kv.close();
      const running = await open(`${temp.path}/store`);
      await using store = running.store;
      await fill(running);
      await removeFile(running.file);
      await Deno.copyFile(other, running.file);
      running.clock.advance(5_000);
      await until("it to be met", () => {
        running.clock.advance(1_000);
        return store.trouble === reason;
      });
      let isClosed = false;
      void store.close().then(() => isClosed = true);
      // After the last attempt to write, only real files are waited for: time would cut that short.
      const isReported = () => running.witness.events.some((event) => /^unwritten/.test(event));
      await until("the end", () => {
        if (!isReported()) running.clock.advance(1_000);
        return isClosed;
      });
      const after = await Deno.openKv(running.file);
      const keys = await Array.fromAsync(after.list({ prefix: [1] }), ({ key }) => key.join(" "));
      after.close();
      assertEquals(keys, ["1 format"]);
    },
  });
}

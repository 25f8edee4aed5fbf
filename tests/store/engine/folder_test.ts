import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type Store, StoreError } from "../../../src/store/mod.ts";
import { KvEngine } from "../../../src/store/engine/kv.ts";
import { defaultFolder, namedFolder } from "../../../src/store/engine/place.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";
import { NOBODY, openAt, openFolder, StoreWitness } from "../../helpers/store/store.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { until } from "../../helpers/wire/waiting.ts";

// The folder of `--store kv:FOLDER`: whose it is, and what becomes of a file that cannot be used
// (reliability notes, section 7).

const MINUTE = 60_000;

async function failureOf(folder: string): Promise<string> {
  return (await assertRejects(() => openFolder(folder), StoreError)).message;
}

/** Fills a store so that its file has a few hundred pages. */
async function fill(folder: string): Promise<void> {
  await using store = await openFolder(folder);
  const { rooms } = store.dialect("a", NOBODY);
  for (let room = 0; room < 300; room++) rooms.keep(`${room}`, "x".repeat(3_000));
  assertEquals(await store.flush(20_000), true);
}

Deno.test("the folder is made for its owner alone", async () => {
  await using temp = await TempFolder.make();
  const folder = `${temp.path}/deep/inside`;
  await using store = await openFolder(folder);
  assertEquals(store.place, `${folder}/signalbox.kv`);
  if (Deno.build.os === "windows") return;
  assertEquals(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
});

function modesIn(folder: string): Record<string, string> {
  const modeOf = (name: string): string =>
    ((Deno.statSync(`${folder}/${name}`).mode ?? 0) & 0o777).toString(8);
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].map(({ name }) => [name, modeOf(name)]).toSorted(),
  );
}

systemTest({
  name: "the files are their owner's alone, whatever the folder grants, and the mode mask",
  needs: "modes",
  fn: async () => {
    await using temp = await TempFolder.make();
    const mask = Deno.umask(0);
    try {
      await Deno.chmod(temp.path, 0o755);
      {
        await using store = await openFolder(temp.path);
        const names = ["lock", "signalbox.kv", "signalbox.kv-shm", "signalbox.kv-wal"];
        assertEquals(modesIn(temp.path), Object.fromEntries(names.map((name) => [name, "600"])));
        await store.dialect("a", NOBODY).seal(["state"], MINUTE);
      }
      assertEquals(modesIn(temp.path), { lock: "600", "sealed.kv": "600", "signalbox.kv": "600" });
      // Files of an earlier version, or a copy.
      for (const name of Object.keys(modesIn(temp.path))) {
        await Deno.chmod(`${temp.path}/${name}`, 0o644);
      }
      await using store = await openFolder(temp.path);
      assertEquals([...new Set(Object.values(modesIn(temp.path)))], ["600"]);
      assertEquals(store.dialect("a", NOBODY).sealed?.items, ["state"]);
      // The folder keeps its owner.
      assertEquals(((await Deno.stat(temp.path)).mode ?? 0) & 0o777, 0o755);
    } finally {
      Deno.umask(mask);
    }
  },
});

systemTest({
  name: "a file that is written anew is its owner's alone too",
  needs: "modes",
  fn: async () => {
    await using temp = await TempFolder.make();
    const mask = Deno.umask(0);
    const engine = new KvEngine(`${temp.path}/signalbox.kv`);
    try {
      for (let file = 0; file < 2; file++) {
        await engine.commit([{ key: ["id"], value: Uint8Array.of(1) }]);
        assertEquals(Object.values(modesIn(temp.path)), ["600", "600", "600"]);
        for (const name of Object.keys(modesIn(temp.path))) {
          await Deno.remove(`${temp.path}/${name}`);
        }
        engine.reopen("gone");
      }
    } finally {
      await engine.close();
      Deno.umask(mask);
    }
  },
});

/** The bytes of all files in a folder, one character each. */
function bytesIn(folder: string): string {
  const decoder = new TextDecoder("latin1");
  return [...Deno.readDirSync(folder)]
    .map(({ name }) => decoder.decode(Deno.readFileSync(`${folder}/${name}`))).join("\n");
}

Deno.test("no byte of the sealed state is in any file of the folder once the server serves", async () => {
  await using temp = await TempFolder.make();
  const folder = `${temp.path}/store`;
  {
    await using store = await openFolder(folder);
    const items = Array.from({ length: 30 }, (_, at) => ({ at, sdp: "x".repeat(10_000) }));
    assertEquals((await store.dialect("a", NOBODY).seal(items, MINUTE)).type, "sealed");
  }
  const traces: string[] = [];
  await Deno.copyFile(`${folder}/sealed.kv`, `${temp.path}/copy.kv`);
  const copy = new KvEngine(`${temp.path}/copy.kv`);
  for await (const { value } of copy.list(["sealed"])) {
    // Long enough that no two are equal by accident, short enough to lie in one page.
    for (let at = 0; at + 16 <= value.length; at += 512) {
      traces.push(new TextDecoder("latin1").decode(value.subarray(at, at + 16)));
    }
  }
  await copy.close();
  const left = (): number => {
    const bytes = bytesIn(folder);
    return traces.filter((trace) => bytes.includes(trace)).length;
  };
  assert(traces.length > 500 && left() === traces.length, `${left()} of ${traces.length}`);
  await using store = await openFolder(folder);
  assertEquals(left(), traces.length);
  await store.forgetSealed();
  assertEquals(left(), 0);
  assert((await Deno.stat(`${folder}/signalbox.kv`)).size < 100_000);
});

for (
  const [how, files] of [
    ["damaged", { "sealed.kv": crypto.getRandomValues(new Uint8Array(20_000)) }],
    ["without its file", { "sealed.kv-wal": new Uint8Array(5_000).fill(7) }],
    ["empty", { "sealed.kv": new Uint8Array() }],
  ] as [string, Record<string, Uint8Array<ArrayBuffer>>][]
) {
  Deno.test(`sealed state that is ${how} costs nothing else, and goes`, async () => {
    await using temp = await TempFolder.make();
    const witness = new StoreWitness();
    await using store = await openFolder(temp.path);
    store.bans.set("id", "x", { reason: "stays" });
    await store.close();
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${temp.path}/${name}`, bytes);
    }
    await using again = await openFolder(temp.path, witness);
    assertEquals(again.bans.find("id", "x")?.reason, "stays");
    assertEquals(again.dialect("a", NOBODY).sealed, undefined);
    await again.forgetSealed();
    const names = Object.keys(modesIn(temp.path));
    assertEquals(names.filter((name) => name.startsWith("sealed")), []);
    assertEquals(
      witness.events,
      how === "damaged" ? ["sealed lost: all, SealBrokenError"] : [],
    );
  });
}

Deno.test("one folder, one server: a second one gets an error, and may have it afterwards", async () => {
  await using temp = await TempFolder.make();
  {
    await using _store = await openFolder(temp.path);
    assertEquals(
      await failureOf(temp.path),
      `Cannot use the store in "${temp.path}": another server uses it`,
    );
  }
  await using store = await openFolder(temp.path);
  assertEquals(store.trouble, undefined);
});

Deno.test("a folder that cannot be one is refused", async () => {
  await using temp = await TempFolder.make();
  const file = `${temp.path}/file`;
  await Deno.writeTextFile(file, "");
  for (const folder of [file, `${file}/inside`]) {
    assertEquals(
      await failureOf(folder),
      `Cannot use the store in "${folder}": it is not a folder`,
    );
  }
});

for (
  const [how, damage] of [
    ["random bytes", (bytes) => crypto.getRandomValues(bytes.slice(0, 60_000))],
    ["cut off", (bytes) => bytes.slice(0, 30_000)],
    ["damaged inside", (bytes) => {
      for (let at = 5 * 4096; at < bytes.length; at += 3 * 4096) {
        bytes.set(crypto.getRandomValues(new Uint8Array(200)), at);
      }
      return bytes;
    }],
  ] as [string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array][]
) {
  Deno.test(`a file that is ${how} is moved aside, and the store begins empty`, async () => {
    await using temp = await TempFolder.make();
    await fill(temp.path);
    const file = `${temp.path}/signalbox.kv`;
    const damaged = damage(await Deno.readFile(file));
    await Deno.writeFile(file, damaged);
    const witness = new StoreWitness();
    {
      await using store = await openFolder(temp.path, witness);
      assertEquals([...store.dialect("a", NOBODY).rooms.list()], []);
      store.bans.set("id", "x", { reason: "works" });
      assertEquals(await store.flush(), true);
    }
    assertMatch(witness.events.join(), /^damaged: .*signalbox\.kv\.damaged-\d{10}$/);
    const aside = witness.events[0]?.replace("damaged: ", "") ?? "";
    assertEquals(await Deno.readFile(aside), damaged);
    await using store = await openFolder(temp.path);
    assertEquals(store.bans.find("id", "x")?.reason, "works");
  });
}

for (
  const [what, sql] of [
    ["has another table of that name", "drop table kv; create table kv(a)"],
    ["lacks a table", "drop table queue"],
    ["lacks its version", "delete from data_version"],
    ["has a number of one byte", "update kv set v_encoding = 2, v = x'00'"],
    ["has records of a type that there is not", "update kv set v_encoding = 9"],
    ["has text for a time", "update kv set expiration_ms = 'x'"],
  ] as const
) {
  Deno.test(`sound SQLite that Deno KV cannot take (it ${what}) is damaged too`, async () => {
    await using temp = await TempFolder.make();
    await (await openFolder(temp.path)).close();
    const other = new DatabaseSync(`${temp.path}/signalbox.kv`);
    other.exec(sql);
    other.close();
    const witness = new StoreWitness();
    await using store = await openFolder(temp.path, witness);
    store.bans.set("id", "x", { reason: "works" });
    assertEquals([await store.flush(), store.trouble], [true, undefined]);
    assertMatch(witness.events.join(), /^damaged: .*signalbox\.kv\.damaged-\d{10}$/);
  });
}

Deno.test("a file that was moved aside is never replaced", async () => {
  await using temp = await TempFolder.make();
  const file = `${temp.path}/signalbox.kv`;
  const options = { clock: systemClock, wallNow: () => 1_700_000_000_000 };
  for (const junk of ["first", "second", "third"]) {
    await Deno.writeTextFile(file, junk);
    await (await openAt(temp.path, options)).close();
  }
  for (const [name, junk] of [["", "first"], ["-2", "second"], ["-3", "third"]]) {
    assertEquals(await Deno.readTextFile(`${file}.damaged-1700000000${name}`), junk);
  }
});

Deno.test("a file that another process has locked is refused within seconds", async () => {
  await using temp = await TempFolder.make();
  await (await openFolder(temp.path)).close();
  {
    await using _lock = await lockFile(`${temp.path}/signalbox.kv`);
    assertEquals(
      await failureOf(temp.path),
      `Cannot use the store in "${temp.path}": its file is locked by another process`,
    );
  }
  await using store = await openFolder(temp.path);
  assertEquals(store.trouble, undefined);
});

Deno.test("a folder in the file's place is refused", async () => {
  await using temp = await TempFolder.make();
  await Deno.mkdir(`${temp.path}/signalbox.kv`);
  assertEquals(
    await failureOf(temp.path),
    `Cannot use the store in "${temp.path}": its file is a folder`,
  );
});

Deno.test("an empty file is a new one", async () => {
  await using temp = await TempFolder.make();
  await Deno.writeTextFile(`${temp.path}/signalbox.kv`, "");
  const witness = new StoreWitness();
  await using store = await openFolder(temp.path, witness);
  store.bans.set("id", "x", { reason: "works" });
  assertEquals([await store.flush(), witness.events], [true, []]);
});

Deno.test("a file of a newer format is refused and left alone", async () => {
  await using temp = await TempFolder.make();
  await (await openFolder(temp.path)).close();
  const kv = await Deno.openKv(`${temp.path}/signalbox.kv`);
  await kv.set([1, "format"], new TextEncoder().encode("2"));
  await kv.set([1, "id", "a", "x"], new TextEncoder().encode("of the future"));
  kv.close();
  assertMatch(await failureOf(temp.path), /: a newer signalbox wrote it \(format 2, known is 1\)$/);
  const after = await Deno.openKv(`${temp.path}/signalbox.kv`);
  assert((await after.get([1, "id", "a", "x"])).value !== null);
  after.close();
});

Deno.test("foreign records in the file are reported, left alone, and disturb nothing", async () => {
  await using temp = await TempFolder.make();
  await (await openFolder(temp.path)).close();
  const kv = await Deno.openKv(`${temp.path}/signalbox.kv`);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  await kv.set([1, "id", "a", "1"], text("{"));
  await kv.set([1, "id", "a", "2"], text("null"));
  await kv.set([1, "id", "a", "3"], text('{"v":{"digest":1}}'));
  await kv.set([1, "id", "a", "4"], Uint8Array.of(255));
  await kv.set([1, "ban", "id", "5"], text('{"v":[]}'));
  await kv.set([1, "ban", "id", "6"], { v: 1 });
  await kv.set([1, "log", "6", "7"], text(`{"v":{"actor":"ann","action":1}}`));
  await kv.set(["elsewhere", 1], "not ours");
  kv.close();
  const keys = async (): Promise<string[]> => {
    const kv = await Deno.openKv(`${temp.path}/signalbox.kv`);
    const keys: string[] = [];
    for await (const { key } of kv.list({ prefix: [] })) keys.push(key.join(" "));
    kv.close();
    return keys;
  };
  const before = await keys();
  assertEquals(before.filter((key) => /^1 (id|ban|log) /.test(key)).length, 7);
  const witness = new StoreWitness();
  {
    await using store = await openFolder(temp.path, witness);
    await until("the rest to be read", () => store.isLoaded);
    assertEquals(Object.fromEntries(store.sizes), { id: 0, room: 0, ban: 0, log: 0 });
    assertEquals(await store.flush(), true);
  }
  assertEquals(witness.events, ["unreadable: ban, 2", "unreadable: id, 4", "unreadable: log, 1"]);
  assertEquals(await keys(), before);
});

for (
  const [what, value] of [["cut off", new Uint8Array(31)], ["no bytes", "secret"]] as const
) {
  Deno.test(`a secret that is ${what} is refused, and left alone`, async () => {
    await using temp = await TempFolder.make();
    await (await openFolder(temp.path)).close();
    const kv = await Deno.openKv(`${temp.path}/signalbox.kv`);
    await kv.set([1, "secret", "a"], value);
    kv.close();
    assertEquals(
      await failureOf(temp.path),
      `Cannot use the store in "${temp.path}/signalbox.kv": secret "a" is damaged`,
    );
    const after = await Deno.openKv(`${temp.path}/signalbox.kv`);
    assertEquals((await after.get([1, "secret", "a"])).value, value);
    after.close();
  });
}

Deno.test("another program that writes to the file is trouble, and its end the recovery", async () => {
  await using temp = await TempFolder.make();
  await using store = await openFolder(temp.path);
  const other = new DatabaseSync(`${temp.path}/signalbox.kv`);
  try {
    other.exec("begin immediate");
    const { reservations } = store.dialect("a", NOBODY);
    assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
    await until("the trouble", () => store.trouble !== undefined);
    assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
    other.exec("rollback");
  } finally {
    other.close();
  }
  await until("the recovery", () => store.trouble === undefined);
  assertEquals(await store.flush(), true);
});

/** Mounts a small file system; undefined where this process may not, as without root. */
async function mount(folder: string, options: string): Promise<AsyncDisposable | undefined> {
  const run = async (program: string, ...args: string[]): Promise<boolean> => {
    try {
      return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
    } catch {
      return false;
    }
  };
  if (!await run("mount", "-t", "tmpfs", "-o", options, "none", folder)) return undefined;
  return { [Symbol.asyncDispose]: async () => void await run("umount", folder) };
}

const mayMount = await (async (): Promise<boolean> => {
  await using temp = await TempFolder.make();
  await using mounted = await mount(temp.path, "size=64k");
  return mounted !== undefined;
})();

Deno.test({
  name: "a folder that may only be read is refused (needs the right to mount)",
  ignore: !mayMount,
  fn: async () => {
    await using temp = await TempFolder.make();
    await using _mounted = await mount(temp.path, "size=1m,ro");
    for (const folder of [temp.path, `${temp.path}/inside`]) {
      assertMatch(
        await failureOf(folder),
        /^Cannot use the store in ".*": it can be read but not written$/,
      );
    }
  },
});

Deno.test({
  name: "a full disk is trouble, room on it the recovery (needs the right to mount)",
  ignore: !mayMount,
  fn: async () => {
    await using temp = await TempFolder.make();
    await using _mounted = await mount(temp.path, "size=1m");
    const store = await openFolder(temp.path);
    await using _store = store;
    const { reservations, rooms } = store.dialect("a", NOBODY);
    const ballast = `${temp.path}/ballast`;
    await assertRejects(() => Deno.writeFile(ballast, new Uint8Array(1_048_576)));
    for (let room = 0; room < 20; room++) rooms.keep(`${room}`, "x".repeat(20_000));
    await until("the trouble", () => store.trouble !== undefined);
    assertEquals(store.trouble, "the disk is full");
    assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
    assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
    await Deno.remove(ballast);
    for (let room = 0; room < 20; room++) rooms.keep(`${room}`, "small");
    await until("the recovery", () => store.trouble === undefined);
    assertEquals(await store.flush(), true);
    await store.close();
    await using again = await openFolder(temp.path);
    assertEquals([...again.dialect("a", NOBODY).rooms.list()].length, 20);
    assertEquals(await again.dialect("a", NOBODY).reservations.claim("x", "two", 1), "taken");
  },
});

for (
  const [what, use] of [
    ["new", () => {}],
    ["from an earlier run", () => {}],
    ["with something sealed", async (store) => {
      await store.dialect("a", NOBODY).seal(["state"], MINUTE);
    }],
  ] as [string, (store: Store) => void | Promise<void>][]
) {
  Deno.test({
    name: `a store (${what}) on a full disk is refused at start (needs the right to mount)`,
    ignore: !mayMount,
    fn: async () => {
      await using temp = await TempFolder.make();
      await using _mounted = await mount(temp.path, "size=1m");
      if (what !== "new") {
        await using store = await openFolder(temp.path);
        await use(store);
      }
      await assertRejects(() => Deno.writeFile(`${temp.path}/ballast`, new Uint8Array(2_097_152)));
      assertEquals(
        await failureOf(temp.path),
        `Cannot use the store in "${temp.path}": the disk is full`,
      );
    },
  });
}

Deno.test("without a folder it is the user's own", () => {
  const from = (os: string, variables: Record<string, string>): string =>
    defaultFolder((name) => variables[name], os);
  assertEquals(from("linux", { HOME: "/home/a" }), "/home/a/.local/share/signalbox");
  assertEquals(from("linux", { HOME: "/home/a", XDG_DATA_HOME: "/data" }), "/data/signalbox");
  assertEquals(
    from("freebsd", { HOME: "/home/a", XDG_DATA_HOME: "" }),
    "/home/a/.local/share/signalbox",
  );
  assertEquals(
    from("linux", { HOME: "/home/a", XDG_DATA_HOME: "data" }),
    "/home/a/.local/share/signalbox",
  );
  assertEquals(
    from("darwin", { HOME: "/Users/a" }),
    "/Users/a/Library/Application Support/signalbox",
  );
  assertEquals(from("windows", { LOCALAPPDATA: "C:/a" }), "C:/a/signalbox");
  assertThrows(() => from("linux", {}), StoreError, "name one");
});

Deno.test("~ is the user's home, which the shell leaves alone behind kv:", async () => {
  const variables = (name: string): string | undefined =>
    ({ HOME: "/home/a", USERPROFILE: "C:\\a" })[name];
  const named = (name: string, os = "linux"): string => namedFolder(name, variables, os);
  assertEquals([named("~/x"), named("~"), named("~/x", "darwin")], [
    "/home/a/x",
    "/home/a",
    "/home/a/x",
  ]);
  assertEquals(named("~\\x", "windows"), "C:\\a\\x");
  assertEquals([named("./~"), named("a~/b"), named("/~/x")], ["./~", "a~/b", "/~/x"]);
  assertThrows(() => named("~bob/x"), StoreError, 'Cannot find the folder "~bob/x"');
  assertThrows(() => namedFolder("~/x", () => undefined, "linux"), StoreError, "without");
  // And nothing is made of what was refused, here or anywhere.
  assertEquals(await failureOf("~/x"), 'Cannot find the folder "~/x": name it without "~"');
  await assertRejects(() => Deno.stat("~"), Deno.errors.NotFound);
});

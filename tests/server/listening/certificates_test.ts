import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../src/config/load.ts";
import { readTls, watchTls } from "../../../src/server/listening/certificates.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";

/** A folder with two files that stand for certificate and key. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly files = { cert: `${this.path}/cert.pem`, key: `${this.path}/key.pem` };

  constructor() {
    for (const [name, path] of Object.entries(this.files)) {
      Deno.writeTextFileSync(path, name);
      this.touch(path, 1_000);
    }
  }

  touch(path: string, seconds: number): void {
    Deno.utimeSync(path, seconds, seconds);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

interface Bench extends Disposable {
  readonly folder: Folder;
  readonly clock: FakeClock;
  readonly watch: Disposable;
  /** The number of reported changes. */
  readonly changes: () => number;
}

function newBench(): Bench {
  const folder = new Folder();
  const clock = new FakeClock();
  let changes = 0;
  const watch = watchTls(folder.files, clock, () => changes++);
  return {
    folder,
    clock,
    watch,
    changes: () => changes,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

Deno.test("certificate and key are read as text", () => {
  using folder = new Folder();
  assertEquals(readTls(folder.files), { cert: "cert", key: "key" });
});

Deno.test("a missing file is an error with one line that names it", () => {
  using folder = new Folder();
  for (const [name, what] of [["cert", "certificate"], ["key", "private key"]] as const) {
    const path = `${folder.path}/missing.pem`;
    const { messages } = assertThrows(
      () => readTls({ ...folder.files, [name]: path }),
      ConfigError,
    );
    assertEquals(messages, [`Cannot read ${what} "${path}": no such file`]);
  }
});

Deno.test("a newer file is noticed once, within ten seconds, whichever of the two it is", () => {
  using bench = newBench();
  const { folder, clock, changes } = bench;
  clock.advance(60_000);
  assertEquals(changes(), 0);
  folder.touch(folder.files.cert, 2_000);
  clock.advance(10_000);
  assertEquals(changes(), 1);
  clock.advance(60_000);
  assertEquals(changes(), 1);
  folder.touch(folder.files.key, 3_000);
  clock.advance(10_000);
  assertEquals(changes(), 2);
});

Deno.test("a file that is just being replaced is no change; the new one is", () => {
  using bench = newBench();
  const { folder, clock, changes } = bench;
  Deno.removeSync(folder.files.cert);
  clock.advance(10_000);
  assertEquals(changes(), 0);
  Deno.writeTextFileSync(folder.files.cert, "new");
  folder.touch(folder.files.cert, 2_000);
  clock.advance(10_000);
  assertEquals(changes(), 1);
});

Deno.test("a watcher that was disposed of reports nothing more", () => {
  using bench = newBench();
  const { folder, clock, watch, changes } = bench;
  watch[Symbol.dispose]();
  folder.touch(folder.files.cert, 2_000);
  clock.advance(60_000);
  assertEquals([changes(), clock.timers], [0, 0]);
});

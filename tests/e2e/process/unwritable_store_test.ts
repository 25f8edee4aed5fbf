import { assertEquals, assertMatch } from "@std/assert";
import { clientTest, programOf } from "../../helpers/process/clients.ts";
import { type MainOptions, runMain, startMain } from "../../helpers/process/main_process.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { openPeerJs } from "../../helpers/wire/peers.ts";
import { until, within } from "../../helpers/wire/waiting.ts";

// A store that can be read but not written: such a start ends, and no server promises to keep what
// it cannot keep.

const NOBODY = 65_534;
const LOCAL = ["--listen", "http://127.0.0.1:0", "--peerjs-reserve-ids", "1h"];

/** How to run a process for which modes and owners of files count, as they do not for root. */
function ordinary(folder: string): MainOptions {
  const args = [...LOCAL, "--store", `kv:${folder}`];
  if (Deno.uid() !== 0) return { args };
  const without = "--bounding-set=-dac_override,-dac_read_search,-fowner";
  return { args, runner: [programOf("setpriv"), without] };
}

async function makeStore(folder: string): Promise<void> {
  await using server = await startMain(ordinary(folder));
  server.signal("SIGTERM");
  await within("the end", server.ended);
}

async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`);
  await answer.body?.cancel();
  return answer.ok;
}

const READ_ONLY = /: it can be read but not written$/;
const DENIED = /: permission denied$/;

const CASES: Readonly<
  Record<string, { spoil: (folder: string) => void; why: RegExp; needsRoot?: boolean }>
> = {
  "a file of mode 0400": {
    spoil: (folder) => Deno.chmodSync(`${folder}/signalbox.kv`, 0o400),
    why: READ_ONLY,
  },
  "a file that another user owns and everybody may read": {
    spoil: (folder) => {
      Deno.chownSync(`${folder}/signalbox.kv`, NOBODY, NOBODY);
      Deno.chmodSync(`${folder}/signalbox.kv`, 0o644);
    },
    why: READ_ONLY,
    needsRoot: true,
  },
  "a file that another user owns and nobody else may read": {
    spoil: (folder) => Deno.chownSync(`${folder}/signalbox.kv`, NOBODY, NOBODY),
    why: DENIED,
    needsRoot: true,
  },
  "a folder of mode 0500": {
    spoil: (folder) => Deno.chmodSync(folder, 0o500),
    why: READ_ONLY,
  },
  "a lock that another user owns": {
    spoil: (folder) => Deno.chownSync(`${folder}/lock`, NOBODY, NOBODY),
    why: DENIED,
    needsRoot: true,
  },
};

for (const [name, { spoil, why, needsRoot = false }] of Object.entries(CASES)) {
  clientTest({
    name: `${name} ends the start with one line and exit code 1`,
    needs: ["setpriv"],
    fn: async () => {
      if (needsRoot && Deno.uid() !== 0) return;
      await using temp = await TempFolder.make();
      await makeStore(temp.path);
      spoil(temp.path);
      const { code, stdout, stderr } = await runMain(ordinary(temp.path));
      await Deno.chmod(temp.path, 0o700);
      const lines = stderr.trimEnd().split("\n").filter((line) => !line.includes(" WRN "));
      assertEquals([code, stdout, lines.length], [1, "", 1], stderr);
      assertMatch(lines[0] ?? "", /^signalbox: Cannot use (the store in )?"/);
      assertMatch(lines[0] ?? "", why);
    },
  });
}

Deno.test("a file of another program ends the start with one line and exit code 78, untouched", async () => {
  await using temp = await TempFolder.make();
  const file = `${temp.path}/signalbox.kv`;
  {
    using kv = await Deno.openKv(file);
    await kv.set(["users", 1], "alice");
  }
  const before = await Deno.readFile(file);
  const args = [...LOCAL, "--store", `kv:${temp.path}`];
  const { code, stdout, stderr } = await runMain({ args });
  assertEquals([code, stdout, stderr], [
    78,
    "",
    `signalbox: Cannot use the store in "${file}": another program wrote it; name an empty folder\n`,
  ]);
  assertEquals(await Deno.readFile(file), before);
});

Deno.test("while another process holds the lock, /readyz names the lock", async () => {
  await using temp = await TempFolder.make();
  const args = [...LOCAL, "--store", `kv:${temp.path}`, "--store-timeout-ms", "1000"];
  await using server = await startMain({ args });
  const [url = ""] = server.urls;
  const ready = async (): Promise<string> => await (await fetch(`${url}/readyz`)).text();
  await until("a write to have succeeded", () => isReady(url));
  {
    await using _lock = await lockFile(`${temp.path}/signalbox.kv`);
    await using _alice = await openPeerJs(url.replace(/^http/, "ws"), "alice");
    await until("the trouble", async () => !(await isReady(url)));
    assertMatch(await ready(), /the store: its file is locked by another process/);
  }
  await until("the recovery", () => isReady(url));
});

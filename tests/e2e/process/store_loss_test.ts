import { assert, assertEquals, assertMatch } from "@std/assert";
import { TempFolder } from "../../helpers/store/engines.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";
import { type MainProcess, runMain, startMain } from "../../helpers/process/main_process.ts";
import { openPeerJs, peerJsUrl } from "../../helpers/wire/peers.ts";
import { EXECUTABLE } from "../../helpers/process/program.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { allAtOnce } from "../../helpers/wire/side_by_side.ts";
import { until, within } from "../../helpers/wire/waiting.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// The real program, while somebody else deletes, cuts off or locks its store's file: it goes on, it
// ends in time, and the next run has everything.

const RESERVING = ["--listen", "http://127.0.0.1:0", "--peerjs-reserve-ids", "1h"];

function start(folder: string): Promise<MainProcess> {
  return startMain({ args: [...RESERVING, "--store", `kv:${folder}`] });
}

function wsUrlOf({ urls: [url = ""] }: MainProcess): string {
  return url.replace(/^http/, "ws");
}

async function readiness({ urls: [url] }: MainProcess): Promise<string> {
  const response = await fetch(`${url}/readyz`);
  return `${response.status} ${(await response.text()).trim()}`;
}

async function reserve(server: MainProcess, id: string): Promise<void> {
  await using _client = await openPeerJs(wsUrlOf(server), id);
}

/** Ends it in order, and fails where the next run would give the id to somebody else. */
async function proveKept(server: MainProcess, folder: string, id: string): Promise<void> {
  server.signal("SIGTERM");
  assertEquals((await within("the end", server.ended)).code, 0);
  await using next = await start(folder);
  await using thief = await WsClient.open(peerJsUrl(wsUrlOf(next), id, { token: "another" }));
  assertEquals(await thief.nextJson(), { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
}

async function deleteFile(folder: string): Promise<void> {
  for (const part of ["", "-wal", "-shm"]) {
    await Deno.remove(`${folder}/signalbox.kv${part}`).catch(() => {});
  }
}

systemTest({
  name: "a file that was deleted just before SIGTERM is written again, and reported",
  needs: "unlinking",
  fn: async () => {
    await using temp = await TempFolder.make();
    await using server = await start(temp.path);
    await reserve(server, "alice");
    await deleteFile(temp.path);
    await proveKept(server, temp.path, "alice");
    assertMatch(server.stderr(), /ERR store in trouble reason="its file was deleted or replaced"/);
  },
});

type Loss = readonly [what: string, reason: string, lose: (folder: string) => Promise<void>];

const LOSSES: readonly Loss[] = [
  [
    "file is emptied",
    "its file is damaged",
    (folder) => Deno.truncate(`${folder}/signalbox.kv`, 0),
  ],
  [
    "folder is deleted",
    "its file was deleted or replaced",
    (folder) => Deno.remove(folder, { recursive: true }),
  ],
  ["lock is deleted", "its lock was deleted", (folder) => Deno.remove(`${folder}/lock`)],
];

async function recover([, reason, lose]: Loss): Promise<void> {
  await using temp = await TempFolder.make();
  const folder = `${temp.path}/store`;
  await using server = await start(folder);
  await reserve(server, "alice");
  await lose(folder);
  const trouble = `503 not ready: the store: ${reason}`;
  await until("the trouble", async () => await readiness(server) === trouble);
  await until("the recovery", async () => await readiness(server) === "200 ready");
  const second = await runMain({ args: [...RESERVING, "--store", `kv:${folder}`] });
  assertEquals(
    second.stderr,
    `signalbox: Cannot use the store in "${folder}": another server uses it\n`,
  );
  await proveKept(server, folder, "alice");
}

systemTest({
  name: "a store that is lost while it runs reports it, recovers, and stays with one server",
  needs: "unlinking",
  fn: (context) =>
    allAtOnce(context, LOSSES.map((loss) => [`its ${loss[0]}`, () => recover(loss)])),
});

Deno.test({
  name:
    "while another process holds the file's lock over KV's sweep nobody waits, and SIGTERM ends " +
    "it (90 s; needs SIGNALBOX_BIN)",
  ignore: EXECUTABLE === undefined || Deno.build.os === "windows",
  async fn(): Promise<void> {
    await using temp = await TempFolder.make();
    const [one, other] = [`${temp.path}/one`, `${temp.path}/other`];
    await using server = await start(one);
    await using stopped = await start(other);
    await using alice = await openPeerJs(wsUrlOf(server), "alice");
    await using bob = await openPeerJs(wsUrlOf(server), "bob");
    let worstMs = 0;
    {
      await using _first = await lockFile(`${one}/signalbox.kv`);
      await using _second = await lockFile(`${other}/signalbox.kv`);
      await reserve(server, "carol");
      const begin = performance.now();
      await until("the sweep to have met the lock, and a look to be given up", async () => {
        const before = performance.now();
        alice.send({ type: "OFFER", dst: "bob", payload: 1 });
        await bob.nextJson();
        const { urls: [url] } = server;
        await (await fetch(`${url}/healthz`)).body?.cancel();
        worstMs = Math.max(worstMs, performance.now() - before);
        return performance.now() - begin > 80_000;
      });
      assertMatch(await readiness(server), /^503 not ready: the store: /);
      stopped.signal("SIGTERM");
      assertEquals((await within("the end", stopped.ended)).code, 0);
    }
    await until("the recovery", async () => await readiness(server) === "200 ready");
    // A client that waited for the lock would wait for more than a minute.
    assert(worstMs < 20_000, `somebody waited for ${worstMs} ms`);
    await proveKept(server, one, "carol");
  },
});

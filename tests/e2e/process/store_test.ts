import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { AddressBans } from "../../../src/http/bans.ts";
import { defaultFolder } from "../../../src/store/engine/place.ts";
import { openStore, type Store } from "../../../src/store/mod.ts";
import { systemClock } from "../../../src/system/clock.ts";
import { TempFolder } from "../../helpers/store/engines.ts";
import { lockFile } from "../../helpers/process/file_lock.ts";
import { gaugeOf } from "../../helpers/wire/gauges.ts";
import { RemoteKv } from "../../helpers/store/kv_connect.ts";
import { type MainProcess, runMain, startMain } from "../../helpers/process/main_process.ts";
import { openPeerJs, peerJsUrl } from "../../helpers/wire/peers.ts";
import { storeOptions } from "../../helpers/store/store.ts";
import { readmeSnippet } from "../../helpers/process/readme.ts";
import { startTestServerWithStore } from "../../helpers/wire/server.ts";
import { systemTest } from "../../helpers/process/systems.ts";
import { until, within } from "../../helpers/wire/waiting.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// The program and its store: surviving state, and the words for a store that cannot be used.

const LOCAL = ["--listen", "http://127.0.0.1:0", "--metrics", "/metrics"];

interface Credentials {
  readonly p_id: string;
  readonly p_secret: string;
}

function withStore(folder: string, ...more: string[]): string[] {
  return [...LOCAL, "--store", `kv:${folder}`, ...more];
}

function urlOf({ urls }: MainProcess): string {
  return urls[0] ?? "";
}

/** Joins a Simple room, under an id where one is known; the code of the refusal where it is. */
async function join(url: string, known?: Credentials): Promise<Credentials | string> {
  await using client = await WsClient.open(`${url.replace(/^http/, "ws")}/simple`);
  client.send({ event: "join", room: "r", ...known });
  const first = await client.nextJson() as Record<string, string>;
  if (first["event"] === "error") return first["code"] ?? "";
  const { p_secret = "" } = await client.nextJson() as Record<string, string>;
  return { p_id: first["p_id"] ?? "", p_secret };
}

async function readiness(url: string): Promise<[status: number, text: string]> {
  const response = await fetch(`${url}/readyz`);
  return [response.status, await response.text()];
}

/** Ends a server, and has the next one on the same store admit who knows the secret to its id. */
async function comeBackAfter(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  await using folder = await TempFolder.make();
  let known: Credentials | string;
  {
    await using server = await startMain({ args: withStore(folder.path) });
    known = await join(urlOf(server));
    assert(typeof known === "object");
    server.signal(signal);
    const { code } = await within("the end", server.ended);
    if (signal === "SIGTERM") assertEquals(code, 0);
  }
  await using server = await startMain({ args: withStore(folder.path) });
  const again = await join(urlOf(server), known);
  assert(typeof again === "object", `refused: ${again}`);
  assertEquals(again.p_id, known.p_id);
  const forged = { ...known, p_secret: `${known.p_secret.slice(0, -1)}!` };
  assertEquals(typeof await join(urlOf(server), forged), "string");
  // Without the store, or with a key of its own, the server cannot know it.
  for (const args of [LOCAL, withStore(`${folder.path}/other`)]) {
    await using other = await startMain({ args });
    assertEquals(typeof await join(urlOf(other), known), "string");
  }
}

Deno.test("Simple: an id stays its client's after SIGKILL and a restart on the same store", () =>
  comeBackAfter("SIGKILL"));

systemTest({
  name: "Simple: an id stays its client's after SIGTERM and a restart on the same store",
  needs: "signals",
  fn: () => comeBackAfter("SIGTERM"),
});

Deno.test("Simple: a configured key wins over the store's", async () => {
  await using folder = await TempFolder.make();
  const args = ["--store", `kv:${folder.path}`];
  const stay = async (...more: string[]): Promise<[url: string, stop: () => Promise<void>]> => {
    const server = await startTestServerWithStore({ args: [...args, ...more] });
    return [server.url, server.stop];
  };
  const secret = ["--simple-secret", "a secret of the operator"];
  const [first, stopFirst] = await stay(...secret);
  const known = await join(first);
  await stopFirst();
  assert(typeof known === "object");
  const [second, stopSecond] = await stay();
  assertEquals(typeof await join(second, known), "string");
  await stopSecond();
  const [third, stopThird] = await stay(...secret);
  assertEquals(typeof await join(third, known), "object");
  await stopThird();
});

Deno.test("PeerJS: junk ids leave no newcomer unprotected, and unkept ids are reported", async () => {
  const limits = ["--limits-max-reservations=100", "--limits-reservation-burst=102"];
  const args = ["--peerjs-reserve-ids=30d", "--limits-reservations-per-hour=1", ...limits];
  await using server = await startTestServerWithStore({ args });
  const { wsUrl, url } = server;
  const visit = async (id: string, token: string): Promise<string> => {
    await using client = await WsClient.open(peerJsUrl(wsUrl, id, { token }));
    const { type } = await client.nextJson() as { type: string };
    return type;
  };
  for (let id = 0; id < 100; id++) assertEquals(await visit(`junk ${id}`, "junk"), "OPEN");
  assertEquals([await visit("victim", "mine"), await visit("victim", "junk")], [
    "OPEN",
    "ID-TAKEN",
  ]);
  assertEquals(await gaugeOf(url, "signalbox_store_evicted_reservations_total"), 1);
  // From here on the address has had too many.
  assertEquals([await visit("next", "mine"), await visit("more", "mine")], ["OPEN", "OPEN"]);
  assertEquals([await visit("more", "junk"), await visit("next", "junk")], ["OPEN", "ID-TAKEN"]);
  assertEquals(await gaugeOf(url, "signalbox_store_unreserved_ids_total"), 2);
  const { facts } = server.log.find(({ what }) => what === "id not reserved") ?? {};
  assertEquals(facts, { reason: "too many new ones from this address", address: "127.0.0.1" });
});

Deno.test("kv: alone keeps data in the user's folder, and says where; ~ is the user's home", async () => {
  await using home = await TempFolder.make();
  // Everything that a system may go by; the files of Deno itself stay where they are.
  const names = ["HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "USERPROFILE"];
  const env = Object.fromEntries(names.map((name) => [name, `${home.path}/${name}`]));
  const own = defaultFolder((name) => env[name]);
  assert(own.startsWith(home.path));
  const deno = { DENO_DIR: await denoDir() };
  const user = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";
  for (
    const [place, folder] of [
      ["kv:", own],
      ["kv:~/calls", `${home.path}/${user}/calls`],
    ] as const
  ) {
    const args = [...LOCAL, "--store", place];
    await using server = await startMain({ args, env: { ...env, ...deno } });
    server.signal("SIGKILL");
    const { stderr } = await within("the end", server.ended);
    assertStringIncludes(stderr, ` INF store opened place=${folder}/signalbox.kv\n`);
    assert((await Deno.stat(`${folder}/signalbox.kv`)).isFile);
  }
  const refused = await runMain({
    args: [...LOCAL, "--store", "kv:~bob"],
    env: { ...env, ...deno },
  });
  assertEquals([refused.code, refused.stderr], [
    78,
    'signalbox: Cannot find the folder "~bob": name it without "~"\n',
  ]);
});

/** Where Deno keeps what it has downloaded, and a process with another home would not look. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

Deno.test("a second server on the same folder ends with one line that names it", async () => {
  await using folder = await TempFolder.make();
  await using _first = await startMain({ args: withStore(folder.path) });
  const { code, stdout, stderr } = await runMain({ args: withStore(folder.path) });
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    `signalbox: Cannot use the store in "${folder.path}": another server uses it\n`,
  );
});

Deno.test("a file that another process has locked ends the start with one line", async () => {
  await using folder = await TempFolder.make();
  {
    await using first = await startMain({ args: withStore(folder.path) });
    first.signal("SIGTERM");
    assertEquals((await within("the end", first.ended)).code, 0);
  }
  await using _lock = await lockFile(`${folder.path}/signalbox.kv`);
  const { code, stdout, stderr } = await runMain({ args: withStore(folder.path) });
  assertEquals([code, stdout, stderr], [
    1,
    "",
    `signalbox: Cannot use the store in "${folder.path}": its file is locked by another process\n`,
  ]);
});

Deno.test("a store that cannot be used ends the start with one line", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/file`;
  await Deno.writeTextFile(file, "");
  await using remote = new RemoteKv();
  remote.status = 503;
  const env = { DENO_KV_ACCESS_TOKEN: "a-token" };
  for (
    const [place, why, exitCode] of [
      [`${file}/inside`, /it is not a folder/, 78],
      // Deno 2.9 gives up by itself, 2.6 tries until our time limit.
      ["http://127.0.0.1:1/db", /Could not open|no answer within 10000 ms/, 1],
      [remote.url, /503|no answer within 10000 ms/, 1],
    ] as const
  ) {
    const { code, stderr } = await runMain({ args: withStore(place), env });
    // The runtime has lines of its own for a remote store, Deno 2.6 one more than 2.9.
    const lines = stderr.split("\n").filter((line) => !/^(KV Connect|$)/.test(line));
    assertEquals([code, lines.length], [exitCode, 1], stderr);
    assertMatch(stderr, why);
    assert(lines[0]?.startsWith(`signalbox: Cannot use the store in "${place}": `), stderr);
    assert(!stderr.includes("a-token"));
  }
});

Deno.test("a damaged file is moved aside with a line in the log, and the server serves", async () => {
  await using folder = await TempFolder.make();
  const file = `${folder.path}/signalbox.kv`;
  await Deno.writeFile(file, crypto.getRandomValues(new Uint8Array(20_000)));
  await using server = await startMain({ args: withStore(folder.path) });
  assertMatch(server.stderr(), /ERR damaged store moved aside.* file=.*signalbox\.kv\.damaged-\d+/);
  assertEquals(await gaugeOf(urlOf(server), "signalbox_store_damaged"), 1);
  assertEquals(await readiness(urlOf(server)), [200, "ready\n"]);
  assertNotEquals(typeof await join(urlOf(server)), "string");
});

systemTest({
  name: "a store that is lost while the server runs is reported, and recovers by itself",
  needs: "unlinking",
  fn: async () => {
    await using folder = await TempFolder.make();
    const here = `${folder.path}/here`;
    await using server = await startMain({ args: withStore(here) });
    const url = urlOf(server);
    const wsUrl = url.replace(/^http/, "ws");
    await using alice = await openPeerJs(wsUrl, "alice");
    await using bob = await openPeerJs(wsUrl, "bob");
    assertEquals(await readiness(url), [200, "ready\n"]);
    assertEquals(await gaugeOf(url, "signalbox_store_up"), 1);

    // Nor can the folder be made again.
    await Deno.rename(here, `${folder.path}/away`);
    await Deno.writeTextFile(here, "");
    await until("the trouble", async () => (await readiness(url))[0] === 503);
    assertMatch((await readiness(url))[1], /^not ready: the store: /);
    assertEquals(await gaugeOf(url, "signalbox_store_up"), 0);
    assert(await gaugeOf(url, "signalbox_store_failures_total") > 0);
    const health = await fetch(`${url}/healthz`);
    assertEquals([health.status, await health.text()], [200, "OK\n"]);
    // Calls go on, and new ones begin.
    alice.send({ type: "OFFER", dst: "bob", payload: 1 });
    assertEquals(await bob.nextJson(), { type: "OFFER", dst: "bob", payload: 1, src: "alice" });
    await using _carol = await openPeerJs(wsUrl, "carol");
    assertEquals(typeof await join(url), "object");

    await Deno.remove(here);
    await until("the recovery", async () => (await readiness(url))[0] === 200);
    assertMatch(server.stderr(), /store in trouble[^]*store recovered/);
    server.signal("SIGTERM");
    assertEquals((await within("the end", server.ended)).code, 0);
  },
});

/** The operator's part of the store, between two runs of the server. */
async function operate(folder: string, act: (store: Store) => void): Promise<void> {
  const options = { ...storeOptions({ clock: systemClock }), dialects: ["ssp"] };
  await using store = await openStore(`kv:${folder}`, { ...options, variables: () => undefined });
  act(store);
}

Deno.test("pools that are kept, and what is said in them, survive SIGKILL; so do bans", async () => {
  await using folder = await TempFolder.make();
  await operate(folder.path, (store) => {
    const { rooms } = store.dialect("ssp", () => false);
    rooms.keep("attic", {});
    rooms.describe("attic", "topic", { text: "Hi" });
  });
  const args = withStore(folder.path, "--ssp-private");
  for (let run = 0; run < 2; run++) {
    await using server = await startMain({ args });
    await using member = await WsClient.open(`${urlOf(server).replace(/^http/, "ws")}/ssp`);
    member.send({ type: "rtc:join", data: { pool: "cellar" } });
    const refused = await member.nextJson() as { data: Record<string, unknown> };
    assertEquals(refused.data["reason"], "no-such-pool");
    member.send({ type: "rtc:join", data: { pool: "attic" } });
    const { data } = await member.nextJson() as { data: Record<string, unknown> };
    assertEquals(data["descriptions"], {
      topic: { text: "Hi" },
      [String(data["client_id"])]: null,
    });
    server.signal("SIGKILL");
    await within("the end", server.ended);
  }
  await operate(folder.path, ({ bans }) => new AddressBans(bans).ban("127.0.0.1", { reason: "" }));
  await using server = await startMain({ args });
  const wsUrl = urlOf(server).replace(/^http/, "ws");
  await using peer = await WsClient.open(peerJsUrl(wsUrl, "alice"));
  assertEquals(await peer.nextJson(), {
    type: "ERROR",
    payload: { msg: "This address is banned" },
  });
});

systemTest({
  name: "a server with a store needs no permission but its folder's, over a restart too",
  needs: "signals",
  fn: async () => {
    await using folder = await TempFolder.make();
    const sealed = `${folder.path}/sealed.kv`;
    for (let run = 0; run < 2; run++) {
      await using server = await startMain({
        args: withStore(folder.path),
        denoArgs: [
          "--allow-net=127.0.0.1",
          `--allow-read=${folder.path}`,
          `--allow-write=${folder.path}`,
        ],
      });
      // Sealed state is there between two runs only.
      await assertRejects(() => Deno.stat(sealed), Deno.errors.NotFound);
      assertEquals(typeof await join(urlOf(server)), "object");
      server.signal("SIGTERM");
      const { code, stdout, stderr } = await within("the end", server.ended);
      assertEquals(code, 0);
      assertEquals(/permission|prompt|NotCapable|WRN|ERR/i.exec(stdout + stderr), null);
      assert((await Deno.stat(sealed)).size > 0);
    }
  },
});

systemTest({
  name: "README's commands restore a copy over what a killed server has left",
  needs: "gnu",
  fn: async () => {
    await using folder = await TempFolder.make();
    const store = `${folder.path}/store`;
    const ban = (id: string): Promise<void> =>
      operate(store, ({ bans }) => void bans.set("id", id, { reason: "rude" }));
    await ban("in the copy");
    await Deno.copyFile(`${store}/signalbox.kv`, `${folder.path}/copy.kv`);
    await ban("later");
    {
      await using server = await startMain({ args: withStore(store) });
      server.signal("SIGKILL");
      await within("the end", server.ended);
    }
    assert((await Deno.stat(`${store}/signalbox.kv-wal`)).size > 0);
    const lines = (await readmeSnippet("src/store/README.md", "restore")).split("\n");
    assertMatch(lines[0] ?? "", /^DIR=/);
    const script = [`DIR="${store}"`, ...lines.slice(1).filter((line) => !/systemctl/.test(line))];
    const { success } = await new Deno.Command("bash", {
      args: ["-ec", script.join("\n").replaceAll("sudo ", "")],
      cwd: folder.path,
    }).output();
    assert(success);
    await operate(store, ({ bans }) => {
      assertEquals([...bans.list()].map(({ value }) => value), ["in the copy"]);
    });
  },
});

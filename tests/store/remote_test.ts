import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { KvEngine } from "../../src/store/engine/kv.ts";
import { type Store, StoreError } from "../../src/store/mod.ts";
import { systemClock } from "../../src/system/clock.ts";
import { runMain } from "../helpers/process/main_process.ts";
import { RemoteKv } from "../helpers/store/kv_connect.ts";
import { NOBODY, openAt, StoreWitness } from "../helpers/store/store.ts";
import { PATIENCE_MS, until } from "../helpers/wire/waiting.ts";

// A remote Deno KV that fails. The other end is our own: a real one cannot be had offline.

const MINUTE = 60_000;

function open(
  remote: RemoteKv,
  witness = new StoreWitness(),
  url = remote.url,
): Promise<Store> {
  // The runtime reads the token from there.
  Deno.env.set("DENO_KV_ACCESS_TOKEN", "token-of-this-test");
  return openAt(url, { clock: systemClock, witness, timeoutMs: 2_000 });
}

Deno.test("the token of DENO_KV_ACCESS_TOKEN goes to a remote store", async () => {
  await using remote = new RemoteKv();
  await using store = await open(remote);
  assertEquals(store.place, remote.url);
  assertEquals([...remote.tokens], ["Bearer token-of-this-test"]);
});

Deno.test("a URL is one in capitals too", async () => {
  await using remote = new RemoteKv();
  await using store = await open(remote, undefined, remote.url.replace("http", "HTTP"));
  assertEquals(store.place, remote.url);
});

Deno.test("with a wrong token the store cannot be opened", async () => {
  await using remote = new RemoteKv();
  remote.status = 401;
  await assertRejects(() => open(remote), StoreError, `Cannot use the store in "${remote.url}": `);
});

// A process of its own, because other tests of this one set the variable.
Deno.test("without a token the start ends with one line that names the variable", async () => {
  const args = ["--listen", "http://127.0.0.1:0", "--store", "kv:http://127.0.0.1:1"];
  const { stderr } = await runMain({ args });
  assertMatch(stderr, /^signalbox: Cannot use the store in .*DENO_KV_ACCESS_TOKEN.*\n$/);
});

for (
  const [how, fail] of [
    ["answers with errors", (remote) => remote.status = 500],
    ["does not answer", (remote) => remote.isSilent = true],
  ] as [string, (remote: RemoteKv) => void][]
) {
  Deno.test(`a remote store that ${how} is trouble, and recovers by itself`, async () => {
    await using remote = new RemoteKv();
    const witness = new StoreWitness();
    const store = await open(remote, witness);
    await using _store = store;
    const { reservations } = store.dialect("a", NOBODY);
    await until("the rest to be read", () => store.isLoaded);
    fail(remote);
    assertEquals(await reservations.claim("x", "one", MINUTE), "granted");
    await until("the trouble", () => store.trouble !== undefined);
    assertEquals(await reservations.claim("x", "two", MINUTE), "taken");
    remote.heal();
    await until("the recovery", () => store.trouble === undefined);
    assertEquals(await store.flush(PATIENCE_MS), true);
    await store.close();
    await using again = await open(remote);
    assertEquals(await again.dialect("a", NOBODY).reservations.claim("x", "two", 1), "taken");
  });
}

Deno.test("one handle of a silent remote store is left behind, and no more", async () => {
  Deno.env.set("DENO_KV_ACCESS_TOKEN", "token-of-this-test");
  await using remote = new RemoteKv();
  const engine = new KvEngine(remote.url);
  await engine.commit([{ key: ["a"], value: new Uint8Array(1) }]);
  remote.isSilent = true;
  const asked = remote.asked;
  const first = engine.get(["a"]);
  await until("it to be asked", () => remote.asked > asked);
  assertEquals(engine.reopen("silent"), true);
  const second = engine.get(["a"]);
  assertEquals(engine.reopen("silent"), false);
  remote.heal();
  assertEquals([await first, await second], [new Uint8Array(1), new Uint8Array(1)]);
  assertEquals(engine.reopen("silent"), true);
  await engine.close();
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { listOf } from "../../src/cluster/engine/engine.ts";
import { PATIENT } from "../helpers/cluster/node_processes.ts";
import { type RedisServer, startRedis } from "../helpers/cluster/redis_server.ts";
import { redisCommand } from "../helpers/cluster/redis_command.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { type MainResult, runMain } from "../helpers/process/main_process.ts";
import { freePort } from "../helpers/process/ports.ts";
import { type ServerProcess, startServerProcess } from "../helpers/process/server_process.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// A node that cannot join its cluster gives the reason in one line, and ends before it listens.

const needs = ["redis-server"] as const;
const LISTEN = ["--listen", "http://127.0.0.1:0"];
const SERVED = ["--dialects", "peerjs", ...PATIENT];

function start(...args: readonly string[]): Promise<MainResult> {
  return runMain({ args: [...LISTEN, ...args] });
}

/** The line and the exit code of a start that fails. */
async function failure(...args: readonly string[]): Promise<[code: number, line: string]> {
  const { code, stderr } = await start(...args);
  const lines = stderr.trim().split("\n").filter((line) => line.startsWith("signalbox: "));
  assertEquals(lines.length, 1, stderr);
  return [code, lines[0]?.slice("signalbox: ".length) ?? ""];
}

/** Waits until a server's log has a text. */
async function says(server: ServerProcess, text: string): Promise<void> {
  await until(`"${text}" in the log`, () => server.stderr().includes(text));
}

/** The parts of an address that show where the engine is. */
function shown({ port }: RedisServer): string {
  return `redis://127.0.0.1:${port}`;
}

Deno.test("cluster: contradictions are errors of the configuration", async () => {
  const port = freePort();
  const url = `redis://127.0.0.1:${port}`;
  const cases: readonly (readonly [args: readonly string[], line: string])[] = [
    [
      ["--cluster", "http://127.0.0.1"],
      "Invalid --cluster: expected redis://HOST, rediss://HOST, redis+unix:///PATH or " +
      "redis+sentinel://HOST,HOST/NAME",
    ],
    [
      ["--cluster", `redis://:secret@127.0.0.1:${port}`, "--cluster-password", "other"],
      "Invalid --cluster: the password is given twice, in the URL and by --cluster-password",
    ],
    [
      ["--cluster", url, "--cluster-ca", "ca.pem", "--cluster-tls-name", "engine"],
      "Cannot use --cluster-ca, --cluster-tls-name without rediss:// in --cluster",
    ],
    [
      ["--cluster", url, "--cluster-max-unconfirmed-bytes-per-sender", "20000000"],
      "Cannot use --cluster-max-unconfirmed-bytes 16777216 below " +
      "--cluster-max-unconfirmed-bytes-per-sender 20000000",
    ],
  ];
  for (const [args, expected] of cases) {
    assertEquals(await failure(...SERVED, ...args), [78, expected]);
  }
});

Deno.test("cluster: an engine that is not there may come later, and no password is shown", async () => {
  const port = freePort();
  const expected = `Cannot reach the cluster at redis://127.0.0.1:${port}: connection refused`;
  const url = `redis://user:secret@127.0.0.1:${port}`;
  assertEquals(await failure(...SERVED, "--cluster", url), [1, expected]);
  const [code, line] = await failure(...SERVED, "--cluster", "redis+unix:///nowhere/redis.sock");
  assertEquals(code, 1);
  assertMatch(line, /^Cannot reach the cluster at redis\+unix:\/\/\/nowhere\/redis\.sock: /);
});

clientTest({
  name: "cluster: a password that is wrong or missing, and an engine of another kind",
  needs,
  fn: async () => {
    await using guarded = await startRedis("--requirepass", "right");
    const denied = `${shown(guarded)} does not accept the user or password`;
    assertEquals(await failure(...SERVED, "--cluster", guarded.url), [78, denied]);
    const wrong = guarded.url.replace("//", "//:wrong@");
    assertEquals(await failure(...SERVED, "--cluster", wrong), [78, denied]);
    const none = `${guarded.url.replace("//", "//:right@")}/99`;
    const [code, line] = await failure(...SERVED, "--cluster", none);
    assertEquals([code, line], [78, `${shown(guarded)}/99 has no such database`]);

    await using clustered = await startRedis(
      ...["--cluster-enabled", "yes", "--cluster-port", String(freePort())],
    );
    assertEquals(await failure(...SERVED, "--cluster", clustered.url), [
      78,
      `${shown(clustered)} is a Redis Cluster, which is not supported`,
    ]);
  },
});

clientTest({
  name: "cluster: a replica, and an engine that may evict keys",
  needs,
  fn: async () => {
    await using primary = await startRedis();
    await using replica = await startRedis("--replicaof", "127.0.0.1", String(primary.port));
    const [code, line] = await failure(...SERVED, "--cluster", replica.url);
    assertEquals([code, line], [
      1,
      `${shown(replica)} is a replica: give the primary, or its Sentinels`,
    ]);
    await using evicting = await startRedis(
      "--maxmemory",
      "64mb",
      "--maxmemory-policy",
      "allkeys-lru",
    );
    await using server = await startServerProcess([...SERVED, "--cluster", evicting.url]);
    await says(
      server,
      `${shown(evicting)} may evict keys (allkeys-lru): set maxmemory-policy noeviction`,
    );
  },
});

clientTest({
  name: "cluster: the rights of the cluster page are enough, and one fewer is named",
  needs,
  fn: async () => {
    const page = await Deno.readTextFile(new URL("../../src/cluster/README.md", import.meta.url));
    const rules = /ACL SETUSER signalbox on >PASSWORD (.*)/.exec(page)?.[1]?.split(" ") ?? [];
    const user = (...rest: string[]): string[] => ["--user", "signalbox", "on", ">right", ...rest];
    await using enough = await startRedis(...user(...rules));
    const url = enough.url.replace("//", "//signalbox:right@");
    await using server = await startServerProcess([...SERVED, "--cluster", url]);
    await says(server, 'Cluster "signalbox"');
    const others = rules.map((rule) => rule.startsWith("~") ? "~other:*" : rule);
    for (
      const [words, ...fewer] of [
        ["XTRIM", ...rules, "-xtrim"],
        ["the keys {signalbox}:1:*", ...others],
      ]
    ) {
      await using engine = await startRedis(...user(...fewer));
      const [code, line] = await failure(
        ...SERVED,
        "--cluster",
        engine.url.replace("//", "//signalbox:right@"),
      );
      const forbidden = `${shown(engine)} forbids ${words}: see "Rights" in the cluster page`;
      assertEquals([code, line], [78, forbidden]);
      assertEquals(await engine.command("KEYS", "*"), "");
    }
  },
});

clientTest({
  name: "cluster: nodes have one name each, and the same settings",
  needs,
  fn: async () => {
    await using engine = await startRedis();
    const common = [...SERVED, "--cluster", engine.url];
    // A short lease has it beat more often: another of its name looks for a beat for a short time.
    const often = ["--cluster-lease-ms", "3000"];
    await using first = await startServerProcess([...common, "--cluster-node", "one", ...often]);
    await says(first, `Cluster "signalbox" at ${shown(engine)} as node one, 1 node instance=one\n`);
    assertEquals(await failure(...common, "--cluster-node", "one"), [
      1,
      'Another node called "one" is alive in "signalbox"',
    ]);
    assertEquals(await failure(...common, "--peerjs-key", "other"), [
      78,
      'The other nodes of "signalbox" have another --peerjs-key',
    ]);
    assertEquals(await failure(...common, "--cluster-max-nodes", "1"), [
      1,
      'The cluster "signalbox" has 1 node already: see --cluster-max-nodes',
    ]);
    await using second = await startServerProcess([...common, "--cluster-node", "two"]);
    await says(second, "as node two, 2 nodes");
    await using apart = await startServerProcess([
      ...common,
      "--cluster-prefix",
      "apart",
      "--peerjs-key",
      "other",
    ]);
    await says(apart, 'Cluster "apart"');
    await until("a node's connections, by their names", async () => {
      const clients = String(await redisCommand(engine, "CLIENT", "LIST"));
      return ["call", "read"].every((use) => clients.includes(` name=signalbox:one:${use} `));
    });
    const keys = listOf(await redisCommand(engine, "KEYS", "*")).map(String);
    assert(
      keys.length > 4 && keys.every((key) => /^\{(signalbox|apart)\}:1:/.test(key)),
      `${keys}`,
    );
  },
});

clientTest({
  name: "cluster: a node with the name of a killed one frees its ids at once",
  needs,
  fn: async () => {
    await using engine = await startRedis();
    const common = [...SERVED, "--cluster", engine.url, "--cluster-lease-ms", "60000"];
    const named = (name: string): Promise<ServerProcess> =>
      startServerProcess([...common, "--cluster-node", name]);
    await using other = await named("other");
    const wsUrl = other.url.replace("http", "ws");
    await using first = await named("one");
    await using _alice = await openPeerJs(first.url.replace("http", "ws"), "alice");
    await first.stop("SIGKILL");
    const stranger = { token: "another one" };
    await using early = await WsClient.open(peerJsUrl(wsUrl, "alice", stranger));
    assertEquals((await early.nextJson() as { type: string }).type, "ID-TAKEN");
    await using _second = await named("one");
    await using _late = await openPeerJs(wsUrl, "alice", stranger);
  },
});

Deno.test("cluster: a secret that is too short is an error of the configuration", async () => {
  const url = "redis://127.0.0.1:9";
  const [code, line] = await failure(...SERVED, "--cluster", url, "--cluster-secret", "short");
  assertEquals(code, 78);
  assertStringIncludes(line, "at least 32 characters");
});

clientTest({
  name: "cluster: a node is not ready while its engine is away, and is again when it is back",
  needs,
  fn: async () => {
    await using engine = await startRedis();
    await using server = await startServerProcess([...SERVED, "--cluster", engine.url]);
    const ready = async (): Promise<string> => await (await fetch(`${server.url}/readyz`)).text();
    const isReady = async (): Promise<boolean> => (await ready()).trim() === "ready";
    await until("the node to be ready", isReady);
    await engine.signal("SIGKILL");
    await until("the node not to be ready", async () => {
      return /^not ready: the cluster: not reached for \d+ s$/.test((await ready()).trim());
    });
    const alive = await fetch(`${server.url}/healthz`);
    assertEquals([alive.status, (await alive.text()).trim()], [200, "OK"]);
    await engine.restart();
    await until("the node to be ready again", isReady);
  },
});

clientTest({
  name: "cluster: a node that cannot listen is no node for the others, and its name is free",
  needs,
  fn: async () => {
    await using engine = await startRedis();
    await using first = await startServerProcess([...SERVED, "--cluster", engine.url]);
    const taken = ["--cluster", engine.url, "--cluster-node", "b", "--listen", first.url];
    const { code, stderr } = await runMain({ args: [...SERVED, ...taken] });
    assertEquals([code, stderr.includes("the port is in use")], [1, true]);
    const nodes = await engine.command("HVALS", "{signalbox}:1:nodes");
    assertEquals(nodes.split("\n").filter((node) => / b$/.test(node) && !/^dead /.test(node)), []);
  },
});

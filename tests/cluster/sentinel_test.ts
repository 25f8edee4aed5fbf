import { assert, assertEquals } from "@std/assert";
import { logIn } from "../helpers/cluster/owt_client.ts";
import { startNodesAt } from "../helpers/cluster/node_processes.ts";
import { type RedisServer, startRedis, startSentinels } from "../helpers/cluster/redis_server.ts";
import { openRoomOfTwo } from "../helpers/cluster/rooms.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { runMain } from "../helpers/process/main_process.ts";
import { openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";

// A primary, a replica and three Sentinels, all real; the nodes know only the Sentinels.

const needs = ["redis-server"] as const;

async function isReplicating(replica: RedisServer): Promise<boolean> {
  return (await replica.command("INFO", "replication")).includes("master_link_status:up");
}

async function isPrimary(server: RedisServer): Promise<boolean> {
  return (await server.command("INFO", "replication")).includes("role:master");
}

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  clientTest({
    name: `cluster: a failover by Sentinel after ${signal} loses no acknowledged message`,
    needs,
    fn: async () => {
      await using primary = await startRedis();
      await using replica = await startRedis("--replicaof", "127.0.0.1", String(primary.port));
      await until("the replica to have its copy", () => isReplicating(replica));
      await using sentinels = await startSentinels(primary);
      await until("the Sentinels to know each other", () => sentinels.areReady());
      const hosts = sentinels.ports.map((port) => `127.0.0.1:${port}`).join(",");
      const url = `redis+sentinel://${hosts}/main`;
      await using nodes = await startNodesAt(url, 2, ["owt", "gstreamer", "peerjs"]);
      const [first, second] = nodes.nodes;
      await until(
        "the node's line",
        () => first?.stderr().includes(`at ${url} as node a`) === true,
      );
      await using room = await openRoomOfTwo(nodes);
      const { a, b } = room;
      using alice = await logIn(first?.url ?? "", "alice");
      using bob = await logIn(second?.url ?? "", "bob");

      const answers: unknown[] = [];
      const send = async (from: number, to: number): Promise<void> => {
        for (let n = from; n < to; n++) answers.push(await alice.send("bob", `${n}`));
      };
      await send(0, 20);
      await primary.signal(signal);
      await send(20, 40);
      assert(await isPrimary(replica));
      assertEquals(answers, Array.from({ length: 40 }, () => []));
      await until("every message", () => bob.heard.length === 40);
      const texts = bob.heard.map(([, message]) => (message as { data: string }).data);
      assertEquals(texts, Array.from({ length: 40 }, (_, n) => `${n}`));

      // Nobody was closed, no room heard of anybody, and ids have one owner as before.
      a.send("ROOM_PEER_MSG b still here");
      assertEquals(await b.nextText(), "ROOM_PEER_MSG a still here");
      await using thief = await openInRoom(nodes.wsUrl(0), "c", "r");
      assertEquals(await thief.nextText(), "ROOM_OK a b");
      assertEquals(await a.nextText(), "ROOM_PEER_JOINED c");
      await using _peer = await openPeerJs(nodes.wsUrl(1), "peer");
      if (signal === "SIGSTOP") await primary.signal("SIGCONT");
    },
  });
}

clientTest({
  name: "cluster: Sentinels that know no such primary, ask for a password or cannot be reached",
  needs,
  fn: async () => {
    await using primary = await startRedis();
    await using sentinels = await startSentinels(primary, "requirepass right");
    const [port] = sentinels.ports;
    const start = async (...args: readonly string[]): Promise<[number, string]> => {
      const common = ["--listen", "http://127.0.0.1:0", "--dialects", "peerjs", "--cluster"];
      const { code, stderr } = await runMain({ args: [...common, ...args] });
      return [code, /^signalbox: (.*)$/m.exec(stderr)?.[1] ?? stderr];
    };
    const url = `redis+sentinel://127.0.0.1:${port}`;
    const password = ["--cluster-sentinel-password", "right"];
    assertEquals(await start(`${url}/other`, ...password), [
      1,
      `The Sentinels of ${url}/other know no primary "other"`,
    ]);
    assertEquals(await start(`${url}/main`), [
      78,
      `${url}/main does not accept the user or password`,
    ]);
    const nowhere = `redis+sentinel://127.0.0.1:${primary.port},127.0.0.1:1/main`;
    assertEquals(await start(nowhere, ...password), [
      1,
      `Cannot reach the cluster at ${nowhere}: connection refused`,
    ]);
    assertEquals(await start(primary.url, ...password), [
      78,
      "Invalid --cluster: --cluster-sentinel-password needs the address of Sentinels",
    ]);
  },
});

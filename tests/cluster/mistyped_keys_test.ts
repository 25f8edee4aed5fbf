import { assertEquals } from "@std/assert";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import { clusterTrouble } from "../../src/server/cluster.ts";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { startRedis } from "../helpers/cluster/redis_server.ts";
import { nodeAt } from "../helpers/cluster/stages.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import { until } from "../helpers/wire/waiting.ts";

// A key of the cluster that somebody else has written, with another type.

const KEY = "test:1:members:test:room:r";
const NEVER_MS = 600_000;
/** Longer than a node may lack its engine and be ready. */
const UNREADY_MS = 6_000;

Deno.test("a node names the key of another type that keeps its calls from being carried out", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
  const [a, b] = [await admit(cluster, 0, "a"), await admit(cluster, 1, "b")];
  cluster.engine.data.call(["SADD", KEY, "x"]);
  const { node, events } = cluster.at(0);
  events.splice(0);
  const joining = cluster.hub(0).join(a.peer, { room: "r" });
  await cluster.pass(UNREADY_MS);
  const why = `the key "${KEY}" holds a set, which is not the cluster's`;
  const failures = events.filter(({ type }) => type === "blocked" || type === "away");
  assertEquals(failures, [{ type: "blocked", why }]);
  const clustered = { cluster: { node } };
  assertEquals(clusterTrouble({ clusterLoss: "refuse" }, clustered), `the cluster: ${why}`);
  // Others neither miss the node nor share its trouble.
  await cluster.during(Promise.resolve(cluster.hub(1).join(b.peer, { room: "other" })));
  assertEquals([b.told(), cluster.at(1).node.nodes.length], [["entered other: "], 2]);

  cluster.engine.data.call(["DEL", KEY]);
  await cluster.during(Promise.resolve(joining));
  assertEquals(a.told(), ["entered r: "]);
  assertEquals([node.isUp, clusterTrouble({ clusterLoss: "refuse" }, clustered)], [
    true,
    undefined,
  ]);
});

Deno.test("a key of another type that is there before the nodes tell what they hold is named, too", async () => {
  await using cluster = await MemoryCluster.form({ delayMs: 2, waitMs: NEVER_MS });
  const a = await admit(cluster, 0, "a");
  await cluster.during(Promise.resolve(cluster.hub(0).join(a.peer, { room: "r" })));
  cluster.engine.kill();
  cluster.engine.start({ keeps: false });
  cluster.engine.data.call(["SADD", KEY, "x"]);
  await cluster.pass(UNREADY_MS);
  const why = `the key "${KEY}" holds a set, which is not the cluster's`;
  const { node } = cluster.at(0);
  assertEquals(
    clusterTrouble({ clusterLoss: "refuse" }, { cluster: { node } }),
    `the cluster: ${why}`,
  );
  cluster.engine.data.call(["DEL", KEY]);
  await cluster.pass(UNREADY_MS);
  assertEquals(node.isUp, true);
  const late = await admit(cluster, 1, "late");
  await cluster.during(Promise.resolve(cluster.hub(1).join(late.peer, { room: "r" })));
  assertEquals(late.told(), ["entered r: a"]);
});

clientTest({
  name:
    "cluster: a real engine's key of another type is named, and its type where that may be asked for",
  needs: ["redis-server"],
  fn: async () => {
    await using engine = await startRedis();
    const node = nodeAt(engine, "a");
    const unlimited = { maxPeers: Infinity, maxRooms: Infinity };
    const limits = { ...unlimited, maxRoomMembers: Infinity, maxRoomInfoBytes: Infinity };
    const hub = new SharedHub(limits, node);
    const receiver = new FakeReceiver();
    await hub.claim(claimOf("a", receiver));
    await engine.command("SET", KEY, "text of another program");
    const joining = hub.join(receiver.peer, { room: "r" });
    const why = (): string | undefined => node.isUp ? undefined : node.trouble?.message;
    const words = (holds: string): string =>
      `the key "${KEY}" holds ${holds}, which is not the cluster's`;
    await until("the key's name", () => why() === words("a string"));
    await engine.command("ACL", "SETUSER", "default", "-type");
    await until("the key's name alone", () => why() === words("another type"));
    await engine.command("DEL", KEY);
    await joining;
    assertEquals(receiver.told(), ["admitted a", "entered r: "]);
    await until("the node to be up", () => node.isUp);
    await node.stop();
  },
});

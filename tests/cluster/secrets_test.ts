import { assert, assertEquals } from "@std/assert";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { redisCommand } from "../helpers/cluster/redis_command.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Nodes without a configured secret have one secret, which the first of them made.

const needs = ["redis-server"] as const;
const TOKEN = "a-token-of-an-operator";
const ARGS = ["--admin-tokens", TOKEN, "--peerjs-server-ids-only"];
const KEY = "{signalbox}:1:kept:secret";

/** An id that a node issues. */
async function idOf({ nodes }: NodeProcesses, nth: number): Promise<string> {
  const response = await fetch(`${nodes[nth]?.url}/peerjs/id`);
  return await response.text();
}

/** True if a node admits an id. */
async function isAdmitted(nodes: NodeProcesses, nth: number, id: string): Promise<boolean> {
  await using client = await WsClient.open(peerJsUrl(nodes.wsUrl(nth), id));
  return await client.nextText() === '{"type":"OPEN"}';
}

async function secretIn({ engine }: NodeProcesses): Promise<string> {
  return String(await redisCommand(engine, "HGET", KEY, '["peerjs"]'));
}

clientTest({
  name: "cluster, secrets: every node admits the ids that another issued, also with a new secret",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], ARGS);
    const first = await idOf(nodes, 0);
    await until("one secret", () => isAdmitted(nodes, 1, first));
    assertEquals(await isAdmitted(nodes, 1, "made-up"), false);
    const desk = await AdminClient.open(nodes.nodes[1]?.url ?? "", TOKEN);
    assertEquals((await desk.post("/secrets/peerjs/rotate")).body, { outcome: "rotated" });
    const second = await idOf(nodes, 1);
    await until("the new secret", () => isAdmitted(nodes, 0, second));
    assertEquals(await isAdmitted(nodes, 1, first), true, "the secret before the last");

    // An engine that is back empty gets it from any node.
    await nodes.engine.signal("SIGKILL");
    await nodes.engine.restart();
    await until("the secret to be back", async () => (await secretIn(nodes)) !== "null");
    await nodes.add();
    assertEquals(await isAdmitted(nodes, 2, second), true);
    assert((await secretIn(nodes)).includes('"'), "in clear without --cluster-secret");
  },
});

clientTest({
  name:
    "cluster, secrets: --cluster-secret seals them in the engine, and one that is foreign counts nothing",
  needs,
  fn: async () => {
    const sealed = [...ARGS, "--cluster-secret", "0123456789-0123456789-0123456789"];
    await using nodes = await startNodes(1, ["peerjs"], sealed);
    await until("the secret", async () => (await secretIn(nodes)) !== "null");
    assert(/^\d+ - 1 [\w+/]+=*$/.test(await secretIn(nodes)), await secretIn(nodes));
    const id = await idOf(nodes, 0);
    await nodes.add();
    assertEquals(await isAdmitted(nodes, 1, id), true);
    const foreign = `"${btoa("x".repeat(32))}"`;
    await redisCommand(nodes.engine, "HSET", KEY, '["peerjs"]', `9999999999999999 - 1 ${foreign}`);
    await nodes.add();
    await using _works = await openPeerJs(nodes.wsUrl(2), await idOf(nodes, 2));
    assertEquals(await isAdmitted(nodes, 0, id), true);
  },
});

import { assertEquals } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { exchangeData, openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { type ServerProcess, startServerProcess } from "../helpers/process/server_process.ts";
import { gaugeOf } from "../helpers/wire/gauges.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
import { until } from "../helpers/wire/waiting.ts";
import type { WsClient } from "../helpers/wire/ws_client.ts";

// Messages of PeerJS clients for absent peers outlive the planned end of their node.

const needs = ["redis-server"] as const;
const PATIENT = ["--peerjs-expire-timeout-ms", "300000"];

function offer(dst: string, n: number): { type: string; dst: string; payload: unknown } {
  return { type: "OFFER", dst, payload: { connectionId: "c1", n } };
}

function relayed(src: string, dst: string, n: number): unknown {
  return { type: "OFFER", src, dst, payload: { connectionId: "c1", n } };
}

/** Says something to an absent id, and resolves when the sender's node has it. */
async function sayToAbsent(nodes: NodeProcesses, sender: WsClient, id: string): Promise<void> {
  await using marker = await openPeerJs(nodes.wsUrl(1), "marker");
  for (let n = 0; n < 3; n++) sender.send(offer(id, n));
  sender.send(offer("marker", 0));
  await marker.nextJson();
}

/** Ends a node; true if another one has taken over what it held, in the time that an end has. */
async function hasHandedOver(node: ServerProcess): Promise<boolean> {
  await node.stop();
  return node.stderr().includes("handed over to another node");
}

async function hearAll(client: WsClient, src: string, id: string): Promise<void> {
  for (let n = 0; n < 3; n++) assertEquals(await client.nextJson(), relayed(src, id, n));
}

clientTest({
  name: "cluster, planned end: held messages go on from node to node, and reach their id on any",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], PATIENT);
    // An end has no more than seconds, which a loaded machine may need for the answer of a node.
    let id = "";
    await until("two hand-overs", async () => {
      id = crypto.randomUUID();
      const first = await nodes.add();
      await using alice = await openPeerJs(first.url.replace(/^http/, "ws"), "alice");
      await sayToAbsent(nodes, alice, id);
      const second = await nodes.add();
      // The newest node takes it over, and hands it on when it ends itself.
      return await hasHandedOver(first) && await hasHandedOver(second);
    });
    await using late = await openPeerJs(nodes.wsUrl(1), id);
    await hearAll(late, "alice", id);
  },
});

clientTest({
  name: "cluster, planned end: EXPIRE reaches a sender that comes back to another node",
  needs,
  fn: async () => {
    // Longer than an end and a return take on a loaded machine: an absent sender learns of nothing.
    await using nodes = await startNodes(3, ["peerjs"], ["--peerjs-expire-timeout-ms", "10000"]);
    for (const at of [1, 2]) {
      await until("a hand-over", async () => {
        const ending = await nodes.add();
        await using alice = await openPeerJs(ending.url.replace(/^http/, "ws"), "alice");
        await sayToAbsent(nodes, alice, "nobody");
        // On a slow machine the sender may hear of it before the end.
        return await hasHandedOver(ending) && alice.unread.length === 0;
      });
      await using back = await openPeerJs(nodes.wsUrl(at), "alice");
      assertEquals(await back.nextJson(), { type: "EXPIRE", src: "nobody", dst: "alice" });
    }
  },
});

clientTest({
  name: "cluster, planned end: the last node seals what it holds into its store",
  needs,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "signalbox-" });
    try {
      await using nodes = await startNodes(2, ["peerjs"], PATIENT);
      const args = ["--cluster", nodes.engine.url, "--cluster-node", "last", "--store"];
      const last = [...args, `kv:${folder}`, "--dialects", "peerjs", ...PATIENT];
      {
        await using node = await startServerProcess(last);
        await using alice = await openPeerJs(node.url.replace(/^http/, "ws"), "alice");
        await sayToAbsent(nodes, alice, "late");
        for (const other of nodes.nodes) await other.stop();
        await node.stop();
      }
      await using node = await startServerProcess(last);
      await using late = await openPeerJs(node.url.replace(/^http/, "ws"), "late");
      await hearAll(late, "alice", "late");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

clientTest({
  name: "cluster, planned end: a page's call to one that is not there yet goes on by another node",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(1, ["peerjs"], [...PATIENT, "--metrics", "/metrics"]);
    const [b = ""] = nodes.nodes.map(({ url }) => url);
    let target = b;
    await using balancer = startTcpProxy(() => target);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    let caller = await openPeer(browser, site, b);
    let id = "";
    await until("a hand-over", async () => {
      id = crypto.randomUUID();
      const ending = await nodes.add();
      target = ending.url;
      caller = await openPeer(browser, site, balancer.url, `caller-of-${id}`);
      await caller.page.call("insist");
      await caller.page.call("connect", id);
      // The page writes its offer after a while.
      await until("the offer", async () => await gaugeOf(ending.url, "signalbox_held_bytes") > 0);
      target = b;
      return await hasHandedOver(ending);
    });
    await caller.page.call("happened", "open", 2);
    const callee = await openPeer(browser, site, b, id);
    await callee.page.call("happened", "connection");
    await caller.page.call("happened", "connection");
    await exchangeData(caller.page, callee.page);
  },
});

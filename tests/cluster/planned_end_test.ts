import { assertEquals } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { exchangeData, openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTcpProxy } from "../helpers/wire/tcp_proxy.ts";
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
  for (let n = 0; n < 3; n++) sender.send(offer(id, n));
  await using marker = await openPeerJs(nodes.wsUrl(1), "marker");
  sender.send(offer("marker", 0));
  await marker.nextJson();
}

async function hearAll(client: WsClient, src: string, id: string): Promise<void> {
  for (let n = 0; n < 3; n++) assertEquals(await client.nextJson(), relayed(src, id, n));
}

clientTest({
  name: "cluster, planned end: held messages go on from node to node, and reach their id on any",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"], PATIENT);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await sayToAbsent(nodes, alice, "late");
    await nodes.nodes[0]?.stop();
    assertEquals(nodes.nodes[0]?.stderr().includes("handed over to another node"), true);
    // The newest node has them; the next end hands them on to one that is newer still.
    await nodes.add();
    await nodes.nodes[2]?.stop();
    assertEquals(nodes.nodes[2]?.stderr().includes("handed over to another node"), true);
    await using late = await openPeerJs(nodes.wsUrl(1), "late");
    await hearAll(late, "alice", "late");
  },
});

clientTest({
  name: "cluster, planned end: EXPIRE reaches a sender that comes back to another node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"], ["--peerjs-expire-timeout-ms", "3000"]);
    for (const at of [1, 2]) {
      const ending = await nodes.add();
      await using alice = await openPeerJs(ending.url.replace(/^http/, "ws"), "alice");
      await using marker = await openPeerJs(nodes.wsUrl(0), "marker");
      alice.send(offer("nobody", 0));
      alice.send(offer("marker", 0));
      await marker.nextJson();
      await ending.stop();
      await using back = await openPeerJs(nodes.wsUrl(at), "alice");
      // It may have been told before the end, where the machine is slow.
      if (alice.unread.length > 0) continue;
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
    await using nodes = await startNodes(2, ["peerjs"], PATIENT);
    const [a = "", b = ""] = nodes.nodes.map(({ url }) => url);
    let target = a;
    await using balancer = startTcpProxy(() => target);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const caller = await openPeer(browser, site, balancer.url, "caller");
    await caller.page.call("insist");
    await caller.page.call("connect", "callee");
    target = b;
    await nodes.nodes[0]?.stop();
    await caller.page.call("happened", "open", 2);
    const callee = await openPeer(browser, site, b, "callee");
    await callee.page.call("happened", "connection");
    await caller.page.call("happened", "connection");
    await exchangeData(caller.page, callee.page);
  },
});

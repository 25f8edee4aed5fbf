import { assertEquals } from "@std/assert";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { connectData, openPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// PeerJS on several real nodes that share a real engine.

const needs = ["redis-server"] as const;
const OPEN = '{"type":"OPEN"}';

function offer(dst: string, n: number): { type: string; dst: string; payload: unknown } {
  return { type: "OFFER", dst, payload: { connectionId: "c1", n } };
}

function relayed(src: string, dst: string, n: number): unknown {
  return { type: "OFFER", src, dst, payload: { connectionId: "c1", n } };
}

/** Opens a socket that has not read its first message. */
function open(nodes: NodeProcesses, index: number, id: string, token: string): Promise<WsClient> {
  return WsClient.open(peerJsUrl(nodes.wsUrl(index), id, { token }));
}

clientTest({
  name: "cluster, PeerJS: messages pass between nodes in order, and src is stamped",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"]);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using bob = await openPeerJs(nodes.wsUrl(1), "bob");
    for (let n = 0; n < 50; n++) alice.send({ ...offer("bob", n), src: "mallory" });
    for (let n = 0; n < 50; n++) assertEquals(await bob.nextJson(), relayed("alice", "bob", n));
    bob.send({ type: "ANSWER", dst: "alice", payload: 1 });
    assertEquals(await alice.nextJson(), { type: "ANSWER", src: "bob", dst: "alice", payload: 1 });
  },
});

clientTest({
  name: "cluster, PeerJS: messages for an absent id follow OPEN on whichever node it appears",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], ["--peerjs-expire-timeout-ms", "300000"]);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    for (let n = 0; n < 3; n++) alice.send(offer("late", n));
    await using late = await openPeerJs(nodes.wsUrl(1), "late");
    for (let n = 3; n < 6; n++) alice.send(offer("late", n));
    for (let n = 0; n < 6; n++) assertEquals(await late.nextJson(), relayed("alice", "late", n));
  },
});

clientTest({
  name: "cluster, PeerJS: an attempt at an id that no node holds expires once",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], ["--peerjs-expire-timeout-ms", "5000"]);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using bob = await openPeerJs(nodes.wsUrl(1), "bob");
    for (let n = 0; n < 3; n++) alice.send(offer("nobody", n));
    assertEquals(await alice.nextJson(), { type: "EXPIRE", src: "nobody", dst: "alice" });
    // The proof that no second one comes.
    bob.send({ type: "ANSWER", dst: "alice", payload: 1 });
    assertEquals(await alice.nextJson(), { type: "ANSWER", src: "bob", dst: "alice", payload: 1 });
  },
});

clientTest({
  name: "cluster, PeerJS: a client comes back on another node with its token, nobody else does",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"]);
    await using old = await openPeerJs(nodes.wsUrl(0), "alice", { token: "right" });
    await using thief = await open(nodes, 1, "alice", "wrong");
    assertEquals(await thief.nextJson(), { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
    await using fresh = await open(nodes, 1, "alice", "right");
    assertEquals(await fresh.nextText(), OPEN);
    const reason = "replaced by a newer connection";
    assertEquals(await within("the old one's end", old.closed), { code: 1000, reason });
    await using bob = await openPeerJs(nodes.wsUrl(0), "bob");
    bob.send(offer("alice", 1));
    assertEquals(await fresh.nextJson(), relayed("bob", "alice", 1));
  },
});

clientTest({
  name: "cluster, PeerJS: the list has the ids of all nodes, in order of registration",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], ["--peerjs-allow-discovery"]);
    await using _c = await openPeerJs(nodes.wsUrl(0), "c");
    await using _a = await openPeerJs(nodes.wsUrl(1), "a");
    await using _b = await openPeerJs(nodes.wsUrl(0), "b");
    for (const { url } of nodes.nodes) {
      const response = await fetch(`${url}/peerjs/peers`);
      assertEquals(await response.json(), ["c", "a", "b"]);
    }
  },
});

clientTest({
  name: "cluster, PeerJS: a killed node's ids are free, and what it had not taken comes back",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"]);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using lost = await openPeerJs(nodes.wsUrl(1), "bob", { token: "old" });
    await nodes.nodes[1]?.stop("SIGKILL");
    await within("the connection's loss", lost.closed);
    alice.send(offer("bob", 1));
    // The id is refused as long as its node may be alive.
    await until("the id to be free", async () => {
      await using fresh = await open(nodes, 2, "bob", "new");
      const answer = await fresh.nextText();
      if (answer !== OPEN) return false;
      alice.send(offer("bob", 2));
      const texts = [await fresh.nextText()];
      while (!texts.at(-1)?.includes('"n":2')) texts.push(await fresh.nextText());
      return true;
    });
  },
});

clientTest({
  name: "cluster, PeerJS: an engine that comes back empty loses no id and no message",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"]);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using bob = await openPeerJs(nodes.wsUrl(1), "bob");
    alice.send(offer("bob", 0));
    assertEquals(await bob.nextJson(), relayed("alice", "bob", 0));
    await nodes.engine.signal("SIGKILL");
    for (let n = 1; n < 20; n++) alice.send(offer("bob", n));
    await nodes.engine.restart();
    await using thief = await open(nodes, 0, "bob", "thief");
    for (let n = 20; n < 30; n++) alice.send(offer("bob", n));
    for (let n = 1; n < 30; n++) assertEquals(await bob.nextJson(), relayed("alice", "bob", n));
    assertEquals(await thief.nextJson(), { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
  },
});

clientTest({
  name: "cluster, PeerJS: pages on two nodes exchange data",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"]);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const alice = await openPeer(browser, site, nodes.nodes[0]?.url ?? "", "alice");
    const bob = await openPeer(browser, site, nodes.nodes[1]?.url ?? "", "bob");
    await connectData(bob.page, "alice", alice.page);
  },
});

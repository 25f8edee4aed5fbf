import { assertEquals } from "@std/assert";
import { channelsOf } from "../helpers/cluster/channels.ts";
import { admit } from "../helpers/cluster/admit.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { noticesLoss, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openGst, openPeerJs } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// Nodes that give out ids while they are alone, and nodes that send their clients away then.

/** Longer than a client's step waits. */
const ALONE_MS = 7_000;
const BACK_MS = 8_000;

/** A cluster whose second node is alone. */
async function parted(seed: number): Promise<MemoryCluster> {
  const cluster = await MemoryCluster.form({ seed, delayMs: 6, acceptsLoss: true });
  cluster.at(1).link.cut();
  await cluster.pass(ALONE_MS);
  return cluster;
}

for (const seed of [31, 32, 33]) {
  Deno.test(`an id that a lone node gave out belongs to the cluster later, seed ${seed}`, async () => {
    await using cluster = await parted(seed);
    const [x, y] = [await admit(cluster, 1, "x"), await admit(cluster, 1, "y")];
    const gone = await admit(cluster, 1, "gone");
    cluster.hub(1).send(y.peer, "x", "within the node");
    assertEquals(x.told(), ['relay y: "within the node"']);
    await cluster.during(Promise.resolve(cluster.hub(1).join(x.peer, { room: "r" })));
    assertEquals(x.told(), ["refused join: unavailable"]);
    cluster.hub(1).release(gone.peer, gone);

    cluster.at(1).link.heal();
    await cluster.pass(BACK_MS);
    const far = await admit(cluster, 0, "far");
    await admit(cluster, 0, "gone");
    cluster.hub(0).send(far.peer, "x", "from afar");
    cluster.hub(1).send(x.peer, "far", "and back");
    await cluster.pass(500);
    assertEquals([x.told(), far.told()], [['relay far: "from afar"'], ['relay x: "and back"']]);
    await cluster.during(Promise.resolve(cluster.hub(1).join(x.peer, { room: "r" })));
    await cluster.during(Promise.resolve(cluster.hub(0).join(far.peer, { room: "r" })));
    await cluster.pass(500);
    assertEquals([x.told(), far.told()], [["entered r: ", "joined r: far"], ["entered r: x"]]);
    cluster.hub(1).release(x.peer, x);
    await cluster.pass(500);
    assertEquals(far.told(), ["left r: x"]);
    assertEquals(y.link.isOpen, true);
    await admit(cluster, 0, "x");
  });

  Deno.test(`a channel of a lone node is one of all nodes later, seed ${seed}`, async () => {
    await using cluster = await parted(seed);
    const [near, far] = channelsOf([cluster.hub(1), cluster.hub(0)]);
    const listener = near.subscribe("c");
    await cluster.pass(ALONE_MS);
    cluster.at(1).link.heal();
    await cluster.pass(BACK_MS);
    far.publish("c", "news");
    await cluster.pass(500);
    assertEquals(listener.taken, ["news"]);
  });

  Deno.test(`a lone node's client is sent away where another client has its id, seed ${seed}`, async () => {
    await using cluster = await parted(seed);
    const lone = await admit(cluster, 1, "x");
    const other = await admit(cluster, 0, "x");
    cluster.at(1).link.heal();
    await cluster.pass(BACK_MS);
    assertEquals([lone.told(), lone.link.closing], [[], [1001, ""]]);
    assertEquals([other.told(), other.link.closing], [[], undefined]);
    const sender = await admit(cluster, 1, "sender");
    cluster.hub(1).send(sender.peer, "x", "for the owner");
    await cluster.pass(500);
    assertEquals(other.told(), ['relay sender: "for the owner"']);
  });
}

clientTest({
  name: "cluster: with --cluster-loss accept a node serves newcomers without its engine",
  needs: ["redis-server"],
  fn: async () => {
    const args = ["--cluster-loss", "accept", "--cluster-wait-ms", "100"];
    await using nodes = await startNodes(2, ["peerjs"], args);
    const [first] = nodes.nodes;
    await nodes.engine.signal("SIGKILL");
    await until("the node to notice the loss", () => noticesLoss(first));
    await using a = await openPeerJs(nodes.wsUrl(0), "a");
    const offer = { type: "OFFER", payload: "hello" };
    await using local = await openPeerJs(nodes.wsUrl(0), "local");
    local.send({ ...offer, dst: "a" });
    assertEquals(await a.nextJson(), { ...offer, dst: "a", src: "local" });
    const ready = await fetch(`${first?.url}/readyz`);
    assertEquals((await ready.text()).trim(), "ready");
    await nodes.engine.restart();
    await using b = await openPeerJs(nodes.wsUrl(1), "b");
    await until("the other node to reach the id", () => {
      b.send({ ...offer, dst: "a" });
      return a.unread.length > 0;
    });
    assertEquals(await a.nextJson(), { ...offer, dst: "a", src: "b" });
  },
});

clientTest({
  name: "cluster: --cluster-max-isolation-ms sends everybody away from a node without its engine",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(1, ["peerjs", "gstreamer"], [
      "--cluster-max-isolation-ms",
      // Longer than the time after which it is not ready.
      "6000",
    ]);
    await using peer = await openPeerJs(nodes.wsUrl(0), "a");
    await using gst = await openGst(nodes.wsUrl(0), "b");
    await nodes.engine.signal("SIGKILL");
    const ends = await within("the ends", Promise.all([peer.closed, gst.closed]));
    assertEquals(ends.map(({ code }) => code), [1001, 1001]);
    await nodes.engine.restart();
    await until("the node to serve again", async () => {
      return (await (await fetch(`${nodes.nodes[0]?.url}/readyz`)).text()).trim() === "ready";
    });
    await using again = await openPeerJs(nodes.wsUrl(0), "a");
    again.send({ type: "OFFER", dst: "a", payload: 1 });
    assertEquals(await again.nextJson(), { type: "OFFER", src: "a", dst: "a", payload: 1 });
  },
});

import { assertEquals } from "@std/assert";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { openPeer, startPeer, startPeerJsSite } from "../helpers/browser/peerjs.ts";
import { type NodeProcesses, startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { gaugeOf } from "../helpers/wire/gauges.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Ids that PeerJS clients reserve, on real nodes that share a real engine.

const needs = ["redis-server"] as const;
const RESERVING = ["--peerjs-reserve-ids", "30d", "--metrics", "/metrics"];
const OPEN = '{"type":"OPEN"}';
const TAKEN = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}';

/** The first message for a client with a token of its own. */
async function answerTo(wsUrl: string, id: string, token: string): Promise<string> {
  await using client = await WsClient.open(peerJsUrl(wsUrl, id, { token }));
  return await client.nextText();
}

/** Connects a client and lets it go. */
async function visit(wsUrl: string, id: string): Promise<void> {
  const client = await openPeerJs(wsUrl, id);
  await client[Symbol.asyncDispose]();
}

clientTest({
  name: "cluster, reserved ids: an id is its token's on every node, also when its node is killed",
  needs,
  fn: async () => {
    await using nodes: NodeProcesses = await startNodes(3, ["peerjs"], RESERVING);
    await visit(nodes.wsUrl(0), "desk");
    assertEquals(await answerTo(nodes.wsUrl(1), "desk", "other"), TAKEN);
    await using held = await openPeerJs(nodes.wsUrl(1), "desk");
    await nodes.nodes[1]?.stop("SIGKILL");
    await within("the connection's loss", held.closed);
    assertEquals(await answerTo(nodes.wsUrl(2), "desk", "other"), TAKEN);
    await using _owner = await openPeerJs(nodes.wsUrl(2), "desk");
    assertEquals(await answerTo(nodes.wsUrl(0), "desk", "other"), TAKEN);
  },
});

clientTest({
  name: "cluster, reserved ids: an operator ends or replaces a client's reservation on any node",
  needs,
  fn: async () => {
    const token = "a-token-of-an-operator";
    const admin = ["--admin-tokens", `ann:full:${token}`];
    await using nodes = await startNodes(2, ["peerjs"], [...RESERVING, ...admin]);
    const desk = await AdminClient.open(nodes.nodes[1]?.url ?? "", token);
    await visit(nodes.wsUrl(0), "desk");
    assertEquals((await desk.delete("/ids/peerjs/desk")).body, { outcome: "forgotten" });
    await until("the id to be free", async () => {
      return await answerTo(nodes.wsUrl(0), "desk", "other") === OPEN;
    });
    assertEquals((await desk.delete("/ids/peerjs/nothing")).status, 404);
    const kept = await desk.put("/ids/peerjs/desk", { token: "token-of-desk" });
    assertEquals(kept.body, { outcome: "kept" });
    await until("the id to be the owner's", async () => {
      return await answerTo(nodes.wsUrl(0), "desk", "other") === TAKEN;
    });
    await visit(nodes.wsUrl(0), "desk");
  },
});

clientTest({
  name: "cluster, reserved ids: a node's own store keeps them over a restart of everything",
  needs,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "signalbox-" });
    try {
      await using nodes = await startNodes(1, ["peerjs"], RESERVING);
      const args = ["--cluster", nodes.engine.url, "--cluster-node", "keeper", ...RESERVING];
      const keep = [...args, "--dialects", "peerjs", "--store", `kv:${folder}`];
      await visit(nodes.wsUrl(0), "before");
      {
        await using keeper = await startServerProcess(keep);
        await visit(nodes.wsUrl(0), "after");
        await until("the keeper to have both", async () => {
          return await gaugeOf(keeper.url, "signalbox_store_records") === 2;
        });
        await keeper.stop("SIGTERM");
      }
      assertEquals(await gaugeOf(nodes.nodes[0]?.url ?? "", "signalbox_store_records"), 0);
      await nodes.nodes[0]?.stop("SIGKILL");
      await nodes.engine.signal("SIGKILL");
      await nodes.engine.restart();
      await using _keeper = await startServerProcess(keep);
      const empty = await nodes.add();
      const wsUrl = empty.url.replace(/^http/, "ws");
      for (const id of ["before", "after"]) {
        assertEquals(await answerTo(wsUrl, id, "other"), TAKEN);
        await visit(wsUrl, id);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

clientTest({
  name: "cluster, reserved ids: a page gets its id back on another node, and another page does not",
  needs: ["redis-server", "chromium"],
  fn: async () => {
    await using nodes = await startNodes(2, ["peerjs"], RESERVING);
    await using site = await startPeerJsSite();
    await using browser = await launchBrowser();
    const [a = "", b = ""] = nodes.nodes.map(({ url }) => url);
    const first = await openPeer(browser, site, a, "desk", { token: "mine" });
    await first.page.close();
    const thief = await browser.newPage(site.url);
    await startPeer(thief, b, "desk", { token: "other" });
    const error = await thief.call<{ type: string }>("happened", "error");
    assertEquals(error.type, "unavailable-id");
    // The old connection may still be open: its client takes it over.
    const back = await openPeer(browser, site, b, "desk", { token: "mine" });
    assertEquals(back.id, "desk");
  },
});

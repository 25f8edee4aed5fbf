import { assert, assertEquals } from "@std/assert";
import { noticesLoss, startNodes } from "../helpers/cluster/node_processes.ts";
import { logIn } from "../helpers/cluster/owt_client.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { openGst, openInRoom, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// PeerJS, GStreamer and OWT whose clients are on three real nodes.

const needs = ["redis-server"] as const;
const OPEN = '{"type":"OPEN"}';

async function closeAll(clients: readonly WsClient[]): Promise<void> {
  for (const client of clients) await client.close();
}

clientTest({
  name: "cluster, PeerJS: of claims with one token on three nodes at once the last one stays",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"]);
    await using bob = await openPeerJs(nodes.wsUrl(0), "bob");
    const urls = [0, 1, 2].map((at) => peerJsUrl(nodes.wsUrl(at), "alice"));
    const clients = await Promise.all(urls.map((url) => WsClient.open(url)));
    for (const client of clients) assertEquals(await client.nextText(), OPEN);
    const closed: unknown[] = [];
    for (const client of clients) void client.closed.then((closing) => closed.push(closing));
    await until("two to be replaced", () => closed.length === 2);
    const replaced = { code: 1000, reason: "replaced by a newer connection" };
    assertEquals(closed, [replaced, replaced]);
    bob.send({ type: "OFFER", dst: "alice", payload: 1 });
    const [message] = await Promise.any(clients.map(async (client) => [await client.nextJson()]));
    assertEquals(message, { type: "OFFER", src: "bob", dst: "alice", payload: 1 });
    await closeAll(clients);
  },
});

clientTest({
  name: "cluster, PeerJS: every relayed type passes between any two nodes",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"]);
    const clients: WsClient[] = [];
    for (const at of [0, 1, 2]) clients.push(await openPeerJs(nodes.wsUrl(at), `p${at}`));
    for (const [from, sender] of clients.entries()) {
      for (const [to, receiver] of clients.entries()) {
        for (const type of ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"]) {
          sender.send({ type, dst: `p${to}`, payload: { n: 1 } });
          const message = await receiver.nextJson();
          assertEquals(message, { type, src: `p${from}`, dst: `p${to}`, payload: { n: 1 } });
        }
      }
    }
    await closeAll(clients);
  },
});

clientTest({
  name: "cluster, PeerJS: every node admits the ids that another one issued",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["peerjs"], ["--peerjs-server-ids-only"]);
    for (const [from, { url }] of nodes.nodes.entries()) {
      const id = await (await fetch(`${url}/peerjs/id`)).text();
      await using _peer = await openPeerJs(nodes.wsUrl((from + 1) % 3), id);
    }
    await using stranger = await WsClient.open(peerJsUrl(nodes.wsUrl(0), "stranger"));
    assert((await stranger.nextText()).includes("not issued"));
  },
});

clientTest({
  name: "cluster, GStreamer: a room over three nodes tells each member of each other one once",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["gstreamer"]);
    const members: WsClient[] = [];
    for (const [n, id] of ["a", "b", "c"].entries()) {
      const member = await openInRoom(nodes.wsUrl(n), id, "r");
      const elders = ["a", "b", "c"].slice(0, n);
      assertEquals(await member.nextText(), `ROOM_OK ${elders.join(" ")}`);
      for (const elder of members) assertEquals(await elder.nextText(), `ROOM_PEER_JOINED ${id}`);
      members.push(member);
    }
    await using caller = await openGst(nodes.wsUrl(0), "caller");
    caller.send("SESSION c");
    assertEquals(await caller.nextText(), "ERROR peer 'c' busy");
    const [a, b, c] = members as [WsClient, WsClient, WsClient];
    c.send("ROOM_PEER_LIST");
    assertEquals(await c.nextText(), "ROOM_PEER_LIST a b");
    await c.close();
    for (const left of [a, b]) assertEquals(await left.nextText(), "ROOM_PEER_LEFT c");
    // The markers prove that nothing came twice.
    for (const [from, to, id] of [[a, b, "a"], [b, a, "b"]] as const) {
      from.send(`ROOM_PEER_MSG ${id === "a" ? "b" : "a"} marker`);
      assertEquals(await to.nextText(), `ROOM_PEER_MSG ${id} marker`);
    }
    await closeAll(members);
  },
});

clientTest({
  name: "cluster, OWT: a message to a client whose node is killed is answered with 2201",
  needs,
  fn: async () => {
    await using nodes = await startNodes(3, ["owt"]);
    using alice = await logIn(nodes.nodes[0]?.url ?? "", "alice");
    using bob = await logIn(nodes.nodes[1]?.url ?? "", "bob");
    assertEquals(await alice.send("bob", "there?"), []);
    await until("the first message", () => bob.heard.length === 1);
    await nodes.nodes[1]?.stop("SIGKILL");
    assertEquals(await alice.send("bob", "still there?"), [2201]);
    using back = await logIn(nodes.nodes[2]?.url ?? "", "bob");
    assertEquals(await alice.send("bob", "again"), []);
    await until("the message", () => back.heard.length === 1);
  },
});

clientTest({
  name: "cluster: while the engine is away each protocol refuses in its own words",
  needs,
  fn: async () => {
    // Longer than a cluster forms, and than the clients of a loaded machine need to come.
    const dialects = ["peerjs", "gstreamer", "ssp", "owt"];
    const patience = dialects.flatMap((name) => [`--${name}-identify-timeout-ms`, "120000"]);
    const wait = ["--cluster-wait-ms", "10000", "--peerjs-allow-discovery"];
    await using nodes = await startNodes(2, dialects, [...wait, ...patience]);
    const [first, second] = nodes.nodes.map(({ url }) => url);
    await using alice = await openPeerJs(nodes.wsUrl(0), "alice");
    await using _bob = await openPeerJs(nodes.wsUrl(1), "bob");
    await using gst = await openGst(nodes.wsUrl(0), "gst");
    await using _far = await openGst(nodes.wsUrl(1), "far");
    using owt = await logIn(first ?? "", "owt");
    using _other = await logIn(second ?? "", "other");
    await nodes.engine.signal("SIGKILL");
    await until("the node to notice the loss", () => noticesLoss(nodes.nodes[0]));
    // All of them wait at once.
    alice.send({ type: "OFFER", dst: "bob", payload: { connectionId: "c" } });
    gst.send("SESSION far");
    const acknowledged = owt.send("other", "?");
    await using late = await WsClient.open(peerJsUrl(nodes.wsUrl(0), "late"));
    await using newcomer = await WsClient.open(`${nodes.wsUrl(0)}/`);
    newcomer.send("HELLO newcomer");
    await using pool = await WsClient.open(`${nodes.wsUrl(0)}/ssp`);
    pool.send({ type: "rtc:join", data: { pool: "p" } });
    const list = await fetch(`${first}/peerjs/peers`);
    assertEquals([list.status, await list.text()], [503, "Not available"]);
    assertEquals(await alice.nextJson(), { type: "EXPIRE", src: "bob", dst: "alice" });
    const msg = "Server is not available, try again";
    assertEquals(await late.nextJson(), { type: "ERROR", payload: { msg } });
    assertEquals(await gst.nextText(), "ERROR server is not available");
    assertEquals(await newcomer.nextText(), "ERROR server is not available");
    assertEquals((await within("the end", newcomer.closed)).code, 1013);
    const refusal = await pool.nextJson() as { type: string; data: { reason: string } };
    assertEquals([refusal.type, refusal.data.reason], ["rtc:error", "unavailable"]);
    assertEquals(await acknowledged, [2102]);
    // Talk on one node goes on.
    alice.send({ type: "OFFER", dst: "alice", payload: 1 });
    assertEquals(await alice.nextJson(), { type: "OFFER", src: "alice", dst: "alice", payload: 1 });
    await nodes.engine.restart();
    // The log has the outage, and no client's id.
    const logs = (): string => nodes.nodes.map((node) => node.stderr()).join("");
    await until("the outage in the log", () => logs().includes("cluster not reached"));
    assertEquals(/alice|newcomer/.exec(logs()), null);
  },
});

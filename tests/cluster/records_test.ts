import { assert, assertEquals } from "@std/assert";
import { PATIENT, startNodes } from "../helpers/cluster/node_processes.ts";
import { redisCommand } from "../helpers/cluster/redis_command.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Bans, kept pools and the operators' log are the same on all nodes.

const needs = ["redis-server"] as const;
const TOKEN = "a-token-of-an-operator";
const ARGS = ["--admin-tokens", `ann:full:${TOKEN}`];
const DIALECTS = ["peerjs", "ssp"];

async function desk(url: string): Promise<AdminClient> {
  return await AdminClient.open(url, TOKEN);
}

/** Waits until a list has as many items. */
async function lists(admin: AdminClient, path: string, count: number): Promise<void> {
  await until(`${count} items of ${path}`, async () => {
    return (await admin.get(path)).body.total === count;
  });
}

clientTest({
  name:
    "cluster, records: a ban turns its address out on every node, and lifting it admits it again",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, [...ARGS, "--trust-proxy", "127.0.0.1"]);
    const [a, b] = [await desk(nodes.nodes[0]?.url ?? ""), await desk(nodes.nodes[1]?.url ?? "")];
    const headers = { "x-forwarded-for": "192.0.2.7" };
    using away = await RawSocket.upgrade(peerJsUrl(nodes.wsUrl(1), "x"), headers);
    assertEquals(await away.next(), '{"type":"OPEN"}');
    await using other = await openPeerJs(nodes.wsUrl(1), "other");
    const kept = await a.put("/bans/address/192.0.2.7", { reason: "noise", lifetimeSeconds: 3600 });
    assertEquals(kept.body, { outcome: "kept" });
    await within("the ban", away.ended());
    await lists(b, "/bans", 1);
    const [ban] = (await b.get("/bans")).body.items;
    assertEquals([ban.value, ban.reason], ["192.0.2.7", "noise"]);
    assert(Math.abs(Date.parse(ban.expiresAt) - Date.now() - 3_600_000) < 120_000);
    using banned = await RawSocket.upgrade(peerJsUrl(nodes.wsUrl(1), "x"), headers);
    assert((await banned.next()).startsWith('{"type":"ERROR"'));
    assertEquals((await b.delete("/bans/address/192.0.2.7")).body, { outcome: "lifted" });
    await lists(a, "/bans", 0);
    using back = await RawSocket.upgrade(peerJsUrl(nodes.wsUrl(0), "x"), headers);
    assertEquals(await back.next(), '{"type":"OPEN"}');
    other.send('{"type":"HEARTBEAT"}');
    await lists(a, "/log", 2);
    await lists(b, "/log", 2);
  },
});

clientTest({
  name: "cluster, records: a new node has all of them before it serves, and gives them back",
  needs,
  fn: async () => {
    await using nodes = await startNodes(1, DIALECTS, ARGS);
    const a = await desk(nodes.nodes[0]?.url ?? "");
    await a.put("/bans/address/192.0.2.7", { reason: "noise" });
    await a.put("/rooms/ssp/lobby", { settings: { maxMembers: 3 } });
    await a.put("/rooms/ssp/lobby/members/desk/info", { seat: 7 });
    // A marker: it comes last.
    await until("the records in the engine", async () => {
      return Number(await redisCommand(nodes.engine, "HLEN", "{signalbox}:1:kept:log")) === 3;
    });
    const added = await nodes.add();
    const b = await desk(added.url);
    const kept = async (admin: AdminClient): Promise<unknown> => {
      const room = (await admin.get("/rooms/ssp/lobby")).body;
      return [(await admin.get("/bans")).body.total, room.kept, room.standing];
    };
    const whole = [1, true, [{ id: "desk", info: { seat: 7 } }]];
    assertEquals(await kept(b), whole);
    assertEquals((await b.get("/rooms")).body.total, 1);

    // An engine that is back empty gets everything from a node that is left.
    await nodes.nodes[0]?.stop();
    await nodes.engine.signal("SIGKILL");
    await nodes.engine.restart();
    await until("the records to be back", async () => {
      return Number(await redisCommand(nodes.engine, "HLEN", "{signalbox}:1:kept:room")) === 2;
    });
    const third = await nodes.add();
    assertEquals(await kept(await desk(third.url)), whole);
  },
});

clientTest({
  name: "cluster, records: a node's own store keeps them over a restart of everything",
  needs,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "signalbox-" });
    try {
      await using nodes = await startNodes(1, DIALECTS, ARGS);
      const args = ["--cluster", nodes.engine.url, "--cluster-node", "keeper"];
      const served = DIALECTS.flatMap((name) => ["--dialects", name]);
      const keep = [...args, ...served, ...ARGS, ...PATIENT, "--store", `kv:${folder}`];
      const a = await desk(nodes.nodes[0]?.url ?? "");
      {
        await using keeper = await startServerProcess(keep);
        const b = await desk(keeper.url);
        await a.put("/bans/address/192.0.2.7", { reason: "old" });
        await a.put("/bans/address/192.0.2.8", { reason: "lifted" });
        await lists(b, "/bans", 2);
        await a.put("/bans/address/192.0.2.7", { reason: "new" });
        await a.delete("/bans/address/192.0.2.8");
        await lists(b, "/bans", 1);
        await keeper.stop("SIGTERM");
      }
      await nodes.nodes[0]?.stop("SIGKILL");
      await nodes.engine.signal("SIGKILL");
      await nodes.engine.restart();
      const empty = await nodes.add();
      const c = await desk(empty.url);
      assertEquals((await c.get("/bans")).body.total, 0);
      // The newer record wins: the keeper's is older than this one.
      await c.put("/bans/address/192.0.2.9", { reason: "newest" });
      await using keeper = await startServerProcess(keep);
      const d = await desk(keeper.url);
      for (const admin of [c, d]) await lists(admin, "/bans", 2);
      const bans = (await d.get("/bans")).body.items;
      const reasons = bans.map(({ reason }: { reason: string }) => reason);
      assertEquals(reasons, ["new", "newest"]);
      for (const admin of [c, d]) await lists(admin, "/log", 5);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

clientTest({
  name: "cluster, records: an id that an operator reserved is its owner's on every node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, ARGS);
    const [a, b] = [await desk(nodes.nodes[0]?.url ?? ""), await desk(nodes.nodes[1]?.url ?? "")];
    const kept = await a.put("/ids/peerjs/desk", { token: "token-of-desk" });
    assertEquals(kept.body, { outcome: "kept" });
    await lists(b, "/ids", 1);
    await using thief = await WsClient.open(peerJsUrl(nodes.wsUrl(1), "desk", { token: "other" }));
    assert((await thief.nextText()).includes("ID-TAKEN"));
    await using _owner = await openPeerJs(nodes.wsUrl(1), "desk");
    assertEquals((await b.delete("/ids/peerjs/desk")).body, { outcome: "forgotten" });
    await lists(a, "/ids", 0);
  },
});

clientTest({
  name: "cluster, records: items and entries that mean nothing are left alone",
  needs,
  fn: async () => {
    await using nodes = await startNodes(1, DIALECTS, ARGS);
    const { engine } = nodes;
    const a = await desk(nodes.nodes[0]?.url ?? "");
    const key = "{signalbox}:1:kept:ban";
    const name = '["address","192.0.2.1"]';
    const entries = [
      [name, "nonsense"],
      ['["address","192.0.2.2"]', "12 - 1 {"],
      ["not json", '12 - 1 {"reason":"x"}'],
      ["[1]", '12 - 1 {"reason":"x"}'],
      ['["address","192.0.2.3"]', '12 - 1 {"reason":"good"}'],
    ];
    for (const entry of entries) await redisCommand(engine, "HSET", key, ...entry);
    const inboxes = String(await redisCommand(engine, "HKEYS", "{signalbox}:1:nodes")).split(",");
    const items = [
      ["kept", "ban", name, "NaN", "-", "1", '{"reason":"x"}'],
      ["kept", "ban", name, "99", "soon", "1", '{"reason":"x"}'],
      ["kept", "nothing", name, "99", "-", "1", '{"reason":"x"}'],
      ["kept", "ban", name, "99", "-", "1", "[]"],
      ["kept"],
      ["ask", "x", "j[1]"],
      ["answer", "x", "j{}"],
      ["ask", "x", 'j[1,"operate",{"method":"GET","path":"/admin/v1/peers"}]'],
    ];
    for (const inbox of inboxes) {
      for (const item of items) {
        const fields = item.flatMap((part, index) => [String(index + 1), part]);
        await redisCommand(engine, "XADD", `{signalbox}:1:in:${inbox}`, "*", ...fields);
      }
    }
    const added = await nodes.add();
    const b = await desk(added.url);
    const reasons = async (admin: AdminClient): Promise<string[]> =>
      (await admin.get("/bans")).body.items.map(({ reason }: { reason: string }) => reason);
    assertEquals(await reasons(b), ["good"]);
    // The other node has read everything before this.
    await b.put("/bans/address/192.0.2.4", { reason: "last" });
    await until("the last ban", async () => (await reasons(a)).includes("last"));
    // Whether the first node has read the good one depends on the moment.
    assertEquals((await reasons(a)).filter((reason) => reason !== "good"), ["last"]);
    assert(nodes.nodes[0]?.stderr().includes("items without a meaning in the inbox"));
    await using _peer = await openPeerJs(nodes.wsUrl(0), "works");
  },
});

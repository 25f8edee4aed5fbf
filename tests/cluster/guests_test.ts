import { assert, assertEquals } from "@std/assert";
import { SharedHub } from "../../src/core/nodes/shared_hub.ts";
import { MemoryCluster } from "../helpers/cluster/memory_cluster.ts";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { NO_LIMITS } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";
import { claimOf, FakeReceiver } from "../helpers/session/receiver.ts";
import { event, type SspEvent } from "../helpers/session/ssp.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Guests of the lobby on another node, while the engine or their node fails.

/** A cluster with a lobby in the realm of the tests. */
function form(): Promise<MemoryCluster> {
  const lobby = { realm: "test", room: "hall" };
  return MemoryCluster.form({ hubOf: (node) => new SharedHub(NO_LIMITS, node, { lobby }) });
}

async function admit(cluster: MemoryCluster, at: number, id: string): Promise<FakeReceiver> {
  const receiver = new FakeReceiver();
  await cluster.during(cluster.hub(at).claim(claimOf(id, receiver)));
  receiver.told();
  return receiver;
}

/** A member of the lobby, which has read who is there. */
async function enter(cluster: MemoryCluster, at: number, id: string): Promise<FakeReceiver> {
  const member = new FakeReceiver();
  const claim = claimOf(id, member, { room: { room: "hall" } });
  await cluster.during(cluster.hub(at).claim(claim));
  return member;
}

for (const keeps of [true, false]) {
  Deno.test(`an engine that comes back ${keeps ? "with its data" : "empty"} moves no guest`, async () => {
    await using cluster = await form();
    await admit(cluster, 1, "early");
    const member = await enter(cluster, 0, "member");
    assertEquals(member.told(), ["admitted member", "entered hall: early"]);
    const late = await admit(cluster, 1, "late");
    await cluster.pass(300);
    assertEquals(member.told(), ["joined hall: late"]);
    cluster.engine.kill();
    await cluster.pass(100);
    cluster.engine.start({ keeps });
    await cluster.pass(5_000);
    assertEquals(member.told(), []);
    const other = await enter(cluster, 0, "other");
    assertEquals(other.told(), ["admitted other", "entered hall: member early late"]);
    assertEquals(member.told(), ["joined hall: other"]);
    await cluster.during(cluster.hub(1).join(late.peer, { room: "elsewhere" }));
    await cluster.pass(300);
    assertEquals(member.told(), ["left hall: late"]);
  });
}

Deno.test("a guest's description may grow although those of all guests are more than a room holds", async () => {
  const lobby = { realm: "test", room: "hall" };
  const limits = { ...NO_LIMITS, maxRoomInfoBytes: 100 };
  await using cluster = await MemoryCluster.form({
    hubOf: (node) => new SharedHub(limits, node, { lobby }),
  });
  const guests: FakeReceiver[] = [];
  for (const [n, bytes] of [60, 30].entries()) {
    const guest = new FakeReceiver();
    const [room, description] = [{ room: `list ${n}`, kind: "list" }, { bytes, info: {} }] as const;
    await cluster.during(cluster.hub(1).claim(claimOf(`guest-${n}`, guest, { room, description })));
    guests.push(guest);
  }
  const member = await enter(cluster, 0, "member");
  assertEquals(member.told(), ["admitted member", "entered hall: guest-0 guest-1"]);
  const [, guest] = guests;
  assert(guest !== undefined);
  guest.told();
  await cluster.during(cluster.hub(1).describe(guest.peer, { bytes: 90, info: { mood: "good" } }));
  assertEquals(guest.told(), ['updated {"mood":"good"}']);
  await cluster.during(cluster.hub(1).describe(guest.peer, { bytes: 101, info: {} }));
  assertEquals(guest.told(), ["refused describe: description_too_large"]);
});

/** A member of the lobby. */
async function joinHall(wsUrl: string): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/ssp`);
  client.send({ type: "rtc:join", data: { pool: "hall" } });
  return client;
}

async function nextOf(client: WsClient): Promise<[type: string, id: unknown]> {
  const { type, data } = await client.nextJson() as SspEvent;
  return [type, data["id"]];
}

const DIALECTS = ["peerjs", "ssp"];
const LOBBY = ["--bridge", "all", "--bridge-lobby", "hall"];

clientTest({
  name: "cluster: guests of a frozen node leave the lobby, and are back when it goes on",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, LOBBY);
    await using page = await openPeerJs(nodes.wsUrl(1), "page");
    await using member = await joinHall(nodes.wsUrl(0));
    const joined = await member.nextJson() as SspEvent;
    if ((joined.data["peers"] as unknown[]).length === 0) {
      assertEquals(await nextOf(member), ["rtc:peer", "page"]);
    }
    const pid = nodes.nodes[1]?.pid ?? 0;
    Deno.kill(pid, "SIGSTOP");
    assertEquals(await nextOf(member), ["rtc:close", "page"]);
    Deno.kill(pid, "SIGCONT");
    assertEquals(await nextOf(member), ["rtc:peer", "page"]);
    const description = { type: "offer", sdp: sdpOf("R") };
    member.send(JSON.stringify(event("rtc:sdp", { to: "page", description })));
    const called = await page.nextJson() as { type: string };
    assertEquals(called.type, "OFFER");
  },
});

clientTest({
  name: "cluster: guests of a killed node leave the lobby",
  needs: ["redis-server"],
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, LOBBY);
    await using member = await joinHall(nodes.wsUrl(0));
    await member.nextJson();
    await using _ = await openPeerJs(nodes.wsUrl(1), "page");
    assertEquals(await nextOf(member), ["rtc:peer", "page"]);
    await nodes.nodes[1]?.stop("SIGKILL");
    assertEquals(await nextOf(member), ["rtc:close", "page"]);
  },
});

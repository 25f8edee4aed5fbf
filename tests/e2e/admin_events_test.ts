import { assert, assertEquals } from "@std/assert";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { EventReader } from "../helpers/wire/event_reader.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";

const TOKEN = "a-token-of-an-operator";
const ARGS = ["--admin-tokens", TOKEN];

Deno.test("a peer that comes and goes is news, of the types that were asked for", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  const response = await admin.events("?types=peer.*,operator");
  // nginx would collect events until a page is full.
  assertEquals(response.headers.get("x-accel-buffering"), "no");
  await using reader = new EventReader(response);
  const peer = await openPeerJs(server.wsUrl, "a");
  const joined = await reader.next();
  assertEquals([joined.event, joined.data.type, reader.comments], [
    "peer.joined",
    "peer.joined",
    1,
  ]);
  const { connection, ...facts } = joined.data.data;
  assertEquals(facts, { dialect: "peerjs", id: "a", user: null, address: "127.0.0.1" });
  assertEquals(joined.data.instance, (await admin.get("/server")).body.instance);
  await admin.post("/peers/peerjs/a/kick");
  await peer.closed;
  const [action, left] = [await reader.next(), await reader.next()];
  assertEquals([action.event, action.data.data["action"]], ["operator", "kick peer"]);
  assertEquals([left.event, left.data.data["reason"]], ["peer.left", "kicked"]);
  assertEquals(left.data.data["connection"], connection);
  assert(Number(left.id) > Number(joined.id));
});

Deno.test("a reader that comes back gets what it missed, or a gap", async () => {
  await using server = startTestServer({ args: ARGS });
  const admin = await AdminClient.open(server.url, TOKEN);
  let last = "";
  {
    await using reader = new EventReader(await admin.events("?types=peer.*"));
    await using _peer = await openPeerJs(server.wsUrl, "a");
    last = (await reader.next()).id;
  }
  await using _again = await openPeerJs(server.wsUrl, "b");
  const header = { "last-event-id": last };
  {
    await using reader = new EventReader(await admin.events("?types=peer.*", header));
    assertEquals((await reader.next()).event, "peer.left");
    assertEquals((await reader.next()).data.data["id"], "b");
  }
  await using reader = new EventReader(await admin.events("", { "last-event-id": "5" }));
  const gap = await reader.next();
  assertEquals([gap.event, Number(gap.id) > 5], ["gap", true]);
  assertEquals((await admin.get("/events?types=nothing")).status, 400);
  assertEquals((await admin.get("/events", { "last-event-id": "x" })).status, 400);
});

Deno.test("numbers come each second, and only so many streams are open", async () => {
  await using server = startTestServer({ args: [...ARGS, "--admin-max-streams=1"] });
  const admin = await AdminClient.open(server.url, TOKEN);
  await using peer = await openPeerJs(server.wsUrl, "a");
  await using reader = new EventReader(await admin.events("?types=stats"));
  peer.send('{"type":"HEARTBEAT"}');
  const { event, data: { data } } = await reader.next();
  assertEquals([event, data["peers"], data["connections"]], ["stats", 1, 1]);
  assert(Number(data["residentBytes"]) > 0);
  assertEquals(Object.keys(data).sort(), [
    ...["calls", "connections", "eventLoopLagSeconds", "framesPerSecond", "peers"],
    ...["queuedBytes", "refusalsPerSecond", "residentBytes", "rooms"],
  ]);
  const second = await admin.get("/events");
  assertEquals([second.status, second.body.code], [503, "unavailable"]);
});

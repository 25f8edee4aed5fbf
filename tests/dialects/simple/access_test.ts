import { assertEquals } from "@std/assert";
import { comeBack, enter, newRooms, SimpleClient } from "../../helpers/session/simple.ts";

// Admission (§2, §5, §7 and §10 of the protocol).

const EVERYWHERE = "a-token-for-every-room";
const LOBBY = "a-token-for-the-lobby";
const ID = "1a8e351e-b851-468c-947b-cab7d29f1f74";

Deno.test("Simple: where tokens are configured, a join needs one that is good for the room", async () => {
  using bench = newRooms({ options: { tokens: [EVERYWHERE, `${LOBBY}@lobby`] } });
  const client = await SimpleClient.connect(bench);
  const refusals: [code: string, room: string, token?: unknown][] = [
    ["unauthorized", "lobby"],
    ["unauthorized", "lobby", ""],
    ["unauthorized", "lobby", "wrong"],
    ["unauthorized", "lobby", `${LOBBY}@lobby`],
    ["forbidden", "attic", LOBBY],
    ["bad_room", "", EVERYWHERE],
    ["bad_frame", "lobby", 5],
  ];
  for (const [code, room, token] of refusals) {
    assertEquals(await client.refusal({ event: "join", room, token }), code, `${room} ${token}`);
  }
  assertEquals([client.client.isOpen, bench.hub.peerCount], [true, 0]);
  await client.join({ room: "lobby", token: LOBBY });
  await enter(bench, { room: "attic", token: EVERYWHERE });
});

Deno.test("Simple: a token may stand in the URL, and is no custom field there", async () => {
  using bench = newRooms({ options: { tokens: [EVERYWHERE] } });
  const client = await SimpleClient.connect(bench, `?room=r&name=x&token=no&token=${EVERYWHERE}`);
  client.read(client.heard());
  assertEquals(bench.open.operations?.list()[0]?.members.map(({ info }) => info), [
    { name: "x", peer_id: client.id, peer_instances: [{ sdp: "" }], peer_ice: [] },
  ]);
  const stranger = await SimpleClient.connect(bench, "?room=r&token=no");
  assertEquals(stranger.heard().map(({ code }) => code), ["unauthorized"]);
  // A refused URL join leaves the connection open for a join frame.
  await stranger.join({ token: EVERYWHERE });
});

Deno.test("Simple: a secret does not replace a token: it may have been taken back meanwhile", async () => {
  using bench = newRooms({ options: { tokens: [EVERYWHERE] } });
  const fred = await enter(bench, { token: EVERYWHERE });
  await fred.lose();
  const client = await SimpleClient.connect(bench);
  const frame = { event: "join", room: "r", ...fred.credentials };
  assertEquals(await client.refusal(frame), "unauthorized");
  const { ready } = await comeBack(bench, fred, { token: EVERYWHERE });
  assertEquals(ready["p_instance"], 0);
});

Deno.test("Simple: a p_id needs its secret, and has no place in URLs", async () => {
  using bench = newRooms();
  const client = await SimpleClient.connect(bench, `?room=r&p_id=${ID}`);
  assertEquals(client.heard().map(({ code }) => code), ["bad_frame"]);
  assertEquals(await client.refusal({ event: "join", room: "r", p_id: ID }), "bad_secret");
});

Deno.test("Simple: trustIds admits a p_id without a secret, by frame and by URL", async () => {
  using bench = newRooms({ options: { trustIds: true } });
  const fred = await enter(bench, { p_id: ID });
  assertEquals(fred.id, ID);
  const again = await SimpleClient.connect(bench, `?room=r&p_id=${ID}&name=Fred`);
  const { ready } = again.read(again.heard());
  assertEquals([again.id, ready["p_instance"]], [ID, 1]);
  assertEquals(bench.hub.peerCount, 1);
});

Deno.test("Simple: trustIds takes no id that the server could not have made, and no wrong secret", async () => {
  using bench = newRooms({ options: { trustIds: true } });
  const fred = await enter(bench);
  const client = await SimpleClient.connect(bench);
  const claims = [
    { p_id: "fred" },
    { p_id: "" },
    { p_id: ID.toUpperCase() },
    { p_id: `${ID}\n` },
    { p_id: ID.replace("-468c", "-168c") },
    { p_id: fred.id, p_secret: "wrong" },
    { p_id: fred.id, p_secret: "" },
    { p_secret: fred.credentials.p_secret },
    { p_id: fred.id, room: "another" },
  ];
  for (const claim of claims) {
    assertEquals(await client.refusal({ event: "join", room: "r", ...claim }), "bad_secret");
  }
  for (const name of ["p_secret", "p_instance"]) {
    const stranger = await SimpleClient.connect(bench, `?room=r&p_id=${fred.id}&${name}=0`);
    assertEquals(stranger.heard().map(({ code }) => code), ["bad_frame"]);
  }
  // Without its secret no instance is taken back: one more is added.
  const { ready } = await client.join({ p_id: fred.id, p_instance: 0 });
  assertEquals([ready["p_instance"], fred.client.isOpen], [1, true]);
});

import { assertEquals } from "@std/assert";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { settle } from "../../helpers/session/hub.ts";
import { delaySteps } from "../../helpers/session/hub_modes.ts";
import { enter, newRooms, SimpleClient } from "../../helpers/session/simple.ts";

// Steps that wait, as they do where other nodes take part.

function newSlowRooms(): DialectBench {
  const bench = newRooms();
  delaySteps(bench.hub);
  return bench;
}

/** A peer with two connections. */
async function enterTwice(bench: DialectBench): Promise<[SimpleClient, SimpleClient]> {
  const first = await enter(bench);
  const { p_id, p_secret } = first.credentials;
  const second = await enter(bench, { p_id, p_secret });
  return [first, second];
}

Deno.test("Simple: two connections of a peer that change it at once lose neither change", async () => {
  using bench = newSlowRooms();
  const [first, second] = await enterTwice(bench);
  first.client.blurt(JSON.stringify({ event: "change", peer: { a: 1 } }));
  second.client.blurt(JSON.stringify({ event: "change", peer: { b: 2 } }));
  await settle();
  const { handshake } = await (await SimpleClient.connect(bench)).join();
  const peers = handshake["peers"] as Record<string, unknown>[]; // as the handshake has it
  assertEquals(peers.map(({ a, b }) => [a, b]), [[1, 2]]);
});

Deno.test("Simple: a connection that joins while its peer leaves founds the peer again", async () => {
  using bench = newSlowRooms();
  const first = await enter(bench);
  const { p_id, p_secret } = first.credentials;
  const second = await SimpleClient.connect(bench);
  second.client.blurt(JSON.stringify({ event: "join", room: "r", p_id, p_secret }));
  await first.leave();
  await settle();
  const { handshake, ready } = second.read(second.heard());
  assertEquals([handshake["p_id"], ready["p_instance"]], [p_id, 0]);
  assertEquals([...bench.hub.peers(bench.realm)].map(({ id }) => id), [p_id]);
});

Deno.test("Simple: an instance whose connection ends before it is added is gone", async () => {
  using bench = newSlowRooms();
  const first = await enter(bench);
  const { p_id, p_secret } = first.credentials;
  const second = await SimpleClient.connect(bench);
  second.client.blurt(JSON.stringify({ event: "join", room: "r", p_id, p_secret }));
  for (let turn = 0; turn < 2; turn++) await Promise.resolve();
  second.client.cut();
  await settle();
  const { handshake } = await (await SimpleClient.connect(bench)).join();
  const peers = handshake["peers"] as Record<string, unknown>[]; // as the handshake has it
  assertEquals(peers.map(({ peer_instances }) => peer_instances), [[{ sdp: "" }]]);
});

Deno.test("Simple: a client that says goodbye before its take-back is answered has left", async () => {
  using bench = newRooms();
  const witness = await enter(bench);
  const barney = await enter(bench);
  const again = await SimpleClient.connect(bench);
  const { p_id, p_secret, p_instance } = barney.credentials;
  await barney.lose();
  witness.heard();
  again.client.blurt(JSON.stringify({ event: "join", room: "r", p_id, p_secret, p_instance }));
  again.client.link.drop();
  await settle();
  assertEquals(witness.heard().map(({ event, peer_id, reason }) => [event, peer_id, reason]), [
    ["leave", barney.id, "left"],
  ]);
});

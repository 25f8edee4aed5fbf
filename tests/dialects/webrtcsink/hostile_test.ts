import { assert, assertEquals } from "@std/assert";
import { framesOf } from "../../helpers/session/captures.ts";
import { settle } from "../../helpers/session/hub.ts";
import { hubs, runs } from "../../helpers/session/hub_modes.ts";
import { Dice, mutate } from "../../helpers/session/mutate.ts";
import {
  ANSWER,
  CANDIDATE,
  changed,
  enter,
  newSignalling,
  OFFER,
  peerMessage,
  sessionsOf,
  SinkClient,
  type SinkMessage,
  start,
} from "../../helpers/session/webrtcsink.ts";

/** Two nodes settle after every message. */
const ROUNDS = hubs.mode === "dealt" ? 25 : runs(2_500);
const FRAMES = 40;
const SEED = 20_261;

/** Stand for what a stranger may learn, or guess, of the two friends. */
const NAMES = ["<producer>", "<consumer>", "<session>", "<own session>", "<self>"] as const;

/** Frames of the real client and of every kind, about somebody and something that exists. */
const CORPUS = [
  ...framesOf("webrtcsink").map((frame) => frame.slice(0, 400)),
  ...NAMES.flatMap((name) => [
    { type: "startSession", peerId: name, offer: "v=0" },
    { type: "endSession", sessionId: name },
    { type: "endSessionV1_1", sessionId: name, error: "x" },
    peerMessage(name, OFFER),
    peerMessage(name, ANSWER),
    peerMessage(name, CANDIDATE),
    { type: "setPeerStatus", roles: ["producer"], meta: { name }, peerId: name },
  ]),
  { type: "setPeerStatus", roles: ["listener", "consumer"], meta: null },
  { type: "setPeerStatus", roles: [], meta: [[[]]] },
  { type: "setProtocolVersion", version: "v1_1" },
  { type: "list" },
  { type: "listConsumers" },
  { type: "newPeer" },
  { type: "welcome", peerId: "<producer>" },
  { type: "error", details: "x" },
].map((message) => typeof message === "string" ? message : JSON.stringify(message)) as [
  string,
  ...string[],
]; // there are many

Deno.test("webrtcsink: nothing that a stranger says harms two others or brings anything down", async () => {
  const dice = new Dice(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    using bench = newSignalling();
    const producer = await enter(bench, ["producer", "listener"], { meta: { name: "ball" } });
    const consumer = await enter(bench, ["listener"]);
    producer.heard();
    const session = await start(consumer, producer);
    const mallory = await SinkClient.connect(bench);
    await mallory.say({ type: "setPeerStatus", roles: ["listener"] });
    const own = await ownSession(mallory, producer);
    for (const client of [producer, consumer]) client.heard();
    const names = [producer.id, consumer.id, session, own, mallory.id];
    for (let nth = 0; nth < FRAMES; nth++) {
      const frame = mutate(dice, CORPUS);
      mallory.client.blurt(
        typeof frame === "string"
          ? NAMES.reduce((text, name, at) => text.replaceAll(name, names[at] ?? ""), frame)
          : frame,
      );
    }
    await settle();
    // A fault would mean that a frame made the server stumble.
    assertEquals([mallory.client.link.faults, mallory.client.isOpen], [[], true]);
    for (const message of mallory.heard()) assert(typeof message["type"] === "string");
    await mallory.leave();
    assertUnharmed(producer, mallory, session);
    assertUnharmed(consumer, mallory, session);
    await producer.say(peerMessage(session, OFFER));
    await consumer.say(peerMessage(session, ANSWER));
    assertEquals(consumer.heard(), [peerMessage(session, OFFER)]);
    assertEquals(producer.heard(), [peerMessage(session, ANSWER)]);
    await producer.leave();
    assertEquals(consumer.heard(), [
      { type: "endSession", sessionId: session },
      changed(producer.id, [], { name: "ball" }),
    ]);
    await consumer.leave();
    assertEquals([bench.hub.peerCount, bench.hub.roomCount, sessionsOf(bench)], [0, 0, 0]);
  }
});

/** A stranger may become the consumer of any producer. */
async function ownSession(mallory: SinkClient, producer: SinkClient): Promise<string> {
  mallory.heard();
  const [started] = await mallory.ask({ type: "startSession", peerId: producer.id });
  return String(started?.["sessionId"]);
}

/** It heard of the stranger, and of sessions with it, and of nothing else. */
function assertUnharmed(client: SinkClient, stranger: SinkClient, session: string): void {
  assertEquals([client.client.isOpen, client.client.refusals, client.client.link.faults], [
    true,
    [],
    [],
  ]);
  for (const message of client.heard()) {
    const { type, peerId, sessionId } = message;
    assert(sessionId !== session, JSON.stringify(message));
    if (type !== "peer" && type !== "endSession") assertEquals(peerId, stranger.id);
    if (type === "peerStatusChanged") assertIsStatus(message);
    if (type === "startSession") assert(isTextOrNull(message["offer"]));
  }
}

/** Input that would break the client, and GStreamer's elements too. */
function assertIsStatus({ roles, meta }: SinkMessage): void {
  assert(Array.isArray(roles) && new Set(roles).size === roles.length);
  for (const role of roles) assert(["producer", "listener", "consumer"].includes(role));
  assert(meta !== undefined);
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

Deno.test("webrtcsink: meta is passed on as it came, whatever its keys are called", async () => {
  using bench = newSignalling();
  const listener = await enter(bench, ["listener"]);
  const producer = await SinkClient.connect(bench);
  const meta = '{"__proto__":{"roles":["producer"]},"constructor":null,"":"\\u0000\\ud800"}';
  await producer.client.say(`{"type":"setPeerStatus","roles":["producer"],"meta":${meta}}`);
  const [told] = listener.client.heard();
  assert(String(told).includes(meta), String(told));
  await listener.say({ type: "list" });
  const [list] = listener.client.heard();
  assert(String(list).includes(meta), String(list));
});

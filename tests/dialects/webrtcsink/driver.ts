import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import { webrtcsink as dialect } from "../../../src/dialects/webrtcsink/mod.ts";
import {
  changed,
  peerMessage,
  type SinkMessage,
  statusMessage,
} from "../../helpers/session/webrtcsink.ts";
import type { Driver, Talk } from "../driver.ts";

const PATH = "/webrtcsink";
const ROLES = ["producer", "listener"];

/** News that a stranger may cause for a peer: its status, and sessions with it. */
const HARMLESS: ReadonlySet<unknown> = new Set([
  ...["peerStatusChanged", "startSession", "peer", "endSession"],
]);

export const webrtcsink: Driver = {
  dialect,
  ways: [{
    name: "in a session",
    enter: async (bench) => {
      const client = await bench.connect(PATH);
      await client.say(JSON.stringify(statusMessage(ROLES)));
      return client;
    },
    welcome: (client) => {
      const [welcome, own, ...more] = client.heard().map(read);
      const id = String(welcome?.["peerId"]);
      assertEquals([welcome?.["type"], own, more], ["welcome", changed(id, ROLES), []]);
      return id;
    },
    meet: async (producer, consumer) => {
      const start = { type: "startSession", peerId: producer.id };
      await consumer.client.say(JSON.stringify(start));
      const [started] = consumer.client.heard().map(read);
      assertEquals(started?.["type"], "sessionStarted");
      producer.client.heard();
      return talkIn(String(started?.["sessionId"]));
    },
    isHarmless: (frame, friends) => {
      const { type, peerId } = read(frame);
      return HARMLESS.has(type) && !friends.includes(String(peerId));
    },
  }],
  connect: (bench, url) => bench.connect(url),
  about: (frame) => {
    const { sessionId, peerId } = read(frame);
    return String(sessionId ?? peerId ?? "");
  },
  valid: (names) => messagesNaming(names).map((message) => JSON.stringify(message)),
  madeUp: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
  rooms: [],
};

function talkIn(session: string): Talk {
  const say = (candidate: string): string =>
    JSON.stringify(peerMessage(session, { ice: { candidate, sdpMLineIndex: 0 } }));
  return { say: (_to, text) => say(text), heard: (_from, _to, text) => say(text) };
}

function read(frame: Frame): SinkMessage {
  return JSON.parse(String(frame));
}

function messagesNaming(names: readonly string[]): fc.Arbitrary<unknown> {
  const id = fc.constantFrom(...names);
  const description = fc.record({ type: fc.constantFrom("offer", "answer"), sdp: fc.string() });
  return fc.oneof(
    fc.record({
      type: fc.constant("setPeerStatus"),
      roles: fc.subarray(["producer", "listener", "consumer"]),
      meta: fc.jsonValue({ maxDepth: 2 }),
    }),
    fc.record({ type: fc.constant("startSession"), peerId: id, offer: fc.option(fc.string()) }),
    fc.record({ type: fc.constant("peer"), sessionId: id, sdp: description }),
    fc.record({ type: fc.constantFrom("endSession", "endSessionV1_1"), sessionId: id }),
    fc.record({ type: fc.constantFrom("list", "listConsumers", "welcome", "error") }),
    fc.record({
      type: fc.constant("setProtocolVersion"),
      version: fc.constantFrom("v1_0", "v1_1"),
    }),
  );
}

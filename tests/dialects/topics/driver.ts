import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import { topics as dialect } from "../../../src/dialects/topics/mod.ts";
import type { Driver, Talk } from "../driver.ts";

const PATH = "/topics";
/** The topics that the recorded clients use. */
const ROOM = "room";
const ROOT = "4994s6b5l176l6w1h113s6j6y6r43wq5l4m2i";

/** A message, as JSON. */
type Message = Readonly<Record<string, unknown>>;

export const topics: Driver = {
  dialect,
  isAnonymous: true,
  ways: [{
    name: "in a room of y-webrtc",
    enter: async (bench, name) => {
      const client = await bench.connect(PATH);
      await client.say(write({ type: "subscribe", topics: [ROOM] }), announce(name));
      return client;
    },
    welcome: (client, name) => {
      assertEquals(client.heard().map(uncounted), [announce(name)]);
      return name;
    },
    meet: (alice, bob) => {
      assertEquals(alice.client.heard().map(uncounted), [announce(bob.id)]);
      return Promise.resolve(SIGNALS);
    },
    isHarmless: isDelivered,
  }, {
    name: "by their own topics of Trystero",
    enter: async (bench, name) => {
      const client = await bench.connect(PATH);
      await client.say(
        write({ type: "subscribe", topic: ownTopic(name) }),
        write({ type: "subscribe", topic: ROOT }),
        write({ type: "publish", topic: ROOT, payload: write({ peerId: name }) }),
      );
      return client;
    },
    welcome: (client, name) => {
      assertEquals(client.heardJson(), [{ topic: ROOT, payload: write({ peerId: name }) }]);
      return name;
    },
    meet: (alice, bob) => {
      assertEquals(alice.client.heard().length, 1);
      assertEquals(bob.client.heard(), []);
      return Promise.resolve(PAYLOADS);
    },
    isHarmless: isDelivered,
  }],
  connect: (bench, url) => bench.connect(url),
  linger: (bench) => bench.connect(PATH),
  // The reference servers know nothing of directed signals and crossing announcements.
  asReference: { broadcast: true },
  about: (frame) => {
    const { topic, data, payload } = read(frame);
    if (typeof payload === "string") return `${topic} ${read(payload)["peerId"]}`;
    return typeof data === "object" ? `${topic} ${Reflect.get(data ?? {}, "from")}` : `${topic}`;
  },
  valid: (names) => messagesNaming(names).map(write),
  uncounted,
  recordedAt: [PATH],
  rooms: [],
};

const SIGNALS: Talk = {
  say: (to, signal) =>
    write({ type: "publish", topic: ROOM, data: { type: "signal", to, signal } }),
  heard: (_from, to, signal) =>
    write({ type: "publish", topic: ROOM, data: { type: "signal", to, signal } }),
};

const PAYLOADS: Talk = {
  say: (to, payload) => write({ type: "publish", topic: ownTopic(to), payload }),
  heard: (_from, to, payload) => write({ topic: ownTopic(to), payload }),
};

function ownTopic(name: string): string {
  return `self-of-${name}`;
}

function announce(from: string): string {
  return write({ type: "publish", topic: ROOM, data: { type: "announce", from } });
}

function uncounted(frame: Frame): string {
  return String(frame).replace(/,"clients":\d+\}$/, "}");
}

/** Anybody who knows a topic may publish to it, but only what every client can read. */
function isDelivered(frame: Frame): boolean {
  const { topic, type, clients, payload } = read(frame);
  if (typeof topic !== "string") return false;
  return type === "publish" ? typeof clients === "number" : payload !== undefined;
}

function write(message: unknown): string {
  return JSON.stringify(message);
}

function read(frame: Frame): Message {
  return JSON.parse(String(frame));
}

function messagesNaming(names: readonly string[]): fc.Arbitrary<unknown> {
  const id = fc.constantFrom(...names);
  const topic = fc.oneof(fc.constantFrom(ROOM, ROOT, "", "__proto__"), id.map(ownTopic));
  const topics = fc.array(fc.oneof(topic, fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 });
  const data = fc.oneof(
    fc.record({ type: fc.constant("announce"), from: id }),
    fc.record({ type: fc.constant("signal"), from: id, to: id, signal: fc.jsonValue() }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const payload = fc.oneof(id.map((peerId) => write({ peerId })), fc.jsonValue({ maxDepth: 2 }));
  const change = fc.constantFrom("subscribe", "unsubscribe");
  const publish = fc.constant("publish");
  return fc.oneof(
    fc.record({ type: change, topics }),
    fc.record({ type: change, topic }),
    fc.record({ type: publish, topic, data }, { requiredKeys: ["type", "topic"] }),
    fc.record({ type: publish, topic, payload }),
    fc.record({ type: publish, topic, data, clients: fc.jsonValue({ maxDepth: 1 }) }),
    fc.record({ type: fc.constantFrom("ping", "pong", "error") }),
  );
}

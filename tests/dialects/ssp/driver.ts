import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import type { Version } from "../../../src/dialects/ssp/messages.ts";
import { ssp as dialect } from "../../../src/dialects/ssp/mod.ts";
import { frameOf, PATHS, type SspEvent } from "../../helpers/session/ssp.ts";
import type { Driver, Talk, Way } from "../driver.ts";
import { ROOM_KINDS, voiceAt } from "./voice.ts";

const POOL = "meeting";
const DESCRIPTIONS = ["description", "offer", "answer"] as const;

/** News that a stranger in the pool may cause for a member. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["rtc:request_offers", "rtc:offer", "rtc:answer", "rtc:peer", "rtc:sdp"],
  ...["rtc:candidate", "rtc:describe", "rtc:close"],
]);

const talk: Talk = {
  // The one thing that is said alike in both versions.
  say: (to, candidate) => frameOf("rtc:candidate", { for: to, candidate }),
  heard: (from, _to, candidate) => frameOf("rtc:candidate", { candidate, from }),
};

function way(name: string, versionOf: (name: string) => Version): Way {
  return {
    name,
    enter: async (bench, name) => {
      const client = await bench.connect(PATHS[versionOf(name)]);
      await client.say(frameOf("rtc:join", { pool: POOL }));
      return client;
    },
    welcome: (client) => {
      const [joined] = client.heard().map(eventOf);
      assertEquals(joined?.type, "rtc:joined");
      return String(joined?.data["client_id"]);
    },
    meet: (one, other) => {
      for (const { client } of [one, other]) client.heard();
      return Promise.resolve(talk);
    },
    hasty: { talk, say: (to, texts) => texts.map((text) => talk.say(to, text)) },
    voice: (name) => voiceAt(versionOf(name)).create(),
    isHarmless: (frame, friends) => {
      const { type, data } = eventOf(frame);
      const isObject = (key: string): boolean =>
        !(key in data) || (typeof data[key] === "object" && !Array.isArray(data[key]));
      return HARMLESS.has(type) && DESCRIPTIONS.every(isObject) && !friends.includes(about(frame));
    },
  };
}

export const ssp: Driver = {
  dialect,
  ways: [
    way("in a pool of version 2", () => "v2"),
    way("in a pool of version 1", () => "v1"),
    way("across versions", (name) => name === "alice" ? "v1" : "v2"),
    way("in a pool for both versions", () => "auto"),
  ],
  connect: (bench, url) => bench.connect(url),
  linger: (bench) => bench.connect(PATHS.auto),
  about,
  valid: (names) => eventsNaming(names).map((message) => JSON.stringify(message)),
  madeUp: /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
  recordedAt: Object.values(PATHS),
  rooms: ROOM_KINDS,
};

function about(frame: Frame): string {
  const { data } = eventOf(frame);
  const id = data["peer"] ?? data["from"] ?? data["for"] ?? data["uid"] ?? data["id"];
  return typeof id === "string" ? id : "";
}

/** RTCPool drops what is not of this shape (§1). */
function eventOf(frame: Frame): SspEvent {
  const event = JSON.parse(String(frame));
  assertEquals(Object.keys(event), ["type", "data"]);
  const { type, data } = event;
  assert(typeof type === "string" && typeof data === "object");
  assert(data !== null && !Array.isArray(data));
  return event;
}

function eventsNaming(names: readonly string[]): fc.Arbitrary<unknown> {
  const type = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        ...["rtc:join", "rtc:sdp", "rtc:candidate", "rtc:offers", "rtc:answer", "describe"],
      ),
    },
    fc.constantFrom(...HARMLESS, "rtc:stop", "rtc:joined", "rtc:error", "rtc:"),
    fc.string(),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const name = fc.constantFrom(...names, POOL);
  const description = fc.oneof(
    fc.record({
      type: fc.constantFrom("offer", "answer", "pranswer", "rollback", "x"),
      sdp: fc.string(),
    }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const data = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        pool: name,
        to: fc.oneof(name, fc.jsonValue({ maxDepth: 1 })),
        for: name,
        from: name,
        id: name,
        description,
        candidate: description,
        answer: description,
      }, { requiredKeys: [] }),
    },
    fc.dictionary(name, description),
    fc.jsonValue({ maxDepth: 2 }),
  );
  return fc.record({ type, data });
}

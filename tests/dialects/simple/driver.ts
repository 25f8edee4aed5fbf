import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import { simple as dialect } from "../../../src/dialects/simple/mod.ts";
import type { RoomNews, Voice } from "../../helpers/session/rooms.ts";
import type { SimpleFrame } from "../../helpers/session/simple.ts";
import type { Driver, Talk } from "../driver.ts";

const ROOM = "meeting";
const NEWS = ["join", "change", "leave", "signal"];

const talk: Talk = {
  say: (peer_id, data) => JSON.stringify({ event: "signal", peer_id, type: "data", data }),
  heard: (peer_id, _to, data) =>
    JSON.stringify({ event: "signal", peer_id, peer_instance: 0, type: "data", data }),
};

export const simple: Driver = {
  dialect,
  ways: [{
    name: "in a room",
    enter: async (bench, name) => {
      const client = await bench.connect("/simple");
      await client.say(JSON.stringify({ event: "join", room: ROOM, peer: { name } }));
      return client;
    },
    welcome: (client) => {
      const [handshake, ready] = client.heard().map(read);
      assertEquals(ready?.["event"], "ready");
      return String(handshake?.["p_id"]);
    },
    meet: (one, other) => {
      for (const { client } of [one, other]) client.heard();
      return Promise.resolve(talk);
    },
    hasty: { talk, say: (to, texts) => texts.map((text) => talk.say(to, text)) },
    voice: () => new RoomVoice(),
    isHarmless: (frame, friends) => {
      const { event } = read(frame);
      return NEWS.includes(String(event)) && about(frame) !== "" &&
        !friends.includes(about(frame));
    },
  }],
  connect: (bench, url) => bench.connect(url),
  linger: (bench) => bench.connect("/simple"),
  about,
  valid: (names) => framesNaming(names).map((frame) => JSON.stringify(frame)),
  madeUp: /"(?:p_id|peer_id|p_secret)": ?"([^"]*)"/g,
  uncounted: (frame) => String(frame).replace(/^(\{"event":"signal",)"seq":\d+,/, "$1"),
  rooms: [{
    name: "a Simple room",
    voices: [{ path: "/simple", create: () => new RoomVoice() }],
    options: { maxTakeBacks: 100_000 },
    resumeMs: 30_000,
  }],
};

function read(frame: Frame): SimpleFrame {
  return JSON.parse(String(frame));
}

function about(frame: Frame): string {
  const { peer_id, peer } = read(frame);
  return String(peer_id ?? Object(peer)["peer_id"] ?? "");
}

function framesNaming(names: readonly string[]): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, "", "v=0", 0, 1, -1, [], {}, [null], [{ candidate: "c" }], true),
    fc.string(),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const or = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 3, arbitrary }, value);
  const name = fc.constantFrom(...names);
  return fc.record({
    event: fc.constantFrom("join", "change", "signal", "leave", "ping", "ready", "__proto__"),
    ref: or(fc.nat(9)),
    room: or(fc.constantFrom(ROOM, ...names)),
    peer: or(fc.dictionary(fc.string(), value)),
    peer_id: or(name),
    peer_instance: or(fc.nat(3)),
    type: fc.constantFrom("offer", "answer", "pranswer", "candidate", "bye", "data", "other"),
    sdp: or(fc.constant("v=0")),
    peer_ice: or(fc.constant([{ candidate: "c" }, null])),
    data: value,
    call: or(fc.constant("c")),
    reason: or(fc.constant("done")),
    seq: or(fc.nat(9)),
    p_id: or(name),
    p_secret: value,
    p_instance: or(fc.nat(3)),
  }, { requiredKeys: ["event"] });
}

/** A peer with one instance, which can be taken back and can come back as the same peer. */
class RoomVoice implements Voice {
  #identity: SimpleFrame = {};
  #id = "";
  #seq = 0;

  enter(name: string, room: string): Frame[] {
    const join = { event: "join", room, peer: { name }, ...this.#identity, seq: this.#seq };
    return [JSON.stringify(join)];
  }

  talk(peer_id: string, word: string): Frame {
    return JSON.stringify({ event: "signal", peer_id, type: "data", data: word });
  }

  describe(sdp: string): Frame {
    return JSON.stringify({ event: "change", sdp });
  }

  read(frame: Frame): RoomNews | undefined {
    const { event, ...rest } = read(frame);
    switch (event) {
      case undefined:
        this.#id = String(rest["p_id"]);
        return {
          type: "entered",
          id: this.#id,
          others: (rest["peers"] as SimpleFrame[]).map(({ peer_id }) => String(peer_id)),
        };
      case "ready": {
        const { p_secret, p_instance, seq } = rest;
        this.#identity = { p_id: this.#id, p_secret, p_instance };
        this.#seq = Number(seq);
        return undefined;
      }
      case "join":
        return { type: "joined", id: about(frame) };
      case "change":
        return { type: "described", id: about(frame) };
      case "leave":
        assertEquals(rest["peer_instances"], []);
        return { type: "left", id: about(frame) };
      case "signal":
        // Those of peers that left while this one was away are not sent.
        assert(Number(rest["seq"]) > this.#seq, "a signal came twice");
        this.#seq = Number(rest["seq"]);
        return { type: "heard", from: about(frame), word: rest["data"] };
      case "error":
        return { type: "refused" };
      default:
        throw new Error(`Nobody expected ${String(frame)}`);
    }
  }
}

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { peerjs as dialect } from "../../../src/dialects/peerjs/mod.ts";
import type { Driver, Talk } from "../driver.ts";

const RELAYED = ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"];

const talk: Talk = {
  say: (dst, payload) => JSON.stringify({ type: "OFFER", dst, payload }),
  heard: (src, dst, payload) => JSON.stringify({ type: "OFFER", src, dst, payload }),
};

export const peerjs: Driver = {
  dialect,
  ways: [{
    name: "by id",
    enter: (bench, id) => bench.connect(target(id, `token of ${id}`)),
    welcome: (client, id) => {
      assertEquals(client.heard(), ['{"type":"OPEN"}']);
      return id;
    },
    meet: () => Promise.resolve(talk),
    hasty: { talk, say: (dst, texts) => texts.map((text) => talk.say(dst, text)) },
    isHarmless: (frame, friends) => {
      const { type, src } = JSON.parse(String(frame));
      return RELAYED.includes(type) && !friends.includes(src);
    },
  }],
  connect: (bench, url) => bench.connect(url),
  // A socket that says nothing of itself is hung up on at once.
  linger: (bench) => bench.connect("/peerjs"),
  rival: {
    connect: (bench, id) => bench.connect(target(id, "another token")),
    prevails: "holder",
  },
  about: (frame) => JSON.parse(String(frame)).src ?? "",
  valid: (names) =>
    fc.record({
      type: fc.constantFrom(...RELAYED, "HEARTBEAT", "OPEN", "ERROR", "ID-TAKEN"),
      dst: fc.constantFrom(...names),
      src: fc.constantFrom(...names),
      payload: fc.oneof(
        fc.record({ connectionId: fc.constantFrom("dc_1", "mc_2"), sdp: fc.string() }),
        fc.jsonValue({ maxDepth: 2 }),
      ),
    }, { requiredKeys: ["type"] }).map((message) => JSON.stringify(message)),
  rooms: [],
};

function target(id: string, token: string): string {
  return `/peerjs?${new URLSearchParams({ key: "peerjs", id, token })}`;
}

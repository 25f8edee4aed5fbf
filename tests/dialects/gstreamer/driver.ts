import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Frame } from "../../../src/core/session.ts";
import { gstreamer as dialect } from "../../../src/dialects/gstreamer/mod.ts";
import type { RoomNews, Voice } from "../../helpers/session/rooms.ts";
import type { Driver, Talk } from "../driver.ts";

const ROOM = "meeting";

const inSession: Talk = { say: (_to, text) => text, heard: (_from, _to, text) => text };
const inRoom: Talk = {
  // A text begins at the first character that is no blank, so that it needs one.
  say: (to, text) => `ROOM_PEER_MSG ${to} .${text}`,
  heard: (from, _to, text) => `ROOM_PEER_MSG ${from} .${text}`,
};

export const gstreamer: Driver = {
  dialect,
  ways: [{
    name: "in a session",
    enter: async (bench, uid) => {
      const client = await bench.connect("/");
      await client.say(`HELLO ${uid}`);
      return client;
    },
    welcome: (client, uid) => {
      assertEquals(client.heard()[0], "HELLO");
      return uid;
    },
    meet: async (one, other) => {
      await one.client.say(`SESSION ${other.id}`);
      assertEquals(one.client.heard(), ["SESSION_OK"]);
      return inSession;
    },
    hasty: { talk: inSession, say: (to, texts) => [`SESSION ${to}`, ...texts] },
    isHarmless: () => false,
  }, {
    name: "in a room",
    enter: async (bench, uid) => {
      const client = await bench.connect("/");
      await client.say(`HELLO ${uid}`, `ROOM ${ROOM}`);
      return client;
    },
    welcome: (client, uid) => {
      assertEquals(client.heard()[0], "HELLO");
      return uid;
    },
    meet: (one, other) => {
      for (const { client } of [one, other]) client.heard();
      return Promise.resolve(inRoom);
    },
    hasty: { talk: inRoom, say: (to, texts) => texts.map((text) => inRoom.say(to, text)) },
    voice: (uid) => new RoomVoice(uid),
    isHarmless: (frame, friends) => {
      const stranger = memberIn(frame);
      return stranger !== "" && !friends.includes(stranger);
    },
  }],
  connect: (bench, url) => bench.connect(url),
  linger: (bench) => bench.connect("/"),
  rival: {
    connect: async (bench, uid) => {
      const client = await bench.connect("/");
      await client.say(`HELLO ${uid}`);
      return client;
    },
    prevails: "holder",
  },
  about: memberIn,
  valid: (names) =>
    fc.tuple(
      fc.constantFrom("HELLO", "SESSION", "ROOM", "ROOM_PEER_MSG", "ROOM_PEER_LIST", "{}"),
      fc.constantFrom(...names, ROOM),
      fc.constantFrom("", " hi", ' {"ice":{}}', " a b"),
    ).map(([word, name, rest]) => word === "ROOM_PEER_LIST" ? word : `${word} ${name}${rest}`),
  rooms: [{ name: "a GStreamer room", voices: [{ path: "/", create: () => new RoomVoice() }] }],
};

function memberIn(frame: Frame): string {
  return /^ROOM_PEER_(?:JOINED|MSG|LEFT) (\S+)/.exec(String(frame))?.[1] ?? "";
}

class RoomVoice implements Voice {
  #uid: string;

  constructor(uid = "") {
    this.#uid = uid;
  }

  enter(uid: string, room: string): Frame[] {
    this.#uid = uid;
    return [`HELLO ${uid}`, `ROOM ${room}`];
  }

  talk(to: string, word: string): Frame {
    return `ROOM_PEER_MSG ${to} ${word}`;
  }

  read(frame: Frame): RoomNews | undefined {
    const [command, ...words] = String(frame).trimEnd().split(" ");
    const [id = "", word = ""] = words;
    switch (command) {
      case "HELLO":
        return undefined;
      case "ROOM_OK":
        return { type: "entered", id: this.#uid, others: words };
      case "ROOM_PEER_JOINED":
        return { type: "joined", id };
      case "ROOM_PEER_LEFT":
        return { type: "left", id };
      case "ROOM_PEER_MSG":
        return { type: "heard", from: id, word };
      case "ERROR":
        return { type: "refused" };
      default:
        throw new Error(`Nobody expected ${String(frame)}`);
    }
  }
}

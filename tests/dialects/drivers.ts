import fc from "fast-check";
import type { Frame } from "../../src/core/types.ts";
import { DIALECTS } from "../../src/dialects/mod.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import type { DialectBench } from "../helpers/dialect.ts";
import type { TestClient } from "../helpers/hub.ts";

/** One way in which two peers of a dialect talk. */
export interface Way {
  readonly name: string;
  /** Brings two peers together, and lets them read what that says to them. */
  meet(one: Member, other: Member): Promise<void>;
  /** The frame that says a text to a peer. */
  say(to: string, text: string): Frame;
  /** What that peer is sent of it. */
  heard(from: string, to: string, text: string): Frame;
  /** Whether a frame is one that may come of what a stranger does, and names none of the friends. */
  isHarmless(frame: Frame, friends: readonly string[]): boolean;
}

export interface Member {
  readonly id: string;
  readonly client: TestClient;
}

/** What the contract suite has to know of a dialect. */
export interface Driver {
  /** Connects, says who it is, and reads the greeting. */
  greet(bench: DialectBench, id: string): Promise<TestClient>;
  /** Connects as somebody else and asks for an id that is in use. */
  intrude(bench: DialectBench, id: string): Promise<TestClient>;
  /** Connects and stays nobody. */
  linger(bench: DialectBench): Promise<TestClient>;
  readonly ways: readonly [Way, ...Way[]];
  /** The peer that a frame from the server comes from or tells of; "" for the server itself. */
  about(frame: Frame): string;
  /** Frames as a client sends them, to mutate; `names` are ids and rooms that exist. */
  valid(names: readonly string[]): fc.Arbitrary<string>;
}

const PEERJS_RELAYED = ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"];

const peerjs: Driver = {
  greet: async (bench, id) => {
    const client = await bench.connect(peerJsTarget(id, `token of ${id}`));
    client.heard();
    return client;
  },
  intrude: (bench, id) => bench.connect(peerJsTarget(id, "another token")),
  // A socket that says nothing of itself is hung up on at once.
  linger: (bench) => bench.connect("/peerjs"),
  ways: [{
    name: "by id",
    meet: () => Promise.resolve(),
    say: (dst, payload) => JSON.stringify({ type: "OFFER", dst, payload }),
    heard: (src, dst, payload) => JSON.stringify({ type: "OFFER", src, dst, payload }),
    isHarmless: (frame, friends) => {
      const { type, src } = JSON.parse(String(frame));
      return PEERJS_RELAYED.includes(type) && !friends.includes(src);
    },
  }],
  about: (frame) => JSON.parse(String(frame)).src ?? "",
  valid: (names) =>
    fc.record({
      type: fc.constantFrom(...PEERJS_RELAYED, "HEARTBEAT", "OPEN", "ERROR", "ID-TAKEN"),
      dst: fc.constantFrom(...names),
      src: fc.constantFrom(...names),
      payload: fc.oneof(
        fc.record({ connectionId: fc.constantFrom("dc_1", "mc_2"), sdp: fc.string() }),
        fc.jsonValue({ maxDepth: 2 }),
      ),
    }, { requiredKeys: ["type"] }).map((message) => JSON.stringify(message)),
};

function peerJsTarget(id: string, token: string): string {
  return `/peerjs?${new URLSearchParams({ key: "peerjs", id, token })}`;
}

const ROOM = "meeting";

const gstreamer: Driver = {
  greet: async (bench, id) => {
    const client = await bench.connect("/");
    await client.say(`HELLO ${id}`);
    client.heard();
    return client;
  },
  intrude: async (bench, id) => {
    const client = await bench.connect("/");
    await client.say(`HELLO ${id}`);
    return client;
  },
  linger: (bench) => bench.connect("/"),
  ways: [{
    name: "in a session",
    meet: async (one, other) => {
      await one.client.say(`SESSION ${other.id}`);
      one.client.heard();
    },
    say: (_to, text) => text,
    heard: (_from, _to, text) => text,
    isHarmless: () => false,
  }, {
    name: "in a room",
    meet: async (one, other) => {
      await one.client.say(`ROOM ${ROOM}`);
      await other.client.say(`ROOM ${ROOM}`);
      one.client.heard();
      other.client.heard();
    },
    // A text begins at the first character that is no blank, so that it needs one.
    say: (to, text) => `ROOM_PEER_MSG ${to} .${text}`,
    heard: (from, _to, text) => `ROOM_PEER_MSG ${from} .${text}`,
    isHarmless: (frame, friends) => {
      const stranger = memberIn(frame);
      return stranger !== "" && !friends.includes(stranger);
    },
  }],
  about: memberIn,
  valid: (names) =>
    fc.tuple(
      fc.constantFrom("HELLO", "SESSION", "ROOM", "ROOM_PEER_MSG", "ROOM_PEER_LIST", "{}"),
      fc.constantFrom(...names, ROOM),
      fc.constantFrom("", " hi", ' {"ice":{}}', " a b"),
    ).map(([word, name, rest]) => word === "ROOM_PEER_LIST" ? word : `${word} ${name}${rest}`),
};

function memberIn(frame: Frame): string {
  return /^ROOM_PEER_(?:JOINED|MSG|LEFT) (\S+)/.exec(String(frame))?.[1] ?? "";
}

const BY_NAME = new Map<string, Driver>(Object.entries({ peerjs, gstreamer }));

/** Dialects whose ids the server makes, or that have no socket: their suites are in their folders. */
const SERVER_NAMED: ReadonlySet<string> = new Set(["ssp", "simple", "owt"]);

/** Every dialect whose clients choose their ids, with its driver; throws where one has none. */
export const DRIVEN: readonly { readonly dialect: Dialect; readonly driver: Driver }[] = DIALECTS
  .filter(({ name }) => !SERVER_NAMED.has(name)).map((dialect) => {
    const driver = BY_NAME.get(dialect.name);
    if (driver === undefined) throw new Error(`Cannot test "${dialect.name}": no driver for it`);
    return { dialect, driver };
  });

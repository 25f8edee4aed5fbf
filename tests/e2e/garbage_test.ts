import { assertEquals } from "@std/assert";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Three protocols have no words for a message that they cannot read: they ignore it, log the reason,
// and go on. A message that is too large ends the connection in all of them.

type Garbage = string | Uint8Array<ArrayBuffer>;

interface Case {
  readonly name: string;
  /** Connects a client that is in. */
  readonly open: (server: TestServer) => Promise<WsClient>;
  /** Asks for something, and gets it as the next frame. */
  readonly proveAlive: (client: WsClient, nth: number) => Promise<void>;
  /** The logged reason of each. */
  readonly ignored: readonly (readonly [Garbage, reason: string])[];
}

const MAX_BYTES = 4_096;
const DEEP = `{"type":"publish","topic":"a","data":${"[".repeat(100)}${"]".repeat(100)}}`;
const NO_TEXT = Uint8Array.of(0xff, 0xfe, 0);

async function expectNext(client: WsClient, expected: unknown): Promise<void> {
  assertEquals(await client.nextJson(), expected);
}

const CASES: readonly Case[] = [
  {
    name: "peerjs",
    open: ({ wsUrl }) => openPeerJs(wsUrl, "alice"),
    proveAlive: async (client, payload) => {
      client.send({ type: "CANDIDATE", dst: "alice", payload });
      await expectNext(client, { type: "CANDIDATE", src: "alice", dst: "alice", payload });
    },
    ignored: [
      ["hello", "bad_frame"],
      ["", "bad_frame"],
      ["null", "bad_frame"],
      ["5", "bad_frame"],
      [DEEP, "bad_frame"],
      [NO_TEXT, "bad_frame"],
      ["[]", "action_unknown"],
      ["{}", "action_unknown"],
      ['{"type":5}', "action_unknown"],
      ['{"type":"NOPE","dst":"alice"}', "action_unknown"],
      ['{"type":"OPEN","dst":"alice"}', "action_unknown"],
      ['{"type":"OFFER","payload":1}', "action_unknown"],
      ['{"type":"OFFER","dst":5}', "action_unknown"],
    ],
  },
  {
    name: "webrtcsink",
    open: async ({ wsUrl }) => {
      const client = await WsClient.open(`${wsUrl}/webrtcsink`);
      assertEquals((await client.nextJson() as { type: string }).type, "welcome");
      return client;
    },
    proveAlive: async (client) => {
      client.send({ type: "list" });
      await expectNext(client, { type: "list", producers: [] });
    },
    ignored: [
      ["hello", "not_json"],
      ["", "not_json"],
      ["null", "bad_frame"],
      ["5", "bad_frame"],
      ["[]", "bad_frame"],
      [DEEP, "bad_frame"],
      ["{}", "bad_frame"],
      ['{"type":5}', "bad_frame"],
      ['{"type":"nope"}', "bad_frame"],
      ['{"type":"startSession"}', "bad_frame"],
      ['{"type":"startSession","peerId":5}', "bad_frame"],
      [NO_TEXT, "binary_frame"],
      [new TextEncoder().encode('{"type":"list"}'), "binary_frame"],
    ],
  },
  {
    name: "topics",
    open: ({ wsUrl }) => WsClient.open(`${wsUrl}/topics`),
    proveAlive: async (client) => {
      client.send({ type: "ping" });
      await expectNext(client, { type: "pong" });
    },
    ignored: [
      ["hello", "not_json"],
      ["", "not_json"],
      [NO_TEXT, "not_json"],
      ["null", "bad_frame"],
      ["5", "bad_frame"],
      ["[]", "bad_frame"],
      ['{"type":"publish","data":1}', "bad_frame"],
      ['{"type":"subscribe","topic":5}', "bad_frame"],
      ["{}", "action_unknown"],
      ['{"type":5}', "action_unknown"],
      ['{"type":"nope"}', "action_unknown"],
    ],
  },
];

for (const { name, open, proveAlive, ignored } of CASES) {
  Deno.test(`${name}: a message that cannot be read is ignored and logged, and one that is too large ends the connection`, async () => {
    await using server = startTestServer({ args: [`--${name}-max-frame-bytes=${MAX_BYTES}`] });
    // The log has the first refusal of each connection.
    const lastReason = (): unknown[] => {
      const line = server.log.findLast(({ what }) => what === "refused");
      return [line?.level, line?.facts["dialect"], line?.facts["reason"]];
    };
    for (const [nth, [garbage, reason]] of ignored.entries()) {
      await using client = await open(server);
      client.send(garbage);
      // Its answer is the next frame, so that none came before it.
      await proveAlive(client, nth);
      assertEquals(lastReason(), ["info", name, reason], String(garbage).slice(0, 60));
      assertEquals(client.unread, []);
    }
    const refused = server.log.filter(({ what }) => what === "refused");
    assertEquals(refused.length, ignored.length);
    await using client = await open(server);
    client.send(`{"type":"${"x".repeat(MAX_BYTES)}"}`);
    const { code, reason } = await within("the end", client.closed);
    assertEquals([code, reason], [1009, "message too big"]);
    assertEquals(lastReason(), ["info", name, "frame_too_large"]);
    assertEquals(client.unread, []);
  });
}

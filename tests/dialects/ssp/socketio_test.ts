import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import type { NamespaceGreeting } from "../../../src/transport/links.ts";
import {
  decode,
  encodeError,
  encodeNews,
  encodeRelay,
  readEvent,
  readMessage,
  STOP,
  toEvent,
} from "../../../src/dialects/ssp/messages.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";
import type { DialectBench } from "../../helpers/session/dialect.ts";
import { settle } from "../../helpers/session/hub.ts";
import { connectTo, type NamespaceClient } from "../../helpers/session/namespace.ts";
import { enter, newPools, type SspEvent } from "../../helpers/session/ssp.ts";
import { runs } from "../../helpers/session/hub_modes.ts";

// Section 9 of protocols/ssp.md: the event's name is the type, its only argument the data.

const NAMESPACES = { v2: "/ssp", v1: "/ssp/v1" } as const;

function frameOf(type: string, data: unknown, ack = ""): string {
  return `2${ack}${JSON.stringify([type, data])}`;
}

/** Events that a client received; fails if a frame is not an event with one argument. */
function heard({ client }: NamespaceClient): SspEvent[] {
  return client.heard().map((frame) => {
    const text = String(frame);
    assertEquals(text[0], "2");
    const [type, data, ...more] = JSON.parse(text.slice(1));
    assert(typeof type === "string" && typeof data === "object" && data !== null);
    assertEquals(more, []);
    return { type, data };
  });
}

/** Joins a pool over Socket.IO, and tells the id. */
async function join(
  bench: DialectBench,
  version: keyof typeof NAMESPACES,
): Promise<NamespaceClient & { readonly id: string }> {
  const member = await connectTo(bench, NAMESPACES[version]);
  await member.client.say(frameOf("rtc:join", { pool: "p" }));
  const [joined, ...more] = heard(member);
  assertEquals([joined?.type, more], ["rtc:joined", []]);
  return { ...member, id: String(joined?.data["client_id"]) };
}

Deno.test("§9: a member over Socket.IO and one on a WebSocket share a pool", async () => {
  using bench = newPools();
  const web = await enter(bench, "v2");
  const io = await join(bench, "v2");
  assertEquals(io.link.answer, "accepted");
  assertEquals(web.heard(), [{ type: "rtc:peer", data: { id: io.id } }]);

  const description = { type: "offer", sdp: 'v=0\r\n","data":{"語😀', extra: [null, "\ud800"] };
  await io.client.say(frameOf("rtc:sdp", { to: web.id, description }));
  assertEquals(web.heard(), [{ type: "rtc:sdp", data: { peer: io.id, description } }]);
  await web.say(["rtc:sdp", { to: io.id, description }], ["describe", { ',"data":': '"]' }]);
  assertEquals(heard(io), [
    { type: "rtc:sdp", data: { peer: web.id, description } },
    { type: "rtc:describe", data: { description: { ',"data":': '"]' }, uid: web.id, id: web.id } },
  ]);
  await web.leave();
  assertEquals(heard(io), [{ type: "rtc:close", data: { uid: web.id, id: web.id } }]);
  await io.client.leave();
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
});

Deno.test("§9: each namespace speaks its version, and members of both meet", async () => {
  using bench = newPools();
  const v1 = await join(bench, "v1");
  const v2 = await join(bench, "v2");
  assertEquals(heard(v1), [{ type: "rtc:request_offers", data: { for: v2.id } }]);
  const offer = { type: "offer", sdp: "x" };
  await v1.client.say(frameOf("rtc:offers", { [v2.id]: offer }));
  assertEquals(heard(v2), [{ type: "rtc:sdp", data: { peer: v1.id, description: offer } }]);
  const answer = { type: "answer", sdp: "y" };
  await v2.client.say(frameOf("rtc:sdp", { to: v1.id, description: answer }));
  assertEquals(heard(v1), [{ type: "rtc:answer", data: { for: v2.id, answer } }]);
  await v2.client.say(frameOf("rtc:answer", { for: v1.id, answer }));
  const [refusal] = heard(v2);
  assertEquals([refusal?.type, refusal?.data["reason"]], ["rtc:error", "unknown-action"]);
});

Deno.test("§9: a client that asks for an acknowledgement gets none, but everything else", async () => {
  using bench = newPools();
  const member = await connectTo(bench, "/ssp");
  await member.client.say(frameOf("rtc:join", { pool: "p" }, "17"));
  assertEquals(heard(member).map(({ type }) => type), ["rtc:joined"]);
});

Deno.test("§9: arguments after the data are ignored, and so are the application's events", async () => {
  using bench = newPools();
  const member = await connectTo(bench, "/ssp");
  await member.client.say('2["chat",{}]', '2["rtc:join",{"pool":"p"},{"pool":"q"}]');
  const [joined] = heard(member);
  assertEquals([joined?.type, joined?.data["pool"]], ["rtc:joined", "p"]);
});

Deno.test("§9: a wrong message is refused by an event, and the connection stays", async () => {
  const wrong: readonly (readonly [frame: string, reason: string])[] = [
    ["", "invalid-json"],
    ["2", "invalid-json"],
    ['2["rtc:join"', "invalid-json"],
    ['30["rtc:join",{}]', "invalid-json"],
    ["2{}", "invalid-event"],
    ['2{"type":"rtc:join","data":{"pool":"p"}}', "invalid-event"],
    ['2"rtc:join"', "invalid-event"],
    ["2null", "invalid-event"],
    ["2[]", "invalid-event"],
    ['2["",{}]', "invalid-event"],
    ["2[1,{}]", "invalid-event"],
    ['2["rtc:join"]', "invalid-event"],
    ['2["rtc:join",null]', "invalid-event"],
    ['2["rtc:join",["p"]]', "invalid-event"],
    ['2["rtc:join",{"pool":"p"},"type":1]', "invalid-json"],
    [`2["rtc:join",${"[".repeat(70)}${"]".repeat(70)}]`, "invalid-event"],
    ['2["rtc:nothing",{}]', "unknown-action"],
    ['2["rtc:sdp",{"to":"x","description":{}}]', "not-joined"],
  ];
  using bench = newPools();
  const member = await connectTo(bench, "/ssp");
  for (const [frame, reason] of wrong) {
    await member.client.say(frame);
    const [refusal, ...more] = heard(member);
    assertEquals([frame, refusal?.data["reason"], more], [frame, reason, []]);
  }
  assertEquals([member.client.isOpen, member.client.link.faults], [true, []]);
});

const TOKEN = "a-token-for-every-pool";
const LOBBY = "a-token-for-the-lobby";
const AUTH = { auth: JSON.stringify({ token: TOKEN }) };

for (const version of ["v1", "v2"] as const) {
  const cases: readonly (readonly [
    shown: string,
    url: string | undefined,
    greeting: Partial<NamespaceGreeting>,
    isIn: boolean,
  ])[] = [
    ["none", undefined, {}, false],
    ["one in the URL", TOKEN, {}, true],
    ["one in the namespace's query", undefined, { query: `a=b&token=x&token=${TOKEN}` }, true],
    ["one that is escaped there", undefined, { query: `token=${TOKEN.replace("a", "%61")}` }, true],
    ["one in `auth`", undefined, { ...AUTH }, true],
    [
      "a wrong one in the URL, a right one to the namespace",
      "x",
      { query: `token=${TOKEN}` },
      true,
    ],
    ["a right one in the URL, a wrong one to the namespace", TOKEN, { query: "token=x" }, false],
    ["a wrong one in the namespace's query, a right one in `auth`", "x", {
      ...AUTH,
      query: "token=x",
    }, true],
    ["a wrong one in `auth`, a right one elsewhere", TOKEN, { auth: '{"token":"x"}' }, false],
    ["an empty one, and one in the URL", TOKEN, { auth: '{"token":""}', query: "token=" }, true],
    ["a number, and one in the URL", TOKEN, { auth: '{"token":1}' }, true],
    ["no JSON, and one in the URL", TOKEN, { auth: `{"token":"${TOKEN}"` }, true],
    ["no JSON", undefined, { auth: `{"token":"${TOKEN}"` }, false],
    ["one for another pool", undefined, { auth: JSON.stringify({ token: LOBBY }) }, false],
  ];
  for (const [shown, token, greeting, isIn] of cases) {
    Deno.test(`§9.7: a client that shows ${shown} is ${isIn ? "" : "not "}admitted (${version})`, async () => {
      using bench = newPools({ options: { tokens: [TOKEN, `${LOBBY}@lobby`] } });
      const query = token === undefined ? {} : { token };
      const member = await connectTo(bench, NAMESPACES[version], query, greeting);
      await member.client.say(frameOf("rtc:join", { pool: "p" }));
      const [{ type, data } = { type: "", data: {} }] = heard(member);
      const expected = isIn ? ["rtc:joined", undefined] : ["rtc:error", "not-authorized"];
      assertEquals([type, data["reason"]], expected);
      assertEquals(member.client.isOpen, true);
    });
  }
}

Deno.test("§9.7: a private server's pools are its own over Socket.IO too, and nobody learns of them", async () => {
  using bench = newPools({ options: { private: true, pools: ["lobby"], tokens: [TOKEN] } });
  const stranger = await connectTo(bench, "/ssp");
  const member = await connectTo(bench, "/ssp", {}, AUTH);
  const reasons: unknown[] = [];
  for (const who of [stranger, member]) {
    for (const pool of ["attic", "lobby"]) {
      await who.client.say(frameOf("rtc:join", { pool }));
      reasons.push(...heard(who).map(({ type, data }) => data["reason"] ?? type));
    }
  }
  assertEquals(reasons, ["not-authorized", "not-authorized", "no-such-pool", "rtc:joined"]);
});

Deno.test("§9: a pool that is stopped ends its members over Socket.IO too", async () => {
  using bench = newPools();
  const member = await join(bench, "v2");
  assertEquals(bench.open.operations?.stop("p"), true);
  await settle();
  assertEquals(heard(member), [{ type: "rtc:stop", data: {} }]);
  assertEquals([member.client.isOpen, bench.hub.peerCount], [false, 0]);
});

Deno.test("§9: limits are reported in events", async () => {
  using bench = newPools({ options: { framesPerSecond: 1, frameBurst: 1 } });
  const member = await join(bench, "v2");
  await member.client.say('2["a",{}]');
  assertEquals(heard(member)[0]?.data["reason"], "rate-limited");
  const refused = await connectTo(bench, "/ssp");
  refused.client.pump.refuse(new SignalError("server_full"));
  assertEquals(heard(refused)[0]?.data["reason"], "rate-limited");
  assertEquals(refused.client.isOpen, false);
});

Deno.test("§9: every message of the server becomes the event of its type and data", () => {
  const info = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(
      anyText(),
      anyText(),
      info,
      fc.constantFrom("v1", "v2", "auto"),
      (id, room, info, version) => {
        const peer = { id, dialect: "ssp", info };
        const messages = [
          STOP,
          encodeError(id, room, { pool: room }),
          ...encodeRelay({ kind: "candidate", candidate: info }, id, version),
          ...encodeRelay({ kind: "offer", description: { type: "offer", sdp: room } }, id, version),
          ...(["joined", "left", "described"] as const).flatMap((type) =>
            encodeNews({ type, room, peer }, version)
          ),
        ];
        for (const message of messages) {
          const { type, data } = JSON.parse(message);
          assertEquals(toEvent(message), `2${JSON.stringify([type, data])}`);
        }
      },
    ),
  );
});

Deno.test("§9: whatever comes as an event is read as the message that says the same", () => {
  const type = fc.oneof(
    fc.constantFrom("rtc:join", "rtc:sdp", "rtc:candidate", "describe", "chat", "rtc:x"),
    fc.jsonValue({ maxDepth: 1 }),
  );
  const outcomeOf = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      assert(error instanceof SignalError, String(error));
      return error.code;
    }
  };
  fc.assert(
    fc.property(type, fc.jsonValue({ maxDepth: 3 }), fc.option(fc.nat()), (type, data, ack) => {
      const event = frameOf(type as string, data, String(ack ?? ""));
      const message = JSON.stringify({ type, data });
      assertEquals(
        outcomeOf(() => decode(event, "v2", true, readEvent)),
        outcomeOf(() => decode(message, "v2", true, readMessage)),
      );
    }),
    { numRuns: runs(500) },
  );
});

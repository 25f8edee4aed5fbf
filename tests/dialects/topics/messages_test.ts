import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import { lastNamed, membersOf } from "../../../src/dialects/topics/members.ts";
import { encode, isTopics, readCommand } from "../../../src/dialects/topics/messages.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";

/** A publication as its subscribers receive it. */
function delivered(text: string, clients = 7): string {
  const command = readCommand(text);
  if (command.type !== "publish") throw new Error(`Not a publication: ${text}`);
  return command.shape === "yjs"
    ? encode({ type: "yjs", publish: command, clients })
    : encode({ type: "trystero", publish: command });
}

function refusalOf(frame: string | Uint8Array<ArrayBuffer>): string {
  return assertThrows(() => readCommand(frame), SignalError).code;
}

const blanks = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 2 });

/** A text of JSON, of whose characters some are escaped that need not be. */
const string = fc.tuple(anyText(), fc.boolean()).map(([text, isEscaped]) =>
  isEscaped
    ? `"${
      [...Array(text.length).keys()].map((at) =>
        `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`
      ).join("")
    }"`
    : JSON.stringify(text)
);

/** The runtime's own parser may mistake names that contain backslashes for each other. */
const key = string.filter((text) => !String(JSON.parse(text)).includes("\\"));

const number = fc.constantFrom("0", "-1", "1.0", "12345678901234567890", "1e2", "-0.5E-3");

/** Any value of JSON, as a text with blanks in any place. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("true", "false", "null", "{}", "[]", '"}"', '"\\\\"', '"\\""'),
    number,
    string,
    fc.tuple(fc.array(fc.tuple(blanks, tie("value"), blanks), { maxLength: 3 })).map(([items]) =>
      `[${items.map((parts) => parts.join("")).join(",")}]`
    ),
    fc.array(fc.tuple(blanks, key, blanks, tie("value")), { maxLength: 3 }).map((members) =>
      `{${members.map(([blank, name, other, one]) => `${blank}${name}${other}:${one}`).join(",")}}`
    ),
  ),
}));

const name = fc.oneof(
  fc.constantFrom("type", "topic", "topics", "data", "payload", "clients", "__proto__", "to")
    .map((text) => JSON.stringify(text)),
  fc.constantFrom('"t\\u006fpic"', '"\\u0070ayload"', '"cl\\u0069ents"', '"a\\"b"'),
  key,
);

/** A publication in any spelling: members in any order, repeated, or of no meaning. */
const publication = fc.tuple(
  fc.array(fc.tuple(blanks, name, blanks, blanks, value, blanks), { maxLength: 6 }),
  fc.constantFrom('"room"', '"r\\u006fom"', '""', '"__proto__"'),
  fc.nat(6),
  fc.nat(6),
  blanks,
).map(([others, topic, typeAt, topicAt, blank]) => {
  const members = others.map(([a, key, b, c, one, d]) => `${a}${key}${b}:${c}${one}${d}`);
  members.splice(typeAt, 0, '"type":"publish"');
  members.splice(topicAt, 0, `"topic":${topic}`);
  return `${blank}{${members.join(",")}}${blank}`;
});

Deno.test("a publication is delivered as the receivers' parser would have read it", () => {
  fc.assert(
    fc.property(publication, fc.nat(), (text, clients) => {
      const message = JSON.parse(text);
      fc.pre(message.type === "publish" && typeof message.topic === "string");
      const read = JSON.parse(delivered(text, clients));
      if (Object.hasOwn(message, "payload")) {
        assertEquals(read, { topic: message.topic, payload: message.payload });
      } else {
        // An assignment keeps the place of a member that is there already.
        message.clients = clients;
        assertEquals(JSON.stringify(read), JSON.stringify(message));
      }
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("the members of an object are found where its text has them", () => {
  fc.assert(
    fc.property(publication, (text) => {
      const members = membersOf(text);
      const message = JSON.parse(text);
      assertEquals(new Set(members.map((one) => one.name)), new Set(Object.keys(message)));
      for (const key of Object.keys(message)) {
        const last = lastNamed(members, key);
        assertEquals(JSON.parse(text.slice(last?.start, last?.end)), message[key]);
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("the bytes of a body stay as they came", () => {
  for (
    const [text, expected] of [
      [
        '{"type":"publish","topic":"a","data":12345678901234567890}',
        '{"type":"publish","topic":"a","data":12345678901234567890,"clients":7}',
      ],
      ['{"type":"publish","topic":"a"}', '{"type":"publish","topic":"a","clients":7}'],
      [
        '{"clients":[{"a":"}"}],"type":"publish","topic":"a","data":1.0}',
        '{"clients":7,"type":"publish","topic":"a","data":1.0}',
      ],
      ['{"type":"publish","topic":"a","payload":1.0}', '{"topic":"a","payload":1.0}'],
      [
        ' { "payload" : [ 1 , "]" ] , "x" : 1 , "topic" : "a\\u0062" , "type" : "publish" } ',
        '{"topic":"a\\u0062","payload":[ 1 , "]" ]}',
      ],
      [
        '{"type":"publish","topic":"a","payload":1,"topic":"b","payload":"\\\\"}',
        '{"topic":"b","payload":"\\\\"}',
      ],
    ] as const
  ) {
    assertEquals(delivered(text), expected);
  }
});

Deno.test("a nesting as deep as a message is long is delivered, and takes no stack", () => {
  const deep = "[".repeat(400_000) + "]".repeat(400_000);
  for (const member of ["data", "payload", "clients"]) {
    const text = delivered(`{"type":"publish","${member}":${deep},"topic":"a"}`);
    assertEquals(text.includes(deep), member !== "clients");
  }
});

Deno.test("the members of a command name its shape", () => {
  assertEquals(readCommand('{"type":"subscribe","topics":["a",1,null,"b"],"topic":"c"}'), {
    type: "subscribe",
    yjs: ["a", "b"],
    trystero: ["c"],
  });
  for (const topics of ['"topics":[]', '"topics":"ab"', '"topics":{"0":"a"}', '"x":1']) {
    assertEquals(readCommand(`{"type":"unsubscribe",${topics}}`), {
      type: "unsubscribe",
      yjs: [],
      trystero: [],
    });
  }
  assertEquals(readCommand('{"type":"ping"}'), { type: "ping" });
});

Deno.test("a binary message counts as text, unless it is not text", () => {
  assertEquals(readCommand(new TextEncoder().encode('{"type":"ping"}')), { type: "ping" });
  assertEquals(refusalOf(new Uint8Array([0x7b, 0xff, 0x7d])), "not_json");
});

Deno.test("messages that are not commands are refused by what they lack", () => {
  for (const text of ["", "x", '{"type":"ping"', '{"type":"publish","topic":"a"}}']) {
    assertEquals([text, refusalOf(text)], [text, "not_json"]);
  }
  for (const text of ["{}", '{"type":"Ping"}', '{"type":["ping"]}', '{"type":"pong"}']) {
    assertEquals([text, refusalOf(text)], [text, "action_unknown"]);
  }
  for (
    const text of [
      "[]",
      "null",
      "5",
      '{"type":"publish"}',
      '{"type":"publish","topic":["a"]}',
      '{"type":"subscribe","topic":5}',
    ]
  ) {
    assertEquals([text, refusalOf(text)], [text, "bad_frame"]);
  }
});

Deno.test("announcements and signals are read where the original client writes them", () => {
  const noteOf = (data: unknown): unknown => {
    const command = readCommand(JSON.stringify({ type: "publish", topic: "a", data }));
    return command.type === "publish" && command.shape === "yjs" ? command.note : "none";
  };
  assertEquals(noteOf({ type: "announce", from: "x" }), { type: "announce", from: "x" });
  assertEquals(noteOf({ type: "signal", to: "x", from: "y" }), { type: "signal", to: "x" });
  for (
    const data of [
      "sealed",
      ["announce"],
      { type: "announce" },
      { type: "announce", from: "x".repeat(65) },
      { type: "signal", to: 1 },
      null,
    ]
  ) {
    assertEquals(noteOf(data), undefined);
  }
});

Deno.test("a page of Trystero announces itself by a short text that begins with its id", () => {
  const idIn = (payload: unknown): unknown => {
    const command = readCommand(JSON.stringify({ type: "publish", topic: "a", payload }));
    return command.type === "publish" && command.shape === "trystero" ? command.announces : "none";
  };
  assertEquals(idIn('{"peerId":"abc"}'), "abc");
  assertEquals(idIn('{"peerId":"abc","passive":true}'), "abc");
  for (
    const payload of [
      { peerId: "abc" },
      ' {"peerId":"abc"}',
      '{"peerId":"abc"',
      `{"peerId":"${"x".repeat(100)}"}`,
      '{"peerId":"a","peerId":5}',
      null,
    ]
  ) {
    assertEquals(idIn(payload), undefined);
  }
});

Deno.test("a first frame at a path of others is recognised by its type and its members", () => {
  for (
    const text of [
      '{"type":"subscribe","topics":["a"]}',
      ' {"topic":"a","type":"subscribe"}',
      '{"type":"publish","topic":"a","data":1}',
      '{"type":"ping"}',
    ]
  ) {
    assertEquals([text, isTopics(text)], [text, true]);
    assertEquals(isTopics(new TextEncoder().encode(text.trimStart())), true);
  }
  for (const text of ["HELLO 1", '{"type":"rtc:join"}', "{", '["subscribe"]', "", "5"]) {
    assertEquals([text, isTopics(text)], [text, false]);
  }
  assertEquals(isTopics(new Uint8Array()), false);
});

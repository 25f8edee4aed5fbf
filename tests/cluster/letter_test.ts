import { assertEquals } from "@std/assert";
import type { OutgoingMessage } from "../../src/core/nodes/backplane.ts";
import { packLetter, readMessage } from "../../src/cluster/items/letter.ts";

const NAMES = ["plain", "a b", "line\nbreak", "\0zero", "\ud800", "ü€😀", '"quoted" \\', ""];

function messageOf(name: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const plain = { realm: "test", dialect: "test", payload: 1, fence: undefined, room: undefined };
  return { ...plain, id: name, from: `${name} `, ...more };
}

for (const name of NAMES) {
  Deno.test(`a letter keeps the names ${JSON.stringify(name)} and its body`, () => {
    const body = `j${JSON.stringify(`a\n b ${name}`)}`;
    const text = packLetter(messageOf(name, { room: name }), true, body);
    // Every text in the engine is UTF-8.
    assertEquals(text, new TextDecoder().decode(new TextEncoder().encode(text)));
    assertEquals(readMessage([`p1.7 42 1700000000000000 ${text}`]), {
      node: "p1.7",
      number: 42,
      firstNumber: undefined,
      fence: 1_700_000_000_000_000,
      realm: "test",
      id: name,
      from: `${name} `,
      room: name,
      isCall: false,
      isConfirmed: true,
      body,
    });
  });
}

Deno.test("a letter may be for any holder of its id, without a room, about a call, or empty", () => {
  const read = (more: Partial<OutgoingMessage>): unknown => {
    const letter = readMessage([`p.1 1  ${packLetter(messageOf("a", more), false, "")}`]);
    return letter && [letter.fence, letter.room, letter.isCall, letter.isConfirmed, letter.body];
  };
  assertEquals(read({}), [undefined, undefined, false, false, ""]);
  // Words about a call are never for a room.
  assertEquals(read({ isCall: true, room: "r" }), [undefined, undefined, true, false, ""]);
});

Deno.test("a letter that is sent again has the number of its first try", () => {
  const text = packLetter(messageOf("a", { firstNumber: 41 }), false, "j1");
  const { number, firstNumber, body } = readMessage([`p.1 42  ${text}`]) ?? {};
  assertEquals([number, firstNumber, body], [42, 41, "j1"]);
});

Deno.test("the parts that an earlier version writes are a letter, if none is missing", () => {
  const parts = ["p.1", "42", "test", "a", "7", "b", "rlobby", "1", "j1"];
  const names = { node: "p.1", realm: "test", id: "a", from: "b" };
  const facts = { number: 42, firstNumber: undefined, fence: 7, isConfirmed: true, body: "j1" };
  assertEquals(readMessage(parts), { ...names, ...facts, room: "lobby", isCall: false });
  const call = parts.with(6, "c");
  assertEquals(readMessage(call), { ...names, ...facts, room: undefined, isCall: true });
  for (let length = 2; length < parts.length; length++) {
    assertEquals(readMessage(parts.slice(0, length)), undefined);
  }
  assertEquals(readMessage(parts.with(1, "x")), undefined);
});

Deno.test("a text that is no letter means nothing", () => {
  const texts = [
    "",
    "p.1",
    "p.1 1 2",
    "p.1 1 2 []",
    "p.1 1 2 {}\n",
    "p.1 1 2 [\n",
    "p.1 1 2 []\nj1",
    "p.1 1 2 [1]\nj1",
  ];
  texts.push(`p.1 x 2 ${packLetter(messageOf("a"), false, "")}`);
  assertEquals(texts.map((text) => readMessage([text])), texts.map(() => undefined));
});

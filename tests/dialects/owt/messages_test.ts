import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ErrorCode, SignalError } from "../../../src/core/errors.ts";
import type { Frame } from "../../../src/core/session.ts";
import {
  decode,
  encodeAuthenticated,
  encodeLoginAck,
  encodeMessageAck,
  encodeRefusal,
  encodeRelay,
  readDropped,
  readLoginQuery,
  SERVER_DISCONNECT,
} from "../../../src/dialects/owt/messages.ts";
import { anyText } from "../../helpers/session/arbitraries.ts";
import { frameOf } from "../../helpers/session/owt.ts";

/** The error with which a frame is refused. */
function refusalOf(frame: Frame): { code: ErrorCode; details: unknown } {
  const { code, details } = assertThrows(() => decode(frame), SignalError);
  return { code, details };
}

function handshake(query: string): unknown {
  return readLoginQuery(new URL(`http://signalbox.test/socket.io/?${query}`));
}

function tokenOf(token: unknown): unknown {
  const action = decode(frameOf(undefined, "authentication", { token }));
  assertEquals(action?.type, "login");
  return action?.type === "login" ? action.token : undefined;
}

function targetOf(message: unknown): unknown {
  const action = decode(frameOf(undefined, "owt-message", message));
  assertEquals(action?.type, "message");
  return action?.type === "message" ? action.to : undefined;
}

Deno.test("OWT: the handshake's query is decoded, and the first of several values counts", () => {
  assertEquals(handshake("EIO=3"), {});
  assertEquals(handshake("clientVersion=4.3&token=a%20b&clientType=Web"), {
    clientVersion: "4.3",
    token: "a b",
  });
  assertEquals(handshake("token=&clientVersion="), { token: "", clientVersion: "" });
  assertEquals(handshake("token=a&token=b"), { token: "a" });
  assertEquals(handshake("token=%ff%C3%A9+x"), { token: "\ufffdé x" });
  assertEquals(handshake("__proto__=a&token=__proto__"), { token: "__proto__" });
});

Deno.test("OWT: a login is a token, which may be missing, and an acknowledgement id", () => {
  assertEquals(decode('20["authentication",{"token":"alice"}]'), {
    type: "login",
    token: "alice",
    ack: "0",
  });
  assertEquals(decode('2["authentication",{}]'), { type: "login", token: "", ack: undefined });
  for (const token of [undefined, null, ""]) assertEquals(tokenOf(token), "");
});

Deno.test("OWT: tokens are taken literally, whatever they look like", () => {
  for (const token of [" a b ", "a+b", "%C3%A9", "é語😀", "\ud800", "\0", "__proto__", "null"]) {
    assertEquals(tokenOf(token), token);
  }
});

Deno.test("OWT: numbers are taken as text, as token and as target", () => {
  for (const [number, text] of [[5, "5"], [0, "0"], [-1.5, "-1.5"], [1e21, "1e+21"]] as const) {
    assertEquals([tokenOf(number), targetOf({ to: number })], [text, text]);
  }
});

Deno.test("OWT: objects, lists, truth values and endless numbers are no tokens", () => {
  for (const token of ["{}", "[]", '["a"]', "true", "false", "1e999"]) {
    const refusal = refusalOf(`23["authentication",{"token":${token}}]`);
    assertEquals(refusal, { code: "credentials_wrong", details: { ack: "3", isLogin: true } });
  }
});

Deno.test("OWT: a target that is no text and no number is nobody", () => {
  for (const message of [{}, { to: null }, { to: "" }, { to: {} }, { to: ["a"] }, { to: true }]) {
    assertEquals(targetOf(message), "");
  }
  const action = decode('2["owt-message",{"to":1e999}]');
  assertEquals(action?.type === "message" && action.to, "");
});

Deno.test("OWT: an argument that is no object is refused with the acknowledgement it asked for", () => {
  for (const name of ["owt-message", "ics-message", "authentication"]) {
    for (const args of [[], [null], ["text"], [5], [true], [[]], [[{}]]]) {
      const isLogin = name === "authentication";
      assertEquals(refusalOf(frameOf(7, name, ...args)), {
        code: "bad_frame",
        details: { ack: "7", isLogin },
      });
      assertEquals(refusalOf(frameOf(undefined, name, ...args)).details, {
        ack: undefined,
        isLogin,
      });
    }
  }
});

Deno.test("OWT: an argument that nests too deeply is refused as malformed", () => {
  const deep = (levels: number): string =>
    `25["owt-message",{"to":"a","data":${"[".repeat(levels)}${"]".repeat(levels)}}]`;
  assertEquals(decode(deep(60))?.type, "message");
  assertEquals(refusalOf(deep(70)).code, "bad_frame");
  assertEquals(refusalOf(deep(100_000)), {
    code: "bad_frame",
    details: { ack: "5", isLogin: false },
  });
});

Deno.test("OWT: a packet that is no event of Socket.IO gets no answer", () => {
  for (
    const frame of [
      ...["", "2", "2{}", "2[]", "2[1]", "2[null,{}]", '2"authentication"', '2["a"', "20", "2a"],
      ...['3["authentication"]', '0["a"]', '["authentication",{}]'],
    ]
  ) {
    assertEquals(refusalOf(frame), { code: "not_json", details: {} });
  }
  assertEquals(refusalOf(new Uint8Array([0x32])).code, "binary_frame");
});

Deno.test("OWT: events that mean nothing to a server are ignored, with whatever arguments", () => {
  for (
    const name of [
      ...["", "message", "server-authenticated", "server-disconnect", "disconnect", "__proto__"],
      ...["Authentication", "constructor", "chat-signal"],
    ]
  ) {
    for (const args of [[], [null], [{ to: "a" }], [[[]], 1]]) {
      assertEquals(decode(frameOf(1, name, ...args)), undefined);
    }
  }
});

Deno.test("OWT: arguments after the first are ignored", () => {
  const action = decode(frameOf(undefined, "authentication", { token: "a" }, { token: "b" }));
  assertEquals(action?.type === "login" && action.token, "a");
});

/** The receiver's frame of a message. */
function relayed(name: string, json: string, from: string): string {
  const action = decode(`2["${name}",${json}]`);
  assert(action?.type === "message");
  return encodeRelay(action.relayed, from);
}

Deno.test("OWT: a message is passed on without its target and with its sender", () => {
  assertEquals(
    relayed("owt-message", '{"to":"bob","data":"x"}', "alice"),
    '2["owt-message",{"data":"x","from":"alice"}]',
  );
  assertEquals(
    relayed("ics-message", '{"from":"eve","to":"bob","data":"x"}', "alice"),
    '2["ics-message",{"from":"alice","data":"x"}]',
  );
});

Deno.test("OWT: members that the server does not know, and any data, pass untouched", () => {
  const members = '"__proto__":{"a":[1]},"constructor":null,"id":7,"语":"\\ud800"';
  for (
    const data of ['"{\\"type\\":\\"chat-ua\\"}"', "null", "5", "{}", "[[1],{}]", "true", '""']
  ) {
    assertEquals(
      relayed("owt-message", `{${members},"to":5,"data":${data}}`, "a\ud800"),
      `2["owt-message",{${members},"data":${data},"from":"a\\ud800"}]`,
    );
  }
});

Deno.test("OWT: answers are what the contract's transcripts show", () => {
  assertEquals(encodeAuthenticated("alice"), '2["server-authenticated",{"uid":"alice"}]');
  assertEquals(encodeLoginAck("0", "alice"), '30[{"uid":"alice"}]');
  assertEquals(encodeMessageAck("2"), "32[]");
  assertEquals(SERVER_DISCONNECT, '2["server-disconnect"]');
});

Deno.test("OWT: a refusal is a number, and for a login an object; nothing where none asked", () => {
  assertEquals(encodeRefusal({ ack: "1", isLogin: false }, 2201), "31[2201]");
  assertEquals(encodeRefusal({ ack: "1", isLogin: true }, 2121), '31[{"error":2121}]');
  assertEquals(encodeRefusal({ ack: undefined, isLogin: true }, 2121), undefined);
});

Deno.test("OWT: of a frame that is not read, what an answer needs is found all the same", () => {
  assertEquals(readDropped('24["owt-message",{'), { ack: "4", isLogin: false });
  assertEquals(readDropped('24["authentication",'), { ack: "4", isLogin: true });
  for (const frame of ['2["owt-message",{}]', "", "3", new Uint8Array(2)]) {
    assertEquals(readDropped(frame), undefined);
  }
});

Deno.test("OWT: whatever comes is read, ignored or refused with a code, and never anything else", () => {
  const anyValue = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom({ token: [] }, { to: 1 }),
  );
  const anyEvent = fc.tuple(
    fc.option(fc.nat(), { nil: undefined }),
    fc.oneof(fc.constantFrom("authentication", "owt-message", "__proto__"), fc.string()),
    fc.array(anyValue, { maxLength: 2 }),
  ).map(([ack, name, args]) => frameOf(ack, name, ...args));
  fc.assert(
    fc.property(fc.oneof(anyEvent, anyText(), anyText().map((text) => `2${text}`)), (frame) => {
      try {
        decode(frame);
      } catch (error) {
        assert(error instanceof SignalError, String(error));
        assert(["not_json", "bad_frame", "credentials_wrong"].includes(error.code));
      }
      readDropped(frame);
    }),
    { numRuns: 3_000 },
  );
});

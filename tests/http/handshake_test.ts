import { assertEquals } from "@std/assert";
import { asksForUpgrade, objectionToHandshake, selectProtocol } from "../../src/http/handshake.ts";

const HANDSHAKE = {
  "host": "localhost",
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Only as much of a request as is looked at: the real one refuses to carry these headers. */
function handshake(changes: Record<string, string | null> = {}, method = "GET"): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ ...HANDSHAKE, ...changes })) {
    if (value !== null) headers.set(name, value);
  }
  // Nothing else of it is used.
  return { method, headers } as Request;
}

Deno.test("a request for a WebSocket is one by its Upgrade header, in any letter case", () => {
  for (const upgrade of ["websocket", "WebSocket", "WEBSOCKET"]) {
    assertEquals(asksForUpgrade(handshake({ upgrade })), true);
  }
  for (const upgrade of [null, "", "h2c", "websockets"]) {
    assertEquals(asksForUpgrade(handshake({ upgrade })), false);
  }
});

Deno.test("there is nothing to say against a handshake as clients make it", () => {
  assertEquals(objectionToHandshake(handshake()), undefined);
  // As Firefox has it.
  assertEquals(objectionToHandshake(handshake({ connection: "keep-alive, Upgrade" })), undefined);
  assertEquals(objectionToHandshake(handshake({ connection: "upgrade" })), undefined);
  const offered = "odd name,\tx, y+z";
  assertEquals(objectionToHandshake(handshake({ "sec-websocket-protocol": offered })), undefined);
});

for (
  const [name, changes, status] of [
    ["no Connection", { connection: null }, 400],
    ["another Connection", { connection: "keep-alive" }, 400],
    ["a Connection that only looks like it", { connection: "upgraded" }, 400],
    ["no version", { "sec-websocket-version": null }, 426],
    ["version 8", { "sec-websocket-version": "8" }, 426],
    ["several versions", { "sec-websocket-version": "13, 8" }, 426],
    ["no key", { "sec-websocket-key": null }, 400],
    ["an empty key", { "sec-websocket-key": "" }, 400],
    ["a short key", { "sec-websocket-key": "AAAA" }, 400],
    ["a key of 15 bytes", { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAA" }, 400],
    ["a key of 17 bytes", { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAAA=" }, 400],
    ["a key without padding", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ" }, 400],
    ["a key that is no base64", { "sec-websocket-key": "!!!!!!!!!!!!!!!!!!!!!!==" }, 400],
    ["a subprotocol beyond ASCII", { "sec-websocket-protocol": "a, m\u00fcnchen" }, 400],
  ] as const
) {
  Deno.test(`a handshake with ${name} is answered ${status}`, () => {
    assertEquals(objectionToHandshake(handshake(changes))?.status, status);
  });
}

Deno.test("a handshake of another version gets the right version in the answer", () => {
  const response = objectionToHandshake(handshake({ "sec-websocket-version": "8" }));
  assertEquals(response?.headers.get("sec-websocket-version"), "13");
});

Deno.test("a handshake by another method is answered 405", () => {
  for (const method of ["POST", "HEAD", "OPTIONS", "CONNECT"]) {
    const response = objectionToHandshake(handshake({}, method));
    assertEquals([response?.status, response?.headers.get("allow")], [405, "GET"]);
  }
});

Deno.test("the dialect's subprotocol is selected, then the companion of a token, then perhaps any", () => {
  const cases: [offered: string[], acceptsAny: boolean, expected: string | undefined][] = [
    [[], true, undefined],
    [["x"], false, undefined],
    [["x", "y"], true, "x"],
    [["x", "ssp", "y"], true, "ssp"],
    [["signalbox", "ssp"], false, "ssp"],
    [["x", "signalbox"], false, "signalbox"],
    [["x", "signalbox"], true, "signalbox"],
  ];
  for (const [offered, acceptsAny, expected] of cases) {
    assertEquals(selectProtocol(offered, ["ssp"], acceptsAny), expected, offered.join());
  }
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { peerJsUrl } from "../helpers/wire/peers.ts";
import { encodeFrame, OPCODE } from "../helpers/wire/raw_frames.ts";
import { type HeadersToSend, RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until, within } from "../helpers/wire/waiting.ts";

// Broken handshakes are answered with an HTTP status below 500 or cut off, never with 101, and harm
// nobody else (reliability notes, sections 2 and 3; RFC 6455, section 4.2).

interface Handshake {
  readonly name: string;
  readonly line?: string;
  readonly headers?: HeadersToSend;
  /** Statuses that are in order. */
  readonly expected: readonly number[];
}

const GOOD_LINE = "GET / HTTP/1.1";
const key = (value: string | undefined): HeadersToSend => ({ "Sec-WebSocket-Key": value });
const version = (value: string | undefined): HeadersToSend => ({ "Sec-WebSocket-Version": value });

const BAD_HANDSHAKES: readonly Handshake[] = [
  { name: "no key", headers: key(undefined), expected: [400] },
  { name: "an empty key", headers: key(""), expected: [400] },
  { name: "a short key", headers: key("c2hvcnQ="), expected: [400] },
  { name: "a key of 17 bytes", headers: key("dGhlIHNhbXBsZSBub25jZSE="), expected: [400] },
  { name: "a key that is no base64", headers: key("!!!!!!!!!!!!!!!!!!!!!!=="), expected: [400] },
  { name: "version 8", headers: version("8"), expected: [426] },
  { name: "version 12", headers: version("12"), expected: [426] },
  { name: "no version", headers: version(undefined), expected: [426] },
  { name: "a list of versions", headers: version("13, 8"), expected: [400, 426] },
  { name: "no Connection", headers: { Connection: undefined }, expected: [400] },
  { name: "Connection: close", headers: { Connection: "close" }, expected: [400] },
  { name: "Connection: keep-alive", headers: { Connection: "keep-alive" }, expected: [400] },
  { name: "POST", line: "POST / HTTP/1.1", expected: [405] },
  { name: "PUT", line: "PUT /peerjs HTTP/1.1", expected: [405] },
  { name: "HEAD", line: "HEAD / HTTP/1.1", expected: [405] },
  { name: "an unheard-of method", line: "BREW / HTTP/1.1", expected: [405] },
  { name: "CONNECT", line: "CONNECT / HTTP/1.1", expected: [400, 405] },
  { name: "an unknown path", line: "GET /nowhere HTTP/1.1", expected: [404] },
  { name: "an id's path", line: "GET /peerjs/id HTTP/1.1", expected: [404] },
  { name: "a path of two slashes", line: "GET //elsewhere/ HTTP/1.1", expected: [404] },
  { name: "a broken escape", line: "GET /%zz/id HTTP/1.1", expected: [400] },
  { name: "an escape that is no UTF-8", line: "GET /%ff HTTP/1.1", expected: [400] },
  { name: "a target without a slash", line: "GET peerjs HTTP/1.1", expected: [400] },
  { name: "an asterisk", line: "GET * HTTP/1.1", expected: [400] },
  { name: "a NUL in the target", line: "GET /\0 HTTP/1.1", expected: [400] },
  { name: "HTTP/0.9", line: "GET /", expected: [400] },
  { name: "HTTP/2.0 in words", line: "GET / HTTP/2.0", expected: [400, 505] },
  { name: "a Host with a blank", headers: { Host: "a b" }, expected: [400] },
  { name: "a Host with a path", headers: { Host: "a/b" }, expected: [400, 404] },
  { name: "a Host with a query", headers: { Host: "a?b" }, expected: [400, 404] },
  { name: "300 headers", headers: numbered(300), expected: [400, 431] },
  { name: "a header of 1 MiB", headers: { "X-Long": "x".repeat(2 ** 20) }, expected: [400, 431] },
];

Deno.test("broken handshakes get a status below 500, never 101", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  for (const { name, line = GOOD_LINE, headers = {}, expected } of BAD_HANDSHAKES) {
    using socket = await RawSocket.connect(server.url);
    await socket.write(requestText(line, headers));
    const head = await socket.headIfAny();
    // Cutting the connection is an answer too, to what is no HTTP.
    const isExpected = head === undefined || expected.includes(head.status);
    assert(isExpected, `${name}: ${head?.status} is not one of ${expected.join(", ")}`);
    if (head?.status === 426) assertEquals(head.headers.get("sec-websocket-version"), "13", name);
    if (head?.status === 405) assertStringIncludes(head.headers.get("allow") ?? "", "GET", name);
    await bystanders.talk();
  }
  assertEquals(server.log.filter(({ level }) => level === "error"), []);
});

Deno.test("a handshake without Host is refused", async () => {
  await using server = startTestServer();
  using socket = await RawSocket.connect(server.url);
  await socket.write(requestText(GOOD_LINE, { Host: undefined }));
  assertEquals((await socket.head()).status, 400);
});

// The runtime accepts these or hides them from script; the connection then is one like any other.
const ODD_HANDSHAKES: readonly Handshake[] = [
  { name: "HTTP/1.0", line: "GET / HTTP/1.0", expected: [101, 400, 426, 505] },
  { name: "an absolute target", line: "GET http://localhost/ HTTP/1.1", expected: [101] },
  { name: "a query", line: "GET /?a=%zz&b=%ff HTTP/1.1", expected: [101] },
  {
    name: "Connection with other words",
    headers: { Connection: "keep-alive, Upgrade" },
    expected: [101],
  },
  { name: "a word in other letter case", headers: { Upgrade: "WebSocket" }, expected: [101] },
  { name: "a subprotocol", headers: { "Sec-WebSocket-Protocol": "chat" }, expected: [101] },
  {
    name: "compression",
    headers: { "Sec-WebSocket-Extensions": "permessage-deflate" },
    expected: [101],
  },
  { name: "an Origin of bytes", headers: { Origin: "\u00ff\u00fe€" }, expected: [101] },
  { name: "a body", headers: { "Content-Length": "5" }, expected: [101, 400] },
  {
    name: "an empty body in chunks",
    headers: { "Transfer-Encoding": "chunked" },
    expected: [101, 400],
  },
];

Deno.test("odd handshakes open a connection that negotiates nothing, or get a 4xx", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  for (const { name, line = GOOD_LINE, headers = {}, expected } of ODD_HANDSHAKES) {
    using socket = await RawSocket.connect(server.url);
    await socket.write(requestText(line, headers));
    const head = await socket.headIfAny();
    assert(head !== undefined && expected.includes(head.status), `${name}: ${head?.status}`);
    // Neither is used by any dialect (PeerJS section 4, GStreamer section 1).
    assertEquals(head.headers.get("sec-websocket-protocol"), undefined, name);
    assertEquals(head.headers.get("sec-websocket-extensions"), undefined, name);
    await bystanders.talk();
  }
});

// Embedded clients copy an address into the header as they have it.
const ODD_HOSTS = ["fe80::1%eth0", "::1:8080", "[fe80::1%25eth0]:80", "[", "a:99999999", ""];

Deno.test("a client with an odd Host header is served like any other", async () => {
  await using server = startTestServer();
  for (const Host of ODD_HOSTS) {
    using peer = await RawSocket.upgrade(`${server.url}/gst`, { Host });
    await peer.send("HELLO odd");
    assertEquals(await peer.next(), "HELLO", Host);
    const pages = ["/readyz", "/metrics", "/docs", "/try", "/try/clients/lib/yjs/yjs.js"];
    for (const path of ["/peerjs/id", "/socket.io/?EIO=4&transport=polling", ...pages]) {
      using socket = await RawSocket.connect(server.url);
      const plain = { Host, Upgrade: undefined, Connection: "close" };
      await socket.write(requestText(`GET ${path} HTTP/1.1`, plain));
      assertEquals((await socket.head()).status, 200, `${Host} ${path}`);
    }
  }
});

// Clients on Dart, Swift and small machines send it. Since Deno 2.9 the runtime answers 400 itself.
Deno.test("the strict transport serves a handshake with Content-Length: 0", async () => {
  await using server = startTestServer({ args: ["--transport", "strict"] });
  for (const path of ["/gst", "/", "/socket.io/?EIO=4&transport=websocket"]) {
    using peer = await RawSocket.upgrade(server.url + path, { "Content-Length": "0" });
    await peer.send("HELLO embedded");
    assertEquals(
      (await peer.next()).slice(0, 6),
      path.startsWith("/socket.io") ? '0{"sid' : "HELLO",
    );
    await peer.sendFrame({ opcode: OPCODE.close, payload: "" });
    await peer.ended();
  }
});

Deno.test("bytes that are not HTTP are cut off or refused", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  const garbage = Uint8Array.from({ length: 4_096 }, (_, at) => (at * 167 + 13) % 256);
  const tlsHello = Uint8Array.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...garbage]);
  for (const bytes of [garbage, tlsHello, "HELLO alice\n\n", "\0".repeat(100) + "\r\n\r\n"]) {
    using socket = await RawSocket.connect(server.url);
    await socket.write(bytes);
    const status = (await socket.headIfAny())?.status ?? 400;
    assert(status >= 400 && status < 500, `answered with ${status}`);
    await bystanders.talk();
  }
});

Deno.test("half a request line, and then silence, holds up nobody", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  const silent: RawSocket[] = [];
  try {
    for (
      const start of ["", "G", "GET / HT", "GET / HTTP/1.1\r\nHost: loc", "PRI * HTTP/2.0\r\n\r\n"]
    ) {
      const socket = await RawSocket.connect(server.url);
      silent.push(socket);
      await socket.write(start);
      await bystanders.talk();
    }
    // None of them is a connection that counts.
    assertEquals(await server.gauge("signalbox_connections"), 4);
  } finally {
    for (const socket of silent) socket.cut();
  }
  await bystanders.talk();
});

Deno.test("clients that hang up during the handshake leave nothing behind", async () => {
  await using server = startTestServer();
  {
    await using bystanders = await Bystanders.join(server.wsUrl);
    for (let round = 0; round < 50; round++) {
      for (const url of [`${server.wsUrl}/`, peerJsUrl(server.wsUrl, `hasty-${round}`)]) {
        using socket = await RawSocket.connect(url);
        const { pathname, search } = new URL(url);
        await socket.write(requestText(`GET ${pathname}${search} HTTP/1.1`));
      }
    }
    await bystanders.talk();
    const isBack = async () => await server.gauge("signalbox_sockets") === 4;
    await until("the hasty clients to be forgotten", isBack);
  }
  await assertEmpty(server.url);
});

Deno.test("a frame in the same packet as the handshake is not lost", async () => {
  await using server = startTestServer();
  using socket = await RawSocket.connect(server.url);
  const head = new TextEncoder().encode(requestText(GOOD_LINE));
  await socket.write(Uint8Array.from([...head, ...encodeFrame({ payload: "HELLO early" })]));
  assertEquals((await socket.head()).status, 101);
  assertEquals(await socket.next(), "HELLO");
});

Deno.test("plain requests and wrong methods at a socket's path get an explanation", async () => {
  await using server = startTestServer();
  const ask = async (method: string, path: string): Promise<number> => {
    const response = await within("an answer", fetch(`${server.url}${path}`, { method }));
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await ask("GET", "/peerjs"), 426);
  assertEquals(await ask("GET", "/gst"), 426);
  assertEquals(await ask("DELETE", "/peerjs/id"), 405);
  assertEquals(await ask("POST", "/health"), 405);
  assertEquals(await ask("GET", "/nowhere"), 404);
  assertEquals(await ask("GET", "/%zz/id"), 400);
});

Deno.test("odd bytes in headers never make a 5xx", async () => {
  await using server = startTestServer();
  const plain: HeadersToSend = { Upgrade: undefined, Connection: "close" };
  const requests: readonly [string, HeadersToSend][] = [
    ["GET /peerjs/id HTTP/1.1", { Origin: "\u00ff\u00fe€" }],
    ["OPTIONS /peerjs/id HTTP/1.1", { Origin: "€", "Access-Control-Request-Headers": "€" }],
    ["GET / HTTP/1.1", { Accept: "€;q=;,,;;q=9e9, text/html;q=x" }],
    ["GET / HTTP/1.1", { Accept: "a".repeat(8_000) }],
    ["GET /peerjs/peers HTTP/1.1", { Host: "u:p@h" }],
    ["OPTIONS * HTTP/1.1", {}],
    ["POST /peerjs/id HTTP/1.1", { "Content-Length": "99999999" }],
    ["POST /peerjs/id HTTP/1.1", { "Content-Length": "-5" }],
    ["GET /../../etc/passwd HTTP/1.1", {}],
  ];
  for (const [line, headers] of requests) {
    using socket = await RawSocket.connect(server.url);
    await socket.write(requestText(line, { ...plain, ...headers }));
    const status = (await socket.headIfAny())?.status ?? 400;
    assert(status < 500, `${line} ${JSON.stringify(headers)}: ${status}`);
  }
  assertEquals(server.log.filter(({ level }) => level === "error"), []);
});

function numbered(count: number): HeadersToSend {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`X-${at}`, "x"]));
}

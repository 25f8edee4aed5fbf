import { assert, assertEquals, assertMatch } from "@std/assert";
import { RawHttp } from "../../../helpers/wire/raw_http.ts";
import { startStrictEcho } from "../../../helpers/wire/strict_echo.ts";

const LIMITS = { maxHeadBytes: 1_024, maxHeadFields: 8 };
const HOST = "Host: x\r\n";
/** Fields that bring a head of `line` to exactly so many bytes. */
const padded = (line: string, bytes: number): string => {
  const rest = `${line}\r\n${HOST}Pad: `;
  return `${rest}${"p".repeat(bytes - rest.length - 4)}\r\n\r\n`;
};
const fields = (count: number): string =>
  Array.from({ length: count }, (_, at) => `F${at}: v\r\n`).join("");
const get = (headers = "", target = "/t"): string =>
  `GET ${target} HTTP/1.1\r\n${HOST}${headers}\r\n`;
const post = (headers: string, body: string): string =>
  `POST /t HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;

/** The request, and the status and body of the answer. A refusal also ends the connection. */
const GOOD: readonly (readonly [name: string, request: string, body: string])[] = [
  ["a request", get(), "GET /t "],
  ["blank lines before it", `\r\n\r\n${get()}`, "GET /t "],
  ["an unknown method", `BREW /t HTTP/1.1\r\n${HOST}\r\n`, "BREW /t "],
  ["a method in lower case", `get /t HTTP/1.1\r\n${HOST}\r\n`, "get /t "],
  ["TRACE", `TRACE /t HTTP/1.1\r\n${HOST}\r\n`, "TRACE /t "],
  ["a broken escape in the target", get("", "/%zz?a=%"), "GET /%zz?a=% "],
  ["a doubled slash", get("", "//t//"), "GET //t// "],
  ["an absolute target", "GET http://y/p?q HTTP/1.1\r\nHost: x\r\n\r\n", "GET /p?q "],
  ["an absolute target without a path", "GET http://y HTTP/1.1\r\nHost: x\r\n\r\n", "GET / "],
  [
    "an absolute target with a query only",
    "GET HTTP://y?q HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /?q ",
  ],
  ["blanks around a value", get("A:  b \t\r\n"), "GET /t "],
  ["an empty value", get("A:\r\n"), "GET /t "],
  ["bytes beyond ASCII in a value", get("A: \xff\r\n"), "GET /t "],
  ["an empty Host", "GET /t HTTP/1.1\r\nHost:\r\n\r\n", "GET /t "],
  ["the largest number of fields", get(fields(7)), "GET /t "],
  ["a head of the largest size", padded("GET /t HTTP/1.1", 1_024), "GET /t "],
  ["a body by length", post("Content-Length: 3\r\n", "abc"), "POST /t abc"],
  ["a body of no bytes", post("Content-Length: 0\r\n", ""), "POST /t "],
  ["equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), "POST /t abc"],
  ["equal lengths in one field", post("Content-Length: 3, 3\r\n", "abc"), "POST /t abc"],
  [
    "chunks",
    post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
    "POST /t abc",
  ],
  [
    "a coding in capitals",
    post("transfer-encoding: Chunked\r\n", "1\r\na\r\n0\r\n\r\n"),
    "POST /t a",
  ],
  [
    "sizes with zeros and capitals",
    post("Transfer-Encoding: chunked\r\n", "00A\r\n0123456789\r\n000\r\n\r\n"),
    "POST /t 0123456789",
  ],
  [
    "chunk extensions",
    post("Transfer-Encoding: chunked\r\n", "1;a=b;c\r\na\r\n0;x\r\n\r\n"),
    "POST /t a",
  ],
  [
    "trailers",
    post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nT: v\r\nU: w\r\n\r\n"),
    "POST /t a",
  ],
];

const BAD: readonly (readonly [name: string, request: string, status: number])[] = [
  ["no method", ` /t HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["no target", `GET HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a blank in the target", `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["two blanks", `GET  /t HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a tab for a blank", `GET\t/t HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a method that is no token", `G(T /t HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a relative target", `GET t HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["an asterisk", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["an authority", `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a foreign scheme", `GET ftp://x/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a user in the target", `GET http://u@x/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["no version", `GET /t\r\n${HOST}\r\n`, 400],
  ["a version in lower case", `GET /t http/1.1\r\n${HOST}\r\n`, 400],
  ["HTTP/1.2", `GET /t HTTP/1.2\r\n${HOST}\r\n`, 505],
  ["HTTP/2.0", `GET /t HTTP/2.0\r\n${HOST}\r\n`, 505],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["TLS on a plain port", "\x16\x03\x01\x02\x00\x01\x00", 400],
  ["bytes that are no request", "\x00\x01\x02\x03", 400],
  ["no Host", "GET /t HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", `GET /t HTTP/1.1\r\n${HOST}Host: y\r\n\r\n`, 400],
  ["a blank in Host", "GET /t HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["a path in Host", "GET /t HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a user in Host", "GET /t HTTP/1.1\r\nHost: u@b\r\n\r\n", 400],
  ["LF alone behind the request line", "GET /t HTTP/1.1\nHost: x\r\n\r\n", 400],
  ["LF alone behind a field", "GET /t HTTP/1.1\r\nHost: x\n\r\n", 400],
  ["LF alone at the end", "GET /t HTTP/1.1\r\nHost: x\r\n\n", 400],
  ["CR alone in a value", get("A: b\rc\r\n"), 400],
  ["NUL in a value", get("A: b\0c\r\n"), 400],
  ["DEL in a value", get("A: b\x7fc\r\n"), 400],
  ["a folded line", get("A: b\r\n c\r\n"), 400],
  ["a field without a colon", get("Abc\r\n"), 400],
  ["a field without a name", get(": v\r\n"), 400],
  ["a blank before the colon", get("A : v\r\n"), 400],
  ["a name that is no token", get("A(: v\r\n"), 400],
  ["a name beyond ASCII", get("\xc4: v\r\n"), 400],
  ["a field too many", get(fields(8)), 431],
  ["a head one byte too large", padded("GET /t HTTP/1.1", 1_025), 431],
  ["a line that does not end", `GET /${"t".repeat(2_000)}`, 431],
  ["a length with a sign", post("Content-Length: +3\r\n", "abc"), 400],
  ["a negative length", post("Content-Length: -3\r\n", "abc"), 400],
  ["a length in hexadecimal", post("Content-Length: 0x3\r\n", "abc"), 400],
  ["an empty length", post("Content-Length:\r\n", ""), 400],
  ["a length of many digits", post(`Content-Length: ${"9".repeat(16)}\r\n`, ""), 400],
  ["different lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400],
  ["different lengths in one field", post("Content-Length: 3, 4\r\n", "abcd"), 400],
  [
    "a length beside a coding",
    post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    400,
  ],
  [
    "a coding beside a length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"),
    400,
  ],
  ["another coding", post("Transfer-Encoding: gzip\r\n", ""), 501],
  ["chunked that is not alone", post("Transfer-Encoding: gzip, chunked\r\n", ""), 501],
  ["chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", ""), 501],
  [
    "chunked in two fields",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""),
    501,
  ],
  ["an empty coding", post("Transfer-Encoding:\r\n", ""), 501],
  [
    "a coding in HTTP/1.0",
    `POST /t HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["a chunk without a size", post("Transfer-Encoding: chunked\r\n", "\r\n"), 400],
  ["a size that is no number", post("Transfer-Encoding: chunked\r\n", "g\r\n"), 400],
  ["a size with a sign", post("Transfer-Encoding: chunked\r\n", "-1\r\n"), 400],
  ["a size with a prefix", post("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n"), 400],
  ["a size of many digits", post("Transfer-Encoding: chunked\r\n", `${"1".repeat(13)}\r\n`), 400],
  ["LF alone behind a size", post("Transfer-Encoding: chunked\r\n", "1\na\r\n0\r\n\r\n"), 400],
  [
    "a chunk longer than its size",
    post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n"),
    400,
  ],
  ["LF alone behind a chunk", post("Transfer-Encoding: chunked\r\n", "1\r\na\n0\r\n\r\n"), 400],
  ["endless extensions", post("Transfer-Encoding: chunked\r\n", `1;${"x".repeat(5_000)}`), 400],
  [
    "endless trailers",
    post("Transfer-Encoding: chunked\r\n", `0\r\n${"T: v\r\n".repeat(3_000)}`),
    431,
  ],
];

Deno.test("requests that are in order reach the handler, in one write and byte by byte", async () => {
  await using server = startStrictEcho({ limits: LIMITS });
  for (const [name, request, body] of GOOD) {
    for (const isSplit of [false, true]) {
      using client = await RawHttp.connect(server.url);
      if (isSplit) { for (const byte of request) await client.write(byte); }
      else await client.write(request);
      const response = await client.response();
      assertEquals([response.status, response.body], [200, body], name);
      // The connection is as good as new.
      await client.write(get());
      assertEquals((await client.response()).body, "GET /t ", name);
    }
  }
  assertEquals(server.refused, []);
});

Deno.test("requests that are not in order are refused once, and the connection ends", async () => {
  await using server = startStrictEcho({ limits: LIMITS });
  for (const [name, request, status] of BAD) {
    for (const isSplit of [false, true]) {
      using client = await RawHttp.connect(server.url);
      // The server may end the connection before the last byte.
      if (isSplit && request.length < 1_500) {
        for (const byte of request) await client.write(byte);
      } else await client.write(request);
      const response = await client.response();
      assertEquals([response.status, response.headers.get("connection")], [status, "close"], name);
      assertMatch(response.body, /^[A-Z][\w /.-]+\n$/);
      assertEquals(await client.rest(), "", name);
    }
  }
  assertEquals(server.refused.length, 2 * BAD.length);
});

Deno.test("requests in one write are answered in order, one at a time", async () => {
  const order: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  await using server = startStrictEcho({
    respond: async (request) => {
      const path = request.url.slice(request.url.lastIndexOf("/"));
      order.push(path);
      if (path === "/slow") {
        const gate = Promise.withResolvers<void>();
        gates.set(path, gate);
        await gate.promise;
      }
      return new Response(path);
    },
  });
  using client = await RawHttp.connect(server.url);
  await client.write(get("", "/slow") + get("", "/fast") + get("", "/last"));
  using other = await RawHttp.connect(server.url);
  await other.write(get("", "/other"));
  assertEquals((await other.response()).body, "/other");
  assertEquals(order, ["/slow", "/other"]);
  gates.get("/slow")?.resolve();
  const bodies = [await client.response(), await client.response(), await client.response()];
  assertEquals(bodies.map(({ body }) => body), ["/slow", "/fast", "/last"]);
});

Deno.test("answers have a date, a length and a word about the connection", async () => {
  await using server = startStrictEcho();
  using client = await RawHttp.connect(server.url);
  await client.write(get());
  const { headers } = await client.response();
  assert(!Number.isNaN(Date.parse(headers.get("date") ?? "")));
  assertEquals([headers.get("content-length"), headers.get("connection")], ["7", "keep-alive"]);
  await client.write(get("Connection: close\r\n"));
  assertEquals((await client.response()).headers.get("connection"), "close");
  assertEquals(await client.rest(), "");
});

Deno.test("HTTP/1.0 is answered, without chunks, and the connection ends", async () => {
  await using server = startStrictEcho();
  for (const host of ["", HOST]) {
    using client = await RawHttp.connect(server.url);
    await client.write(`GET /t HTTP/1.0\r\n${host}\r\n`);
    const { body, headers } = await client.response();
    assertEquals([body, headers.get("connection")], ["GET /t ", "close"]);
    assertEquals(await client.rest(), "");
  }
});

Deno.test("HEAD has the headers of GET and no body", async () => {
  await using server = startStrictEcho({ respond: () => new Response("twelve bytes") });
  using client = await RawHttp.connect(server.url);
  await client.write(`HEAD / HTTP/1.1\r\n${HOST}\r\n${get()}`);
  const head = await client.head();
  assertEquals([head.status, head.headers.get("content-length")], [200, "12"]);
  assertEquals((await client.response()).body, "twelve bytes");
});

Deno.test("204 has no body and no length", async () => {
  await using server = startStrictEcho({ respond: () => new Response(null, { status: 204 }) });
  using client = await RawHttp.connect(server.url);
  await client.write(get());
  const head = await client.head();
  assertEquals([head.status, head.headers.get("content-length")], [204, undefined]);
});

Deno.test("a client that waits for leave gets it when the handler reads, and not before", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = startStrictEcho({
    respond: async (request) => {
      if (request.url.endsWith("/unread")) return new Response("no");
      await gate.promise;
      return new Response(await new Response(request.body).text());
    },
  });
  using client = await RawHttp.connect(server.url);
  await client.write(post("Expect: 100-continue\r\nContent-Length: 4\r\n", ""));
  gate.resolve();
  assertEquals((await client.head()).status, 100);
  await client.write("body");
  assertEquals((await client.response()).body, "body");

  await client.write(
    post("Expect: 100-continue\r\nContent-Length: 4\r\n", "").replace("/t", "/unread"),
  );
  const refusal = await client.response();
  // Whether the body follows is the client's choice: nothing can be read after it.
  assertEquals([refusal.body, refusal.headers.get("connection")], ["no", "close"]);
});

Deno.test("a body that nobody reads is skipped up to 64 KiB; beyond that the connection ends", async () => {
  await using server = startStrictEcho({ respond: () => new Response("no") });
  using client = await RawHttp.connect(server.url);
  await client.write(post("Content-Length: 65536\r\n", "x".repeat(65_536)) + get());
  assertEquals((await client.response()).headers.get("connection"), "keep-alive");
  assertEquals((await client.response()).body, "no");
  await client.write(post("Content-Length: 65537\r\n", "x".repeat(65_537)));
  assertEquals((await client.response()).headers.get("connection"), "close");
  assertEquals(await client.rest(), "");
});

Deno.test("a client that has ended its own side still gets its answer", async () => {
  await using server = startStrictEcho();
  using client = await RawHttp.connect(server.url);
  await client.write(post("Content-Length: 3\r\n", "abc"));
  await client.endWriting();
  assertEquals((await client.response()).body, "POST /t abc");
  assertEquals(await client.rest(), "");
});

Deno.test("a stream is written as it comes, and cancelled at once when its client goes", async () => {
  const cancelled = Promise.withResolvers<void>();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  await using server = startStrictEcho({
    respond: () =>
      new Response(
        new ReadableStream({
          start: (one) => void (controller = one),
          cancel: () => cancelled.resolve(),
        }),
        { headers: { "content-type": "text/event-stream" } },
      ),
  });
  const client = await RawHttp.connect(server.url);
  await client.write(get());
  const head = await client.head();
  assertEquals(head.headers.get("transfer-encoding"), "chunked");
  for (const event of ["data: 1\n\n", "data: 22\n\n"]) {
    controller?.enqueue(new TextEncoder().encode(event));
    assertEquals(await client.chunk(), event);
  }
  client[Symbol.dispose]();
  await cancelled.promise;
});

Deno.test("a stream that ends leaves the connection usable", async () => {
  await using server = startStrictEcho({
    respond: () =>
      new Response(ReadableStream.from([new TextEncoder().encode("data: 1\n\n")]), {
        headers: { "content-type": "text/event-stream" },
      }),
  });
  using client = await RawHttp.connect(server.url);
  for (let round = 0; round < 2; round++) {
    await client.write(get());
    await client.head();
    assertEquals([await client.chunk(), await client.chunk()], ["data: 1\n\n", ""]);
  }
});

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { peerJsUrl } from "../helpers/wire/peers.ts";
import { type HeadersToSend, RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";

// Admission of clients, and their number. A browser cannot read the status of a failed upgrade, so
// a refusal is a short connection in the dialect's words.

const BARE = { code: undefined, reason: "" };
const peerJsRefusal = (msg: string): [string, unknown] => [
  JSON.stringify({ type: "ERROR", payload: { msg } }),
  BARE, // section 4: the closing frame of a refusal carries no status
];
const gstRefusal = (text: string, code: number, reason: string): [string, unknown] => [
  `ERROR ${text}`,
  { code, reason },
];

Deno.test("limits.maxConnections: one more is refused until one has left", async () => {
  await using server = startTestServer({ args: ["--limits-max-connections", "3"] });
  using visitors = new Visitors(server.wsUrl);
  for (const path of ["/", "/peerjs", "/gst"]) await visitors.connect(path);
  assertEquals(
    await visitors.refusal("/peerjs"),
    peerJsRefusal("Server has reached its connection limit"),
  );
  assertEquals(await visitors.refusal("/"), gstRefusal("server is full", 1013, "server is full"));
  // Plain HTTP goes on.
  assertEquals((await (await fetch(`${server.url}/healthz`)).text()).trim(), "OK");

  visitors.cutOne();
  const isLess = async () => await server.gauge("signalbox_connections") === 2;
  await until("the place to be free", isLess);
  await visitors.connect("/");
  assertEquals(await visitors.refusal("/"), gstRefusal("server is full", 1013, "server is full"));
});

Deno.test("limits.maxConnectionsPerAddress: the same from one address", async () => {
  await using server = startTestServer({
    args: ["--limits-max-connections-per-address", "2", "--trust-proxy", "127.0.0.1"],
  });
  using visitors = new Visitors(server.wsUrl);
  const from = (address: string): HeadersToSend => ({ "X-Forwarded-For": address });
  for (const path of ["/", "/peerjs"]) await visitors.connect(path, from("198.51.100.1"));
  const full = "Too many connections from this address";
  assertEquals(await visitors.refusal("/peerjs", from("198.51.100.1")), peerJsRefusal(full));
  assertEquals(
    await visitors.refusal("/", from("::ffff:198.51.100.1")),
    gstRefusal("too many connections from this address", 1013, "too many connections"),
  );
  // The hop next to us counts, not what the client claims before it.
  assertEquals(
    await visitors.refusal("/peerjs", from("203.0.113.9, 198.51.100.1")),
    peerJsRefusal(full),
  );
  await visitors.connect("/", from("198.51.100.2"));

  visitors.cutOne();
  const isLess = async () => await server.gauge("signalbox_connections") === 2;
  await until("the place to be free", isLess);
  await visitors.connect("/", from("198.51.100.1"));
});

Deno.test("addresses of one IPv6 /64 count as one", async () => {
  await using server = startTestServer({
    args: ["--limits-max-connections-per-address", "2", "--trust-proxy", "127.0.0.0/8"],
  });
  using visitors = new Visitors(server.wsUrl);
  const from = (address: string): HeadersToSend => ({ "X-Forwarded-For": address });
  await visitors.connect("/", from("2001:db8:1:2::1"));
  await visitors.connect("/", from("[2001:0DB8:0001:0002:ffff:ffff:ffff:ffff]:443"));
  for (const address of ["2001:db8:1:2:3::4", "2001:db8:1:2::"]) {
    const [text] = await visitors.refusal("/", from(address));
    assertEquals(text, "ERROR too many connections from this address", address);
  }
  for (const address of ["2001:db8:1:3::1", "2001:db8:1:1::1"]) {
    await visitors.connect("/", from(address));
  }
});

Deno.test("without --trust-proxy the header of a proxy is ignored", async () => {
  await using server = startTestServer({ args: ["--limits-max-connections-per-address", "2"] });
  using visitors = new Visitors(server.wsUrl);
  for (const address of ["198.51.100.1", "198.51.100.2"]) {
    await visitors.connect("/", { "X-Forwarded-For": address });
  }
  const [text] = await visitors.refusal("/", { "X-Forwarded-For": "198.51.100.3" });
  assertEquals(text, "ERROR too many connections from this address");
  const addresses = server.log.flatMap(({ facts }) => facts["address"] ?? []);
  assertEquals([...new Set(addresses)], ["127.0.0.1"]);
});

Deno.test("a proxy's header that makes no sense counts as the proxy's own address", async () => {
  const args = ["--limits-max-connections-per-address", "20", "--trust-proxy", "127.0.0.1"];
  await using server = startTestServer({ args });
  using visitors = new Visitors(server.wsUrl);
  const nonsense = [
    "",
    ",",
    "unknown",
    "1.2.3.4.5",
    "2001:db8::zz",
    "_hidden",
    "€",
    "x".repeat(4_000),
  ];
  // Not at `/`, where no observer learns of a connection before its dialect is known.
  for (const header of nonsense) await visitors.connect("/gst", { "X-Forwarded-For": header });
  const addresses = server.log.flatMap(({ facts }) => facts["address"] ?? []);
  assertEquals([...new Set(addresses)], ["127.0.0.1"]);
});

Deno.test("limits.connectionsPerSecond and connectionBurst: too many new ones are refused", async () => {
  const clock = new FakeClock();
  const args = ["--limits-connections-per-second", "2", "--limits-connection-burst", "3"];
  await using server = startTestServer({ args, clock });
  using visitors = new Visitors(server.wsUrl);
  for (let count = 0; count < 3; count++) await visitors.connect("/");
  const rate = "Too many new connections from this address";
  assertEquals(await visitors.refusal("/peerjs"), peerJsRefusal(rate));
  assertEquals(
    await visitors.refusal("/"),
    gstRefusal("too many new connections from this address", 1013, "too many connections"),
  );
  clock.advance(499);
  assertEquals((await visitors.refusal("/peerjs"))[0], peerJsRefusal(rate)[0]);
  clock.advance(1);
  await visitors.connect("/");
  assertEquals((await visitors.refusal("/peerjs"))[0], peerJsRefusal(rate)[0]);
  clock.advance(60_000); // never more than the burst
  for (let count = 0; count < 3; count++) await visitors.connect("/");
  assertEquals((await visitors.refusal("/peerjs"))[0], peerJsRefusal(rate)[0]);
});

Deno.test("addresses that went away are forgotten", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ args: ["--trust-proxy", "127.0.0.1"], clock });
  {
    using visitors = new Visitors(server.wsUrl);
    for (let at = 0; at < 50; at++) {
      await visitors.connect("/", { "X-Forwarded-For": `198.51.100.${at}` });
    }
    clock.advance(30_000);
    assertEquals(await server.gauge("signalbox_addresses"), 50);
  }
  await assertEmpty(server.url);
  clock.advance(30_000);
  assertEquals(await server.gauge("signalbox_addresses"), 0);
});

Deno.test("refused clients that will not go get an HTTP status instead, and cost others nothing", async () => {
  await using server = startTestServer({ args: ["--limits-max-connections", "4"] });
  await using bystanders = await Bystanders.join(server.wsUrl);
  {
    using visitors = new Visitors(server.wsUrl);
    // They never answer the closing frame, so that their descriptors stay.
    for (let count = 0; count < 100; count++) await visitors.connect("/");
    using late = await RawSocket.connect(server.url);
    await late.write(requestText("GET / HTTP/1.1"));
    const head = await late.head();
    assertEquals([head.status, head.headers.get("retry-after")], [503, "5"]);
    await bystanders.talk();
  }
  const isBack = async () => await server.gauge("signalbox_sockets") === 4;
  await until("the refused ones to have gone", isBack);
  using visitors = new Visitors(server.wsUrl);
  assertEquals(await visitors.refusal("/"), gstRefusal("server is full", 1013, "server is full"));
  await bystanders.talk();
});

const PAGE = "https://app.example";

Deno.test("allowedOrigins: other pages are refused in the dialect's words, other clients are not", async () => {
  await using server = startTestServer({
    args: ["--allowed-origins", PAGE, "--allowed-origins", "http://localhost:3000"],
  });
  using visitors = new Visitors(server.wsUrl);
  for (const Origin of [PAGE, "http://localhost:3000", undefined]) {
    await visitors.connect("/", { Origin });
    assertEquals(await visitors.greeting({ Origin }), '{"type":"OPEN"}');
  }
  const others = ["null", "", "http://app.example", `${PAGE}:8443`, `${PAGE}.evil.example`, "€"];
  for (const Origin of [...others, `${PAGE}/`, PAGE.toUpperCase()]) {
    const refusals = [
      await visitors.refusal("/peerjs", { Origin }),
      await visitors.refusal("/", { Origin }),
    ];
    assertEquals(refusals, [
      peerJsRefusal("Origin is not allowed"),
      gstRefusal("origin is not allowed", 1008, "origin not allowed"),
    ], Origin);
  }
});

Deno.test("CORS: every origin is echoed, or those that are listed, on every answer", async () => {
  const paths = ["/", "/peerjs/id", "/peerjs/peers", "/nowhere", "/peerjs"];
  const cases = [
    { args: [], allowed: [PAGE, "null", "https://other.example"], refused: [] },
    {
      args: ["--allowed-origins", PAGE],
      allowed: [PAGE],
      refused: ["null", "https://other.example"],
    },
    {
      args: ["--cors", PAGE, "https://other.example"],
      allowed: [PAGE, "https://other.example"],
      refused: ["http://x", "null"],
    },
    {
      args: ["--allowed-origins", "http://x", "--cors-origins", PAGE],
      allowed: [PAGE],
      refused: ["http://x"],
    },
  ];
  for (const { args, allowed, refused } of cases) {
    await using server = startTestServer({ args });
    for (const origin of [...allowed, ...refused]) {
      for (
        const [path, method] of [...paths.map((path) => [path, "GET"]), [
          "/x/id",
          "OPTIONS",
        ]] as const
      ) {
        const response = await fetch(`${server.url}${path}`, { method, headers: { origin } });
        await response.body?.cancel();
        const { headers } = response;
        const expected = allowed.includes(origin) ? origin : null;
        const what = `${method} ${path} from ${origin} with ${args.join(" ")}`;
        assertEquals(headers.get("access-control-allow-origin"), expected, what);
        assertStringIncludes(headers.get("vary") ?? "", "Origin", what);
        assert(!headers.has("access-control-allow-credentials"), what);
      }
    }
  }
});

/** Raw clients that are held until the end. */
class Visitors implements Disposable {
  readonly #wsUrl: string;
  readonly #sockets: RawSocket[] = [];
  #count = 0;

  constructor(wsUrl: string) {
    this.#wsUrl = wsUrl;
  }

  async connect(path: string, headers: HeadersToSend = {}): Promise<RawSocket> {
    const url = path === "/peerjs"
      ? peerJsUrl(this.#wsUrl, `visitor-${++this.#count}`)
      : `${this.#wsUrl}${path}`;
    const socket = await RawSocket.upgrade(url, headers);
    this.#sockets.push(socket);
    return socket;
  }

  /** The words for a refused client, and its close code. */
  async refusal(path: string, headers: HeadersToSend = {}): Promise<[string, unknown]> {
    using socket = await this.connect(path, headers);
    return [await socket.next(), await socket.ended()];
  }

  /** The first frame for a PeerJS client. */
  async greeting(headers: HeadersToSend): Promise<string> {
    const socket = await this.connect("/peerjs", headers);
    return await socket.next();
  }

  /** Cuts the one that was here first. */
  cutOne(): void {
    this.#sockets.shift()?.cut();
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.cut();
  }
}

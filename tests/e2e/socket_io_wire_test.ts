import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import { anyText } from "../helpers/session/arbitraries.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { type SocketIoTestServer, startSocketIoServer } from "../helpers/wire/socket_io_server.ts";
import { sideBySide } from "../helpers/wire/side_by_side.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The frames on the wire, with the real listener; the real clients are in owt_test.ts.

const POLLING = "/socket.io/?EIO=4&transport=polling";

/** Status, body and what matters of the headers. */
async function ask(url: string, init: RequestInit = {}): Promise<unknown[]> {
  const response = await fetch(url, init);
  const type = response.headers.get("content-type") ?? "";
  return [response.status, type.includes("json") ? await response.json() : await response.text()];
}

const BAD_REQUEST = { code: 3, message: "Bad request" };
const UNKNOWN_SESSION = { code: 1, message: "Session ID unknown" };
const NO_TRANSPORT = { code: 0, message: "Transport unknown" };

for (
  const [method, target, status, answer] of [
    ["GET", "/socket.io/", 400, NO_TRANSPORT],
    ["GET", "/socket.io/?transport=flash", 400, NO_TRANSPORT],
    ["GET", "/socket.io/?transport=flash&sid=x", 400, NO_TRANSPORT],
    ["GET", `${POLLING}&sid=unknown`, 400, UNKNOWN_SESSION],
    ["POST", `${POLLING}&sid=`, 400, UNKNOWN_SESSION],
    ["POST", POLLING, 400, { code: 2, message: "Bad handshake method" }],
    ["GET", "/socket.io/?transport=websocket", 400, BAD_REQUEST],
    ["GET", `${POLLING}&j=0`, 400, BAD_REQUEST],
  ] as const
) {
  Deno.test(`${method} ${target} is answered ${status} ${JSON.stringify(answer)}`, async () => {
    await using server = startSocketIoServer();
    assertEquals(await ask(`${server.url}${target}`, { method }), [status, answer]);
    assertEquals([server.server.sessionCount, server.gate.connections], [0, 0]);
  });
}

Deno.test("a handshake by polling is answered with the open packet, with and without a slash", async () => {
  await using server = startSocketIoServer();
  for (const path of ["/socket.io", "/socket.io/"]) {
    const response = await fetch(`${server.url}${path}?transport=polling&t=abc`);
    assertEquals(response.headers.get("content-type"), "text/plain; charset=UTF-8");
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertMatch(await response.text(), /^\d+:0\{"sid":.*\}2:40$/);
  }
});

Deno.test("a page of another origin may use the server, and reads errors, too", async () => {
  await using server = startSocketIoServer();
  const headers = { origin: "https://app.example.org" };
  for (const target of [POLLING, `${POLLING}&sid=unknown`]) {
    const response = await fetch(`${server.url}${target}`, { headers });
    await response.body?.cancel();
    assertEquals(response.headers.get("access-control-allow-origin"), headers.origin);
    assertEquals(response.headers.get("access-control-allow-credentials"), "true");
    assertMatch(response.headers.get("vary") ?? "", /\bOrigin\b/);
  }
  const preflight = await fetch(`${server.url}${POLLING}`, {
    method: "OPTIONS",
    headers: { ...headers, "access-control-request-headers": "content-type" },
  });
  assertEquals(preflight.status, 204);
  assertEquals(preflight.headers.get("access-control-allow-credentials"), "true");
  assertEquals(preflight.headers.get("access-control-allow-headers"), "content-type");
  assertMatch(preflight.headers.get("access-control-allow-methods") ?? "", /GET.*POST/);
});

Deno.test("a list of origins holds for polls, posts and websockets", async () => {
  await using server = startSocketIoServer({ origins: ["https://app.example.org"] });
  const forbidden = [403, { code: 4, message: "Forbidden" }];
  const headers = { origin: "https://evil.example.org" };
  assertEquals(await ask(`${server.url}${POLLING}`, { headers }), forbidden);
  const client = await PollingClient.open(server.url, 4);
  assertEquals(await ask(client.url, { headers }), forbidden);
  assertEquals(await ask(client.url, { headers, method: "POST", body: "1" }), forbidden);
  const websocket = `${server.wsUrl}/socket.io/?EIO=4&transport=websocket`;
  for (const url of [websocket, client.wsUrl]) {
    using socket = await RawSocket.connect(url);
    const { pathname, search } = new URL(url);
    await socket.write(
      requestText(`GET ${pathname}${search} HTTP/1.1`, { Origin: headers.origin }),
    );
    assertEquals((await socket.head()).status, 403);
  }
  const allowed = { origin: "https://app.example.org" };
  assertEquals((await ask(`${server.url}${POLLING}`, { headers: allowed }))[0], 200);
  await client.close();
});

Deno.test("a polling session holds one place for its whole life", async () => {
  await using server = startSocketIoServer({ gateLimits: { maxConnectionsPerAddress: 2 } });
  const first = await PollingClient.open(server.url, 3);
  const second = await PollingClient.open(server.url, 4);
  assertEquals(server.gate.connections, 2);
  const [status, answer] = await ask(`${server.url}${POLLING}`);
  assertEquals([status, answer], [403, { code: 4, message: "Forbidden" }]);
  await assertRejects(() => WsClient.open(`${server.wsUrl}/socket.io/?transport=websocket`));
  await first.close();
  await until("its place to be free", () => server.gate.connections === 1);
  await using _third = await WsClient.open(`${server.wsUrl}/socket.io/?transport=websocket`);
  assertEquals(server.gate.connections, 2);
  await second.close();
});

Deno.test("only so many sessions are opened", async () => {
  await using server = startSocketIoServer({ limits: { maxSessions: 1 } });
  const client = await PollingClient.open(server.url, 3);
  assertEquals((await ask(`${server.url}${POLLING}`))[0], 403);
  await client.close();
  const next = await PollingClient.open(server.url, 3);
  await next.close();
});

Deno.test("a body over the limit, or of too many packets, costs the session", async () => {
  await using server = startSocketIoServer({
    limits: { maxPayloadBytes: 1_024, maxPayloadPackets: 3 },
  });
  const fits = await PollingClient.open(server.url, 4);
  await fits.send(`42["${"x".repeat(1_018)}"]`);
  const large = await PollingClient.open(server.url, 4);
  await assertRejects(() => large.send(`42["${"x".repeat(1_019)}"]`), Error, "413");
  const many = await PollingClient.open(server.url, 4);
  await many.send("6", "6", "6");
  await assertRejects(() => many.send("6", "6", "6", "6"), Error, "400");
  assertEquals(server.server.sessionCount, 1);
  await fits.close();
});

Deno.test("a body that takes too long costs the session", async () => {
  await using server = startSocketIoServer({ limits: { bodyTimeoutMs: 100 } });
  const client = await PollingClient.open(server.url, 4);
  using socket = await RawSocket.connect(client.url);
  const { pathname, search } = new URL(client.url);
  const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n42`;
  await socket.write(head);
  assertEquals((await socket.head()).status, 408);
  assertEquals(server.server.sessionCount, 0);
});

Deno.test("bodies framed in bytes are taken of revision 3 only", async () => {
  await using server = startSocketIoServer();
  const three = await PollingClient.open(server.url, 3);
  const packet = new TextEncoder().encode('42["echo","é"]');
  const post = (url: string, body: Uint8Array<ArrayBuffer>): Promise<unknown[]> =>
    ask(url, { method: "POST", body, headers: { "content-type": "application/octet-stream" } });
  const framed = new Uint8Array([0, 1, 5, 255, ...packet]);
  assertEquals(await post(three.url, framed), [200, "ok"]);
  assertEquals(JSON.parse((await three.next()).slice(2)), ["echo", "é"]);
  const four = await PollingClient.open(server.url, 4);
  assertEquals(await post(four.url, framed), [400, BAD_REQUEST]);
  assertEquals(await post(three.url, new Uint8Array([1, 1, 255, 4])), [400, BAD_REQUEST]);
  assertEquals(server.server.sessionCount, 0);
});

Deno.test("a session that has a websocket cannot be polled, and one socket at a time is probed", async () => {
  await using server = startSocketIoServer();
  const client = await PollingClient.open(server.url, 4);
  await using socket = await WsClient.open(client.wsUrl);
  await assertRejects(() => WsClient.open(client.wsUrl));
  socket.send("2probe");
  assertEquals(await socket.next(), "3probe");
  socket.send("5");
  socket.send('42["echo",1]');
  assertEquals(await socket.next(), '42["echo",1]');
  assertEquals(await ask(client.url), [400, BAD_REQUEST]);
  assertEquals(await ask(client.url, { method: "POST", body: "2" }), [400, BAD_REQUEST]);
  assertEquals(server.gate.connections, 1);
});

for (const revision of [3, 4] as const) {
  Deno.test(`revision ${revision}: a polling client that vanishes frees its id at once`, async () => {
    // Longer than any test waits: it is the lost poll that frees the id.
    await using server = startSocketIoServer({
      limits: { pingIntervalMs: 600_000, pingTimeoutMs: 600_000 },
    });
    const client = await PollingClient.open(server.url, revision);
    await client.send('420["login","alice"]');
    assertEquals(await client.next(), '430["welcome"]');
    {
      using socket = await RawSocket.connect(client.url);
      const { pathname, search, searchParams } = new URL(client.url);
      await socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const session = server.server.find(searchParams.get("sid") ?? "");
      await until("its poll to be there", () => session?.isPolled === true);
    }
    await until("the id to be free", () => server.relay.members.size === 0);
    assertEquals(server.relay.ends, ["alice: lost"]);
    assertEquals([server.server.sessionCount, server.gate.connections], [0, 0]);
    assertEquals(await ask(client.url), [400, UNKNOWN_SESSION]);
  });

  Deno.test(`revision ${revision}: an upgrade under load loses, doubles and reorders nothing`, async () => {
    await using server = startSocketIoServer();
    await upgradeUnderLoad(server, revision, 600);
    assertEquals(server.faults, []);
  });
}

Deno.test("a request whose session ends while its body comes is answered as of no session", async () => {
  await using server = startSocketIoServer();
  const open = await (await fetch(`${server.url}${POLLING}`)).text();
  const { sid } = JSON.parse(open.slice(1, open.indexOf("}") + 1));
  const target = `${server.url}${POLLING}&sid=${sid}`;
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const begun = writer.write(new TextEncoder().encode("4"));
  const answer = ask(target, { method: "POST", body: readable });
  // A second request beside it ends the session.
  const isSecond = async (): Promise<boolean> => {
    const [status] = await ask(target, { method: "POST", body: "3" });
    return status === 400;
  };
  await until("the server to have the first request", isSecond);
  await writer.close();
  assertEquals(await answer, [400, UNKNOWN_SESSION]);
  await begun;
});

/** Messages both ways while a client, as the real ones do, changes from polls to a websocket. */
async function upgradeUnderLoad(
  server: SocketIoTestServer,
  revision: 3 | 4,
  count: number,
): Promise<void> {
  const handshake = revision === 4 ? ["40"] : [];
  await using other = await WsClient.open(
    `${server.wsUrl}/socket.io/?EIO=${revision}&transport=websocket`,
  );
  for (const packet of [...handshake, '420["login","other"]']) other.send(packet);
  while (await other.next() !== '430["welcome"]');
  const client = await PollingClient.open(server.url, revision);
  await client.send('420["login","mover"]');
  assertEquals(await client.next(), '430["welcome"]');

  const heard: number[] = [];
  const take = (packets: readonly (string | Uint8Array)[]): void => {
    for (const packet of packets) {
      const number = /^42\["message",\{"from":"other","data":(\d+)\}\]$/.exec(String(packet))?.[1];
      if (number !== undefined) heard.push(Number(number));
    }
  };
  let toMover = 0;
  let toOther = 0;
  let hasSwitched = false;
  /** The other side sends a few at a time, and goes on when the server has answered a request. */
  const flood = (async () => {
    while (toMover < count || !hasSwitched) {
      for (let burst = 0; burst < 5; burst++) other.send(`42["send","mover",${toMover++}]`);
      await (await fetch(`${server.url}/socket.io/?transport=none`)).body?.cancel();
    }
  })();
  const batch = (): string[] => Array.from({ length: 5 }, () => `42["send","other",${toOther++}]`);

  let isPaused = false;
  const polls = (async () => {
    while (!isPaused) take(await client.poll());
  })();
  for (let round = 0; round < 10; round++) await client.send(...batch());
  await using socket = await WsClient.open(client.wsUrl);
  socket.send("2probe");
  const probed = socket.next();
  while (toOther < count / 3) await client.send(...batch());
  assertEquals(await probed, "3probe");
  isPaused = true;
  await within("the last poll", polls);
  socket.send("5");
  hasSwitched = true;
  while (toOther < count) for (const packet of batch()) socket.send(packet);
  await flood;
  while (heard.length < toMover) take([await socket.next()]);
  const received: number[] = [];
  while (received.length < toOther) {
    const packet = String(await other.next());
    const data = /"from":"mover","data":(\d+)/.exec(packet)?.[1];
    if (data !== undefined) received.push(Number(data));
  }
  assertEquals(heard, Array.from({ length: heard.length }, (_, number) => number));
  assertEquals(received, Array.from({ length: toOther }, (_, number) => number));
  // The marker proves that nothing follows.
  socket.send('42["echo","end"]');
  assertEquals(await socket.next(), '42["echo","end"]');
}

Deno.test("at the server's end WebSockets are closed with 1001, and polls get the end", async () => {
  const server = startSocketIoServer();
  const websocket = await WsClient.open(`${server.wsUrl}/socket.io/?EIO=3&transport=websocket`);
  const client = await PollingClient.open(server.url, 3);
  const poll = ask(client.url);
  await client.send("6");
  await server[Symbol.asyncDispose]();
  assertEquals((await websocket.closed).code, 1001);
  assertEquals(await poll, [400, UNKNOWN_SESSION]);
});

const inTime = sideBySide("Socket.IO keeps its times over the real clock");

inTime("a connection that was thrown out and does not go is closed without a code", async () => {
  await using server = startSocketIoServer();
  const socket = await WsClient.open(`${server.wsUrl}/socket.io/?EIO=3&transport=websocket`);
  const startedAt = performance.now();
  socket.send('42["close"]');
  while (await socket.next() !== "41");
  const { code } = await within("the close", socket.closed);
  assertEquals(code, 1005);
  assert(performance.now() - startedAt > 3_000, "The client had no time to go by itself");
});

inTime("heartbeats are sent and expected over the real clock", async () => {
  await using server = startSocketIoServer({
    limits: { pingIntervalMs: 500, pingTimeoutMs: 5_000 },
  });
  await using live = await WsClient.open(`${server.wsUrl}/socket.io/?EIO=4&transport=websocket`);
  const dead = await WsClient.open(`${server.wsUrl}/socket.io/?EIO=3&transport=websocket`);
  live.send("40");
  for (let beats = 0; beats < 3;) {
    if (await live.next() !== "2") continue;
    live.send("3");
    beats++;
  }
  await within("the silent client's end", dead.closed);
  assertEquals(server.server.sessionCount, 1);
});

Deno.test("requests of every kind and shape leave the server and a bystander intact", async () => {
  await using server = startSocketIoServer();
  await using bystander = await WsClient.open(
    `${server.wsUrl}/socket.io/?EIO=3&transport=websocket`,
  );
  const query = fc.record({
    EIO: fc.constantFrom("3", "4", "5", "", "x"),
    transport: fc.constantFrom("polling", "polling", "polling", "websocket", "", "__proto__"),
    sid: fc.option(fc.constantFrom("live", "live", "x", "", "__proto__"), { nil: undefined }),
  }, { requiredKeys: ["transport"] });
  const request = fc.record({
    query,
    method: fc.constantFrom("GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"),
    body: fc.oneof(
      fc.constantFrom("40", "2:40", '42["echo"]', '10:42["echo"]', "1", "1:1", "5", "6\x1e6"),
      anyText(30),
      fc.uint8Array({ maxLength: 30 }),
    ),
    type: fc.constantFrom("text/plain;charset=UTF-8", "application/octet-stream"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 6 }), async (requests) => {
      const revision = requests.length % 2 === 0 ? 3 : 4;
      const live = await PollingClient.open(server.url, revision);
      const sid = new URL(live.url).searchParams.get("sid") ?? "";
      for (const { query, method, body, type } of requests) {
        const params = new URLSearchParams();
        for (const [name, value] of Object.entries(query)) {
          if (value !== undefined) params.set(name, value === "live" ? sid : value);
        }
        const hasBody = method !== "GET" && method !== "HEAD";
        const response = await fetch(`${server.url}/socket.io/?${params}`, {
          method,
          headers: { "content-type": type },
          // A poll with nothing to wait for would last.
          signal: AbortSignal.timeout(50),
          ...(hasBody ? { body: typeof body === "string" ? body : new Uint8Array(body) } : {}),
        }).catch(() => undefined);
        await response?.body?.cancel();
        assert(response === undefined || response.status < 500, `${response?.status}`);
      }
    }),
    { numRuns: 150 },
  );
  bystander.send('42["echo","still here"]');
  while (await bystander.next() !== '42["echo","still here"]');
  assertEquals(server.faults, []);
});

import { assertEquals } from "@std/assert";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";

function hintsOf({ log }: TestServer): [what: string, hint: unknown][] {
  return log.filter(({ facts }) => "hint" in facts).map(({ what, facts }) => [what, facts["hint"]]);
}

async function get(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a PeerJS client at a wrong path is pointed to the right one in the log", async () => {
  await using server = startTestServer();
  assertEquals(await get(`${server.url}/myapp/peerjs/id`), 404);
  assertEquals(hintsOf(server), [["no such path", "PeerJS is at /"]]);
});

Deno.test("a list of peers without discovery leaves a line", async () => {
  await using server = startTestServer();
  assertEquals(await get(`${server.url}/peerjs/peers`), 401);
  assertEquals(hintsOf(server), [["not authorised", "see /docs/src/dialects/peerjs/README.md"]]);
});

Deno.test("a page of a forbidden origin leaves a line, by HTTP and by WebSocket", async () => {
  const args = ["--allowed-origins", "https://app.example.org"];
  const origin = "https://other.example.org";
  await using byHttp = startTestServer({ args });
  await get(`${byHttp.url}/peerjs/id`, { origin });
  await using bySocket = startTestServer({ args });
  using socket = await RawSocket.upgrade(`${bySocket.url}/gst`, { Origin: origin });
  await socket.ended();
  for (const server of [byHttp, bySocket]) {
    assertEquals(hintsOf(server), [["origin not allowed", "add it to --allowed-origins"]]);
  }
});

Deno.test("a plain request to a WebSocket's path names the header that a proxy forgot", async () => {
  await using server = startTestServer();
  assertEquals(await get(`${server.url}/ssp`), 426);
  const [hint] = hintsOf(server);
  assertEquals(hint?.[0], "not a WebSocket handshake");
  assertEquals(/^RTCPool is at \/ssp.* Upgrade header/.test(String(hint?.[1])), true);
});

Deno.test("X-Forwarded-For of a proxy that is not trusted is a warning, of a trusted one not", async () => {
  await using strict = startTestServer();
  await get(`${strict.url}/healthz`, { "x-forwarded-for": "192.0.2.7" });
  assertEquals(hintsOf(strict).map(([what]) => what), ["X-Forwarded-For ignored"]);
  await using trusting = startTestServer({ args: ["--trust-proxy", "127.0.0.1"] });
  await get(`${trusting.url}/healthz`, { "x-forwarded-for": "192.0.2.7" });
  assertEquals(hintsOf(trusting), []);
});

Deno.test("a client that waits silently at / is noted after two seconds", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({ clock });
  await using quick = await WsClient.open(`${server.wsUrl}/`);
  quick.send("HELLO quick");
  assertEquals(await quick.nextText(), "HELLO");
  await using _silent = await WsClient.open(`${server.wsUrl}/`);
  await until("both to be connected", async () => await server.gauge("signalbox_sockets") === 2);
  clock.advance(2_000);
  await until("the line", () => hintsOf(server).length > 0);
  assertEquals(hintsOf(server), [["waiting for HELLO", "webrtcsink clients use /webrtcsink"]]);
});

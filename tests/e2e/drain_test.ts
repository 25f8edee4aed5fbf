import { assertEquals } from "@std/assert";
import { startMain } from "../helpers/process/main_process.ts";
import { systemTest } from "../helpers/process/systems.ts";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openGst, openGstSession, openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { StreamClient } from "../helpers/wire/stream_client.ts";
import { until, within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

/** The refusal of one newcomer of each dialect: its words, and how the connection ends. */
async function refusals({ url, wsUrl }: TestServer): Promise<unknown[]> {
  const refused: unknown[] = [];
  for (const at of [peerJsUrl(wsUrl, "late"), ...["/", "/gst", "/webrtcsink"].map(below(wsUrl))]) {
    using socket = await RawSocket.upgrade(at);
    refused.push([await socket.next(), await socket.ended()]);
  }
  using simple = await RawSocket.upgrade(`${wsUrl}/simple`);
  const frames = [await simple.next()];
  refused.push([frames.map((frame) => frame.replace(/"time":\d+/, "")), await simple.ended()]);
  const handshake = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
  refused.push([handshake.status, await handshake.text()]);
  return refused;
}

/** A client of Socket.IO in the namespace of OWT and RTCPool. */
async function openSocketIo(wsUrl: string): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/socket.io/?EIO=4&transport=websocket`);
  await client.nextText();
  client.send("40");
  await client.nextText();
  return client;
}

function below(url: string): (path: string) => string {
  return (path) => `${url}${path}`;
}

async function readiness({ url }: Pick<TestServer, "url">): Promise<[number, string]> {
  const response = await fetch(`${url}/readyz`);
  return [response.status, await response.text()];
}

Deno.test("during a drain newcomers are refused as by a full server, and nobody else notices", async () => {
  await using full = startTestServer({ args: ["--limits-max-connections", "1"] });
  await using _only = await openGst(full.wsUrl, "only");
  const expected = await refusals(full);

  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using stream = await StreamClient.open(server);
  server.drain();
  assertEquals(await refusals(server), expected);
  assertEquals(await readiness(server), [503, "not ready: draining\n"]);
  assertEquals((await (await fetch(`${server.url}/healthz`)).text()).trim(), "OK");
  await bystanders.talk();
  const headers = { accept: "text/event-stream" };
  const late = await fetch(`${server.url}/simple?room=r`, { headers });
  await late.body?.cancel();
  assertEquals([late.status, late.headers.get("retry-after")], [429, "1"]);
  // A client without WebSocket is connected, and its messages are requests of their own.
  assertEquals((await stream.post({ event: "ping", ref: 1 }))[0], 200);

  assertEquals(server.undrain(), true);
  assertEquals(await readiness(server), [200, "ready\n"]);
  await using _newcomer = await openPeerJs(server.wsUrl, "newcomer");
});

Deno.test("a drain closes the connected with the codes of a server that goes away, and lives on", async () => {
  await using server = startTestServer();
  const clients = [
    ...await openGstSession(server.wsUrl, ["caller", "callee"]),
    await openPeerJs(server.wsUrl, "alice"),
    await WsClient.open(`${server.wsUrl}/webrtcsink`),
    await WsClient.open(`${server.wsUrl}/ssp`),
    await WsClient.open(`${server.wsUrl}/topics`),
    await openSocketIo(server.wsUrl),
  ];
  await using stream = await StreamClient.open(server);
  const simple = await WsClient.open(`${server.wsUrl}/simple`);
  server.drain({ closeOverSeconds: 0.3 });
  for (const client of clients) {
    assertEquals((await within("the end", client.closed)).code, 1001);
  }
  assertEquals((await within("the end", simple.closed)).code, 1012);
  assertEquals(await stream.nextIfAny(), undefined);
  await until("nobody to be left", async () => await server.gauge("signalbox_sockets") === 0);
  assertEquals(await readiness(server), [503, "not ready: draining\n"]);
  server.undrain();
  await using _newcomer = await openPeerJs(server.wsUrl, "newcomer");
});

Deno.test("a drain with an exit comes to it when nobody is left", async () => {
  await using server = startTestServer();
  const client = await openPeerJs(server.wsUrl, "alice");
  server.drain({ exit: true });
  await client.close();
  await within("the exit", server.left);
  assertEquals(server.undrain(), false);
});

systemTest({
  name: "--drain-delay-ms: the first signal takes nothing but the readiness, the second ends it",
  needs: "signals",
  fn: async () => {
    const args = ["--listen", "http://127.0.0.1:0", "--drain-delay-ms", "600000"];
    await using server = await startMain({ args });
    const [url = ""] = server.urls;
    server.signal("SIGTERM");
    await until("the readiness to end", async () => (await readiness({ url }))[0] === 503);
    assertEquals(await readiness({ url }), [503, "not ready: draining\n"]);
    const [caller, callee] = await openGstSession(url.replace(/^http/, "ws"), ["a", "b"]);
    caller.send("offer");
    assertEquals(await callee.nextText(), "offer");
    server.signal("SIGTERM");
    assertEquals((await within("the end", server.ended)).code, 1);
    await Promise.all([caller.closed, callee.closed]);
  },
});

import { assert, assertEquals, assertMatch } from "@std/assert";
import { clientTest, programOf } from "../helpers/process/clients.ts";
import { startMain } from "../helpers/process/main_process.ts";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { RawSocket } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { StreamClient } from "../helpers/wire/stream_client.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

/** Time series that one server may bring into a database. */
const MAX_SERIES = 1_500;
const TOKEN = "a-token-for-scrapes";

/** Brings a server clients of several protocols, and refusals. */
async function visit(server: TestServer): Promise<AsyncDisposable> {
  const clients = new AsyncDisposableStack();
  clients.use(await Bystanders.join(server.wsUrl));
  clients.use(await StreamClient.open(server));
  clients.use(await WsClient.open(`${server.wsUrl}/webrtcsink`));
  clients.use(await WsClient.open(`${server.wsUrl}/topics`));
  await (await fetch(`${server.url}/nothing`)).body?.cancel();
  await (await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`)).body?.cancel();
  using refused = await RawSocket.upgrade(`${server.wsUrl}/gst`);
  await refused.send("SESSION nobody");
  await refused.ended();
  return clients;
}

async function scrape({ url }: Pick<TestServer, "url">, token?: string): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return await fetch(`${url}/metrics`, { headers });
}

clientTest({
  name: "promtool finds nothing to say about the metrics",
  needs: ["promtool"],
  fn: async () => {
    await using server = startTestServer({
      args: ["--bridge", "all", "--ice-servers", "stun:stun.example.org"],
    });
    await using _clients = await visit(server);
    const text = await (await scrape(server)).text();
    const command = new Deno.Command(programOf("promtool"), {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [0, "", ""]);
  },
});

Deno.test("a scrape of a server with all kinds of clients stays within the limit of series", async () => {
  await using server = startTestServer();
  await using _clients = await visit(server);
  const response = await scrape(server);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const series = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  assert(series.length > 50 && series.length <= MAX_SERIES, `${series.length} series`);
  assertEquals(new Set(series.map((line) => line.replace(/ \S+$/, ""))).size, series.length);
});

Deno.test("connections, peers, calls, traffic and durations are shown by dialect", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  for (let word = 0; word < 20; word++) await bystanders.talk();
  const silent = await WsClient.open(`${server.wsUrl}/`);
  const polling = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  await polling.body?.cancel();
  const left = await openPeerJs(server.wsUrl, "left");
  await left.close();
  await until("the end of one", async () => {
    const text = await (await scrape(server)).text();
    return text.includes('signalbox_connections_closed_total{dialect="peerjs",cause="client"} 1\n');
  });
  const text = await (await scrape(server)).text();
  const valueOf = (series: string): number =>
    Number(text.split("\n").find((line) => line.startsWith(`${series} `))?.split(" ").at(-1));
  const expected: Readonly<Record<string, number>> = {
    'signalbox_connections{dialect="peerjs"}': 2,
    'signalbox_connections{dialect="gstreamer"}': 2,
    'signalbox_connections{dialect="none"}': 1,
    'signalbox_connections{dialect="socket.io"}': 1,
    'signalbox_connections_accepted_total{dialect="peerjs"}': 3,
    'signalbox_peers{dialect="peerjs"}': 2,
    'signalbox_peers{dialect="gstreamer"}': 2,
    'signalbox_peers{dialect="ssp"}': 0,
    'signalbox_calls{dialect="gstreamer"}': 1,
    'signalbox_identify_duration_seconds_count{dialect="peerjs"}': 3,
    'signalbox_identify_duration_seconds_count{dialect="gstreamer"}': 2,
    'signalbox_received_frames_total{dialect="peerjs"}': 40,
    // Besides, each got OPEN.
    'signalbox_sent_frames_total{dialect="peerjs"}': 43,
    // Two HELLOs and one SESSION, with their answers.
    'signalbox_received_frames_total{dialect="gstreamer"}': 43,
    'signalbox_sent_frames_total{dialect="gstreamer"}': 43,
    // One frame in 16 of each of two clients.
    'signalbox_relay_duration_seconds_count{dialect="peerjs"}': 2,
    'signalbox_relay_duration_seconds_count{dialect="gstreamer"}': 2,
  };
  const shown = Object.fromEntries(
    Object.keys(expected).map((series) => [series, valueOf(series)]),
  );
  assertEquals(shown, expected);
  assert(valueOf('signalbox_received_bytes_total{dialect="peerjs"}') > 40 * 20);
  await silent.close();
});

Deno.test("--metrics-tokens: a scrape shows one of them, everything else stays open", async () => {
  await using server = startTestServer({ args: ["--metrics-tokens", TOKEN, `${TOKEN}-2`] });
  for (const token of [TOKEN, `${TOKEN}-2`]) {
    const response = await scrape(server, token);
    assertEquals(response.status, 200);
    assertMatch(await response.text(), /^signalbox_ready 1$/m);
  }
  for (const token of [undefined, "another-token-of-16", ""]) {
    const response = await scrape(server, token);
    assertEquals([response.status, await response.text()], [401, "Token needed\n"]);
    assertEquals(response.headers.get("www-authenticate"), "Bearer");
  }
  assertEquals((await (await fetch(`${server.url}/readyz`)).text()).trim(), "ready");
});

Deno.test("the process shows its usage and build after it has dropped its permissions", async () => {
  await using server = await startMain({
    args: ["--listen", "http://127.0.0.1:0", "--metrics", "/metrics"],
  });
  const [url = ""] = server.urls;
  const text = await (await scrape({ url })).text();
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes"]) {
    assertMatch(text, new RegExp(`^${name} \\d`, "m"));
  }
  assertMatch(text, /^signalbox_build_info\{version="\d[^"]*",commit="\w*",deno="\d[^"]*"\} 1$/m);
  // The runtime of an executable hides /proc.
  const isExecutable = Deno.env.get("SIGNALBOX_BIN") !== undefined;
  if (Deno.build.os !== "linux" || isExecutable) return;
  assertMatch(text, /^process_max_fds \d+$/m);
});

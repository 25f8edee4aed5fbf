import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/config/load.ts";
import { AdminClient } from "../helpers/wire/admin_client.ts";
import { startServerProcess } from "../helpers/process/server_process.ts";
import { openPeerJs } from "../helpers/wire/peers.ts";
import { startTestServer } from "../helpers/wire/server.ts";
import { until } from "../helpers/wire/waiting.ts";
import {
  FULL_TOKEN,
  OPERATOR_TOKENS,
  READ_TOKEN,
  startForOperators,
} from "../helpers/wire/operators.ts";

// The server, its options and its listeners, by the API for operators.

Deno.test("URLs are shown without their users and queries", async () => {
  const url = "https://user:password@127.0.0.1:1/hook?key=secret";
  const secret = `whsec_${btoa("x".repeat(32))}`;
  await using server = startForOperators("--webhooks-url", url, "--webhooks-secret", secret);
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const { items } = (await admin.get("/config")).body;
  const { value } = items.find(({ option }: { option: string }) => option === "--webhooks-url");
  const [hook] = (await admin.get("/webhooks")).body.items;
  const shown = "https://127.0.0.1:1/hook";
  assertEquals([value, hook.url], [[shown], shown]);
});

Deno.test("options, metrics, webhooks, secrets and reload answer", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const { items } = (await admin.get("/config")).body;
  const item = (name: string) => items.find(({ option }: { option: string }) => option === name);
  assertEquals(item("--admin-tokens"), {
    ...{ option: "--admin-tokens", source: "flag", isSecret: true, isSet: true },
  });
  assertEquals(item("--port"), { option: "--port", value: 8080, source: "default" });
  assertEquals(JSON.stringify(items).includes(FULL_TOKEN), false);
  assertMatch((await admin.get("/metrics")).body, /^signalbox_peers/m);
  assertEquals((await admin.get("/webhooks")).body, { items: [] });
  assertEquals((await admin.post("/secrets/nothing/rotate")).status, 404);
  assertEquals((await admin.post("/reload")).body, { outcome: "reloaded" });
});

Deno.test("a drain refuses newcomers until it is taken back", async () => {
  await using server = startForOperators();
  const admin = await AdminClient.open(server.url, FULL_TOKEN);
  const { instance } = (await admin.get("/server")).body;
  const ready = { state: "ready", connections: 0, instance };
  assertEquals((await admin.get("/drain")).body, ready);
  assertEquals((await admin.delete("/drain")).status, 404);
  const begun = await admin.post("/drain");
  assertEquals([begun.status, begun.body.state], [202, "draining"]);
  assertEquals((await admin.get("/server")).body.state, "draining");
  assertEquals((await admin.delete("/drain")).body, ready);
  await using _peer = await openPeerJs(server.wsUrl, "a");
});

Deno.test("a listener of its own serves operators alone", async () => {
  await using server = startForOperators("--admin-listen", "http://127.0.0.1:0");
  const { adminUrl = "" } = server;
  await using _peer = await openPeerJs(server.wsUrl, "a");
  const admin = await AdminClient.open(adminUrl, READ_TOKEN);
  assertEquals((await admin.get("/server")).body.totals.peers, 1);
  const statusOf = async (url: string) => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf(`${server.url}/admin/v1/server`), 404);
  assertEquals(await statusOf(`${server.url}/metrics`), 404);
  assertEquals(await statusOf(`${adminUrl}/metrics`), 200);
  assertEquals(await statusOf(`${adminUrl}/peerjs/id`), 404);
  for (const url of [server.url, adminUrl]) assertEquals(await statusOf(`${url}/readyz`), 200);
});

Deno.test("an own listener needs a token, and a certificate for https", () => {
  const alone = ["--admin-listen", "http://127.0.0.1:0"];
  assertThrows(() => startTestServer({ args: alone }), ConfigError, "--admin-tokens");
  const secure = [...OPERATOR_TOKENS, "--admin-listen", "https://127.0.0.1:0"];
  assertThrows(() => startTestServer({ args: secure }), ConfigError, "--tls-cert");
});

Deno.test("the log names the listener of operators", async () => {
  const args = [...OPERATOR_TOKENS, "--admin-listen", "http://127.0.0.1:0"];
  await using server = await startServerProcess(args);
  const line = / INF serving operators url=(\S+) pages=\/console\n/;
  await until("the line", () => line.test(server.stderr()));
  const [, url = ""] = line.exec(server.stderr()) ?? [];
  const admin = await AdminClient.open(url, READ_TOKEN);
  assertEquals((await admin.get("/server")).body.urls, [server.url]);
});

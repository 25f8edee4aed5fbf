import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { assertEmpty } from "../helpers/wire/gauges.ts";
import { PollingClient } from "../helpers/wire/polling_client.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { sideBySide } from "../helpers/wire/side_by_side.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The dialects' namespaces, as the server opens them: "/" is OWT's, "/ssp" and "/ssp/v1" are ssp's.

const AUTHENTICATED = (uid: string) => [
  `42["server-authenticated",{"uid":"${uid}"}]`,
  `430[{"uid":"${uid}"}]`,
];

/** A connection of revision 4, whose first packet has been read. */
async function open({ wsUrl }: TestServer): Promise<WsClient> {
  const client = await WsClient.open(`${wsUrl}/socket.io/?EIO=4&transport=websocket`);
  assertEquals((await client.nextText()).slice(0, 7), '0{"sid"');
  return client;
}

/** Asks for a namespace; true where it is there. */
async function enter(client: WsClient, address: string): Promise<boolean> {
  client.send(`40${address}`);
  return (await client.nextText()).startsWith(`40${address}{"sid":`);
}

async function logIn(client: WsClient, token: string): Promise<void> {
  client.send(`420["authentication",{"token":"${token}"}]`);
  for (const packet of AUTHENTICATED(token)) assertEquals(await client.next(), packet);
}

async function joinPool(client: WsClient, namespace: string): Promise<Record<string, unknown>> {
  client.send(`42${namespace},["rtc:join",{"pool":"p"}]`);
  const packet = await client.nextText();
  const [name, data] = JSON.parse(packet.slice(`42${namespace},`.length));
  assertEquals(name, "rtc:joined");
  return data;
}

Deno.test("one connection speaks to two dialects, and each answers in its own namespace", async () => {
  await using server = startTestServer();
  {
    await using client = await open(server);
    for (const address of ["", "/ssp,"]) assertEquals(await enter(client, address), true);
    await logIn(client, "alice");
    const { client_id: first } = await joinPool(client, "/ssp");
    // The other version's namespace leads to the same pools.
    await using other = await open(server);
    assertEquals(await enter(other, "/ssp/v1,"), true);
    const { client_id: second, peers } = await joinPool(other, "/ssp/v1");
    assertEquals(peers, [first]);
    assertEquals(await client.next(), `42/ssp,["rtc:peer",{"id":"${second}"}]`);
    other.send('42["owt-message",{"to":"alice"}]');
    const gauges = ["signalbox_socket_io_sessions", "signalbox_peers", "signalbox_rooms"];
    assertEquals(await Promise.all(gauges.map((name) => server.gauge(name))), [2, 3, 1]);

    client.send("41/ssp,");
    assertEquals(await other.next(), `42/ssp/v1,["rtc:close",{"uid":"${first}"}]`);
    client.send('421["owt-message",{"to":"alice","data":"x"}]');
    assertEquals(await client.next(), '42["owt-message",{"data":"x","from":"alice"}]');
    assertEquals(await client.next(), "431[]");
  }
  await assertEmpty(server.url);
  assertEquals(await server.gauge("signalbox_socket_io_sessions"), 0);
});

Deno.test("a namespace of no dialect is refused, and the connection goes on", async () => {
  await using server = startTestServer();
  await using client = await open(server);
  for (const name of ["/foo", "/ssp/v2", "/owt", "/__proto__"]) {
    client.send(`40${name},`);
    assertEquals(await client.next(), `44${name},{"message":"Invalid namespace"}`);
  }
  assertEquals(await enter(client, ""), true);
  await logIn(client, "alice");
});

Deno.test("each namespace has its dialect's rate and size, whatever the others have used up", async () => {
  await using server = startTestServer({
    args: ["--owt-frames-per-second", "1", "--owt-frame-burst", "3"].concat(
      ["--owt-max-frame-bytes", "2048"],
    ),
    clock: new FakeClock(), // no allowance grows meanwhile
  });
  await using client = await open(server);
  for (const address of ["", "/ssp,"]) assertEquals(await enter(client, address), true);
  await logIn(client, "alice");
  for (const answer of ["431[2201]", "432[2201]", "433[2102]"]) {
    client.send(`42${answer[2]}["owt-message",{"to":"nobody"}]`);
    assertEquals(await client.next(), answer);
  }
  await joinPool(client, "/ssp");
  const description = { text: "x".repeat(4_096) };
  for (let nth = 0; nth < 20; nth++) {
    client.send(`42/ssp,${JSON.stringify(["describe", { ...description, nth }])}`);
  }
  client.send('42/ssp,["rtc:answer",{}]');
  const [name, { reason }] = JSON.parse((await client.nextText()).slice("42/ssp,".length));
  assertEquals([name, reason], ["rtc:error", "unknown-action"]);
  // Too large for OWT: its namespace ends, the other one goes on.
  client.send(`42["owt-message",${JSON.stringify({ to: "nobody", ...description })}]`);
  assertEquals(await client.next(), "41");
  assertEquals(await server.gauge("signalbox_peers"), 1);
  client.send('42/ssp,["rtc:answer",{}]');
  assertEquals((await client.nextText()).slice(0, 19), '42/ssp,["rtc:error"');
});

/** Reason of the error that comes next in a namespace of ssp. */
async function nextReason(client: WsClient, namespace: string): Promise<unknown> {
  const packet = await client.nextText();
  const [name, data] = JSON.parse(packet.slice(`42${namespace},`.length));
  assertEquals(name, "rtc:error");
  return data.reason;
}

Deno.test("ssp: a client that leaves a namespace and comes back sends no more than one that stays", async () => {
  await using server = startTestServer({
    args: ["--ssp-frames-per-second", "1", "--ssp-frame-burst", "40"],
    clock: new FakeClock(),
  });
  await using client = await open(server);
  for (const namespace of ["/ssp", "/ssp/v1"]) {
    const heard: string[] = [];
    assertEquals(await enter(client, `${namespace},`), true);
    for (let round = 0; round < 4; round++) {
      for (let nth = 0; nth < 15; nth++) client.send(`42${namespace},["rtc:nothing",{}]`);
      client.send(`41${namespace},`);
      client.send(`40${namespace},`);
      for (let packet = ""; !packet.startsWith("40"); packet = await client.nextText()) {
        if (packet !== "") heard.push(/"reason":"([^"]+)"/.exec(packet)?.[1] ?? packet);
      }
    }
    assertEquals(heard, [...Array(40).fill("unknown-action"), "rate-limited"]);
  }
});

Deno.test("a namespace that is entered again is a new connection for the address's rate", async () => {
  const clock = new FakeClock();
  await using server = startTestServer({
    args: ["--limits-connections-per-second", "1", "--limits-connection-burst", "3"],
    clock,
  });
  await using client = await open(server);
  // Each namespace once is the connection itself; then its address has two left.
  for (const address of ["", "/ssp,", "/ssp/v1,"]) assertEquals(await enter(client, address), true);
  for (let count = 0; count < 2; count++) {
    client.send("41/ssp,");
    assertEquals(await enter(client, "/ssp,"), true);
  }
  client.send("41/ssp,");
  assertEquals(await enter(client, "/ssp,"), true);
  assertEquals(await nextReason(client, "/ssp"), "rate-limited");
  assertEquals(await client.next(), "41/ssp,");
  client.send("41");
  client.send("40");
  assertEquals(await client.next(), '44{"message":"2102"}');
  await assertRejects(() => WsClient.open(`${server.wsUrl}/socket.io/?EIO=4&transport=websocket`));
  await joinPool(client, "/ssp/v1");
  clock.advance(1_000);
  assertEquals(await enter(client, "/ssp,"), true);
  await joinPool(client, "/ssp");
});

Deno.test("ssp: a token is shown in the URL, in the namespace's query or in auth, by websocket and by polls", async () => {
  const token = "a-token-for-every-pool";
  await using server = startTestServer({
    args: ["--ssp-tokens", token, "--ssp-private", "--ssp-pools", "p"],
  });
  await using client = await open(server);
  assertEquals(await enter(client, "/ssp,"), true);
  client.send('42/ssp,["rtc:join",{"pool":"p"}]');
  assertEquals(await nextReason(client, "/ssp"), "not-authorized");
  client.send(`40/ssp/v1,{"token":"${token}"}`);
  assertEquals((await client.nextText()).slice(0, 17), '40/ssp/v1,{"sid":');
  await joinPool(client, "/ssp/v1");
  client.send("41/ssp,");
  client.send(`40/ssp?token=${token},`);
  assertEquals((await client.nextText()).slice(0, 14), '40/ssp,{"sid":');
  client.send('42/ssp,["rtc:join",{"pool":"q"}]');
  assertEquals(await nextReason(client, "/ssp"), "no-such-pool");
  await joinPool(client, "/ssp");
  for (const [query, greeting] of [["", `?token=${token}`], [`&token=${token}`, ""]] as const) {
    const poller = await PollingClient.open(server.url, 3, query);
    // OWT's clients that log in by their URL get the answer there.
    if (query !== "") await poller.next();
    await poller.send(`40/ssp${greeting},`);
    assertEquals(await poller.next(), "40/ssp,");
    await poller.send('42/ssp,["rtc:join",{"pool":"p"}]');
    assertEquals((await poller.next()).startsWith('42/ssp,["rtc:joined"'), true);
    await poller.close();
  }
});

const AVATAR = new Uint8Array([1, 2, 3]);
const DESCRIBE = '["describe",{"avatar":{"_placeholder":true,"num":0}}]';

Deno.test("ssp: a binary event is refused as such, by websocket and by posts, and nothing else happens", async () => {
  await using server = startTestServer();
  await using client = await open(server);
  await enter(client, "/ssp,");
  for (const packet of [`451-/ssp,${DESCRIBE}`, AVATAR]) client.send(packet);
  assertEquals(await nextReason(client, "/ssp"), "binary-frame");
  await joinPool(client, "/ssp");
  for (const packet of [`461-/ssp,7[{"_placeholder":true,"num":0}]`, AVATAR]) client.send(packet);
  assertEquals(await nextReason(client, "/ssp"), "binary-frame");

  for (const [revision, attachment] of [[3, "b4AQID"], [4, "bAQID"]] as const) {
    const poller = await PollingClient.open(server.url, revision);
    await poller.send("40/ssp,");
    await poller.next();
    await poller.send(`451-/ssp,${DESCRIBE}`, attachment, '42/ssp,["rtc:join",{"pool":"p"}]');
    const reason = '"reason":"binary-frame"';
    assertEquals((await poller.next()).includes(reason), true);
    assertEquals((await poller.next()).startsWith('42/ssp,["rtc:joined"'), true);
    await poller.close();
  }
});

const endings = sideBySide("an event that may not be ends its namespace");

endings(
  "OWT: a binary event ends its namespace, and with the last one the connection",
  async () => {
    await using server = startTestServer();
    await using client = await open(server);
    for (const address of ["", "/ssp,"]) assertEquals(await enter(client, address), true);
    await logIn(client, "alice");
    for (const packet of [`451-${DESCRIBE}`, AVATAR]) client.send(packet);
    assertEquals(await client.next(), "41");
    assertEquals(await server.gauge("signalbox_peers"), 0);
    await joinPool(client, "/ssp");
    await using other = await open(server);
    assertEquals(await enter(other, ""), true);
    for (const packet of [`451-${DESCRIBE}`, AVATAR]) other.send(packet);
    assertEquals(await other.next(), "41");
    assertEquals((await within("the end", other.closed)).code, 1005);
  },
);

endings(
  "ssp: an event over the limit ends its namespace, and with the last one the connection",
  async () => {
    await using server = startTestServer({ args: ["--ssp-max-frame-bytes", `${256 * 1024}`] });
    await using client = await open(server);
    await enter(client, "/ssp,");
    const empty = '2["describe",{"text":""}]'.length;
    const describe = (size: number): string =>
      `42/ssp,["describe",{"text":"${"x".repeat(size - empty)}"}]`;
    client.send(describe(256 * 1024));
    assertEquals(await nextReason(client, "/ssp"), "not-joined");
    client.send(describe(256 * 1024 + 1));
    assertEquals(await client.next(), "41/ssp,");
    assertEquals((await within("the end", client.closed)).code, 1009);
    // Bytes that belong to no event yet have a limit of their own.
    await using other = await open(server);
    await enter(other, "/ssp,");
    other.send(describe(1_000_000));
    assertEquals((await within("the end", other.closed)).code, 1009);
  },
);

Deno.test("ssp: a poll brings an answer to a join that is larger than what may wait", async () => {
  await using server = startTestServer({ args: ["--socket-io-max-queued-bytes", "65536"] });
  await using member = await WsClient.open(`${server.wsUrl}/ssp`);
  member.send({ type: "rtc:join", data: { pool: "p" } });
  await member.next();
  await using other = await open(server);
  await enter(other, "/ssp,");
  await joinPool(other, "/ssp");
  const text = "x".repeat(60_000);
  member.send({ type: "describe", data: { text } });
  other.send(`42/ssp,["describe",${JSON.stringify({ text })}]`);
  for (const type of ["rtc:peer", "rtc:describe"]) {
    assertEquals((await member.nextText()).includes(`"${type}"`), true);
  }
  const pollers: string[] = [];
  for (const isReading of [true, false]) {
    const poller = await PollingClient.open(server.url, 4);
    await poller.send("40/ssp,");
    await poller.next();
    await poller.send('42/ssp,["rtc:join",{"pool":"p"}]');
    const { data: { id } } = await member.nextJson() as { data: { id: string } };
    pollers.push(id);
    if (!isReading) continue;
    const packet = await poller.next();
    const [type, { client_id, descriptions }] = JSON.parse(packet.slice("42/ssp,".length));
    assertEquals([packet.length > 120_000, type, client_id], [true, "rtc:joined", id]);
    assertEquals(Object.values(descriptions).length, 3);
    await poller.close();
    assertEquals(await member.nextJson(), { type: "rtc:close", data: { uid: id, id } });
  }
  // One that does not read is given up with whatever comes next.
  const [, id] = pollers;
  other.send('42/ssp,["describe",{}]');
  assertEquals((await member.nextText()).includes('"rtc:describe"'), true);
  assertEquals(await member.nextJson(), { type: "rtc:close", data: { uid: id, id } });
});

Deno.test("at the server's end connections in whatever namespaces are closed with 1001", async () => {
  await using server = startTestServer();
  const clients = [await open(server), await open(server), await open(server)] as const;
  const [both, pool, none] = clients;
  for (const address of ["", "/ssp,"]) assertEquals(await enter(both, address), true);
  assertEquals(await enter(pool, "/ssp,"), true);
  await logIn(both, "alice");
  await joinPool(pool, "/ssp");
  await server.stop();
  for (const client of [both, pool, none]) {
    assertEquals((await within("the end", client.closed)).code, 1001);
    // There is no DISCONNECT, no rtc:stop and no departure: clients come back.
    assertEquals(client.unread, []);
  }
});

import { assert, assertEquals } from "@std/assert";
import { startMain } from "../helpers/process/main_process.ts";
import {
  openGst,
  openGstSession,
  openInRoom,
  openPeerJs,
  peerJsUrl,
} from "../helpers/wire/peers.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { until } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The log names refused clients and the reason, and none of their words: no tokens, query strings,
// SDP or ids.

const SECRET = "s3cret-that-nobody-may-read";

Deno.test("nothing that clients say reaches the log, whatever they do wrong", async () => {
  await using server = await startMain({
    args: ["--listen", "http://127.0.0.1:0", "--log-lines-per-second", "unlimited"].concat(
      ["--trust-proxy", "127.0.0.1", "--peerjs-key", SECRET, "--peerjs-id-secret", SECRET],
      ["--ssp-tokens", SECRET, "--simple-tokens", SECRET, "--simple-secret", SECRET],
    ),
  });
  const [url = ""] = server.urls;
  const wsUrl = url.replace(/^http/, "ws");
  {
    await using alice = await openPeerJs(wsUrl, `${SECRET} 1`, { token: SECRET, key: SECRET });
    for (const message of [{ type: "OFFER", dst: SECRET, payload: SECRET }, { type: SECRET }]) {
      alice.send(message);
    }
    alice.send(`{${SECRET}`);
    const refused = [{ key: "x" }, { key: SECRET, token: `${SECRET}${SECRET}` }];
    for (const options of refused) {
      await using client = await WsClient.open(peerJsUrl(wsUrl, `${SECRET} 1`, options));
      await client.closed;
    }
    const [caller, callee] = await openGstSession(wsUrl, [`${SECRET}-caller`, `${SECRET}-callee`]);
    caller.send(SECRET);
    await callee.next();
    await caller.close();
    await callee.closed;
    await using member = await openInRoom(wsUrl, `${SECRET}-member`, SECRET);
    await member.next();
    member.send(`ROOM_PEER_MSG ${SECRET} ${SECRET}`);
    member.send(`${SECRET} ${SECRET}`);
    assertEquals(await member.next(), `ERROR peer '${SECRET}' not found`);
    await using stranger = await WsClient.open(`${wsUrl}/?${SECRET}`);
    stranger.send(`HELLO ${SECRET} ${SECRET}`);
    await stranger.closed;
    for (const token of [SECRET, `${SECRET}${SECRET}`]) {
      await using member = await WsClient.open(`${wsUrl}/ssp?token=${token}`);
      member.send({ type: "rtc:join", data: { pool: "p", token } });
      await member.next();
      const url = `${wsUrl}/simple?room=${SECRET}&token=${token}`;
      await using peer = await WsClient.open(url);
      await peer.next();
      peer.send({ event: "join", room: SECRET, token, p_id: SECRET, p_secret: SECRET });
      await peer.next();
    }
    for (const address of [`?token=${SECRET}`, `?token=${SECRET}-`]) {
      const query = `EIO=4&transport=websocket&token=${SECRET}`;
      await using client = await WsClient.open(`${wsUrl}/socket.io/?${query}`);
      await client.next();
      for (const auth of ["", `{"token":"${SECRET}"}`, `{"token":"${SECRET}-"}`, `{"${SECRET}`]) {
        client.send(`40/ssp${address},${auth}`);
        await client.next();
        client.send(`42/ssp,["rtc:join",{"pool":"p","token":"${SECRET}"}]`);
        await client.next();
        client.send(`42/ssp,["${SECRET}`);
        await client.next();
        client.send("41/ssp,");
      }
      client.send(`40/${SECRET}?${SECRET},${SECRET}`);
      await client.closed;
    }
    using handshake = await RawSocket.connect(url);
    const headers = { "X-Forwarded-For": SECRET, "Sec-WebSocket-Key": SECRET, Origin: SECRET };
    await handshake.write(requestText(`GET /peerjs?${SECRET} HTTP/1.1`, headers));
    assertEquals((await handshake.head()).status, 400);
    using broken = await RawSocket.upgrade(`${wsUrl}/`);
    await broken.sendFrame({ payload: SECRET, reserved: 1 });
    await broken.ended();
    await (await fetch(`${url}/${SECRET}?${SECRET}`)).body?.cancel();
  }
  await using _last = await openGst(wsUrl, "last");
  await until("the last lines", () => server.stderr().split("connection opened").length > 13);
  assert(server.stderr().includes("reason=http_400"), server.stderr());
  assertEquals(server.stderr().split("\n").filter((line) => line.includes(SECRET)), []);
});

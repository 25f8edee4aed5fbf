import { assertEquals } from "@std/assert";
import { openGst, openPeerJs } from "../../helpers/wire/peers.ts";
import { startTestServer } from "../../helpers/wire/server.ts";
import { WsClient } from "../../helpers/wire/ws_client.ts";

// `--bridge` with the names of some protocols: the others stay as they are without it.

Deno.test("--bridge peerjs gstreamer: these two share their ids and calls", async () => {
  await using server = startTestServer({ args: ["--bridge", "peerjs", "gstreamer"] });
  await using robot = await openGst(server.wsUrl, "robot");
  await using page = await openPeerJs(server.wsUrl, "page");
  await using taken = await WsClient.open(`${server.wsUrl}/`);
  taken.send("HELLO page");
  assertEquals((await taken.closed).code, 1002);
  const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
  const head = { type: "data", connectionId: "dc_1" };
  page.send({ type: "OFFER", dst: "robot", payload: { sdp: { type: "offer", sdp }, ...head } });
  assertEquals(JSON.parse(await robot.nextText()), { sdp: { type: "offer", sdp } });
  robot.send(JSON.stringify({ sdp: { type: "answer", sdp } }));
  assertEquals(JSON.parse(await page.nextText()).type, "ANSWER");
  assertEquals(await server.gauge("signalbox_bridged_calls"), 1);
});

Deno.test("--bridge peerjs gstreamer: a room of one name is another one for Simple", async () => {
  await using server = startTestServer({ args: ["--bridge", "peerjs", "gstreamer"] });
  await using fred = await WsClient.open(`${server.wsUrl}/simple?room=room`);
  const { p_id: id } = JSON.parse(await fred.nextText());
  await fred.nextText(); // ready
  await using robot = await openGst(server.wsUrl, "robot");
  robot.send("ROOM room");
  assertEquals(await robot.nextText(), "ROOM_OK ");
  await using caller = await openGst(server.wsUrl, "caller");
  caller.send(`SESSION ${id}`);
  assertEquals(await caller.nextText(), `ERROR peer '${id}' not found`);
  // Nothing of the others has reached it.
  fred.send({ event: "ping", ref: 1 });
  assertEquals(JSON.parse(await fred.nextText()).event, "pong");
});

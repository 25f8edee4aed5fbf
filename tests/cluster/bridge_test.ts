import { assertEquals } from "@std/assert";
import { TALKERS } from "../e2e/bridge/talkers.ts";
import { launchBrowser } from "../helpers/browser/chromium.ts";
import { startNodes } from "../helpers/cluster/node_processes.ts";
import { clientTest } from "../helpers/process/clients.ts";
import { sdpOf } from "../helpers/session/legs.ts";
import type { SimpleFrame } from "../helpers/session/simple.ts";
import { event, type SspEvent } from "../helpers/session/ssp.ts";
import { within } from "../helpers/wire/waiting.ts";
import { openGst, openInRoom, openPeerJs } from "../helpers/wire/peers.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// Calls and rooms of clients of different protocols on two real nodes.

const needs = ["redis-server"] as const;
const DIALECTS = ["peerjs", "gstreamer", "ssp", "owt", "simple"] as const;
const BRIDGED = ["--bridge", "all"] as const;

const text = (value: unknown): string => JSON.stringify(value);

function offer(dst: string, connectionId: string): string {
  const head = { type: "data", connectionId };
  return text({
    type: "OFFER",
    dst,
    payload: { sdp: { type: "offer", sdp: sdpOf("P") }, ...head },
  });
}

const sdp = (type: string, session: string): string => text({ sdp: { type, sdp: sdpOf(session) } });

clientTest({
  name: "cluster, bridge: PeerJS calls GStreamer on another node, and each learns of the end once",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, BRIDGED);
    await using g = await openGst(nodes.wsUrl(1), "robot");
    await using p = await openPeerJs(nodes.wsUrl(0), "page");
    await using other = await openPeerJs(nodes.wsUrl(1), "other");
    await using caller = await openGst(nodes.wsUrl(0), "caller");
    p.send(offer("robot", "dc_1"));
    assertEquals(await g.nextText(), sdp("offer", "P"));
    // An early candidate waits for the description that it belongs to.
    g.send(text({ ice: { candidate: "early", sdpMLineIndex: 0 } }));
    g.send(sdp("answer", "G"));
    const head = { type: "data", connectionId: "dc_1" };
    const from = { src: "robot", dst: "page" };
    const answer = { sdp: { sdp: sdpOf("G"), type: "answer" }, ...head };
    const candidate = { candidate: "early", sdpMid: "0", sdpMLineIndex: 0 };
    assertEquals(await p.nextJson(), { type: "ANSWER", ...from, payload: answer });
    assertEquals(await p.nextJson(), {
      type: "CANDIDATE",
      ...from,
      payload: { candidate, ...head },
    });
    // It is busy for everybody else, on whichever node.
    other.send(offer("robot", "dc_2"));
    assertEquals(await other.nextJson(), { type: "EXPIRE", src: "robot", dst: "other" });
    caller.send("SESSION robot");
    assertEquals(await caller.nextText(), "ERROR peer 'robot' busy");
    p.send(text({ type: "LEAVE", dst: "robot" }));
    assertEquals((await within("the end of the session", g.closed)).code, 1000);
    // Nothing but the marker follows.
    other.send(text({ type: "CANDIDATE", dst: "page", payload: "marker" }));
    const marker = await p.nextJson() as { payload: unknown };
    assertEquals(marker.payload, "marker");
  },
});

clientTest({
  name: "cluster, bridge: the list of PeerJS has all that it can call, as on one node",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, [...BRIDGED, "--peerjs-allow-discovery"]);
    await using _page = await openPeerJs(nodes.wsUrl(0), "page");
    await using robot = await openGst(nodes.wsUrl(1), "robot");
    await using _inRoom = await openInRoom(nodes.wsUrl(1), "in-room", "room");
    await using _near = await openGst(nodes.wsUrl(0), "near");
    await using _other = await openPeerJs(nodes.wsUrl(1), "other");
    for (const { url } of nodes.nodes) {
      const response = await fetch(`${url}/peerjs/peers`);
      assertEquals(await response.json(), ["page", "robot", "near", "other"]);
    }
    robot.send("ROOM room");
    assertEquals(await robot.nextText(), "ROOM_OK in-room");
    for (const { url } of nodes.nodes) {
      const response = await fetch(`${url}/peerjs/peers`);
      assertEquals(await response.json(), ["page", "near", "other"]);
    }
  },
});

clientTest({
  name: "cluster, bridge: GStreamer calls PeerJS by SESSION, and a killed node ends the call",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, BRIDGED);
    await using p = await openPeerJs(nodes.wsUrl(0), "page");
    await using g = await openGst(nodes.wsUrl(1), "robot");
    g.send("SESSION page");
    assertEquals(await g.nextText(), "SESSION_OK");
    g.send(sdp("offer", "G"));
    const called = await p.nextJson() as { type: string; payload: { connectionId: string } };
    assertEquals(called.type, "OFFER");
    const { connectionId } = called.payload;
    const payload = { sdp: { type: "answer", sdp: sdpOf("P") }, type: "data", connectionId };
    p.send(text({ type: "ANSWER", dst: "robot", payload }));
    assertEquals(await g.nextText(), sdp("answer", "P"));
    await nodes.nodes[1]?.stop("SIGKILL");
    assertEquals(await p.nextJson(), { type: "LEAVE", src: "robot", dst: "page" });
  },
});

clientTest({
  name: "cluster, bridge: members of one room on two nodes meet and call, whatever they speak",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, BRIDGED);
    await using r = await WsClient.open(`${nodes.wsUrl(0)}/ssp`);
    r.send({ type: "rtc:join", data: { pool: "room" } });
    const joined = await r.nextJson() as SspEvent;
    const id = String(joined.data["client_id"]);
    await using g = await openInRoom(nodes.wsUrl(1), "robot", "room");
    assertEquals(await g.nextText(), `ROOM_OK ${id}`);
    const announced = await r.nextJson() as SspEvent;
    assertEquals([announced.type, announced.data["id"]], ["rtc:peer", "robot"]);
    g.send(`ROOM_PEER_MSG ${id} ${sdp("offer", "G")}`);
    const called = await r.nextJson() as SspEvent;
    assertEquals([called.type, called.data["peer"]], ["rtc:sdp", "robot"]);
    const description = { type: "answer", sdp: sdpOf("R") };
    r.send(text(event("rtc:sdp", { to: "robot", description })));
    assertEquals(await g.nextText(), `ROOM_PEER_MSG ${id} ${sdp("answer", "R")}`);
    await r.close();
    assertEquals(await g.nextText(), `ROOM_PEER_LEFT ${id}`);
  },
});

clientTest({
  name: "cluster, bridge: PeerJS learns when the node of a Simple client ends, and calls it again",
  needs,
  fn: async () => {
    await using nodes = await startNodes(2, DIALECTS, BRIDGED);
    await using p = await openPeerJs(nodes.wsUrl(0), "page");
    const joined = async (at: number, more: object): Promise<[WsClient, SimpleFrame[]]> => {
      const client = await WsClient.open(`${nodes.wsUrl(at)}/simple`);
      client.send({ event: "join", room: "room", ...more });
      // The comparisons check the server's frames.
      return [client, [await client.nextJson(), await client.nextJson()] as SimpleFrame[]];
    };
    const called = async (client: WsClient): Promise<void> => {
      const [introduced, signal] = [await client.nextJson(), await client.nextJson()];
      assertEquals((introduced as SimpleFrame)["event"], "join");
      assertEquals((signal as SimpleFrame)["type"], "offer");
      client.send({ event: "signal", peer_id: "page", type: "answer", sdp: sdpOf("S") });
      assertEquals((await p.nextJson() as SimpleFrame)["type"], "ANSWER");
    };
    const [client, [handshake, ready]] = await joined(1, {});
    await using s = client;
    const p_id = String(handshake?.["p_id"]);
    p.send(offer(p_id, "dc_1"));
    await called(s);
    await nodes.nodes[1]?.stop();
    assertEquals(await p.nextJson(), { type: "LEAVE", src: p_id, dst: "page" });
    const { p_secret, p_instance } = ready ?? {};
    const [again, [now]] = await joined(0, { p_id, p_secret, p_instance, seq: 1 });
    await using back = again;
    assertEquals([now?.["p_id"], now?.["peers"]], [p_id, []]);
    p.send(offer(p_id, "dc_2"));
    await called(back);
  },
});

const PAIRS = [
  ["PeerJS", "GStreamer"],
  ["GStreamer", "RTCPool"],
  ["OWT", "PeerJS"],
  ["PeerJS", "Simple"],
] as const;

for (const [calling, called] of PAIRS) {
  clientTest({
    name:
      `cluster, bridge: a ${calling} page calls a ${called} page of another node, both exchange texts`,
    needs: ["redis-server", "chromium"],
    fn: async () => {
      await using nodes = await startNodes(2, DIALECTS, BRIDGED);
      const [here, there] = nodes.nodes;
      if (here === undefined || there === undefined) throw new Error("Cannot test without nodes");
      await using browser = await launchBrowser();
      await using callee = await TALKERS[called](browser, there.url, "callee");
      await using caller = await TALKERS[calling](browser, here.url, "caller");
      await caller.connect(callee.id);
      const [word, reply] = ["there", "back"].map((data) => text({ id: "1", data }));
      await caller.tell(callee.id, word ?? "");
      assertEquals(await callee.hears(caller.id), word);
      await callee.tell(caller.id, reply ?? "");
      assertEquals(await caller.hears(callee.id), reply);
    },
  });
}

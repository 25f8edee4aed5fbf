import { assertEquals } from "@std/assert";
import { BridgeBench } from "../helpers/session/bridge.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";
import { Dice, mutate } from "../helpers/session/mutate.ts";

const SEED = 20_261_129;
const INPUTS = 400;
const text = (value: unknown): string => JSON.stringify(value);

/** A client that attacks another one across protocols, and frames of it to begin with. */
interface Attacker {
  readonly client: TestClient;
  readonly corpus: readonly [string, ...string[]];
}

/** The client under attack: all that it gets has to be text of its own protocol. */
interface Victim {
  readonly client: TestClient;
  readonly id: string;
  readonly isWellFormed: (frame: string) => boolean;
}

const ATTACKERS: Readonly<Record<string, (bench: BridgeBench, to: string) => Promise<Attacker>>> = {
  peerjs: async (bench, dst) => {
    const head = { type: "data", connectionId: "dc_1" };
    return {
      client: await bench.peerjs("attacker"),
      corpus: [
        text({
          type: "OFFER",
          dst,
          payload: { sdp: { type: "offer", sdp: sdpOf("A") }, ...head },
        }),
        text({ type: "CANDIDATE", dst, payload: { candidate: { candidate: "c" }, ...head } }),
        text({
          type: "ANSWER",
          dst,
          payload: { sdp: { type: "answer", sdp: sdpOf("A") }, ...head },
        }),
        text({ type: "LEAVE", dst }),
      ],
    };
  },
  gstreamer: async (bench, to) => {
    const client = await bench.gstreamer("attacker");
    await client.say(`SESSION ${to}`);
    return {
      client,
      corpus: [
        text({ sdp: { type: "offer", sdp: sdpOf("A") } }),
        text({ sdp: { type: "answer", sdp: sdpOf("A") } }),
        text({ ice: { candidate: "candidate:1", sdpMLineIndex: 0, sdpMid: "0" } }),
        "OFFER_REQUEST",
      ],
    };
  },
  simple: async (bench, peer_id) => {
    const { client } = await bench.simple("room");
    const head = { event: "signal", peer_id };
    return {
      client,
      corpus: [
        text({ ...head, type: "offer", sdp: sdpOf("A"), call: "c" }),
        text({ ...head, type: "answer", sdp: sdpOf("A") }),
        text({ ...head, type: "candidate", peer_ice: [{ candidate: "candidate:1" }, null] }),
        text({ ...head, type: "bye", reason: "x" }),
        text({ ...head, type: "data", data: {} }),
      ],
    };
  },
  ssp: async (bench, to) => {
    const { client } = await bench.ssp("room");
    return {
      client,
      corpus: [
        text({ type: "rtc:sdp", data: { to, description: { type: "offer", sdp: sdpOf("A") } } }),
        text({ type: "rtc:sdp", data: { to, description: { type: "answer", sdp: sdpOf("A") } } }),
        text({ type: "rtc:candidate", data: { for: to, candidate: { candidate: "c" } } }),
        text({ type: "rtc:candidate", data: { for: to, candidate: null } }),
      ],
    };
  },
  owt: async (bench, to) => {
    const message = (type: string, data: unknown) =>
      `27["owt-message",${text({ to, data: text({ type, data }) })}]`;
    return {
      client: await bench.owt("attacker"),
      corpus: [
        message("chat-signal", { type: "offer", sdp: sdpOf("A") }),
        message("chat-signal", { type: "answer", sdp: sdpOf("A") }),
        message("chat-signal", { type: "candidates", candidate: "c", sdpMid: "0" }),
        message("chat-stream-info", { id: "s", tracks: ["t"], source: {} }),
        message("chat-closed", null),
      ],
    };
  },
  webrtcsink: async (bench, peerId) => {
    const { client } = await bench.webrtcsink("listener");
    return {
      client,
      corpus: [
        text({ type: "startSession", peerId }),
        text({ type: "startSession", peerId, offer: sdpOf("A") }),
        text({ type: "peer", sessionId: "s", sdp: { type: "answer", sdp: sdpOf("A") } }),
        text({ type: "peer", sessionId: "s", ice: { candidate: "c", sdpMLineIndex: 0 } }),
        text({ type: "endSession", sessionId: "s" }),
      ],
    };
  },
};

const hasKey = (key: string) => (frame: string): boolean => key in JSON.parse(frame);

const VICTIMS: Readonly<Record<string, (bench: BridgeBench) => Promise<Victim>>> = {
  peerjs: async (bench) => ({
    client: await bench.peerjs("victim"),
    id: "victim",
    isWellFormed: hasKey("type"),
  }),
  gstreamer: async (bench) => ({
    client: await bench.gstreamer("victim"),
    id: "victim",
    isWellFormed: (frame) =>
      /^(HELLO|OFFER_REQUEST|ERROR .*)$/s.test(frame) || frame.startsWith("{"),
  }),
  simple: async (bench) => ({ ...await bench.simple("room"), isWellFormed: hasKey("event") }),
  ssp: async (bench) => ({ ...await bench.ssp("room"), isWellFormed: hasKey("type") }),
  owt: async (bench) => ({
    client: await bench.owt("victim"),
    id: "victim",
    isWellFormed: (frame) => Array.isArray(JSON.parse(frame.replace(/^\d+/, ""))),
  }),
  webrtcsink: async (bench) => ({
    ...await bench.webrtcsink("producer"),
    isWellFormed: hasKey("type"),
  }),
};

for (const [attacking, attack] of Object.entries(ATTACKERS)) {
  for (const [attacked, meet] of Object.entries(VICTIMS)) {
    if (attacking === attacked) continue;
    Deno.test(`hostile frames of ${attacking} reach ${attacked} well-formed, or not at all`, async () => {
      using bench = new BridgeBench({ lobby: "room" });
      const victim = await meet(bench);
      const { client, corpus } = await attack(bench, victim.id);
      const dice = new Dice(SEED);
      const seen = victim.client.sent.length;
      for (let input = 0; input < INPUTS && client.isOpen; input++) {
        client.blurt(dice.roll(4) === 0 ? dice.pick(corpus) : mutate(dice, corpus));
        if (input % 40 === 0) bench.clock.advance(600);
      }
      await settle();
      assertEquals([client.link.faults, victim.client.link.faults], [[], []]);
      for (const frame of victim.client.sent.slice(seen)) {
        const isSimple = attacked === "simple" && String(frame).includes('"p_id"');
        assertEquals([frame, isSimple || victim.isWellFormed(String(frame))], [frame, true]);
      }
      await client.leave();
      await victim.client.leave();
      assertEquals(bench.calls.count, 0);
    });
  }
}

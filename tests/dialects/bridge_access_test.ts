import { assertEquals } from "@std/assert";
import { type Judge, refused, type Verdict, type Why } from "../../src/auth/authenticator.ts";
import { ALL_GRANTS, exactly, type Grants } from "../../src/auth/grants.ts";
import { BridgeBench } from "../helpers/session/bridge.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { sdpOf } from "../helpers/session/legs.ts";

// With authentication on, a token's grants hold for what it lets its holder reach in another protocol.

const text = (value: unknown): string => JSON.stringify(value);

/** A token is a user's name, and has these grants. */
function judgeOf(grants: Readonly<Record<string, Partial<Grants>>>): Judge {
  return {
    judge(token): Verdict {
      const own = token === undefined ? undefined : grants[token];
      if (token === undefined || own === undefined) {
        const why: Why = token === undefined ? "missing" : "denied";
        return refused(why);
      }
      const ids = [exactly(token)];
      const identity = { user: token, expiresAt: undefined };
      return { identity: { ...identity, grants: { ...ALL_GRANTS, ids, ...own } } };
    },
  };
}

const GRANTS = {
  guest: { rooms: [exactly("lobby")] },
  nurse: { rooms: [exactly("ward")] },
  anybody: {},
  watcher: { roles: ["consume"] },
  camera: { roles: ["produce"] },
} as const satisfies Readonly<Record<string, Partial<Grants>>>;

type User = keyof typeof GRANTS;

function newBench(): BridgeBench {
  return new BridgeBench({ judge: judgeOf(GRANTS), lobby: "hall" });
}

interface Known {
  readonly client: TestClient;
  readonly id: string;
}

async function sspMember(bench: BridgeBench, user: User, pool: string): Promise<Known> {
  const client = await bench.connect("ssp", `/ssp?token=${user}`);
  await client.say(text({ type: "rtc:join", data: { pool } }));
  const [joined] = client.heardJson() as [{ data: { client_id: string } }];
  return { client, id: joined.data.client_id };
}

async function simpleMember(bench: BridgeBench, user: User, room: string): Promise<Known> {
  const client = await bench.connect("simple", `/simple?token=${user}`);
  await client.say(text({ event: "join", room }));
  const [handshake] = client.heardJson() as [{ p_id: string }];
  return { client, id: handshake.p_id };
}

async function sink(bench: BridgeBench, user: User, ...roles: string[]): Promise<Known> {
  const client = await bench.connect("webrtcsink", `/webrtcsink?token=${user}`);
  const [{ peerId }] = client.heardJson() as [{ peerId: string }];
  await client.say(text({ type: "setPeerStatus", roles, meta: null, peerId }));
  client.heard();
  return { client, id: peerId };
}

const offer = (dst: string): string =>
  text({
    type: "OFFER",
    dst,
    payload: { sdp: { type: "offer", sdp: sdpOf("P") }, type: "data", connectionId: "dc" },
  });

/** Starts a client of each protocol that calls somebody. */
const CALLERS: Readonly<
  Record<string, (bench: BridgeBench, user: User, to: string) => Promise<TestClient>>
> = {
  async peerjs(bench, user, to): Promise<TestClient> {
    const client = await bench.connect("peerjs", `/peerjs?key=${user}&id=${user}&token=t`);
    await client.say(offer(to));
    return client;
  },
  async gstreamer(bench, user, to): Promise<TestClient> {
    const client = await bench.connect("gstreamer", `/gst?token=${user}`);
    await client.say(`HELLO ${user}`, `SESSION ${to}`);
    await client.say(text({ sdp: { type: "offer", sdp: sdpOf("G") } }));
    return client;
  },
  async webrtcsink(bench, user, to): Promise<TestClient> {
    const { client } = await sink(bench, user);
    await client.say(text({ type: "startSession", peerId: to, offer: sdpOf("W") }));
    return client;
  },
};

for (const [name, call] of Object.entries(CALLERS)) {
  Deno.test(`${name}: a token that is not good for a room calls none of its members`, async () => {
    using bench = newBench();
    const r = await sspMember(bench, "anybody", "ward");
    const s = await simpleMember(bench, "nurse", "ward");
    r.client.heard();
    // Where there are two nodes, each is called from its own and from the other one.
    for (const member of [r, s, s, r]) {
      const caller = await call(bench, "guest", member.id);
      assertEquals(member.client.heard(), []);
      await caller.leave();
    }
    assertEquals(bench.calls.count, 0);
    // A token that is good for it does.
    for (const member of [r, s, s, r]) {
      const caller = await call(bench, "nurse", member.id);
      assertEquals(member.client.heard().length > 0, true);
      await caller.leave();
      member.client.heard();
    }
  });

  Deno.test(`${name}: a room behind one protocol's tokens is shut to callers of all members`, async () => {
    const token = "a-token-long-enough";
    for (const guarding of ["ssp", "simple"]) {
      using bench = new BridgeBench({ options: { [guarding]: { tokens: [token] } } });
      const r = await bench.connect("ssp", `/ssp?token=${token}`);
      await r.say(text({ type: "rtc:join", data: { pool: "ward" } }));
      const s = await bench.connect("simple", `/simple?token=${token}`);
      await s.say(text({ event: "join", room: "ward" }));
      const [joined] = r.heardJson() as [{ data: { client_id: string } }];
      const [handshake] = s.heardJson() as [{ p_id: string }];
      r.heard();
      const ids = [joined.data.client_id, handshake.p_id];
      for (const id of ids) await (await callWithout(bench, name, id)).leave();
      assertEquals([r.heard(), s.heard(), bench.calls.count], [[], [], 0]);
    }
  });
}

/** The same calls where the caller's own protocol asks for no token. */
async function callWithout(bench: BridgeBench, name: string, to: string): Promise<TestClient> {
  if (name === "peerjs") {
    const client = await bench.peerjs("page");
    await client.say(offer(to));
    return client;
  }
  if (name === "gstreamer") {
    const client = await bench.gstreamer("robot");
    await client.say(`SESSION ${to}`, text({ sdp: { type: "offer", sdp: sdpOf("G") } }));
    return client;
  }
  const { client } = await bench.webrtcsink();
  await client.say(text({ type: "startSession", peerId: to, offer: sdpOf("W") }));
  return client;
}

Deno.test("a room that a token does not grant stays shut on every way into it", async () => {
  using bench = newBench();
  const member = await sspMember(bench, "anybody", "ward");
  const g = await bench.connect("gstreamer", "/gst?token=guest");
  await g.say("HELLO guest", "ROOM ward");
  assertEquals(g.heard(), ["HELLO", "ERROR room 'ward' is not allowed"]);
  await g.say(`ROOM_PEER_MSG ${member.id} {}`);
  const s = await bench.connect("simple", "/simple?token=guest");
  await s.say(text({ event: "join", room: "ward" }));
  assertEquals(s.refusals, ["room_forbidden"]);
  const r = await bench.connect("ssp", "/ssp?token=guest");
  await r.say(text({ type: "rtc:join", data: { pool: "ward" } }));
  assertEquals(r.refusals, ["room_forbidden"]);
  assertEquals(member.client.heard(), []);
  assertEquals(bench.hub.rooms("bridged").map(({ members }) => members.length), [1]);
});

Deno.test("the lobby is shown to those whose token is good for it, and to nobody else", async () => {
  using bench = newBench();
  await CALLERS["peerjs"]?.(bench, "nurse", "nobody");
  const r = await bench.connect("ssp", "/ssp?token=guest");
  await r.say(text({ type: "rtc:join", data: { pool: "hall" } }));
  assertEquals(r.refusals, ["room_forbidden"]);
  const member = await simpleMember(bench, "anybody", "hall");
  const [handshake] = member.client.sent.map((frame) => JSON.parse(String(frame)));
  assertEquals(handshake.peers.map(({ peer_id }: { peer_id: string }) => peer_id), ["nurse"]);
});

Deno.test("a token without the role receives nothing of a producer, whatever its protocol", async () => {
  using bench = newBench();
  const producer = await sink(bench, "camera", "producer");
  for (const [name, call] of Object.entries(CALLERS)) {
    if (name === "webrtcsink") continue;
    const refusedCaller = await call(bench, "camera", producer.id);
    assertEquals(producer.client.heard(), []);
    await refusedCaller.leave();
    const caller = await call(bench, "watcher", producer.id);
    const [start] = producer.client.heardJson() as [{ type: string }];
    assertEquals(start.type, "startSession");
    await caller.leave();
    producer.client.heard();
  }
  const members = [
    await sspMember(bench, "camera", "hall"),
    await simpleMember(bench, "camera", "hall"),
  ] as const;
  const description = { type: "offer", sdp: sdpOf("R") };
  await members[0].client.say(text({ type: "rtc:sdp", data: { to: producer.id, description } }));
  await members[1].client.say(
    text({ event: "signal", peer_id: producer.id, type: "offer", sdp: sdpOf("S") }),
  );
  assertEquals(producer.client.heard(), []);
});

Deno.test("a token without the role produces nothing for a waiting consumer", async () => {
  using bench = newBench();
  const consumer = await sink(bench, "watcher", "consumer");
  const g = await CALLERS["gstreamer"]?.(bench, "watcher", consumer.id);
  assertEquals(consumer.client.heard(), []);
  await g?.leave();
  await CALLERS["gstreamer"]?.(bench, "camera", consumer.id);
  assertEquals(consumer.client.heard().length, 2);
});

Deno.test("webrtcsink: a token without the role starts no session with another protocol's client", async () => {
  using bench = newBench();
  const g = await bench.connect("gstreamer", "/gst?token=anybody");
  await g.say("HELLO anybody");
  g.heard();
  const w = await CALLERS["webrtcsink"]?.(bench, "camera", "anybody");
  assertEquals(w?.refusals, ["role_forbidden"]);
  assertEquals(g.heard(), []);
});

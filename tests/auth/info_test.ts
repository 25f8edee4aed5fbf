import { assertEquals } from "@std/assert";
import { type Identity, type Judge, refused, type Verdict } from "../../src/auth/authenticator.ts";
import { readGrants } from "../../src/auth/claims.ts";
import { ALL_GRANTS, exactly } from "../../src/auth/grants.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { owt } from "../../src/dialects/owt/mod.ts";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { simple } from "../../src/dialects/simple/mod.ts";
import { ssp } from "../../src/dialects/ssp/mod.ts";
import { webrtcsink } from "../../src/dialects/webrtcsink/mod.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import type { TestClient } from "../helpers/session/hub.ts";
import { connectTo } from "../helpers/session/namespace.ts";

// A token's facts about its holder, and fresh tokens of a connected client.

type Info = NonNullable<Identity["info"]>;
type Row = Record<string, unknown>;

/** Accepts every token but "bad": "USER", or "USER:JSON" with the facts in JSON. */
const judge: Judge = {
  judge(token = "bad"): Verdict {
    if (token === "bad") return refused("signature");
    const [, user = "", json] = /^(\w+)(?::(.*))?$/s.exec(token) ?? [];
    const info: Info | undefined = json === undefined ? undefined : JSON.parse(json);
    const rooms = [exactly("lobby")];
    return { identity: { user, info, expiresAt: undefined, grants: { ...ALL_GRANTS, rooms } } };
  },
};

function newBench(dialect: Dialect): DialectBench {
  return new DialectBench(dialect, { judge });
}

async function joinSimple(bench: DialectBench, token: string, more: Row = {}): Promise<TestClient> {
  const client = await bench.connect("/simple");
  await client.say(JSON.stringify({ event: "join", room: "lobby", token, ...more }));
  return client;
}

async function ask(client: TestClient, message: Row): Promise<Row[]> {
  client.heard();
  await client.say(JSON.stringify(message));
  return client.heardJson() as Row[];
}

Deno.test("info is a plain object of at most 4096 bytes", () => {
  const kept = (info: unknown): unknown => readGrants({ info }, "alice")?.info;
  assertEquals(kept({ name: "Alice" }), { name: "Alice" });
  const sized = (bytes: number): unknown => ({ a: "x".repeat(bytes - '{"a":""}'.length) });
  assertEquals([kept(sized(4_096)) !== undefined, kept(sized(4_097))], [true, undefined]);
  for (const info of ["Alice", 7, null, ["a"]]) {
    assertEquals(readGrants({ info }, "alice"), undefined, JSON.stringify(info));
  }
});

Deno.test("Simple: a token's facts are fields that others see and the client cannot change", async () => {
  using bench = newBench(simple);
  const alice = await joinSimple(bench, 'alice:{"name":"Alice","vip":true}', {
    peer: { name: "Mallory", mood: "fine" },
  });
  const [handshake] = alice.heardJson() as { p_id: string }[];
  const bob = await joinSimple(bench, "bob");
  const [{ peers: [seen] } = { peers: [] }] = bob.heardJson() as { peers: Row[] }[];
  const { name, mood, vip, peer_id } = seen ?? {};
  assertEquals([name, mood, vip, peer_id], ["Alice", "fine", true, handshake?.p_id]);
  const [error] = await ask(alice, { event: "change", peer: { name: "Mallory" }, ref: 1 });
  assertEquals([error?.["event"], error?.["code"], error?.["ref"]], ["error", "forbidden", 1]);
  assertEquals(await ask(alice, { event: "change", peer: { mood: "well" }, ref: 2 }), [
    { event: "ok", ref: 2 },
  ]);
});

Deno.test("Simple: a token whose facts are no fields of a peer is not valid", async () => {
  using bench = newBench(simple);
  for (const json of ['{"peer_id":"x"}', '{"__proto__":1}', '{"":1}']) {
    const client = await joinSimple(bench, `alice:${json}`);
    const [error] = client.heardJson() as Row[];
    assertEquals([error?.["code"], error?.["message"]], ["unauthorized", "Token is not valid"]);
  }
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("Simple: a fresh token brings fresh facts, a bad or foreign one changes nothing", async () => {
  using bench = newBench(simple);
  const alice = await joinSimple(bench, 'alice:{"name":"Alice"}');
  const bob = await joinSimple(bench, "bob");
  const refresh = (token: string): Promise<Row[]> =>
    ask(alice, { event: "refresh", token, ref: 1 });
  bob.heard();
  const codeOf = ([answer]: Row[]): unknown => answer?.["code"];
  assertEquals(codeOf(await refresh("bad")), "unauthorized");
  assertEquals(codeOf(await refresh('bob:{"name":"Bob"}')), "forbidden");
  assertEquals([alice.isOpen, bob.heard()], [true, []]);
  assertEquals((await refresh('alice:{"name":"Queen"}')).at(-1), { event: "ok", ref: 1 });
  const [change] = bob.heardJson() as Row[];
  assertEquals([change?.["event"], change?.["peer"]], ["change", { name: "Queen" }]);
  assertEquals((await refresh("alice")).at(-1), { event: "ok", ref: 1 });
  assertEquals((bob.heardJson() as Row[])[0]?.["peer"], { name: null });
});

Deno.test("Simple: a refresh needs a join before it, and succeeds where nobody needs a token", async () => {
  using bench = newBench(simple);
  const client = await bench.connect("/simple");
  const [error] = await ask(client, { event: "refresh", token: "alice", ref: 1 });
  assertEquals([error?.["code"], error?.["ref"]], ["not_joined", 1]);
  using open = new DialectBench(simple, {});
  const guest = await open.connect("/simple?room=lobby");
  assertEquals(await ask(guest, { event: "refresh", token: "any", ref: 2 }), [
    { event: "ok", ref: 2 },
  ]);
});

Deno.test("RTCPool: a token's facts are in the description from the join on, whatever it describes", async () => {
  using bench = newBench(ssp);
  const join = async (token: string): Promise<TestClient> => {
    const client = await bench.connect(`/ssp?token=${encodeURIComponent(token)}`);
    await client.say('{"type":"rtc:join","data":{"pool":"lobby"}}');
    return client;
  };
  const alice = await join('alice:{"name":"Alice"}');
  alice.heard();
  const bob = await join("bob");
  const shownIn = (frames: unknown[]): boolean => JSON.stringify(frames).includes('"name":"Alice"');
  assertEquals(shownIn(bob.heardJson()), true);
  await alice.say('{"type":"describe","data":{"name":"Mallory","mood":"fine"}}');
  const news = bob.heardJson();
  assertEquals([shownIn(news), JSON.stringify(news).includes("Mallory")], [true, false]);
  assertEquals(JSON.stringify(news).includes('"mood":"fine"'), true);
});

Deno.test("webrtcsink: a token's facts are in meta, which is an object or null then", async () => {
  using bench = newBench(webrtcsink);
  const token = encodeURIComponent('alice:{"name":"Alice"}');
  const client = await bench.connect(`/webrtcsink?token=${token}`);
  const status = (meta: unknown): Row => ({ type: "setPeerStatus", roles: ["producer"], meta });
  const [error] = await ask(client, status("text"));
  assertEquals([error?.["type"], client.isOpen], ["error", true]);
  await ask(client, status({ name: "Mallory", mood: "fine" }));
  const [list] = await ask(client, { type: "list" });
  const [producer] = list?.["producers"] as Row[];
  assertEquals(producer?.["meta"], { name: "Alice", mood: "fine" });
});

Deno.test("OWT and PeerJS: a fresh token of the same user keeps the id", async () => {
  using bench = newBench(peerjs);
  const first = await bench.connect("/peerjs?key=peerjs&id=anything&token=alice");
  assertEquals(first.heardJson(), [{ type: "OPEN" }]);
  const again = await bench.connect('/peerjs?key=peerjs&id=anything&token=alice:{"v":2}');
  assertEquals([again.heardJson(), first.closing?.[0]], [[{ type: "OPEN" }], 1000]);
  using owtBench = newBench(owt);
  const { client } = await connectTo(owtBench, "/");
  for (const token of ["alice", 'alice:{"v":2}']) {
    await client.say(`25["authentication",${JSON.stringify({ token })}]`);
  }
  assertEquals([client.isOpen, owtBench.hub.peerCount], [true, 1]);
});

import { assertEquals } from "@std/assert";
import { peerjs } from "../../../src/dialects/peerjs/mod.ts";
import { DialectBench, type DialectTestOptions } from "../../helpers/session/dialect.ts";
import { settle, type TestClient } from "../../helpers/session/hub.ts";

// The rows of the wire contract's tables, section by section (protocols/peerjs.md).

const OPEN = { type: "OPEN" };

function newBench(test?: DialectTestOptions): DialectBench {
  return new DialectBench(peerjs, test);
}

function target(id: string, token = "t", key = "peerjs"): string {
  return `/peerjs?${new URLSearchParams({ key, id, token })}`;
}

/** A client that is registered and has read its OPEN. */
async function register(bench: DialectBench, id: string, token?: string): Promise<TestClient> {
  const client = await bench.connect(target(id, token));
  assertEquals(client.heardJson(), [OPEN]);
  return client;
}

function refusal(msg: string, type = "ERROR"): unknown {
  return { type, payload: { msg } };
}

Deno.test("§4: a client that names id, token and key gets OPEN first and only", async () => {
  using bench = newBench();
  const client = await bench.connect(`${target("alice")}&version=1.5.5&ts=1`);
  assertEquals(client.sent, ['{"type":"OPEN"}']);
  assertEquals([client.isOpen, client.session.isIdentified], [true, true]);
});

for (
  const [name, query] of [
    ["no query", ""],
    ["no id", "?key=peerjs&token=t"],
    ["an empty id", "?key=peerjs&id=&token=t"],
    ["no token", "?key=peerjs&id=a"],
    ["an empty token", "?key=peerjs&id=a&token="],
    ["no key", "?id=a&token=t"],
    ["an empty key", "?key=&id=a&token=t"],
  ] as const
) {
  Deno.test(`§4.1: a client with ${name} gets the reason, and is closed`, async () => {
    using bench = newBench();
    const client = await bench.connect(`/peerjs${query}`);
    const msg = "No id, token, or key supplied to websocket server";
    assertEquals(client.heardJson(), [refusal(msg)]);
    assertEquals([client.closing, bench.hub.peerCount], ["bare", 0]);
  });
}

Deno.test("§4.2: another key is refused, and letter case counts", async () => {
  using bench = newBench();
  for (const key of ["other", "PeerJS", "peerjs "]) {
    const client = await bench.connect(target("a", "t", key));
    assertEquals(client.heardJson(), [refusal("Invalid key provided")]);
    assertEquals(client.closing, "bare");
  }
});

Deno.test("§4: a missing parameter is named before a wrong one", async () => {
  using bench = newBench();
  const client = await bench.connect("/peerjs?key=other&id=a");
  assertEquals(client.heardJson(), [refusal("No id, token, or key supplied to websocket server")]);
});

Deno.test("§4.3: a taken id is refused to another token, and its holder notices nothing", async () => {
  using bench = newBench();
  const holder = await register(bench, "alice", "mine");
  const other = await bench.connect(target("alice", "yours"));
  assertEquals(other.heardJson(), [refusal("ID is taken", "ID-TAKEN")]);
  assertEquals([other.closing, holder.closing], ["bare", undefined]);
  await other.leave();
  assertEquals([holder.heard(), bench.hub.has("peerjs", "alice")], [[], true]);
});

Deno.test("§4.5: at the limit a newcomer is refused, and gets in when somebody leaves", async () => {
  using bench = newBench({ options: { concurrentLimit: 2 } });
  const alice = await register(bench, "alice");
  await register(bench, "bob");
  const late = await bench.connect(target("carol"));
  assertEquals(late.heardJson(), [refusal("Server has reached its concurrent user limit")]);
  assertEquals(late.closing, "bare");
  // The id comes before the limit, and a take-over is not subject to it.
  const taken = await bench.connect(target("bob", "other"));
  assertEquals(taken.heardJson(), [refusal("ID is taken", "ID-TAKEN")]);
  await register(bench, "bob");
  await alice.leave();
  await register(bench, "carol");
});

Deno.test("§2: of a name that occurs twice the last one counts, and escapes are decoded", async () => {
  using bench = newBench();
  await bench.connect("/peerjs?key=no&id=first&token=t&key=peerjs&id=gr%C3%BCn+1");
  assertEquals(bench.hub.directory("peerjs"), ["grün 1"]);
});

Deno.test("§4: any id is welcome up to the length limit", async () => {
  using bench = newBench({ options: { maxIdLength: 256 } });
  const names = ["__proto__", "constructor", "toString", "a b", "a/b", "語", "x".repeat(256)];
  for (const id of names) await register(bench, id);
  assertEquals(bench.hub.directory("peerjs"), names);
  const tooLong = await bench.connect(target("x".repeat(257)));
  assertEquals(tooLong.heardJson(), [refusal("Id is too long")]);
  assertEquals(tooLong.closing, "bare");
});

Deno.test("ids that the server did not make are refused where only such are admitted", async () => {
  using bench = newBench({ options: { serverIdsOnly: true } });
  const chosen = await bench.connect(target("alice"));
  assertEquals(chosen.heardJson(), [refusal("Id was not issued by this server")]);
  const issued = await bench.get("/peerjs/id")?.text() ?? "";
  await register(bench, issued);
});

function offer(dst: unknown, payload: unknown, type = "OFFER"): string {
  return JSON.stringify({ type, dst, payload });
}

function relayed(src: string, dst: string, payload: unknown, type = "OFFER"): unknown {
  return { type, src, dst, payload };
}

for (const type of ["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"]) {
  Deno.test(`§5: ${type} is relayed to a connected peer, oneself included`, async () => {
    using bench = newBench();
    const alice = await register(bench, "alice");
    const bob = await register(bench, "bob");
    await alice.say(offer("bob", { x: 1 }, type), offer("alice", 2, type));
    assertEquals(bob.heardJson(), [relayed("alice", "bob", { x: 1 }, type)]);
    assertEquals(alice.heardJson(), [relayed("alice", "alice", 2, type)]);
    assertEquals(alice.isOpen, true);
  });

  Deno.test(`§5: ${type} to what is no id is ignored`, async () => {
    using bench = newBench();
    const alice = await register(bench, "alice");
    const invalid = [5, {}, ["bob"], true, ...type === "LEAVE" ? [] : [undefined, null, ""]];
    for (const dst of invalid) await alice.say(offer(dst, 1, type));
    bench.clock.advance(60_000);
    assertEquals([alice.heard(), alice.isOpen], [[], true]);
    assertEquals(alice.refusals, invalid.map(() => "action_unknown"));
  });
}

Deno.test("§5: a relayed message has exactly its four keys in order, or no payload at all", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  await alice.say(
    '{"dst":"bob","extra":1,"src":"mallory","type":"OFFER","payload":{"b":1.0,"a":[null]}}',
    '{"type":"ANSWER","dst":"bob"}',
    '{"type":"ANSWER","dst":"bob","payload":null}',
  );
  assertEquals(bob.heard(), [
    '{"type":"OFFER","src":"alice","dst":"bob","payload":{"b":1,"a":[null]}}',
    '{"type":"ANSWER","src":"alice","dst":"bob"}',
    '{"type":"ANSWER","src":"alice","dst":"bob","payload":null}',
  ]);
});

Deno.test("§5: any JSON value is a payload, and passes with all that it holds", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const deep = JSON.parse('{"__proto__":{"x":1},"constructor":[{"toString":"\\ud800"}]}');
  for (const payload of ["text", "", 0, -1.5, true, false, [], {}, deep]) {
    await alice.say(offer("bob", payload));
    assertEquals(bob.heard(), [
      `{"type":"OFFER","src":"alice","dst":"bob","payload":${JSON.stringify(payload)}}`,
    ]);
  }
});

Deno.test("§5: a binary frame with the same JSON is treated alike, and relayed as text", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  await alice.say(new TextEncoder().encode(offer("bob", "grün")));
  assertEquals(bob.heard(), ['{"type":"OFFER","src":"alice","dst":"bob","payload":"grün"}']);
});

Deno.test("§5: messages of one sender arrive in order", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  alice.blurt(...Array.from({ length: 50 }, (_, nth) => offer("bob", nth)));
  alice.link.drop();
  await settle();
  const payloads = bob.heardJson().map((message) => (message as { payload: number }).payload);
  assertEquals(payloads, Array.from({ length: 50 }, (_, nth) => nth));
});

Deno.test("§5: HEARTBEAT is neither answered nor relayed, whatever it carries", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  for (const dst of [undefined, "bob", "nobody", 5]) await alice.say(offer(dst, 1, "HEARTBEAT"));
  assertEquals([alice.heard(), bob.heard(), alice.isOpen], [[], [], true]);
});

Deno.test("§5: no other type is ever relayed: it could kill its receiver", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const types = ["OPEN", "ERROR", "ID-TAKEN", "INVALID-KEY", "offer", "", "toString", 5, null, []];
  for (const type of types) await alice.say(JSON.stringify({ type, dst: "bob", payload: 1 }));
  await alice.say('{"dst":"bob","payload":1}', '["OFFER"]', "[]", "{}");
  assertEquals([bob.heard(), alice.heard(), alice.isOpen], [[], [], true]);
  assertEquals(alice.refusals, Array(types.length + 4).fill("action_unknown"));
});

Deno.test("§9.3: a malformed message harms nobody, its sender included", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const malformed = ["", "no JSON", "{", "null", "5", '"text"', "true", '{"type":"OFFER",}'];
  for (const frame of malformed) await alice.say(frame);
  await alice.say(new Uint8Array([0xff, 0xfe]), new Uint8Array(0));
  assertEquals(alice.refusals, Array(malformed.length + 2).fill("bad_frame"));
  assertEquals([alice.heard(), alice.isOpen], [[], true]);
  await alice.say(offer("bob", "still here"));
  assertEquals(bob.heardJson(), [relayed("alice", "bob", "still here")]);
});

Deno.test("a message nests 64 levels deep; a deeper one is malformed", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const nested = (depth: number): string =>
    `{"type":"OFFER","dst":"bob","payload":${"[".repeat(depth)}0${"]".repeat(depth)}}`;
  await alice.say(nested(62), nested(63));
  assertEquals([bob.heard().length, alice.refusals], [2, []]);
  await alice.say(nested(64), nested(50_000));
  assertEquals([bob.heard().length, alice.refusals], [0, ["bad_frame", "bad_frame"]]);
  // Many brackets that do not nest are fine.
  await alice.say(offer("bob", Array(1_000).fill([{}])));
  assertEquals(bob.heard().length, 1);
});

Deno.test("§5, §9.8: LEAVE without dst gives the id up, and the socket is closed", async () => {
  using bench = newBench();
  for (const dst of [undefined, null, ""]) {
    const alice = await register(bench, "alice");
    await alice.say(offer(dst, 1, "LEAVE"));
    assertEquals([alice.closing, bench.hub.has("peerjs", "alice")], [[1000, ""], false]);
    const next = await register(bench, "alice", "another token");
    await next.leave();
  }
});

Deno.test("§5: a message over the size limit closes with 1009, and frees the id", async () => {
  using bench = newBench({ options: { maxFrameBytes: 1024 } });
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const frame = offer("bob", "");
  await alice.say(offer("bob", "x".repeat(1024 - frame.length)));
  assertEquals([bob.heard().length, alice.isOpen], [1, true]);
  await alice.say(offer("bob", "x".repeat(1025 - frame.length)));
  assertEquals([bob.heard(), alice.closing], [[], [1009, "message too big"]]);
  assertEquals(bench.hub.has("peerjs", "alice"), false);
});

Deno.test("§5: a message may have 1 MiB by default", async () => {
  using bench = newBench();
  const alice = await register(bench, "alice");
  const bob = await register(bench, "bob");
  const frame = offer("bob", "");
  await alice.say(offer("bob", "x".repeat(1024 * 1024 - frame.length)));
  assertEquals([bob.heard().length, alice.isOpen], [1, true]);
});

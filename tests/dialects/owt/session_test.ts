import { assert, assertEquals, assertMatch } from "@std/assert";
import { SignalError } from "../../../src/core/errors.ts";
import type { Claim } from "../../../src/core/peer.ts";
import { ERROR_CODES } from "../../../src/core/errors.ts";
import { settle } from "../../helpers/session/hub.ts";
import { authenticated, frameOf, newOwt, OwtClient } from "../../helpers/session/owt.ts";

// Sections 3 to 6 of protocols/owt.md; takeovers are in takeover_test.ts.

const ANONYMOUS = /^[0-9a-f]{32}@anonymous$/;
const UNICODE = ["a b", "a+b", "%C3%A9", "é語😀", "\ud800", "\0\n", "__proto__", "constructor"];

/** The id that the event tells. */
function uidOf(frame: unknown): string {
  const [name, { uid }] = JSON.parse(String(frame).slice(1));
  assertEquals(name, "server-authenticated");
  return uid;
}

Deno.test("§4: a login by event is answered by the event first and then by its acknowledgement", async () => {
  using bench = newOwt();
  const client = await OwtClient.connect(bench);
  assertEquals([client.link.answer, client.heard(), client.client.session.isIdentified], [
    "accepted",
    [],
    false,
  ]);
  assertEquals(await client.ask("authentication", { token: "alice" }), [
    authenticated("alice"),
    '30[{"uid":"alice"}]',
  ]);
  assertEquals([client.client.session.isIdentified, bench.hub.has("owt", "alice")], [true, true]);
});

Deno.test("§4: a login that asks for no acknowledgement gets the event only", async () => {
  using bench = newOwt();
  const client = await OwtClient.connect(bench);
  assertEquals(await client.emit("authentication", { token: "alice" }), [authenticated("alice")]);
});

Deno.test("§4: a login by query is answered by the event, after the CONNECT was", async () => {
  for (const clientVersion of ["4.2", "4.2.1", "4.3", "4.3.1", "5.0", "5.1"]) {
    using bench = newOwt();
    const query = { clientType: "Web", clientVersion, token: "alice" };
    const client = await OwtClient.connect(bench, query);
    assertEquals([client.link.answer, client.heard()], ["accepted", [authenticated("alice")]]);
  }
});

Deno.test("§4: a token alone logs in, whatever else the query says", async () => {
  using bench = newOwt();
  for (const token of UNICODE.filter((token) => token.isWellFormed())) {
    const client = await OwtClient.connect(bench, { token, clientType: "toaster", uid: "x" });
    assertEquals(client.heard(), [authenticated(token)]);
  }
});

Deno.test("§4: a client with a version of the older generation and no token is anonymous at once", async () => {
  using bench = newOwt();
  for (
    const query of [{ clientVersion: "4.2" }, { clientVersion: "4.3", token: "" }, { token: "" }]
  ) {
    const client = await OwtClient.connect(bench, query);
    const [frame, ...more] = client.heard();
    assertMatch(uidOf(frame), ANONYMOUS);
    assertEquals(more, []);
  }
  assertEquals(bench.hub.peerCount, 3);
});

Deno.test("§4: a client with a version of the newer generation, or none, has no id until its event", async () => {
  using bench = newOwt();
  for (
    const query of [{}, { clientVersion: "5.0" }, { clientVersion: "" }, { clientType: "iOS" }]
  ) {
    const client = await OwtClient.connect(bench, query);
    assertEquals([client.link.answer, client.heard()], ["accepted", []]);
  }
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: another version is declined with 2103, and is nobody", async () => {
  using bench = newOwt();
  for (const clientVersion of ["4.1", "3.0", "5.2", "6", " 4.2", "4.2 ", "__proto__", "*"]) {
    for (const query of [{ clientVersion, token: "alice" }, { clientVersion }]) {
      const client = await OwtClient.connect(bench, query);
      assertEquals([client.link.answer, client.isOpen], [{ error: "2103" }, false]);
      assertEquals([client.heard(), client.client.refusals], [[], ["bad_greeting"]]);
    }
  }
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: the operator decides which versions are admitted", async () => {
  using bench = newOwt({ options: { versions: ["4.1", "7"] } });
  const old = await OwtClient.connect(bench, { clientVersion: "4.1", token: "old" });
  assertEquals(old.heard(), [authenticated("old")]);
  const later = await OwtClient.connect(bench, { clientVersion: "7" });
  assertEquals([later.link.answer, later.heard()], ["accepted", []]);
  const usual = await OwtClient.connect(bench, { clientVersion: "4.2", token: "usual" });
  assertEquals(usual.link.answer, { error: "2103" });
});

Deno.test("§4: both generations reach each other", async () => {
  using bench = newOwt();
  const old = await OwtClient.connect(bench, { clientVersion: "4.3", token: "old" });
  old.heard();
  const fresh = await OwtClient.login(bench, "fresh");
  assertEquals(await old.acked("owt-message", { to: "fresh", data: "1" }), []);
  assertEquals(fresh.heard(), ['2["owt-message",{"data":"1","from":"old"}]']);
  assertEquals(await fresh.acked("owt-message", { to: "old", data: "2" }), []);
  assertEquals(old.heard(), ['2["owt-message",{"data":"2","from":"fresh"}]']);
});

Deno.test("§4: a client may log in by query and by event, and is one peer", async () => {
  using bench = newOwt();
  const client = await OwtClient.connect(bench, { clientVersion: "4.2", token: "alice" });
  assertEquals(client.heard(), [authenticated("alice")]);
  assertEquals(await client.ask("authentication", { token: "alice" }), [
    authenticated("alice"),
    '30[{"uid":"alice"}]',
  ]);
  assertEquals([bench.hub.peerCount, client.isOpen], [1, true]);
});

Deno.test("§4: ids are opaque and tokens literal, in both generations", async () => {
  using bench = newOwt();
  const caller = await OwtClient.login(bench, "caller");
  for (const token of UNICODE) {
    const client = await OwtClient.login(bench, token);
    assertEquals(await caller.acked("owt-message", { to: token, data: token }), []);
    const expected = frameOf(undefined, "owt-message", { data: token, from: "caller" });
    assertEquals(client.heard(), [expected]);
    assertEquals(await client.acked("owt-message", { to: "caller" }), []);
    const answer = frameOf(undefined, "owt-message", { from: token });
    assertEquals(caller.heard(), [answer]);
  }
});

Deno.test("§4: a number is a token, and its id text", async () => {
  using bench = newOwt();
  const client = await OwtClient.login(bench, 5);
  const caller = await OwtClient.login(bench, "caller");
  for (const to of [5, "5"]) assertEquals(await caller.acked("owt-message", { to }), []);
  assertEquals(client.heard().length, 2);
  assertEquals(await client.acked("owt-message", { to: "caller" }), []);
  assertEquals(caller.heard(), ['2["owt-message",{"from":"5"}]']);
});

Deno.test("§4: without a token everybody has an id of its own", async () => {
  using bench = newOwt();
  const ids = new Set<string>();
  for (const argument of [{}, { token: null }, { token: "" }]) {
    const client = await OwtClient.connect(bench);
    const [event, ack] = await client.ask("authentication", argument);
    const uid = uidOf(event);
    assertMatch(uid, ANONYMOUS);
    assertEquals(ack, `30[{"uid":"${uid}"}]`);
    ids.add(uid);
  }
  assertEquals([ids.size, bench.hub.peerCount], [3, 3]);
});

Deno.test("§4: a login that fails gets the reason, and then the end", async () => {
  const failures = [
    ...[{}, [], true, false, ["alice"]].map((token) => [[{ token }], 2121] as const),
    ...[[], [null], ["alice"], [5], [[]]].map((args) => [args, 2402] as const),
    [[{ token: "x".repeat(513) }], 2121] as const,
  ];
  using bench = newOwt();
  for (const [args, error] of failures) {
    const client = await OwtClient.connect(bench);
    assertEquals(await client.acked("authentication", ...args), [{ error }]);
    assertEquals([client.isOpen, client.client.closing], [false, "bare"]);
    const silent = await OwtClient.connect(bench);
    assertEquals(await silent.emit("authentication", ...args), []);
    assertEquals([silent.isOpen, silent.client.closing], [false, "bare"]);
  }
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: a failed login costs a client the id that it had", async () => {
  using bench = newOwt();
  const client = await OwtClient.login(bench, "alice");
  assertEquals(await client.acked("authentication", { token: {} }), [{ error: 2121 }]);
  assertEquals([client.isOpen, bench.hub.has("owt", "alice")], [false, false]);
});

Deno.test("§4: the same token again is answered again, and nothing else happens", async () => {
  using bench = newOwt();
  const client = await OwtClient.login(bench, "alice");
  const [peer] = bench.hub.directory("owt");
  for (let ack = 1; ack < 4; ack++) {
    assertEquals(await client.ask("authentication", { token: "alice" }), [
      authenticated("alice"),
      `3${ack}[{"uid":"alice"}]`,
    ]);
  }
  assertEquals(await client.emit("authentication", { token: "alice" }), [authenticated("alice")]);
  assertEquals([bench.hub.directory("owt"), client.isOpen], [[peer], true]);
  await client.leave();
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: a client without a name keeps its id when it logs in without one again", async () => {
  using bench = newOwt();
  const client = await OwtClient.connect(bench);
  const uid = uidOf((await client.ask("authentication", {}))[0]);
  for (const token of [undefined, "", null, uid]) {
    assertEquals(uidOf((await client.ask("authentication", { token }))[0]), uid);
  }
  assertEquals(bench.hub.peerCount, 1);
});

Deno.test("§4: with another token the old id is given up", async () => {
  using bench = newOwt();
  const caller = await OwtClient.login(bench, "caller");
  const client = await OwtClient.login(bench, "alice");
  assertEquals(await client.ask("authentication", { token: "bob" }), [
    authenticated("bob"),
    '31[{"uid":"bob"}]',
  ]);
  assertEquals(await caller.acked("owt-message", { to: "alice" }), [2201]);
  assertEquals(await caller.acked("owt-message", { to: "bob" }), []);
  assertEquals(client.heard(), ['2["owt-message",{"from":"caller"}]']);
  assertEquals(await client.acked("owt-message", { to: "caller", data: 1 }), []);
  assertEquals(caller.heard(), ['2["owt-message",{"data":1,"from":"bob"}]']);

  const other = await OwtClient.login(bench, "alice");
  await client.leave();
  assertEquals([bench.hub.has("owt", "bob"), other.isOpen], [false, true]);
  await other.leave();
  await caller.leave();
  assertEquals(bench.hub.peerCount, 0);
});

Deno.test("§4: a client may change its name where the server is full", async () => {
  using bench = newOwt({ limits: { maxPeers: 1 } });
  const client = await OwtClient.login(bench, "alice");
  assertEquals((await client.ask("authentication", { token: "bob" }))[0], authenticated("bob"));
});

Deno.test("§5: a message is passed on with its sender, and acknowledged without an argument", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  const data = '{"type":"chat-signal","data":{"type":"offer","sdp":"v=0\\r\\n"}}';
  assertEquals(await alice.ask("owt-message", { to: "bob", data, from: "eve", more: [1, null] }), [
    "31[]",
  ]);
  assertEquals(bob.heard(), [
    frameOf(undefined, "owt-message", { data, from: "alice", more: [1, null] }),
  ]);
});

Deno.test("§5: no acknowledgement is sent where none is asked for", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  assertEquals(await alice.emit("owt-message", { to: "bob", data: "x" }), []);
  assertEquals(bob.heard().length, 1);
  assertEquals(await alice.emit("owt-message", { to: "nobody", data: "x" }), []);
  assertEquals(await alice.emit("owt-message", "text"), []);
  assertEquals([alice.isOpen, bob.heard()], [true, []]);
});

Deno.test("§5: a target that is not online is 2201, and the number", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  for (
    const to of [
      ...["nobody", "", null, undefined, 7, {}, [], ["alice"], true, "Alice", "alice "],
      ...["__proto__", "constructor", "toString", "x".repeat(100_000)],
    ]
  ) {
    assertEquals(await alice.acked("owt-message", { to, data: "x" }), [2201]);
  }
  assertEquals(alice.isOpen, true);
});

Deno.test("§5: a message to oneself arrives", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  assertEquals(await alice.ask("owt-message", { to: "alice", data: "x" }), [
    '2["owt-message",{"data":"x","from":"alice"}]',
    "31[]",
  ]);
});

Deno.test("§5: an argument that is no object is 2402, and the connection stays", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  for (const args of [[], [null], ["text"], [1], [true], [[{ to: "alice" }]]]) {
    assertEquals(await alice.acked("owt-message", ...args), [2402]);
  }
  assertEquals((await alice.ask("owt-message", { to: "alice" })).length, 2);
});

Deno.test("§4: a message before the login is 2120 and the end, also without an acknowledgement", async () => {
  using bench = newOwt();
  await OwtClient.login(bench, "bob");
  const asking = await OwtClient.connect(bench);
  assertEquals(await asking.acked("owt-message", { to: "bob" }), [2120]);
  assertEquals([asking.isOpen, asking.client.closing], [false, "bare"]);
  const silent = await OwtClient.connect(bench);
  assertEquals(await silent.emit("owt-message", { to: "bob" }), []);
  assertEquals([silent.isOpen, silent.client.closing], [false, "bare"]);
});

Deno.test("§3: unknown events are ignored, before the login and after it", async () => {
  using bench = newOwt();
  const client = await OwtClient.connect(bench);
  for (let round = 0; round < 2; round++) {
    for (const name of ["", "hello", "server-disconnect", "server-authenticated", "__proto__"]) {
      assertEquals(await client.ask(name, { token: "x", to: "x" }), []);
    }
    if (round === 0) await client.ask("authentication", { token: "alice" });
  }
  assertEquals([client.isOpen, client.client.refusals], [true, []]);
});

Deno.test("§2: a packet that is no event ends the connection, and the id with it", async () => {
  using bench = newOwt();
  for (const frame of ["2", "2[]", "2[1]", "2{}", "hello", '2["a"', new Uint8Array([1])]) {
    const client = await OwtClient.login(bench, "alice");
    await client.client.say(frame);
    assertEquals([client.isOpen, client.client.closing, client.heard()], [false, "bare", []]);
    assertEquals(bench.hub.peerCount, 0);
  }
});

Deno.test("§1: clients before 4.2 get messages under the name by which they send them", async () => {
  using bench = newOwt({ options: { versions: ["4.1"] } });
  const alice = await OwtClient.connect(bench, { clientVersion: "4.1", token: "alice" });
  const bob = await OwtClient.connect(bench, { clientVersion: "4.1", token: "bob" });
  bob.heard();
  alice.heard();
  assertEquals(await alice.acked("ics-message", { to: "bob", data: "x" }), []);
  assertEquals(bob.heard(), ['2["ics-message",{"data":"x","from":"alice"}]']);
  assertEquals(await alice.acked("ics-message", { to: "carol" }), [2201]);
});

Deno.test("§5: leaving frees the id at once and silently", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  await alice.acked("owt-message", { to: "bob" });
  bob.heard();
  await alice.leave();
  assertEquals([bob.heard(), bench.hub.has("owt", "alice")], [[], false]);
  assertEquals(await bob.acked("owt-message", { to: "alice" }), [2201]);
});

Deno.test("§5: a client whose connection is closed cannot be reached from that moment on", async () => {
  using bench = newOwt();
  const alice = await OwtClient.login(bench, "alice");
  const bob = await OwtClient.login(bench, "bob");
  bob.client.link.close(1008);
  alice.client.blurt(frameOf(7, "owt-message", { to: "bob", data: "x" }));
  assertEquals(alice.heard(), ["37[2201]"]);
});

Deno.test("§6: every refusal of an event has its number, and of a CONNECT its number as text", async () => {
  // A client that is removed gets `server-disconnect`.
  const removals: readonly string[] = ["login_expired", "kicked"];
  for (const code of ERROR_CODES.filter((code) => !removals.includes(code))) {
    using bench = newOwt();
    const client = await OwtClient.connect(bench);
    client.client.pump.refuse(new SignalError(code, "text", { ack: "5", isLogin: false }));
    const [frame, ...more] = client.heard();
    assertMatch(String(frame), /^35\[2\d\d\d\]$/);
    assertEquals(more, []);
    const login = await OwtClient.connect(bench);
    login.client.pump.refuse(new SignalError(code, "text", { ack: "5", isLogin: true }));
    assertMatch(String(login.heard()[0]), /^35\[\{"error":2\d\d\d\}\]$/);
    assertEquals(login.isOpen, false);
    await settle();
    assertEquals([client.client.link.faults, login.client.link.faults], [[], []]);
  }
});

Deno.test("§4: frames that come while an id is being asked for wait for it, in order", async () => {
  const answer = Promise.withResolvers<boolean>();
  const reserve = ({ id }: Claim): Promise<boolean> =>
    id === "alice" ? answer.promise : Promise.resolve(true);
  using bench = newOwt({ reserve });
  const bob = await OwtClient.login(bench, "bob");
  const byEvent = await OwtClient.connect(bench);
  await byEvent.client.say(
    frameOf(0, "authentication", { token: "alice" }),
    frameOf(1, "owt-message", { to: "bob", data: 1 }),
    frameOf(2, "authentication", { token: "anna" }),
    frameOf(3, "owt-message", { to: "bob", data: 2 }),
    frameOf(4, "owt-message", { to: "alice", data: 3 }),
  );
  assertEquals([byEvent.heard(), bob.heard(), bench.hub.peerCount], [[], [], 1]);
  answer.resolve(true);
  await settle();
  assertEquals(byEvent.heard(), [
    authenticated("alice"),
    '30[{"uid":"alice"}]',
    "31[]",
    authenticated("anna"),
    '32[{"uid":"anna"}]',
    "33[]",
    "34[2201]",
  ]);
  assertEquals(bob.heard(), [
    frameOf(undefined, "owt-message", { data: 1, from: "alice" }),
    frameOf(undefined, "owt-message", { data: 2, from: "anna" }),
  ]);
  assertEquals(bench.hub.peerCount, 2);
});

Deno.test("§4: a client that leaves while its id is being claimed was never there", async () => {
  for (const isQuery of [false, true]) {
    const answer = Promise.withResolvers<boolean>();
    using bench = newOwt({ reserve: () => answer.promise });
    const client = await OwtClient.connect(bench, isQuery ? { token: "alice" } : {});
    if (!isQuery) await client.ask("authentication", { token: "alice" });
    assertEquals(client.link.answer, isQuery ? undefined : "accepted");
    await client.leave();
    answer.resolve(true);
    await settle();
    assertEquals([client.heard(), client.client.refusals, bench.hub.peerCount], [[], [], 0]);
  }
});

Deno.test("§4: an old id is given up as soon as another one is asked for", async () => {
  const answer = Promise.withResolvers<boolean>();
  const reserve = ({ id }: Claim): Promise<boolean> =>
    id === "anna" ? answer.promise : Promise.resolve(true);
  using bench = newOwt({ reserve });
  const caller = await OwtClient.login(bench, "caller");
  const client = await OwtClient.login(bench, "alice");
  await client.ask("authentication", { token: "anna" });
  assertEquals(await caller.acked("owt-message", { to: "alice" }), [2201]);
  assertEquals(client.client.session.isIdentified, true);
  answer.resolve(true);
  await settle();
  assertEquals(client.heard(), [authenticated("anna"), '31[{"uid":"anna"}]']);
  await client.leave();
  assertEquals(bench.hub.directory("owt"), ["caller"]);
});

Deno.test("§4: an id that is taken elsewhere is refused, to either generation", async () => {
  using bench = newOwt({ reserve: () => Promise.resolve(false) });
  const byEvent = await OwtClient.connect(bench);
  assertEquals(await byEvent.acked("authentication", { token: "alice" }), [{ error: 2121 }]);
  const byQuery = await OwtClient.connect(bench, { token: "alice" });
  assertEquals(byQuery.link.answer, { error: "2121" });
  assert(!byEvent.isOpen && !byQuery.isOpen);
});

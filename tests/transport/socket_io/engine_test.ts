import { assert, assertEquals, assertMatch } from "@std/assert";
import * as parser3 from "socket.io-parser-3";
import { Decoder, PacketType } from "socket.io-parser-4";
import { SignalError } from "../../../src/core/errors.ts";
import { EngineBench } from "../../helpers/session/engine_bench.ts";
import { FakeSocket } from "../../helpers/session/fake_socket.ts";
import { settle } from "../../helpers/session/hub.ts";

const SID = '{"sid":"[A-Za-z0-9_-]{20}"}';
const ACCEPTED = new RegExp(`^40${SID}$`);
const NOOP = ["6"];

Deno.test("the open packet tells a client what it has to know", async () => {
  using bench = new EngineBench();
  const polling = await bench.poll(4).heard();
  assertMatch(String(polling), /^0\{/);
  const { sid, ...open } = JSON.parse(String(polling).slice(1));
  assertMatch(sid, /^[A-Za-z0-9_-]{20}$/);
  assertEquals(open, {
    upgrades: ["websocket"],
    pingInterval: 25_000,
    pingTimeout: 20_000,
    maxPayload: 1_000_000,
  });
  const websocket = JSON.parse(String(bench.connect().sent[0]).slice(1));
  assertEquals(websocket.upgrades, []);
  assert(websocket.sid !== sid);
});

Deno.test("a client that is turned out has time to read why, and enters no namespace", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(4);
  const socket = bench.connect();
  await poller.heard();
  poller.post("40");
  await poller.heard();
  bench.server.turnOut("192.0.2.2", "address_banned");
  assertEquals(bench.sessions[0]?.refused, []);
  bench.server.turnOut("192.0.2.1", "address_banned");
  assertEquals(bench.sessions[0]?.refused.map(({ code }) => code), ["address_banned"]);
  assertEquals(await poller.heard(), ["41"]);
  poller.post("40/ssp,");
  assertEquals(await poller.heard(), ['44/ssp,{"message":"Forbidden"}']);
  socket.hears("40");
  assertEquals(socket.sent.at(-1), '44{"message":"Forbidden"}');
  bench.clock.advance(5_000);
  assertEquals(bench.server.sessionCount, 0);
  assertEquals(socket.closings, [[1013, "try again later"]]);
  assertEquals(bench.sessions.length, 1);
});

Deno.test("revision 3: the client is in the default namespace without asking", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  const [open, accepted] = await poller.heard();
  assertEquals([open?.[0], accepted], ["0", "40"]);
  assertEquals(bench.urls[0]?.searchParams.get("token"), "t");
  assertEquals(bench.connect(3).sent.slice(1), ["40"]);
  assertEquals(bench.sessions.length, 2);
});

Deno.test("revision 3: where nobody offers the default namespace, the client is in none", () => {
  using bench = new EngineBench({ names: ["/ssp"] });
  const socket = bench.connect(3);
  socket.hears("40/ssp");
  assertEquals(socket.sent.slice(1), ["40/ssp,"]);
});

Deno.test("revision 4: the client asks for each namespace, and gets a session in each", () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  assertEquals([socket.sent.length, bench.sessions.length], [1, 0]);
  socket.hears('40{"token":"x"}');
  socket.hears("40/ssp,");
  assertMatch(String(socket.sent[1]), ACCEPTED);
  assertMatch(String(socket.sent[2]), new RegExp(`^40/ssp,${SID}$`));
  socket.hears('42["a",1]');
  socket.hears('42/ssp,17["b"]');
  assertEquals(bench.sessions.map(({ received }) => received), [['2["a",1]'], ['217["b"]']]);
  bench.sessions[0]?.link.send('2["c"]');
  bench.sessions[1]?.link.send("317[]");
  assertEquals(socket.sent.slice(3), ['42["c"]', "43/ssp,17[]"]);
  // Once is enough.
  socket.hears("40");
  assertEquals([socket.sent.length, bench.sessions.length], [5, 2]);
});

Deno.test("a session is handed what its client says of itself to the namespace, unread", () => {
  using bench = new EngineBench({ names: ["/", "/a", "/b"] });
  const four = bench.connect(4);
  for (const packet of ['40{"token":1}', "40/a,{", '40/b?x=1,{"y":2}']) four.hears(packet);
  const three = bench.connect(3);
  for (const packet of ["40/a?token=t,", "40/b"]) three.hears(packet);
  assertEquals(bench.greetings, [
    { query: "", auth: '{"token":1}' },
    { query: "", auth: "{" },
    { query: "x=1", auth: '{"y":2}' },
    { query: "", auth: "" },
    { query: "token=t", auth: "" },
    { query: "", auth: "" },
  ]);
});

Deno.test("both versions of socket.io-parser read a namespace's packets", () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  const data = ["grün", { a: [1, null, "😀"] }];
  socket.hears("40");
  socket.hears("40/ssp,");
  for (const { link } of bench.sessions) {
    link.send(`2${JSON.stringify(data)}`);
    link.send(`317${JSON.stringify(data)}`);
  }
  const sent = socket.sent.slice(3).map((packet) => String(packet).slice(1));
  const expected = ["/", "/ssp"].flatMap((nsp) => [
    { type: PacketType.EVENT, nsp, data, id: undefined },
    { type: PacketType.ACK, nsp, data, id: 17 },
  ]);
  for (const decoder of [new Decoder(), new parser3.Decoder()]) {
    const decoded: unknown[] = [];
    decoder.on("decoded", ({ type, nsp, data, id }: Record<string, unknown>) => {
      decoded.push({ type, nsp, data, id });
    });
    for (const packet of sent) decoder.add(packet);
    assertEquals(decoded, expected);
  }
});

for (const revision of [3, 4] as const) {
  Deno.test(`revision ${revision}: a namespace that nobody offers is refused, and nothing else`, () => {
    using bench = new EngineBench();
    const socket = bench.connect(revision);
    socket.hears("40/foo,");
    assertEquals(socket.sent.at(-1), '44/foo,{"message":"Invalid namespace"}');
    socket.hears("40/ssp,");
    assertMatch(String(socket.sent.at(-1)), /^40\/ssp,/);
  });
}

Deno.test("a session that declines gives the reason in the words of its revision", async () => {
  using bench = new EngineBench({
    script: (link) => ({ opened: () => link.decline("2103") }),
  });
  const four = bench.connect(4);
  four.hears("40");
  four.hears("40/ssp,");
  assertEquals(four.sent.slice(1), ['44{"message":"2103"}', '44/ssp,{"message":"2103"}']);
  const three = bench.connect(3);
  assertEquals(three.sent.slice(1), ['44"2103"']);
  await settle();
  assertEquals(bench.sessions.map(({ timesClosed }) => timesClosed), [1, 1, 1]);
  bench.clock.advance(6_000);
  assertEquals([four.closings, three.closings], [["bare"], ["bare"]]);
});

Deno.test("CONNECT is answered by the first frame, or when the opening is done", async () => {
  const opening = Promise.withResolvers<void>();
  using bench = new EngineBench({ script: () => ({ opened: () => opening.promise }) });
  const waiting = bench.connect(3);
  const speaking = bench.connect(3);
  bench.sessions[1]?.link.send('2["hello"]');
  await settle();
  assertEquals([waiting.sent.slice(1), speaking.sent.slice(1)], [[], ["40", '42["hello"]']]);
  opening.resolve();
  await settle();
  assertEquals([waiting.sent.slice(1), speaking.sent.slice(1)], [["40"], ["40", '42["hello"]']]);
});

Deno.test("a session that refuses while it opens may decline: CONNECT is answered once", async () => {
  using bench = new EngineBench({
    script: (link) => ({
      opened: () => Promise.reject(new SignalError("credentials_wrong")),
      refuse: () => link.decline("2121"),
    }),
  });
  const socket = bench.connect(3);
  await settle();
  assertEquals(socket.sent.slice(1), ['44"2121"']);
});

Deno.test("a namespace that is closed says DISCONNECT; the connection waits five seconds", async () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  socket.hears("40");
  socket.hears("40/ssp,");
  const [root, ssp] = bench.sessions;
  ssp?.link.close();
  assertEquals([socket.sent.at(-1), ssp?.link.isOpen], ["41/ssp,", false]);
  ssp?.link.send('2["late"]');
  bench.clock.advance(10_000);
  assertEquals(socket.closings, []);
  root?.link.close();
  assertEquals(socket.sent.at(-1), "41");
  await settle();
  assertEquals([root?.timesClosed, ssp?.timesClosed], [1, 1]);
  bench.clock.advance(4_000);
  assertEquals(socket.closings, []);
  bench.clock.advance(2_000);
  assertEquals(socket.closings, ["bare"]);
});

Deno.test("the websocket is closed with the code that the session named", () => {
  using bench = new EngineBench();
  const socket = bench.connect(3);
  bench.sessions[0]?.link.close(1008, "too many messages");
  bench.clock.advance(6_000);
  assertEquals(socket.closings, [[1008, "too many messages"]]);
});

Deno.test("packets on their way to a namespace that was closed are no offence", () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  socket.hears("40");
  bench.sessions[0]?.link.close();
  socket.hears('42["late"]');
  assertEquals([socket.closings, bench.sessions[0]?.received], [[], []]);
});

Deno.test("a client may leave a namespace, and come back to it", async () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  socket.hears("40");
  socket.hears("41");
  await settle();
  assertEquals(bench.sessions[0]?.timesClosed, 1);
  assertEquals(bench.log, ["opened test 192.0.2.1", "ended by client 1000"]);
  socket.hears("40");
  assertEquals(bench.sessions.length, 2);
  bench.clock.advance(20_000);
  assertEquals(socket.closings, []);
});

Deno.test("a fault of a session ends its namespace, and the connection with 1011", async () => {
  using bench = new EngineBench({
    script: () => ({
      receive: () => {
        throw new Error("bug");
      },
    }),
  });
  const socket = bench.connect(3);
  socket.hears('42["x"]');
  await settle();
  assertEquals(bench.log.slice(1), ["refused internal", "failed Error: bug", "ended by fault"]);
  assertEquals(socket.sent.at(-1), "41");
  bench.clock.advance(6_000);
  assertEquals(socket.closings, [[1011, "internal error"]]);
});

for (
  const [name, packet] of [
    ["an unknown Engine.IO type", "7"],
    ["no type at all", ""],
    ["an open packet", "0{}"],
    ["a message without a type", "4"],
    ["an unknown Socket.IO type", "47"],
    ["CONNECT_ERROR", '44"x"'],
    ["an event that is no list", '42{"a":1}'],
    ["an event without a name", "42[]"],
    ["an event named by a number", "42[1]"],
    ["an event with too long an id", '4212345678901["x"]'],
    ["an acknowledgement without an id", "43[]"],
    ["a CONNECT with a list", "40[]"],
    ["a DISCONNECT with data", "41[]"],
    ["an endless name", `40/${"x".repeat(300)}`],
    ["a heartbeat with more than that", "2probe"],
    ["bytes", new Uint8Array([1])],
  ] as const
) {
  Deno.test(`${name} costs the connection, and ends its sessions`, async () => {
    using bench = new EngineBench();
    const bystander = bench.connect();
    bystander.hears("40");
    const socket = bench.connect();
    socket.hears("40");
    socket.hears(typeof packet === "string" ? packet : packet.buffer);
    await settle();
    assertEquals(socket.closings.length, 1);
    assertEquals(bench.sessions.map(({ timesClosed }) => timesClosed), [0, 1]);
    assertEquals(bystander.closings, []);
    if (typeof packet !== "string") return;
    const poller = bench.poll();
    assertEquals(poller.post("40", packet), false);
    assertEquals(await poller.heard(), "over");
  });
}

Deno.test("revision 4: an event before CONNECT costs the connection", () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  socket.hears('42["x"]');
  assertEquals(socket.closings, [[1002, "protocol error"]]);
});

Deno.test("acknowledgements, noops and upgrades of nothing are taken and mean nothing", () => {
  using bench = new EngineBench();
  const socket = bench.connect();
  for (const packet of ["40", '431["x"]', "5", "6", "3"]) socket.hears(packet);
  assertEquals([socket.closings, bench.sessions[0]?.received], [[], []]);
});

Deno.test("a polling client gets everything that waits in one answer, as soon as there is something", async () => {
  using bench = new EngineBench();
  const poller = bench.poll();
  await poller.heard();
  const poll = poller.get();
  await settle();
  assertEquals(poll.answer, "pending");
  poller.post("40");
  bench.sessions[0]?.link.send('2["a"]');
  bench.sessions[0]?.link.send('2["b"]');
  await settle();
  assertMatch(String(poll.answer[0]), ACCEPTED);
  assertEquals(poll.answer.slice(1), ['42["a"]', '42["b"]']);
});

Deno.test("an answer has its limit: the rest waits for the next poll", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  const frame = `2["${"x".repeat(600_000)}"]`;
  for (let count = 0; count < 3; count++) bench.sessions[0]?.link.send(frame);
  assertEquals([(await poller.heard()).length, (await poller.heard()).length], [2, 1]);
});

Deno.test("revision 3: polls carry ASCII only", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  bench.sessions[0]?.link.send('2["grün 😀"]');
  assertEquals(await poller.heard(), ['42["gr\\u00fcn \\ud83d\\ude00"]']);
});

Deno.test("revision 3: text that a client of Socket.IO 1 encodes twice is understood", () => {
  using bench = new EngineBench();
  const twice = String.fromCharCode(...new TextEncoder().encode('42["grün €"]'));
  bench.poll(3).post(twice);
  assertEquals(bench.sessions[0]?.received, ['2["grün €"]']);
  // Somebody who says ü as ü does not encode anything twice.
  const other = bench.poll(3);
  other.post('42["ü"]', twice);
  assertEquals(bench.sessions[1]?.received, ['2["ü"]', twice.slice(1)]);
});

Deno.test("a second poll ends the session, and the first", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  const [first, second] = [poller.get(), poller.get()];
  assertEquals([first.answer, second.answer], ["over", "over"]);
  await settle();
  assertEquals([bench.sessions[0]?.timesClosed, bench.released, bench.server.sessionCount], [
    1,
    1,
    0,
  ]);
});

Deno.test("a second post at a time ends the session", () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  assertEquals([poller.session.beginPost(), poller.session.beginPost()], [true, false]);
  assertEquals(poller.session.isOpen, false);
});

Deno.test("a poll whose client goes away ends the session at once", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  poller.get();
  poller.session.pollAborted();
  await settle();
  assertEquals([bench.sessions[0]?.timesClosed, bench.released, bench.connections.size], [1, 1, 0]);
  assertEquals(bench.log.at(-1), "ended by network");
});

Deno.test("a client that says goodbye has left", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  const poll = poller.get();
  assertEquals(poller.post("1"), true);
  assertEquals(poll.answer, NOOP);
  bench.connect(3).hears("1");
  await settle();
  assertEquals(bench.log.filter((line) => line === "ended by client 1000").length, 2);
});

Deno.test("an upgrade: probed, switched, and nothing is lost, doubled or out of order", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  const poll = poller.get();
  const probe = new FakeSocket();
  assertEquals(poller.session.probe(probe.asSocket), true);
  probe.opens();
  probe.hears("2probe");
  assertEquals([probe.sent, poll.answer], [["3probe"], NOOP]);
  const late = poller.get();
  bench.clock.advance(99);
  assertEquals(late.answer, "pending");
  bench.clock.advance(1);
  assertEquals(late.answer, NOOP);
  bench.sessions[0]?.link.send('2["a"]');
  poller.post('42["from polling"]');
  assertEquals(await poller.heard(), ['42["a"]']);
  for (const name of ["b", "c"]) bench.sessions[0]?.link.send(`2["${name}"]`);
  probe.hears("5");
  probe.hears('42["from the socket"]');
  bench.sessions[0]?.link.send('2["d"]');
  assertEquals(probe.sent.slice(1), ['42["b"]', '42["c"]', '42["d"]']);
  assertEquals(bench.sessions[0]?.received, ['2["from polling"]', '2["from the socket"]']);
  assertEquals([poller.session.isPolling, bench.clock.timers], [false, 1]);
});

Deno.test("a poll that is there when the client switches is ended, and takes nothing with it", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  await poller.heard();
  const probe = new FakeSocket();
  poller.session.probe(probe.asSocket);
  probe.opens();
  probe.hears("2probe");
  const poll = poller.get();
  bench.sessions[0]?.link.send('2["a"]');
  probe.hears("5");
  await settle();
  assertEquals([poll.answer, probe.sent], [NOOP, ["3probe", '42["a"]']]);
});

for (
  const [name, act] of [
    ["says something else", (probe: FakeSocket) => probe.hears('42["x"]')],
    ["switches unprobed", (probe: FakeSocket) => probe.hears("5")],
    ["probes twice", (probe: FakeSocket) => ["2probe", "2probe"].forEach((it) => probe.hears(it))],
    ["dies", (probe: FakeSocket) => probe.isClosed(1006)],
  ] as const
) {
  Deno.test(`a probe that ${name} is dropped, and polling lives on`, async () => {
    using bench = new EngineBench();
    const poller = bench.poll(3);
    await poller.heard();
    const probe = new FakeSocket();
    poller.session.probe(probe.asSocket);
    probe.opens();
    act(probe);
    await settle();
    assertEquals([bench.clock.timers, poller.session.isOpen], [1, true]);
    bench.sessions[0]?.link.send('2["a"]');
    assertEquals(await poller.heard(), ['42["a"]']);
    assertEquals(poller.session.mayProbe, name === "dies");
    probe.isClosed(1005);
    assertEquals(poller.session.mayProbe, true);
  });
}

Deno.test("an upgrade has its time, and polling lives on after it", async () => {
  using bench = new EngineBench({ limits: { upgradeTimeoutMs: 3_000 } });
  const poller = bench.poll(3);
  await poller.heard();
  const probe = new FakeSocket();
  poller.session.probe(probe.asSocket);
  probe.opens();
  probe.hears("2probe");
  assertEquals(poller.session.probe(new FakeSocket().asSocket), false);
  bench.clock.advance(2_999);
  assertEquals(probe.closings, []);
  bench.clock.advance(1);
  await settle();
  assertEquals([probe.closings, bench.clock.timers], [["bare"], 1]);
  assertEquals(poller.session.isOpen, true);
});

Deno.test("a session that ends takes its probe with it, and is released with the last socket", async () => {
  using bench = new EngineBench();
  const poller = bench.poll(3);
  const probe = new FakeSocket();
  poller.session.probe(probe.asSocket);
  probe.opens();
  poller.session.pollAborted();
  await settle();
  assertEquals([probe.closings, bench.released, bench.connections.size], [["bare"], 0, 1]);
  probe.isClosed(1005);
  assertEquals([bench.released, bench.connections.size], [1, 0]);
});

Deno.test("a WebSocket's end is the session's, and its sessions learn of it", async () => {
  using bench = new EngineBench();
  bench.connect(3).isClosed(1000);
  bench.connect(3).isClosed(0);
  await settle();
  assertEquals(bench.log.slice(2), ["ended by client 1000", "ended by network"]);
  assertEquals([bench.released, bench.connections.size, bench.server.sessionCount], [2, 0, 0]);
});

Deno.test("at the server's end every connection is closed with 1001, without DISCONNECT", async () => {
  using bench = new EngineBench({
    // Each session closes the others when it ends, as partners do.
    script: () => ({ closed: () => bench.sessions.forEach(({ link }) => link.close(1000)) }),
  });
  const sockets = [bench.connect(3), bench.connect(4), bench.connect(3)];
  sockets[1]?.hears("40");
  const poller = bench.poll(3);
  await poller.heard();
  const poll = poller.get();
  await bench.connections.drain(0);
  await settle();
  for (const socket of sockets) {
    assertEquals(socket.closings, [[1001, "going away"]]);
    assertEquals(socket.sent.includes("41"), false);
    socket.isClosed(1001);
  }
  assertEquals(poll.answer, "over");
  await bench.connections.emptied();
  assertEquals(bench.released, 4);
});

Deno.test("a probe that is gone before its end is reported leaves nothing to the next one", async () => {
  for (const revision of [3, 4] as const) {
    using bench = new EngineBench();
    const { session } = bench.poll(revision);
    const [first, second] = [new FakeSocket(), new FakeSocket()];
    session.probe(first.asSocket);
    first.opens();
    for (const packet of ["2probe", "no packet"]) first.hears(packet);
    first.isClosed(1006);
    assertEquals(session.probe(second.asSocket), true);
    second.opens();
    await settle();
    assertEquals([bench.clock.timers, session.isOpen], [1, true]);
    for (const packet of ["2probe", "5"]) second.hears(packet);
    assertEquals([session.isPolling, second.sent[0]], [false, "3probe"]);
    second.isClosed(1006);
    await settle();
    assertEquals([bench.clock.timers, bench.released], [1, 1]);
  }
});

Deno.test("packets on their way when the server ends the last namespace are no fault", async () => {
  using bench = new EngineBench();
  const socket = bench.connect(4);
  socket.hears("40");
  bench.sessions[0]?.link.close();
  await settle();
  for (let n = 0; n < 1_000; n++) socket.hears('42["x"]');
  assertEquals([socket.closings, bench.sessions[0]?.received], [[], []]);
  bench.clock.advance(6_000);
  assertEquals(socket.closings, ["bare"]);
});

Deno.test("a client that must not come back learns it also when the server goes away", async () => {
  using bench = new EngineBench();
  const [dismissed, other] = [bench.connect(3), bench.connect(3)];
  bench.sessions[0]?.link.close();
  await settle();
  await bench.connections.drain(0);
  await settle();
  assertEquals([dismissed.closings, other.closings], [["bare"], [[1001, "going away"]]]);
});

Deno.test("an answer to a poll holds at most 16 packets; the rest comes with the next ones", async () => {
  for (const revision of [3, 4] as const) {
    using bench = new EngineBench();
    const poller = bench.poll(revision);
    await poller.heard();
    if (revision === 4) {
      poller.post("40");
      await poller.heard();
    }
    const [session] = bench.sessions;
    const said = Array.from({ length: 40 }, (_, n) => `2["${n}"]`);
    for (const frame of said) session?.link.send(frame);
    const answers = [await poller.heard(), await poller.heard(), await poller.heard()];
    assertEquals(answers.map(({ length }) => length), [16, 16, 8]);
    assertEquals(answers.flat(), said.map((frame) => `4${frame}`));
    assertEquals(bench.connections.queuedBytes, 0);
  }
});

Deno.test("a poll that waits is answered with 16 packets of a burst, the next ones with the rest", async () => {
  using bench = new EngineBench();
  const poller = bench.poll();
  await poller.heard();
  poller.post("40");
  await poller.heard();
  const waiting = poller.get();
  for (let n = 0; n < 17; n++) bench.sessions[0]?.link.send(`2["${n}"]`);
  await settle();
  assertEquals(waiting.answer.length, 16);
  assertEquals(await poller.heard(), ['42["16"]']);
});

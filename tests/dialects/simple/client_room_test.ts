import { assert, assertEquals } from "@std/assert";
import { startTestServer } from "../../helpers/wire/server.ts";
import type { SimpleFrame } from "../../helpers/session/simple.ts";
import {
  startScriptedServer,
  Stranger,
  stubConnections,
  TestRoom,
  welcome,
} from "../../helpers/session/simple_room.ts";
import { sideBySide } from "../../helpers/wire/side_by_side.ts";
import { startTcpProxy } from "../../helpers/wire/tcp_proxy.ts";
import { until } from "../../helpers/wire/waiting.ts";

const BIG_ROOMS = [
  { members: 60, args: ["--simple-frame-burst=400"] },
  { members: 20, args: ["--simple-frame-burst=10", "--simple-frames-per-second=40"] },
];
for (const { members, args } of BIG_ROOMS) {
  Deno.test(`Simple's client: a newcomer calls ${members} peers in order, over one connection, with ${args}`, async () => {
    await using server = startTestServer({ args });
    using stubs = stubConnections();
    const others = [];
    for (let n = 0; n < members; n++) others.push(await Stranger.enter(server.url));
    {
      using fred = new TestRoom(server.url);
      await until("a connection for each", () => stubs.made.length === members);
      const candidates = Array.from({ length: 12 }, (_, n) => `candidate:${n}`);
      for (const one of candidates) {
        for (const connection of stubs.made) connection.find(one);
        await fred.happened("ready");
      }
      for (const other of others) {
        const frames = [await other.hear("signal")];
        const found = (): string[] => frames.flatMap(({ peer_ice }) => candidatesOf(peer_ice));
        while (found().length < 12) frames.push(await other.hear("signal"));
        assertEquals(frames[0]?.["type"], "offer");
        assertEquals(found(), candidates);
        await other[Symbol.asyncDispose]();
      }
      assertEquals([fred.all("lost"), fred.all("error"), fred.all("closed")], [[], [], []]);
    }
    const sockets = (): Promise<number> => server.gauge("signalbox_sockets");
    await until("the end of all connections", async () => await sockets() === 0);
  });
}

Deno.test("Simple's client: a change before the room is ready reaches everybody", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using fred = new TestRoom(server.url, { peer: { name: "Fred" } });
  fred.room.change({ name: "Frederick" });
  assertEquals((await other.hear("change"))["peer"], { name: "Frederick" });
  await using late = await Stranger.enter(server.url);
  assertEquals(late.peers.map(({ name }) => name).sort(), ["Frederick", undefined]);
});

Deno.test("Simple's client: changes of peers while it was away are taken over from the handshake", async () => {
  await using server = startTestServer();
  await using proxy = startTcpProxy(server.url);
  using _stubs = stubConnections();
  await using other = await Stranger.enter(server.url, { peer: { name: "Barney", age: 40 } });
  const sibling = await Stranger.enter(server.url, other.me);
  using fred = new TestRoom(proxy.url);
  await fred.happened("ready");
  assertEquals(fred.calls.length, 2);
  const known = (): unknown[] => fred.calls.map(({ peer: { peer_id: _, ...fields } }) => fields);

  proxy.cut();
  await fred.happened("lost");
  other.say({ event: "change", peer: { name: "B.", age: null } });
  await other.hearAll("");
  await fred.happened("ready", 2);
  assertEquals(known(), [{ name: "B." }, { name: "B." }]);
  assertEquals(fred.all("change").length, 2);

  other.say({ event: "change", peer: { name: null } });
  await fred.happened("change", 4);
  assertEquals(known(), [{}, {}]);
  const third = await Stranger.enter(server.url, { ...other.me, peer: { hair: "red" } });
  await fred.happened("call", 3);
  assertEquals(known(), [{ hair: "red" }, { hair: "red" }, { hair: "red" }]);

  await third[Symbol.asyncDispose]();
  await fred.happened("leave", 1);
  proxy.cut();
  await fred.happened("lost", 2);
  // The number stays in the list below a living one: nothing tells that it is free.
  other.say({ event: "leave" });
  await other.hear("ok").catch(() => {});
  await fred.happened("ready", 3);
  await sibling[Symbol.asyncDispose]();
  await fred.happened("leave", 3);
  assertEquals(fred.calls, []);
});

Deno.test("Simple's client: a page with nothing to send asks for the other side's streams", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  await using other = await Stranger.enter(server.url);
  using _viewer = new TestRoom(server.url, { channel: null });
  assertEquals((await other.hear("signal"))["type"], "offer");
  assertEquals(stubs.made[0]?.transceivers, ["audio recvonly", "video recvonly"]);
});

Deno.test("Simple's client: share() begins a call that nobody has begun", async () => {
  await using server = startTestServer();
  using _stubs = stubConnections();
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  await using other = await Stranger.enter(server.url);
  await fred.happened("call");
  const track = { kind: "video" };
  // The one thing of a stream that the client asks for.
  fred.calls[0]?.share({ getTracks: () => [track] } as unknown as MediaStream);
  assertEquals((await other.hear("signal"))["type"], "offer");
});

Deno.test("Simple's client: timers that are late cost no connection, a server that is silent does", async () => {
  using _stubs = stubConnections();
  let isAlive = true;
  await using server = startScriptedServer((frame) => {
    if (frame["event"] === "join") return welcome();
    if (frame["event"] === "ping") return isAlive ? [{ event: "pong" }] : [];
    return [{ event: "ok", ref: frame["ref"] as number }];
  });
  const { setInterval } = globalThis;
  // As in a hidden page: a timer comes late, here five times as late as the silence allowed.
  Object.assign(globalThis, { setInterval: (act: () => void) => setInterval(act, 1_000) });
  try {
    using fred = new TestRoom(server.url, { pingMs: 200 });
    const pings = (): number => server.heard.filter(({ event }) => event === "ping").length;
    await until("three pings", () => pings() >= 3);
    assertEquals([fred.all("lost"), server.connections()], [[], 1]);
    isAlive = false;
    await fred.happened("lost");
  } finally {
    Object.assign(globalThis, { setInterval });
  }
});

Deno.test("Simple's client: a page that is shown, or online again, asks at once", async () => {
  using _stubs = stubConnections();
  await using server = startScriptedServer((frame) =>
    frame["event"] === "join" ? welcome() : [{ event: "pong" }]
  );
  using fred = new TestRoom(server.url, { pingMs: 100_000 });
  await fred.happened("ready");
  dispatchEvent(new Event("online"));
  await until("a ping", () => server.heard.some(({ event }) => event === "ping"));
});

Deno.test("Simple's client: a call that has a name keeps it, and a second one is declined", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  await using other = await Stranger.enter(server.url);
  const { to } = other;
  const candidate = { ...to, type: "candidate", peer_ice: [{ candidate: "same" }] };
  other.say({ ...to, type: "offer", sdp: "v=0 theirs", call: "conf.1" });
  const answer = await other.hear("signal");
  assertEquals([answer["type"], answer["call"]], ["answer", "conf.1"]);
  other.say({ ...candidate, call: "conf.1" }, { ...candidate, call: "conf.1" });
  other.say({ ...to, type: "offer", sdp: "v=0 second", call: "conf.2" });
  other.say({ ...candidate, call: "conf.2" });
  const declined = await other.hear("signal");
  assertEquals([declined["type"], declined["call"]], ["bye", "conf.2"]);
  other.say({ ...candidate, call: "conf.1" }, { ...to, type: "data", data: "end" });
  await fred.happened("data");
  assertEquals(stubs.made.map(({ candidates }) => candidates), [["same", "same", "same"]]);
  assertEquals(stubs.made[0]?.isClosed, false);
});

Deno.test("Simple's client: a bad candidate costs itself only, and the end of a call is reported", async () => {
  await using server = startTestServer();
  using stubs = stubConnections();
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  await using other = await Stranger.enter(server.url);
  const { to } = other;
  const peer_ice = ["a", "bad", "b"].map((candidate) => ({ candidate }));
  other.say({ ...to, type: "offer", sdp: "v=0" }, { ...to, type: "candidate", peer_ice });
  other.say({ ...to, type: "bye", reason: "done" });
  await fred.happened("bye");
  assertEquals(stubs.made[0]?.candidates, ["a", "b"]);
  assertEquals(fred.all("bye").map(({ reason }) => reason), ["done"]);
  assertEquals(fred.all("error").map(({ code }) => code), ["call_failed"]);
  assertEquals([fred.calls.length, fred.calls[0]?.connection], [1, undefined]);
});

Deno.test("Simple's client: a channel that cannot send keeps nothing from the others", async () => {
  using _stubs = stubConnections();
  const barney = { peer_id: "b", peer_instances: [{ sdp: "" }], peer_ice: [] };
  await using server = startScriptedServer(({ event, ref }) =>
    event === "join"
      ? [...welcome(), { event: "join", peer: barney, peer_instance: 0 }]
      : [{ event: "ok", ref: Number(ref) }]
  );
  using fred = new TestRoom(server.url);
  await fred.happened("call", 2);
  const sent: string[] = [];
  const send = (data: string): unknown => {
    if (sent.push(data) === 1) throw new TypeError("full");
    return sent;
  };
  for (const call of fred.calls) Object.assign(call, { channel: { readyState: "open", send } });
  fred.room.send("hello");
  assertEquals(sent, ["hello", "hello"]);
  await fred.happened("error");
});

Deno.test("Simple's client: its queue for a server out of reach is bounded", async () => {
  using _stubs = stubConnections();
  let joins = 0;
  await using server = startScriptedServer(({ event, ref }) => {
    if (event === "join") return joins++ === 0 ? welcome() : welcome({ recovered: true });
    return event === "change" ? [{ event: "ok", ref: Number(ref) }] : [];
  });
  await using proxy = startTcpProxy(server.url);
  using fred = new TestRoom(proxy.url, { maxWaiting: 5, channel: null });
  await fred.happened("ready");
  proxy.cut();
  await fred.happened("lost");
  for (let n = 0; n < 20; n++) fred.room.change({ n });
  assert(fred.all("error").length >= 15);
  assertEquals(new Set(fred.all("error").map(({ code }) => code)), new Set(["queue_full"]));
});

for (const code of ["queue_full", "unavailable"]) {
  Deno.test(`Simple's client: an offer that is refused with ${code} is made again`, async () => {
    using _stubs = stubConnections();
    await using server = startScriptedServer(({ event, ref, type }) => {
      if (event === "join") return welcome();
      const tries = server.heard.filter((frame) => frame["type"] === "offer").length;
      const isRefused = type === "offer" && tries < 3;
      const answer = isRefused
        ? { event: "error", code, message: "away", retry_ms: 100 }
        : { event: "ok" };
      return [{ ...answer, ref: Number(ref) }];
    });
    using fred = new TestRoom(server.url);
    await fred.happened("call");
    fred.calls[0]?.signal("after the offer");
    await until("what follows", () => server.heard.some(({ type }) => type === "data"));
    const said = server.heard.map(({ type }) => type).filter((type) => type !== undefined);
    assertEquals(said, ["offer", "offer", "offer", "data"]);
    assertEquals(fred.all("error"), []);
  });
}

Deno.test("Simple's client: a join that is refused with unavailable is made again", async () => {
  using _stubs = stubConnections();
  await using server = startScriptedServer(({ event, ref }) => {
    if (event !== "join") return [];
    if (server.connections() > 2) return welcome();
    return [{ event: "error", code: "unavailable", message: "away", retry_ms: 1, ref: `${ref}` }];
  });
  using fred = new TestRoom(server.url);
  await fred.happened("ready");
  assertEquals(server.connections(), 3);
  assertEquals(fred.all("error").map(({ code }) => code), ["unavailable", "unavailable"]);
  assertEquals(fred.all("closed"), []);
});

const NONSENSE: readonly (string | SimpleFrame | null)[] = [
  "hello",
  null,
  { event: "ready" },
  { event: "error" },
  { event: "error", code: "rate_limited", message: "slowly" },
  { event: "error", code: "rate_limited", message: "slowly", retry_ms: 1 },
];
const tries = sideBySide("Simple's client: a server that makes no sense is not stormed");
for (const nonsense of NONSENSE) {
  tries(
    `Simple's client: a server that says ${JSON.stringify(nonsense)} is tried ever more rarely`,
    async () => {
      await using server = startScriptedServer(() => [nonsense]);
      using fred = new TestRoom(server.url);
      const startedAt = performance.now();
      await fred.happened("lost", 3);
      assert(performance.now() - startedAt > 500, "came back in a rush");
      assertEquals(server.connections(), 3);
      assert(fred.all("error").length >= 3);
    },
  );
}

function candidatesOf(peerIce: unknown): string[] {
  // Candidates are as the stubs found them.
  return ((peerIce ?? []) as { candidate: string }[]).map(({ candidate }) => candidate);
}

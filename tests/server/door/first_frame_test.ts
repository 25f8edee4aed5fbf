import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SignalError } from "../../../src/core/errors.ts";
import type { Frame, Link } from "../../../src/core/session.ts";
import type { Visit } from "../../../src/core/visit.ts";
import type { UpgradeRoute } from "../../../src/http/route.ts";
import { FirstFrameSession } from "../../../src/server/door/first_frame.ts";
import type { Dialect } from "../../../src/dialects/dialect.ts";
import { gstreamer } from "../../../src/dialects/gstreamer/mod.ts";
import { ssp } from "../../../src/dialects/ssp/mod.ts";
import { newAuthentication } from "../../helpers/session/auth.ts";
import { FakeClock } from "../../helpers/session/fake_clock.ts";
import {
  connect,
  newTestHub,
  settle,
  type TestClient,
  WIDE_LIMITS,
} from "../../helpers/session/hub.ts";
import { frameOf } from "../../helpers/session/ssp.ts";
import { type Script, ScriptedSession } from "../../helpers/session/scripted_session.ts";
import { visitOf } from "../../helpers/session/visit.ts";
import { newMemoryStore } from "../../helpers/store/store.ts";

const ROOT = visitOf("/");

/** A route whose sessions are kept for the test. */
function routeOf(
  recognises?: (frame: Frame) => boolean,
  script?: Script,
): { route: UpgradeRoute; sessions: ScriptedSession[] } {
  const sessions: ScriptedSession[] = [];
  const connect = (_visit: Visit, link: Link): ScriptedSession => {
    const session = new ScriptedSession(link, script);
    sessions.push(session);
    return session;
  };
  const limits = { ...WIDE_LIMITS, maxQueuedBytes: Infinity, stallTimeoutMs: Infinity };
  const route = { kind: "upgrade", path: "/", limits, connect } as const;
  return { route: recognises === undefined ? route : { ...route, recognises }, sessions };
}

function meet(own: UpgradeRoute, ...others: UpgradeRoute[]): Promise<TestClient> {
  return connect((link, client) => meeting(own, others, link, client));
}

Deno.test("a first frame that nobody else recognises belongs to the path's own dialect", async () => {
  const own = routeOf();
  const other = routeOf((frame) => frame === "other");
  const client = await meet(own.route, other.route);
  await client.say("own", "other", "other");
  assertEquals(own.sessions.map(({ received }) => received), [["own", "other", "other"]]);
  assertEquals(other.sessions, []);
  await client.leave();
  assertEquals(own.sessions[0]?.timesClosed, 1);
});

Deno.test("a first frame that another dialect recognises makes the connection its own", async () => {
  const opened: string[] = [];
  const own = routeOf(undefined, { opened: () => void opened.push("own") });
  const deaf = routeOf(() => false);
  const other = routeOf((frame) => frame === "other", { opened: () => void opened.push("other") });
  const late = routeOf(() => true);
  const client = await meet(own.route, deaf.route, other.route, late.route);
  assertEquals(opened, ["own"]);
  await client.say("other", "own", "other");
  assertEquals(opened, ["own", "other"]);
  assertEquals(own.sessions.map(({ received, timesClosed }) => [received, timesClosed]), [[[], 1]]);
  assertEquals(other.sessions.map(({ received }) => received), [["other", "own", "other"]]);
  assertEquals([deaf.sessions, late.sessions], [[], []]);
  client.pump.refuse(new SignalError("rate_limited"));
  await client.leave();
  const [session] = other.sessions;
  assertEquals([session?.refused.length, session?.timesClosed], [1, 1]);
  assertEquals([own.sessions[0]?.refused, own.sessions[0]?.timesClosed], [[], 1]);
});

Deno.test("a client that leaves before its first frame was the path's own", async () => {
  const own = routeOf();
  const other = routeOf(() => true);
  const client = await meet(own.route, other.route);
  await client.leave();
  assertEquals([own.sessions[0]?.timesClosed, other.sessions], [1, []]);
});

Deno.test("a client that does not speak for two seconds is noted once", async () => {
  let notes = 0;
  const client = await connect((link, client) =>
    meeting(routeOf().route, [routeOf(() => true).route], link, client, () => notes++)
  );
  const { openedAt } = client.pump;
  for (const waitedMs of [1_000, 1_999]) client.pump.checkIdentified(openedAt + waitedMs);
  assertEquals(notes, 0);
  for (const waitedMs of [2_000, 3_000]) client.pump.checkIdentified(openedAt + waitedMs);
  assertEquals(notes, 1);
});

Deno.test("the dialect that has the connection decides whether the client is identified", async () => {
  const own = routeOf();
  const other = routeOf(() => true);
  const client = await meet(own.route, other.route);
  for (const session of own.sessions) session.isIdentified = true;
  assertEquals(client.session.isIdentified, true);
  await client.say("other");
  assertEquals(client.session.isIdentified, false);
  for (const session of other.sessions) session.isIdentified = true;
  assertEquals(client.session.isIdentified, true);
});

Deno.test("a client that its token admitted is expelled when that ends, before any frame too", async () => {
  const own = routeOf();
  const client = await meet(own.route, routeOf(() => true).route);
  for (const session of own.sessions) {
    session.permits = {
      user: "alice",
      expiresAt: 60_000,
      granted: [],
      grantsRoom: () => true,
      grantsRole: () => true,
    };
  }
  assertEquals(client.session.permits?.user, "alice");
  client.pump.checkIdentified(59_999);
  assertEquals(client.refusals.includes("login_expired"), false);
  client.pump.checkIdentified(60_000);
  assertEquals(client.refusals.at(-1), "login_expired");
});

Deno.test("frames wait for the opening of the dialect that takes the connection over", async () => {
  const opening = Promise.withResolvers<void>();
  const own = routeOf();
  const other = routeOf(() => true, { opened: () => opening.promise });
  const client = await meet(own.route, other.route);
  await client.say("1", "2", "3");
  assertEquals(other.sessions[0]?.received, []);
  opening.resolve();
  await settle();
  assertEquals(other.sessions[0]?.received, ["1", "2", "3"]);
});

Deno.test("a refusal of the first frame is worded by the other dialect", async () => {
  const own = routeOf();
  const other = routeOf(() => true, {
    receive: () => {
      throw new SignalError("bad_frame");
    },
  });
  const client = await meet(own.route, other.route);
  await client.say("1");
  assertEquals([own.sessions[0]?.refused, other.sessions[0]?.refused.length], [[], 1]);
  assertEquals(client.refusals, ["bad_frame"]);
});

/** A connection as the door makes it at a path that dialects share. */
function meeting(
  own: UpgradeRoute,
  others: readonly UpgradeRoute[],
  link: Link,
  client: TestClient,
  onSilent: () => void = () => {},
): FirstFrameSession {
  const guests = others.map((route) => ({ owner: "guest", route }));
  return new FirstFrameSession({
    visit: ROOT,
    own: own.connect(ROOT, link),
    guests,
    connection: client,
    onSilent,
  });
}

/** The real dialects at `/`, on one hub. */
function realRoot(): { meet(): Promise<TestClient>; hub: ReturnType<typeof newTestHub> } {
  const hub = newTestHub();
  const clock = new FakeClock();
  const at = (dialect: Dialect): UpgradeRoute[] => {
    const store = newMemoryStore().dialect(dialect.name, () => false);
    const authenticator = newAuthentication({ clock });
    const realm = dialect.name;
    const place = { hub, realm, dialect: realm, isBridged: false, basePath: "" };
    const context = { ...place, clock, authenticator, store, iceServers: () => [], warn: () => {} };
    return dialect.open(dialect.options.parse({}), context).routes.filter(
      (route) => route.kind === "upgrade" && route.path === "/",
    ) as UpgradeRoute[];
  };
  const [own] = at(gstreamer);
  const guests = at(ssp);
  if (own === undefined || guests.length !== 1) throw new Error("Cannot find who is at /");
  return { hub, meet: () => connect((link, client) => meeting(own, guests, link, client)) };
}

Deno.test("at / an ssp client joins a pool, and a GStreamer client says HELLO", async () => {
  const { meet, hub } = realRoot();
  const ann = await meet();
  await ann.say(frameOf("rtc:join", { pool: "p" }));
  const [joined] = ann.heardJson() as { type: string; data: Record<string, unknown> }[];
  assertEquals([joined?.type, joined?.data["peers"]], ["rtc:joined", []]);
  const gst = await meet();
  await gst.say("HELLO alice");
  assertEquals(gst.heard(), ["HELLO"]);
  const bob = await meet();
  await bob.say(` ${frameOf("rtc:join", { pool: "p" })}`);
  // Nothing shows yet which version Ann speaks.
  const types = ann.heardJson().map((event) => (event as { type: string }).type);
  assertEquals(types, ["rtc:peer", "rtc:request_offers"]);
  assertEquals([gst.heard(), hub.peerCount], [[], 3]);
  await gst.say(frameOf("rtc:join", { pool: "p" }));
  // GStreamer's protocol ignores it from a peer that has said HELLO.
  assertEquals([gst.heard(), hub.roomCount], [[], 1]);
  for (const client of [ann, bob, gst]) await client.leave();
  assertEquals([hub.peerCount, hub.roomCount], [0, 0]);
});

Deno.test("at / a first event of ssp that is refused is refused in its words, and may be repaired", async () => {
  const { meet } = realRoot();
  for (
    const [frame, reason] of [
      ['{"type":"rtc:join"}', "invalid-event"],
      [frameOf("rtc:join"), "missing-pool"],
      [frameOf("rtc:leave"), "unknown-action"],
      [frameOf("rtc:candidate", { for: "x" }), "not-joined"],
    ] as const
  ) {
    const client = await meet();
    await client.say(frame);
    const [error] = client.heardJson() as { data: Record<string, unknown> }[];
    assertEquals(error?.data["reason"], reason);
    await client.say(frameOf("rtc:join", { pool: "p" }));
    assertEquals(client.heard().length, 1);
    await client.leave();
  }
});

Deno.test("at / whatever else comes first is GStreamer's, which hangs up on what is no HELLO", async () => {
  const { meet, hub } = realRoot();
  const frame = fc.oneof(
    fc.json().filter((text) => !text.includes("rtc:")),
    fc.string(),
    fc.uint8Array({ maxLength: 20 }).map((bytes): Frame => new Uint8Array(bytes)),
    fc.constantFrom('{"type":"join"}', '{"type":"describe","data":{}}', '["rtc:join"]', "{}"),
  );
  await fc.assert(
    fc.asyncProperty(frame, async (frame) => {
      const client = await meet();
      await client.say(frame);
      assertEquals([client.refusals, client.isOpen], [["bad_greeting"], false]);
      assertEquals(hub.peerCount, 0);
    }),
    { numRuns: 300 },
  );
});

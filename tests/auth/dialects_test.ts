import { assertEquals } from "@std/assert";
import {
  type Identity,
  type Judge,
  refused,
  type Verdict,
  type Why,
} from "../../src/auth/authenticator.ts";
import { ALL_GRANTS, exactly, type Grants } from "../../src/auth/grants.ts";
import type { Visit } from "../../src/core/visit.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { gstreamer } from "../../src/dialects/gstreamer/mod.ts";
import { owt } from "../../src/dialects/owt/mod.ts";
import { peerjs } from "../../src/dialects/peerjs/mod.ts";
import { simple } from "../../src/dialects/simple/mod.ts";
import { ssp } from "../../src/dialects/ssp/mod.ts";
import { topics } from "../../src/dialects/topics/mod.ts";
import { webrtcsink } from "../../src/dialects/webrtcsink/mod.ts";
import { DialectBench } from "../helpers/session/dialect.ts";
import { settle, type TestClient } from "../helpers/session/hub.ts";
import { connectTo } from "../helpers/session/namespace.ts";
import { until } from "../helpers/wire/waiting.ts";

// Where a token travels in each dialect, and how a refusal looks (operations notes, section 2).

/** Tokens are words such as "good:alice", or name the check that they fail. */
function judgeOf(grants: Partial<Grants> = {}, more: Partial<Identity> = {}): Judge {
  return {
    judge(token): Verdict {
      if (token?.startsWith("good:") !== true) return refused((token ?? "malformed") as Why);
      const user = token.slice("good:".length);
      const ids = [exactly(user)];
      const identity = { user, expiresAt: undefined, ...more };
      return { identity: { ...identity, grants: { ...ALL_GRANTS, ids, ...grants } } };
    },
  };
}

function newBench(
  dialect: Dialect,
  grants: Partial<Grants> = {},
  more: Partial<Identity> = {},
): DialectBench {
  return new DialectBench(dialect, { judge: judgeOf(grants, more) });
}

const REFUSED: readonly [token: string | undefined, message: string][] = [
  [undefined, "Token is missing"],
  ["signature", "Token is not valid"],
  ["not_yet", "Token is not valid"],
  ["expired", "Token has expired"],
  ["dialect", "Not allowed here"],
  ["unavailable", "Cannot check the token now"],
];

/** A way in, by what a client can set. */
type Way = (token: string | undefined) => Partial<Visit> & { readonly query: string };

const QUERY: Way = (token) => ({ query: token === undefined ? "" : `token=${token}` });
const BEARER: Way = (bearer) => ({ query: "", bearer });

/** Closing code of the connection; undefined while it is open. */
function closeCodeOf({ closing }: TestClient): number | "bare" | undefined {
  return closing === "bare" ? closing : closing?.[0];
}

async function open(
  bench: DialectBench,
  path: string,
  { query, ...visit }: ReturnType<Way>,
): Promise<TestClient> {
  return await bench.connect(`${path}?${query}`, visit);
}

for (const [name, way] of Object.entries({ QUERY, BEARER })) {
  Deno.test(`webrtcsink: a token is checked before the welcome (${name})`, async () => {
    using bench = newBench(webrtcsink);
    for (const [token, details] of REFUSED) {
      const client = await open(bench, "/webrtcsink", way(token));
      assertEquals(client.heardJson(), [{ type: "error", details }]);
      assertEquals(closeCodeOf(client), token === "unavailable" ? 1013 : 1008);
    }
    const client = await open(bench, "/webrtcsink", way("good:alice"));
    const [welcome] = client.heardJson() as { type: string }[];
    assertEquals([welcome?.type, client.isOpen], ["welcome", true]);
  });

  Deno.test(`ssp: a token is checked at each join, and the connection stays (${name})`, async () => {
    using bench = newBench(ssp, { rooms: [exactly("lobby")] });
    for (const [token, message] of REFUSED) {
      const client = await open(bench, "/ssp", way(token));
      await client.say('{"type":"rtc:join","data":{"pool":"lobby"}}');
      const reason = token === "unavailable" ? "unavailable" : "not-authorized";
      const data = { message, reason, pool: "lobby" };
      assertEquals(client.heardJson(), [{ type: "rtc:error", data }]);
      assertEquals(client.isOpen, true);
    }
    const client = await open(bench, "/ssp", way("good:alice"));
    await client.say('{"type":"rtc:join","data":{"pool":"attic"}}');
    const [error] = client.heardJson() as { data: Record<string, unknown> }[];
    assertEquals(error?.data, {
      message: "Room is not allowed",
      reason: "not-authorized",
      pool: "attic",
    });
    await client.say('{"type":"rtc:join","data":{"pool":"lobby"}}');
    const [joined] = client.heardJson() as { type: string }[];
    assertEquals(joined?.type, "rtc:joined");
  });

  Deno.test(`GStreamer: a token is checked at HELLO, whose uid it grants (${name})`, async () => {
    using bench = newBench(gstreamer, { rooms: [exactly("lobby")] });
    for (const [token, message] of REFUSED) {
      if (token === undefined) continue;
      const client = await open(bench, "/gst", way(token));
      await client.say("HELLO alice");
      assertEquals(client.heard(), [`ERROR ${message.toLowerCase()}`]);
      assertEquals(closeCodeOf(client), token === "unavailable" ? 1013 : 1008);
    }
    const other = await open(bench, "/gst", way("good:alice"));
    await other.say("HELLO bob");
    assertEquals([other.heard(), other.closing], [[], [1002, "invalid peer uid"]]);
    const client = await open(bench, "/gst", way("good:alice"));
    await client.say("HELLO alice", "ROOM attic", "ROOM lobby");
    assertEquals(client.heard(), ["HELLO", "ERROR room 'attic' is not allowed", "ROOM_OK "]);
  });

  Deno.test(`Simple: a token is checked at each join, and the connection stays (${name})`, async () => {
    using bench = newBench(simple, { rooms: [exactly("lobby")] });
    for (const [token, message] of REFUSED) {
      const client = await open(bench, "/simple", way(token));
      await client.say('{"event":"join","room":"lobby","ref":1}');
      const code = { dialect: "forbidden", unavailable: "unavailable" }[token ?? ""];
      const retry = token === "unavailable" ? { retry_ms: 1_000 } : {};
      const error = { event: "error", code: code ?? "unauthorized", message, ref: 1, ...retry };
      assertEquals([client.heardJson(), client.isOpen], [[error], true]);
    }
    const client = await open(bench, "/simple", way("good:alice"));
    await client.say('{"event":"join","room":"attic"}', '{"event":"join","room":"lobby"}');
    const [error, handshake] = client.heardJson() as Record<string, unknown>[];
    assertEquals([error?.["code"], error?.["message"]], ["forbidden", "Room is not allowed"]);
    assertEquals(handshake?.["room"], "lobby");
  });
}

Deno.test("Simple: the token of a join goes before those that were shown by connecting", async () => {
  using bench = newBench(simple);
  const client = await bench.connect("/simple?token=signature", { bearer: "expired" });
  await client.say('{"event":"join","room":"r","token":"good:alice"}');
  assertEquals((client.heardJson() as { event?: string }[]).at(-1)?.event, "ready");
});

Deno.test("GStreamer: without a token the word after HELLO is one, or the token is missing", async () => {
  using bench = newBench(gstreamer);
  const stranger = await bench.connect("/gst");
  await stranger.say("HELLO malformed");
  assertEquals(stranger.heard(), ["ERROR token is missing"]);
  assertEquals(stranger.closing, [1008, "token is missing"]);
  const late = await bench.connect("/gst");
  await late.say("HELLO expired");
  assertEquals(late.heard(), ["ERROR token has expired"]);
  const page = await bench.connect("/gst");
  await page.say("HELLO good:alice");
  assertEquals([page.heard(), page.session.peerId], [["HELLO"], "alice"]);
});

const PEERJS_ID = "id=alice&version=1.5.5";

Deno.test("PeerJS: the token is in the key's place, or in `token`, or outside the query", async () => {
  using bench = newBench(peerjs);
  const ways = [
    [`key=good:alice&token=random&${PEERJS_ID}`, {}],
    [`key=peerjs&token=good:alice&${PEERJS_ID}`, {}],
    [`key=peerjs&token=random&${PEERJS_ID}`, { bearer: "good:alice" }],
  ] as const;
  for (const [query, visit] of ways) {
    const client = await bench.connect(`/peerjs?${query}`, visit);
    assertEquals(client.heardJson(), [{ type: "OPEN" }], query);
    await client.leave();
  }
});

Deno.test("PeerJS: a refusal is an ERROR with its text, and the end", async () => {
  using bench = newBench(peerjs);
  for (const [token, msg] of REFUSED) {
    if (token === undefined) continue;
    const client = await bench.connect(`/peerjs?key=peerjs&token=${token}&${PEERJS_ID}`);
    assertEquals(client.heardJson(), [{ type: "ERROR", payload: { msg } }]);
    assertEquals(client.closing, "bare");
  }
  const client = await bench.connect("/peerjs?key=good:alice&token=x&id=bob");
  const error = { type: "ERROR", payload: { msg: "Id is not allowed" } };
  assertEquals([client.heardJson(), client.closing], [[error], "bare"]);
  const issued = await bench.get("/peerjs/id")?.text();
  const anyone = await bench.connect(`/peerjs?key=good:alice&token=x&id=${issued}`);
  assertEquals(anyone.heardJson(), [{ type: "OPEN" }]);
});

Deno.test("PeerJS: an id is its user's, by whatever token, and nobody takes it over", async () => {
  using bench = newBench(peerjs, { ids: [exactly("shared")] });
  const first = await bench.connect("/peerjs?key=peerjs&token=good:alice&id=shared");
  const thief = await bench.connect("/peerjs?key=peerjs&token=good:mallory&id=shared");
  assertEquals(thief.heardJson()[0], { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
  const again = await bench.connect("/peerjs?key=peerjs&token=good:alice&id=shared");
  assertEquals([again.heardJson(), first.closing?.[0]], [[{ type: "OPEN" }], 1000]);
  // With the token in the key's place, `token` is the client's own proof.
  const other = await bench.connect("/peerjs?key=good:alice&token=mine&id=shared");
  assertEquals(other.heardJson()[0], { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
});

Deno.test("PeerJS: a take-over by the client's own proof gives the id to the new token's user", async () => {
  using bench = newBench(peerjs, { ids: [exactly("shared")] });
  const path = "/peerjs?token=mine&id=shared";
  const first = await bench.connect(`${path}&key=good:alice`);
  assertEquals(bench.hub.find("peerjs", "shared")?.user, "alice");
  const second = await bench.connect(`${path}&key=good:bob`);
  assertEquals([second.heardJson(), first.closing?.[0]], [[{ type: "OPEN" }], 1000]);
  assertEquals(bench.hub.find("peerjs", "shared")?.user, "bob");
});

Deno.test("PeerJS: no token of a client's own making passes for a user's proof", async () => {
  using bench = newBench(peerjs, { ids: [exactly("shared")] });
  const forged = encodeURIComponent("\0user\0alice");
  const holder = await bench.connect("/peerjs?key=peerjs&token=good:alice&id=shared");
  const ways = [
    [`key=good:mallory&token=${forged}`, {}],
    [`key=peerjs&token=${forged}`, { bearer: "good:mallory" }],
  ] as const;
  for (const [query, visit] of ways) {
    const thief = await bench.connect(`/peerjs?${query}&id=shared`, visit);
    assertEquals(thief.heardJson()[0], { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
  }
  assertEquals(holder.isOpen, true);
});

Deno.test("PeerJS: a token that names nobody proves nothing", async () => {
  const more = { user: undefined, grants: ALL_GRANTS };
  const identity: Identity = { expiresAt: undefined, ...more };
  using bench = new DialectBench(peerjs, { judge: { judge: () => ({ identity }) } });
  const first = await bench.connect("/peerjs?key=peerjs&token=shared&id=a");
  const second = await bench.connect("/peerjs?key=peerjs&token=shared&id=a");
  assertEquals(second.heardJson()[0], { type: "ID-TAKEN", payload: { msg: "ID is taken" } });
  assertEquals(first.isOpen, true);
});

Deno.test("PeerJS: a token that names nobody reserves nothing, and gets no reserved id", async () => {
  const judge: Judge = {
    judge(token): Verdict {
      const user = token === "nobody" ? undefined : token;
      return { identity: { user, expiresAt: undefined, grants: ALL_GRANTS } };
    },
  };
  const options = { reserveIds: 3_600_000 };
  using bench = new DialectBench(peerjs, { judge, options });
  // Digests of reservations are made on another thread.
  const first = async (token: string, id: string): Promise<unknown> => {
    const client = await bench.connect(`/peerjs?key=peerjs&token=${token}&id=${id}`);
    await until("the answer", () => client.sent.length > 0);
    await client.leave();
    return (client.heardJson()[0] as { type: string }).type;
  };
  assertEquals([await first("nobody", "free"), await first("alice", "free")], ["OPEN", "OPEN"]);
  assertEquals([await first("nobody", "free"), await first("bob", "free")], [
    "ID-TAKEN",
    "ID-TAKEN",
  ]);
  assertEquals(await first("alice", "free"), "OPEN");
});

/** Logs in by the event, and returns what came. */
async function logIn(client: TestClient, token?: string): Promise<unknown[]> {
  await client.say(`25["authentication",${JSON.stringify({ token })}]`);
  return client.heard();
}

Deno.test("OWT: a token in the event or the query is the user, and the id is its own", async () => {
  using bench = newBench(owt);
  const { client } = await connectTo(bench, "/");
  const answer = ['2["server-authenticated",{"uid":"alice"}]', '35[{"uid":"alice"}]'];
  assertEquals(await logIn(client, "good:alice"), answer);
  // A fresh token of the same user refreshes the login.
  assertEquals(await logIn(client, "good:alice"), answer);
  const old = await connectTo(bench, "/", { clientVersion: "4.2", token: "good:bob" });
  assertEquals(old.client.heard(), ['2["server-authenticated",{"uid":"bob"}]']);
  const again = await connectTo(bench, "/", { token: "good:bob" });
  assertEquals(again.client.heard(), ['2["server-authenticated",{"uid":"bob"}]']);
  assertEquals(old.client.heard(), ['2["server-disconnect"]']);
  assertEquals([old.client.isOpen, bench.hub.peerCount], [false, 2]);
});

Deno.test("OWT: an id that two users may have stays with the first", async () => {
  using bench = newBench(owt, { ids: [exactly("shared")] });
  const first = await connectTo(bench, "/", { token: "good:alice" });
  const second = await connectTo(bench, "/", { token: "good:bob" });
  assertEquals([second.link.answer, first.client.isOpen], [{ error: "2121" }, true]);
});

Deno.test("OWT: a refusal is 2121 and the end, by acknowledgement or CONNECT_ERROR", async () => {
  using bench = newBench(owt);
  for (const [token] of REFUSED) {
    const error = token === "unavailable" ? 2102 : 2121;
    const { client } = await connectTo(bench, "/");
    assertEquals(await logIn(client, token), [`35[{"error":${error}}]`]);
    assertEquals(client.isOpen, false);
    const query = token === undefined ? { clientVersion: "4.2" } : { token };
    const old = await connectTo(bench, "/", query);
    assertEquals(old.link.answer, { error: String(error) });
  }
});

Deno.test("OWT: an id is checked for its length, and a token is not", async () => {
  using bench = newBench(owt);
  const { client } = await connectTo(bench, "/");
  assertEquals(await logIn(client, `good:${"x".repeat(513)}`), ['35[{"error":2121}]']);
  using long = newBench(owt, { ids: [exactly("short")] });
  const other = await connectTo(long, "/");
  const [event] = await logIn(other.client, `good:${"x".repeat(600)}`);
  assertEquals(event, '2["server-authenticated",{"uid":"short"}]');
});

Deno.test("webrtcsink: a role has to be granted, for a status and for a session", async () => {
  using bench = newBench(webrtcsink, { roles: ["consume"] });
  const ask = async (client: TestClient, message: unknown): Promise<unknown[]> => {
    client.heard();
    await client.say(JSON.stringify(message));
    return client.heardJson();
  };
  const status = (role: string): unknown => ({ type: "setPeerStatus", roles: [role], meta: null });
  const client = await bench.connect("/webrtcsink?token=good:alice");
  const error = { type: "error", details: "Role is not allowed" };
  assertEquals(await ask(client, status("producer")), [error]);
  assertEquals([await ask(client, status("consumer")), client.isOpen], [[], true]);
  const listener = await bench.connect("/webrtcsink?token=good:bob");
  const [list] = await ask(listener, { type: "listConsumers" }) as {
    consumers: { id?: string; peerId?: string }[];
  }[];
  const consumer = list?.consumers[0];
  const peerId = consumer?.peerId ?? consumer?.id;
  assertEquals(await ask(listener, { type: "startSession", peerId }), [error]);
});

interface Expiring {
  readonly dialect: Dialect;
  readonly enter: (bench: DialectBench) => Promise<TestClient>;
  readonly last: readonly unknown[];
  readonly closing: unknown;
}

const EXPIRING: readonly Expiring[] = [
  {
    dialect: peerjs,
    enter: (bench) => bench.connect("/peerjs?key=peerjs&token=good:alice&id=alice"),
    last: ['{"type":"ERROR","payload":{"msg":"Token has expired"}}'],
    closing: "bare",
  },
  {
    dialect: gstreamer,
    enter: async (bench) => {
      const client = await bench.connect("/gst?token=good:alice");
      await client.say("HELLO alice");
      return client;
    },
    last: [],
    closing: [1008, "token expired"],
  },
  {
    dialect: ssp,
    enter: async (bench) => {
      const client = await bench.connect("/ssp?token=good:alice");
      await client.say('{"type":"rtc:join","data":{"pool":"p"}}');
      return client;
    },
    last: [
      '{"type":"rtc:error","data":{"message":"Token has expired","reason":"not-authorized"}}',
    ],
    closing: [1008, "token expired"],
  },
  {
    dialect: owt,
    enter: async (bench) => (await connectTo(bench, "/", { token: "good:alice" })).client,
    last: ['2["server-disconnect"]'],
    closing: "bare",
  },
  {
    dialect: simple,
    enter: (bench) => bench.connect("/simple?room=r&token=good:alice"),
    last: ['{"event":"error","code":"unauthorized","message":"Token has expired"}'],
    closing: [4003, "token expired"],
  },
  {
    dialect: webrtcsink,
    enter: (bench) => bench.connect("/webrtcsink?token=good:alice"),
    last: ['{"type":"error","details":"Token has expired"}'],
    closing: [1008, "token expired"],
  },
  {
    dialect: topics,
    enter: (bench) => bench.connect("/topics?token=good:alice"),
    last: [],
    closing: [1008, "token expired"],
  },
];

for (const { dialect, enter, last, closing } of EXPIRING) {
  Deno.test(`${dialect.title}: a connection ends when its token does`, async () => {
    using bench = newBench(dialect, {}, { expiresAt: 60_000 });
    const client = await enter(bench);
    client.heard();
    client.pump.checkIdentified(59_999);
    assertEquals([client.heard(), client.isOpen], [[], true]);
    client.pump.checkIdentified(60_000);
    assertEquals([client.heard(), client.closing], [last, closing]);
    await settle();
    assertEquals([client.isOpen, bench.hub.peerCount], [false, 0]);
  });
}

Deno.test("Topics: a token is checked at the opening, and a topic has to be granted", async () => {
  using bench = newBench(topics, { rooms: [exactly("lobby")] });
  const [path = ""] = bench.open.entrances.map((entrance) => entrance.path);
  for (const [token, message] of REFUSED) {
    const client = await open(bench, path, QUERY(token));
    assertEquals(client.closing, [
      token === "unavailable" ? 1013 : 1008,
      message.toLowerCase(),
    ]);
  }
  const client = await open(bench, path, QUERY("good:alice"));
  await client.say(
    '{"type":"subscribe","topics":["attic"]}',
    '{"type":"subscribe","topics":["lobby"]}',
  );
  assertEquals([client.refusals, client.isOpen], [["room_forbidden"], true]);
});

import { assertEquals } from "@std/assert";
import { Bystanders } from "../helpers/wire/bystanders.ts";
import { openPeerJs, peerJsUrl } from "../helpers/wire/peers.ts";
import { encodeFrame } from "../helpers/wire/raw_frames.ts";
import { RawSocket, requestText } from "../helpers/wire/raw_socket.ts";
import { startTestServer, type TestServer } from "../helpers/wire/server.ts";
import { within } from "../helpers/wire/waiting.ts";
import { WsClient } from "../helpers/wire/ws_client.ts";

// The tables of the PeerJS contract, row by row, over the real wire.

const error = (msg: string): string => JSON.stringify({ type: "ERROR", payload: { msg } });
const NO_CREDENTIALS = error("No id, token, or key supplied to websocket server");
const WRONG_KEY = error("Invalid key provided");
const TAKEN = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}';

/** Queries that are refused, in the order of the checks (section 4). */
const AT_THE_DOOR: readonly (readonly [query: string, answer: string])[] = [
  ["", NO_CREDENTIALS],
  ["key=peerjs&id=x", NO_CREDENTIALS],
  ["key=peerjs&token=x", NO_CREDENTIALS],
  ["id=x&token=x", NO_CREDENTIALS],
  ["key=peerjs&id=&token=x", NO_CREDENTIALS],
  ["key=peerjs&id=x&token=", NO_CREDENTIALS],
  ["key=&id=x&token=x", NO_CREDENTIALS],
  ["key=wrong&id=&token=", NO_CREDENTIALS],
  ["key=peerjs&id=x&token=x&id=", NO_CREDENTIALS], // the last of two values counts
  ["key=peerjs&ID=x&token=x", NO_CREDENTIALS],
  ["key=wrong&id=x&token=x", WRONG_KEY],
  ["key=PeerJS&id=x&token=x", WRONG_KEY],
  ["key=peerjs&id=x&token=x&key=wrong", WRONG_KEY],
  ["key=wrong&id=holder&token=x", WRONG_KEY],
  ["key=peerjs&id=holder&token=x", TAKEN],
  ["key=peerjs&id=%68older&token=Token", TAKEN], // tokens are compared exactly
  [`key=peerjs&id=${"x".repeat(513)}&token=x`, error("Id is too long")],
];

Deno.test("PeerJS: refusals at the door are one message and a close without a status", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using holder = await openPeerJs(server.wsUrl, "holder", { token: "token" });
  for (const [query, answer] of AT_THE_DOOR) {
    await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
    assertEquals(await client.nextText(), answer, query);
    assertEquals(await within("the close", client.closed), { code: 1005, reason: "" }, query);
    assertEquals(client.unread, [], query);
  }
  await assertTalks(holder, "holder");
  await bystanders.talk();
});

Deno.test("PeerJS: the query is read as a form", async () => {
  await using server = startTestServer();
  const queries: readonly (readonly [query: string, id: string])[] = [
    ["key=peerjs&id=a+b&token=x", "a b"],
    ["key=peerjs&id=a%20c&token=x", "a c"],
    ["key=peerjs&id=gr%C3%BCn&token=x", "grün"],
    ["key=other&id=z&token=x&id=last&key=peerjs&version=1.5.5&ts=1", "last"],
    ["key=peerjs&id=%zz&token=%", "%zz"],
  ];
  for (const [query, id] of queries) {
    await using client = await WsClient.open(`${server.wsUrl}/peerjs?${query}`);
    assertEquals(await client.nextText(), '{"type":"OPEN"}');
    await assertTalks(client, id);
  }
});

Deno.test("PeerJS: every string up to the cap is an id, whatever it means elsewhere", async () => {
  await using server = startTestServer({ args: ["--allow_discovery"] });
  const ids = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "null",
    "0",
    " ",
    "a/b?c#d",
    "\u0000",
    "\n",
    "grün 🚂",
    "\u202e",
    "x".repeat(512),
  ];
  const clients: WsClient[] = [];
  try {
    for (const id of ids) clients.push(await openPeerJs(server.wsUrl, id));
    const listed = await fetch(`${server.url}/peerjs/peers`);
    assertEquals(await listed.json(), ids); // in order of registration (section 3)
    for (const [at, client] of clients.entries()) await assertTalks(client, ids[at] ?? "");
    await using second = await WsClient.open(peerJsUrl(server.wsUrl, "__proto__", { token: "x" }));
    assertEquals(await second.nextText(), TAKEN);
  } finally {
    for (const client of clients) await client.close();
  }
});

Deno.test("PeerJS: messages sent before OPEN was read are handled in order", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  const { pathname, search } = new URL(peerJsUrl(server.wsUrl, "hasty"));
  using hasty = await RawSocket.connect(server.url);
  const frames = ['{"ping":"once"}', offer("alice", 1), offer("alice", 2), offer("alice", 3)];
  await hasty.write(Uint8Array.from([
    ...new TextEncoder().encode(requestText(`GET ${pathname}${search} HTTP/1.1`)),
    ...frames.flatMap((payload) => [...encodeFrame({ payload })]),
  ]));
  await hasty.head();
  assertEquals(await hasty.next(), '{"type":"OPEN"}');
  for (const payload of [1, 2, 3]) {
    assertEquals(await alice.next(), relayed("hasty", "alice", payload));
  }
});

/** Messages that are relayed, and how they arrive (section 5). */
const RELAYED: readonly (readonly [sent: string, arrives: string])[] = [
  ...["OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"].map((type) =>
    [
      `{"type":"${type}","dst":"alice","payload":{"a":[1,{"b":null}]}}`,
      `{"type":"${type}","src":"bob","dst":"alice","payload":{"a":[1,{"b":null}]}}`,
    ] as const
  ),
  ['{"type":"OFFER","dst":"alice"}', '{"type":"OFFER","src":"bob","dst":"alice"}'],
  ...["null", '"text"', '""', "0", "false", "[]", "{}", '"\\ud800"', '{"__proto__":1}'].map((
    json,
  ) =>
    [
      `{"type":"OFFER","dst":"alice","payload":${json}}`,
      `{"type":"OFFER","src":"bob","dst":"alice","payload":${json}}`,
    ] as const
  ),
  [
    '{"type":"OFFER","dst":"alice","payload":1.0}',
    '{"type":"OFFER","src":"bob","dst":"alice","payload":1}',
  ],
  // A sender cannot forge its name, and other fields are dropped.
  [
    '{"payload":1,"src":"carol","x":1,"__proto__":{"y":1},"dst":"alice","type":"OFFER"}',
    '{"type":"OFFER","src":"bob","dst":"alice","payload":1}',
  ],
  [
    '{"type":"OPEN","type":"OFFER","dst":"x","dst":"alice"}',
    '{"type":"OFFER","src":"bob","dst":"alice"}',
  ],
];

Deno.test("PeerJS: relayed messages have exactly type, src, dst and payload", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  await using bob = await openPeerJs(server.wsUrl, "bob");
  for (const [sent, arrives] of RELAYED) {
    bob.send(sent);
    assertEquals(await alice.next(), arrives);
  }
  assertEquals(bob.unread, []);
});

/** Messages without any effect: neither relayed nor answered (section 5). */
const IGNORED: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  ...["OPEN", "ERROR", "ID-TAKEN", "INVALID-KEY", "offer", "Offer", "", "OFFER ", "__proto__"].map(
    (type) => JSON.stringify({ type, dst: "alice", payload: { msg: "forged" } }),
  ),
  ...[1, null, true, {}, ["OFFER"]].map((type) => JSON.stringify({ type, dst: "alice" })),
  ...["OFFER", "ANSWER", "CANDIDATE", "EXPIRE"].flatMap((type) =>
    [undefined, "", null, 1, true, {}, ["alice"]].map((dst) =>
      JSON.stringify({ type, dst, payload: 1 })
    )
  ),
  ...[1, {}, ["alice"], false].map((dst) => JSON.stringify({ type: "LEAVE", dst })),
  '{"type":"LEAVE","dst":"nobody"}',
  '{"type":"EXPIRE","dst":"nobody"}',
  '{"type":"HEARTBEAT"}',
  '{"type":"HEARTBEAT","dst":"alice"}',
  '{"dst":"alice","payload":1}',
  "{}",
  "[]",
  '[{"type":"OFFER","dst":"alice"}]',
  '{"ping":"once"}',
];

/** These are not messages; they harm nobody, their sender included (section 9.3). */
const MALFORMED: readonly (string | Uint8Array<ArrayBuffer>)[] = [
  "",
  " ",
  "null",
  "1",
  '"OFFER"',
  "true",
  "OFFER",
  "{",
  '{"type":"OFFER","dst":"alice"',
  '{"type":"OFFER","dst":"alice"}}',
  "{'type':'OFFER','dst':'alice'}",
  '\ufeff{"type":"OFFER","dst":"alice"}',
  '{"type":"OFFER","dst":"alice","payload":NaN}',
  "[".repeat(50_000),
  "[".repeat(50_000) + "]".repeat(50_000),
  `{"type":"OFFER","dst":"alice","payload":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  `{"type":"OFFER","dst":"alice","payload":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
  "\0",
  Uint8Array.of(),
  Uint8Array.of(0xff, 0xfe, 0x00),
  Uint8Array.from({ length: 256 }, (_, at) => at),
];

Deno.test("PeerJS: an unknown or malformed message is ignored, never relayed, never fatal", async () => {
  await using server = startTestServer();
  await using bystanders = await Bystanders.join(server.wsUrl);
  await using alice = await openPeerJs(server.wsUrl, "alice");
  await using bob = await openPeerJs(server.wsUrl, "bob");
  for (const [at, message] of [...IGNORED, ...MALFORMED].entries()) {
    bob.send(message);
    // The marker arrives, so nothing came before it, and the socket is not deaf (section 9.3).
    bob.send(offer("alice", at));
    assertEquals(await alice.next(), relayed("bob", "alice", at), String(message).slice(0, 80));
  }
  await bystanders.talk();
  assertEquals([alice.unread, bob.unread], [[], []]);
  assertEquals(server.log.filter(({ level }) => level === "error"), []);
});

Deno.test("PeerJS: a message to oneself comes back", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  alice.send(offer("alice", 1));
  assertEquals(await alice.next(), relayed("alice", "alice", 1));
});

Deno.test("PeerJS: a message sent right before the close is delivered, and the close is silent", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  await using bob = await openPeerJs(server.wsUrl, "bob");
  alice.send(offer("bob", 0));
  await bob.next();
  for (let at = 0; at < 100; at++) bob.send(offer("alice", at));
  await bob.close();
  for (let at = 0; at < 100; at++) assertEquals(await alice.next(), relayed("bob", "alice", at));
  // No LEAVE when a peer disconnects (section 6).
  await assertTalks(alice, "alice");
});

Deno.test("PeerJS: LEAVE without dst closes the socket, and its id is free at once", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  for (
    const leave of ['{"type":"LEAVE"}', '{"type":"LEAVE","dst":""}', '{"type":"LEAVE","dst":null}']
  ) {
    await using bob = await openPeerJs(server.wsUrl, "bob", { token: `before ${leave}` });
    bob.send(leave);
    bob.send(offer("alice", "too late")); // the socket speaks for the id no longer (section 9.8)
    await within("the close", bob.closed);
    await using successor = await openPeerJs(server.wsUrl, "bob", { token: leave });
    await assertTalks(successor, "bob");
  }
  await assertTalks(alice, "alice");
});

Deno.test("PeerJS: the same token takes the id over", async () => {
  await using server = startTestServer();
  await using alice = await openPeerJs(server.wsUrl, "alice");
  // A socket whose end never comes: it answers nothing, its path is dead (section 9.2).
  using old = await RawSocket.upgrade(peerJsUrl(server.wsUrl, "bob", { token: "mine" }));
  assertEquals(await old.next(), '{"type":"OPEN"}');

  await using fresh = await openPeerJs(server.wsUrl, "bob", { token: "mine" }); // OPEN: section 9.1
  // First, because the runtime cuts a socket on which a message meets the closing frame.
  assertEquals(await old.ended(), { code: 1000, reason: "replaced by a newer connection" });
  await old.send(offer("alice", "from the old socket"));
  fresh.send(offer("alice", "from the new one"));
  assertEquals(await alice.next(), relayed("bob", "alice", "from the new one"));
  alice.send(offer("bob", "hello"));
  assertEquals(await fresh.next(), relayed("alice", "bob", "hello"));

  // The later end of the old socket does not remove the entry (section 6).
  old.cut();
  await using other = await WsClient.open(peerJsUrl(server.wsUrl, "bob", { token: "not mine" }));
  assertEquals(await other.nextText(), TAKEN);
  await assertTalks(fresh, "bob");
  await assertTalks(alice, "alice");
});

Deno.test("PeerJS: ten take-overs in a row, and the id is free for anybody afterwards", async () => {
  await using server = startTestServer();
  const sockets: WsClient[] = [];
  for (let round = 0; round < 10; round++) sockets.push(await openPeerJs(server.wsUrl, "bob"));
  await sockets.at(-1)?.close();
  for (const socket of sockets) await within("each old socket's end", socket.closed);
  await assertFree(server, "bob");
});

async function assertFree(server: TestServer, id: string): Promise<void> {
  await using client = await openPeerJs(server.wsUrl, id, { token: "somebody else" });
  await assertTalks(client, id);
}

/** The socket speaks for the id and has nothing unread: a message to itself comes next. */
async function assertTalks(client: WsClient, id: string): Promise<void> {
  client.send(offer(id, "marker"));
  assertEquals(await client.next(), relayed(id, id, "marker"));
}

function offer(dst: string, payload: unknown): string {
  return JSON.stringify({ type: "OFFER", dst, payload });
}

function relayed(src: string, dst: string, payload: unknown): string {
  return JSON.stringify({ type: "OFFER", src, dst, payload });
}

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ErrorCode, SignalError } from "../../../src/core/errors.ts";
import type { Claim } from "../../../src/core/peer.ts";
import { settle } from "../../helpers/session/hub.ts";
import { enter, enterAll, event, newPools, PATHS, SspClient } from "../../helpers/session/ssp.ts";

// Sections 2, 3, 4 and 6 of protocols/ssp.md; section 5 is in rules_test.ts, 7 in mixed_test.ts.

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const OFFER = { type: "offer", sdp: "v=0\r\n語😀", extra: { deep: [1, null, "\ud800"] } };
const NOBODY = "00000000-0000-4000-8000-000000000000";

Deno.test("§2: the scene of the contract's transcript, frame by frame", async () => {
  using bench = newPools();
  const a = await bench.connect("/ssp");
  const b = await bench.connect("/ssp");
  await a.say('{"type":"rtc:join","data":{"pool":"p1"}}');
  const idA = JSON.parse(String(a.sent[0])).data.client_id;
  await b.say('{"type":"rtc:join","data":{"pool":"p1"}}');
  const idB = JSON.parse(String(b.sent[0])).data.client_id;
  await b.say(
    `{"type":"rtc:sdp","data":{"to":"${idA}","description":{"type":"offer","sdp":"x"}}}`,
    `{"type":"rtc:candidate","data":{"from":"${idB}","for":"${idA}","candidate":null}}`,
  );
  await a.say('{"type":"describe","data":{"name":"Ann"}}');
  await b.leave();

  assertEquals(a.sent, [
    `{"type":"rtc:joined","data":{"client_id":"${idA}","peers":[],"descriptions":{"${idA}":null},"pool":"p1"}}`,
    `{"type":"rtc:peer","data":{"id":"${idB}"}}`,
    `{"type":"rtc:sdp","data":{"peer":"${idB}","description":{"type":"offer","sdp":"x"}}}`,
    `{"type":"rtc:candidate","data":{"candidate":null,"from":"${idB}"}}`,
    `{"type":"rtc:close","data":{"uid":"${idB}","id":"${idB}"}}`,
  ]);
  assertEquals(b.sent, [
    `{"type":"rtc:joined","data":{"client_id":"${idB}","peers":["${idA}"],"descriptions":{"${idA}":null,"${idB}":null},"pool":"p1"}}`,
    `{"type":"rtc:describe","data":{"description":{"name":"Ann"},"uid":"${idA}","id":"${idA}"}}`,
  ]);
});

Deno.test("§3: the same scene in version 1", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v1", "v1"]);
  await b.say(["rtc:offers", { [a.id]: { type: "offer", sdp: "x" } }]);
  await a.say(["rtc:answer", { for: b.id, answer: { type: "answer", sdp: "y" } }]);
  await a.say(["describe", { name: "Ann" }]);
  assertEquals(a.client.sent.map(String).slice(1), [
    `{"type":"rtc:request_offers","data":{"for":"${b.id}"}}`,
    `{"type":"rtc:offer","data":{"for":"${b.id}","offer":{"type":"offer","sdp":"x"}}}`,
  ]);
  assertEquals(b.client.sent.map(String).slice(1), [
    `{"type":"rtc:answer","data":{"for":"${a.id}","answer":{"type":"answer","sdp":"y"}}}`,
    `{"type":"rtc:describe","data":{"description":{"name":"Ann"},"uid":"${a.id}"}}`,
  ]);
  await b.leave();
  assertEquals(a.heard().at(-1), event("rtc:close", { uid: b.id }));
});

Deno.test("§2: a join is answered first and only, and each earlier member told once", async () => {
  using bench = newPools();
  const members: SspClient[] = [];
  for (let size = 0; size < 4; size++) {
    const newcomer = await SspClient.connect(bench);
    assertEquals([newcomer.client.sent, newcomer.client.session.isIdentified], [[], false]);
    const joined = await newcomer.join("p");
    const ids = [...members.map(({ id }) => id), newcomer.id];
    assertMatch(newcomer.id, UUID_4);
    assertEquals(joined, {
      client_id: newcomer.id,
      peers: ids.slice(0, -1),
      descriptions: Object.fromEntries(ids.map((id) => [id, null])),
      pool: "p",
    });
    for (const member of members) {
      assertEquals(member.heard(), [event("rtc:peer", { id: newcomer.id })]);
    }
    members.push(newcomer);
  }
  assertEquals(new Set(members.map(({ id }) => id)).size, 4);
});

Deno.test("§2: rtc:sdp and rtc:candidate reach one member, verbatim, stamped with the sender", async () => {
  using bench = newPools();
  const [a, b, c] = await enterAll(bench, ["v2", "v2", "v2"]);
  const candidate = { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid: "0", x: [] };
  await a.say(
    ["rtc:sdp", { to: b.id, description: OFFER, peer: c.id, from: c.id, more: 1 }],
    ["rtc:candidate", { for: b.id, from: c.id, candidate, peer: c.id }],
    ["rtc:candidate", { for: b.id, candidate: null }],
    ["rtc:candidate", { for: b.id }],
    ["rtc:sdp", { to: b.id, description: { type: "rollback" } }],
    ["rtc:sdp", { to: b.id, description: {} }],
  );
  assertEquals(b.heard(), [
    event("rtc:sdp", { peer: a.id, description: OFFER }),
    event("rtc:candidate", { candidate, from: a.id }),
    event("rtc:candidate", { candidate: null, from: a.id }),
    event("rtc:candidate", { candidate: null, from: a.id }),
    event("rtc:sdp", { peer: a.id, description: { type: "rollback" } }),
    event("rtc:sdp", { peer: a.id, description: {} }),
  ]);
  assertEquals([a.heard(), c.heard()], [[], []]);
});

Deno.test("§3: rtc:offers serves each known target, skips the others, and may be empty", async () => {
  using bench = newPools();
  const [a, b, c] = await enterAll(bench, ["v1", "v1", "v1"]);
  const outsider = await enter(bench, "v1", "other");
  const other = { ...OFFER, sdp: "other" };
  await c.say(
    ["rtc:offers", { [a.id]: OFFER, [NOBODY]: OFFER, [outsider.id]: OFFER, [b.id]: other }],
    ["rtc:offers", {}],
    ["rtc:offers", { [c.id]: OFFER, ["__proto__"]: OFFER }],
  );
  assertEquals(a.heard(), [event("rtc:offer", { for: c.id, offer: OFFER })]);
  assertEquals(b.heard(), [event("rtc:offer", { for: c.id, offer: other })]);
  assertEquals([c.heard(), outsider.heard()], [[], []]);
});

Deno.test("§3: rtc:answer to nobody is dropped in silence, without a target it is an error", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v1", "v1"]);
  const outsider = await enter(bench, "v1", "other");
  const answer = { type: "answer", sdp: "y" };
  await a.say(
    ["rtc:answer", { for: NOBODY, answer }],
    ["rtc:answer", { for: outsider.id, answer }],
    ["rtc:answer", { for: b.id, from: b.id, answer }],
  );
  assertEquals(b.heard(), [event("rtc:answer", { for: a.id, answer })]);
  await a.say(["rtc:answer", { answer }], ["rtc:answer", { for: b.id }]);
  assertEquals(a.refusals(), ["missing-target", "invalid-description"]);
  assertEquals([b.heard(), outsider.heard()], [[], []]);
});

Deno.test("§4: messages that come while the id is being claimed are handled after the answer, in order", async () => {
  const answer = Promise.withResolvers<boolean>();
  let isSlow = false;
  const reserve = (_claim: Claim): Promise<boolean> =>
    isSlow ? answer.promise : Promise.resolve(true);
  using bench = newPools({ reserve });
  const a = await enter(bench);
  isSlow = true;
  const b = await SspClient.connect(bench);
  const candidates = [1, 2, 3].map((candidate) =>
    ["rtc:candidate", { for: a.id, candidate }] as const
  );
  await b.say(
    ["rtc:join", { pool: "p" }],
    ["rtc:sdp", { to: a.id, description: OFFER }],
    ...candidates,
  );
  await b.say(["rtc:join", { pool: "q" }]);
  assertEquals([b.heard(), a.heard(), bench.hub.peerCount], [[], [], 1]);
  answer.resolve(true);
  await settle();
  const [joined, refused, ...more] = b.heard();
  assertEquals([joined?.type, joined?.data["pool"], more], ["rtc:joined", "p", []]);
  assertEquals(refused?.data["reason"], "already-joined");
  const id = joined?.data["client_id"];
  assertEquals(a.heard(), [
    event("rtc:peer", { id }),
    event("rtc:sdp", { peer: id, description: OFFER }),
    ...[1, 2, 3].map((candidate) => event("rtc:candidate", { candidate, from: id })),
  ]);
});

/** §6, and the close codes of §1: the client's view of each refusal. */
const WORDED: Record<ErrorCode, readonly [reason: string | undefined, code?: number]> = {
  not_json: ["invalid-json"],
  untranslatable: ["not-supported"],
  not_askable: ["not-supported"],
  not_renegotiable: ["not-supported"],
  bad_frame: ["invalid-event"],
  bad_greeting: ["invalid-event"],
  binary_frame: ["binary-frame"],
  kicked: [undefined, 1000],
  action_unknown: ["unknown-action"],
  room_missing: ["missing-pool"],
  room_invalid: ["invalid-pool"],
  room_unknown: ["no-such-pool"],
  room_full: ["pool-full"],
  rooms_full: ["pool-full"],
  peers_full: ["pool-full"],
  already_joined: ["already-joined"],
  not_joined: ["not-joined"],
  target_missing: ["missing-target"],
  peer_unknown: ["unknown-peer"],
  peer_busy: ["unknown-peer"],
  peer_elsewhere: ["unknown-peer"],
  description_invalid: ["invalid-description"],
  description_too_large: ["too-large"],
  not_allowed: ["not-allowed"],
  rate_limited: ["rate-limited"],
  credentials_missing: ["not-authorized"],
  credentials_wrong: ["not-authorized"],
  credentials_expired: ["not-authorized"],
  auth_unavailable: ["unavailable"],
  unavailable: ["unavailable"],
  dialect_forbidden: ["not-authorized"],
  id_forbidden: ["not-authorized"],
  room_forbidden: ["not-authorized"],
  role_forbidden: ["not-allowed"],
  login_expired: ["not-authorized", 1008],
  id_invalid: ["not-authorized"],
  id_taken: ["not-authorized"],
  id_not_issued: ["not-authorized"],
  internal: ["internal"],
  frame_too_large: [undefined, 1009],
  flooding: ["rate-limited", 1008],
  not_identified: [undefined, 1008],
  origin_forbidden: ["not-authorized", 1008],
  address_banned: ["not-authorized", 1008],
  server_full: ["rate-limited", 1013],
  address_full: ["rate-limited", 1013],
  address_rate: ["rate-limited", 1013],
  instance_unknown: ["unknown-peer"],
  instances_full: ["pool-full"],
  queue_full: ["rate-limited"],
  field_reserved: ["invalid-description"],
};

Deno.test("§6: every refusal has its reason, and few end the connection", async () => {
  using bench = newPools();
  for (const [code, [reason, closeCode]] of Object.entries(WORDED)) {
    for (const path of Object.values(PATHS)) {
      const client = await bench.connect(path);
      // The keys of the record above are all codes.
      client.pump.refuse(new SignalError(code as ErrorCode, "What was attempted", { pool: "p" }));
      const error = event("rtc:error", { message: "What was attempted", reason, pool: "p" });
      const worded = code === "kicked" ? [event("rtc:stop", {})] : [];
      assertEquals(client.heardJson(), reason === undefined ? worded : [error]);
      const closing = client.closing;
      assert(closing !== "bare");
      assertEquals([code, closing?.[0]], [code, closeCode]);
    }
  }
});

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { enter, enterAll, event, frameOf, newPools, SspClient } from "../../helpers/session/ssp.ts";

// Section 5 of protocols/ssp.md, row by row.

const VERSIONS = ["v2", "v1", "auto"] as const;
const OFFER = { type: "offer", sdp: "v=0\r\n" };
const NOBODY = "00000000-0000-4000-8000-000000000000";

for (const version of VERSIONS) {
  Deno.test(`§5: pool names are text compared exactly, and finite numbers (${version})`, async () => {
    using bench = newPools();
    const names = [
      ...[
        "p",
        " p",
        "P",
        "p ",
        "5",
        "5.5",
        "__proto__",
        "constructor",
        "null",
        "\u0000",
        "é",
        "e\u0301",
      ],
      "x".repeat(512),
    ];
    for (const name of names) {
      const client = await SspClient.connect(bench, version);
      const { peers, pool } = await client.join(name);
      assertEquals([peers, pool], [[], name]);
    }
    for (const [number, name] of [[5, "5"], [5.5, "5.5"]] as const) {
      const client = await SspClient.connect(bench, version);
      const { peers, pool } = await client.join(number);
      assertEquals([(peers as string[]).length, pool], [1, name]);
    }
    assertEquals(bench.hub.roomCount, names.length);
  });

  Deno.test(`§5: a join without a usable pool is an error, and another one may follow (${version})`, async () => {
    using bench = newPools();
    const client = await SspClient.connect(bench, version);
    const invalid = [true, false, {}, [], ["p"], "x".repeat(513)];
    await client.say(
      ["rtc:join"],
      ...[null, "", ...invalid].map((pool) => ["rtc:join", { pool }] as const),
    );
    await client.client.say('{"type":"rtc:join","data":{"pool":1e999}}');
    const errors = client.heard();
    assertEquals(errors.map(({ data }) => [data["reason"], data["pool"]]), [
      ["missing-pool", undefined],
      ["missing-pool", undefined],
      ["missing-pool", ""],
      ...invalid.map((pool) => ["invalid-pool", typeof pool === "string" ? pool : undefined]),
      ["invalid-pool", undefined],
    ]);
    assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
    await client.join("p");
  });

  Deno.test(`§5: a second join is refused and changes nothing (${version})`, async () => {
    using bench = newPools();
    const [a, b] = await enterAll(bench, [version, version]);
    const { id } = a;
    await a.say(["rtc:join", { pool: "p" }], ["rtc:join", { pool: "other" }]);
    const errors = a.heard();
    assertEquals(errors.map(({ type, data: { reason, pool } }) => [type, reason, pool]), [
      ["rtc:error", "already-joined", "p"],
      ["rtc:error", "already-joined", "other"],
    ]);
    assertEquals([b.heard(), bench.hub.roomCount, bench.hub.peerCount], [[], 1, 2]);
    await b.say(["rtc:candidate", { for: id }]);
    assertEquals(a.heard(), [event("rtc:candidate", { candidate: null, from: b.id })]);
  });

  Deno.test(`§5: before joining nothing is relayed, and no description set (${version})`, async () => {
    using bench = newPools();
    const member = await enter(bench, version);
    const client = await SspClient.connect(bench, version);
    const frames = {
      v2: [["rtc:sdp", { to: member.id, description: OFFER }]],
      v1: [["rtc:offers", { [member.id]: OFFER }], ["rtc:answer", {
        for: member.id,
        answer: OFFER,
      }]],
      auto: [["rtc:offers", { [member.id]: OFFER }]],
    } as const;
    await client.say(
      ["rtc:candidate", { for: member.id }],
      ["describe", { name: "Ann" }],
      ...frames[version],
    );
    const expected = Array(2 + frames[version].length).fill("not-joined");
    assertEquals([client.refusals(), member.heard()], [expected, []]);
    assertEquals((await client.join("p"))["descriptions"], {
      [member.id]: null,
      [client.id]: null,
    });
  });

  Deno.test(`§5: a departure is announced once, shows in no later join, and a return is another member (${version})`, async () => {
    using bench = newPools();
    const [a, b, c] = await enterAll(bench, [version, version, version]);
    await b.say(["describe", { name: "Bob" }]);
    for (const member of [a, c]) member.heard();
    const left = event("rtc:close", { uid: b.id, ...(version === "v1" ? {} : { id: b.id }) });
    await b.leave();
    assertEquals([a.heard(), c.heard()], [[left], [left]]);
    const again = await SspClient.connect(bench, version);
    const joined = await again.join("p");
    assertNotEquals(again.id, b.id);
    assertEquals(joined["peers"], [a.id, c.id]);
    assertEquals(joined["descriptions"], { [a.id]: null, [c.id]: null, [again.id]: null });
    assertEquals([a.heard().length, a.client.refusals], [version === "auto" ? 2 : 1, []]);
  });
}

Deno.test("§5: rtc:sdp to nobody, to another pool, to oneself or to no text is unknown-peer", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  const outsider = await enter(bench, "v2", "other");
  const outsiderOne = await enter(bench, "v1", "other");
  const gone = await enter(bench);
  await gone.leave();
  for (const member of [a, b, outsider]) member.heard();
  const targets = [NOBODY, outsider.id, a.id, gone.id, "__proto__", b.id.toUpperCase(), 5, [b.id]];
  for (const to of targets) {
    await a.say(["rtc:sdp", { to, description: OFFER }]);
    assertEquals([to, a.refusals()], [to, ["unknown-peer"]]);
  }
  // Not even its version learns of a member elsewhere.
  await a.say(["rtc:sdp", { to: outsiderOne.id, description: { type: "rollback" } }]);
  assertEquals(a.refusals(), ["unknown-peer"]);
  for (const to of [undefined, null, ""]) {
    await a.say(["rtc:sdp", { to, description: OFFER }]);
    assertEquals(a.refusals(), ["missing-target"]);
  }
  assertEquals([b.heard(), outsider.heard(), a.client.isOpen], [[], [], true]);
});

Deno.test("§5: a candidate to nobody is at most an error, without a target it is one", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v1"]);
  const outsider = await enter(bench, "v2", "other");
  for (const member of [a, b]) {
    await member.say(["rtc:candidate", { for: NOBODY }], ["rtc:candidate", { for: outsider.id }]);
    assertEquals(member.heard(), []);
    await member.say(["rtc:candidate", { candidate: null }], ["rtc:candidate", { for: 5 }]);
    assertEquals(member.refusals(), ["missing-target", "unknown-peer"]);
    await member.say(["rtc:candidate", { for: member.id }]);
    assertEquals(member.refusals(), ["unknown-peer"]);
  }
  assertEquals(outsider.heard(), []);
});

Deno.test("§5: a description that is no object is not relayed", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  for (const description of [undefined, null, "v=0", 5, true, [OFFER]]) {
    await a.say(["rtc:sdp", { to: b.id, description }]);
    assertEquals(a.refusals(), ["invalid-description"]);
  }
  assertEquals(b.heard(), []);
});

Deno.test("§5: a packet that is no event is an error, and the connection stays usable", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v1"]);
  const cases: readonly (readonly [string | Uint8Array<ArrayBuffer>, string])[] = [
    ["HELLO", "invalid-json"],
    ["", "invalid-json"],
    ['{"type":"rtc:join","data":{"pool":"p"}', "invalid-json"],
    ["[]", "invalid-event"],
    ["null", "invalid-event"],
    ["5", "invalid-event"],
    ['{"type":"rtc:join"}', "invalid-event"],
    ['{"data":{}}', "invalid-event"],
    ['{"type":"","data":{}}', "invalid-event"],
    ['{"type":5,"data":{}}', "invalid-event"],
    ['{"type":"rtc:join","data":[]}', "invalid-event"],
    ['{"type":"rtc:join","data":"p"}', "invalid-event"],
    [frameOf("rtc:leave"), "unknown-action"],
    [frameOf("rtc:"), "unknown-action"],
    [new TextEncoder().encode(frameOf("rtc:join", { pool: "p" })), "binary-frame"],
  ];
  for (const [frame, reason] of cases) {
    for (const member of [a, b]) {
      await member.client.say(frame);
      assertEquals([frame, member.refusals()], [frame, [reason]]);
    }
  }
  await a.say(["rtc:candidate", { for: b.id }]);
  assertEquals(b.heard(), [event("rtc:candidate", { candidate: null, from: a.id })]);
});

Deno.test("§3, §5: an action of the other version is unknown, and the error names the other endpoint", async () => {
  using bench = newPools();
  const [two, one] = await enterAll(bench, ["v2", "v1"]);
  await two.say(["rtc:offers", { [one.id]: OFFER }], ["rtc:answer", {
    for: one.id,
    answer: OFFER,
  }]);
  await one.say(["rtc:sdp", { to: two.id, description: OFFER }]);
  const texts = [...two.heard(), ...one.heard()].map(({ data }) =>
    `${data["reason"]}: ${data["message"]}`
  );
  assertMatch(texts[0] ?? "", /^unknown-action: .*rtc:offers.*\/ssp\/v1/);
  assertMatch(texts[1] ?? "", /^unknown-action: .*rtc:answer.*\/ssp\/v1/);
  assertMatch(texts[2] ?? "", /^unknown-action: .*rtc:sdp.*\/ssp(?!\/)/);
  assertEquals(texts.length, 3);
});

Deno.test("§5: messages of the application are ignored", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v1"]);
  const client = await SspClient.connect(bench);
  for (const type of ["chat", "join", "rtc", "app:join", "rtc:join:x", "describe:x", "Describe"]) {
    await client.say([type, { pool: "p" }]);
    await a.say([type, { to: b.id, for: b.id }]);
  }
  assertEquals([client.heard(), a.heard(), b.heard(), bench.hub.peerCount], [[], [], [], 2]);
});

Deno.test("§5: a description goes to the others and to later members; the last one counts", async () => {
  using bench = newPools();
  const [a, b, c] = await enterAll(bench, ["v2", "v2", "v1"]);
  const outsider = await enter(bench, "v2", "other");
  const description = { name: "Ann", deep: [{ x: null }], type: "rtc:join", data: {} };
  await a.say(["describe", { name: "first" }], ["describe", description]);
  await b.say(["describe", {}]);
  const told = (info: unknown) => event("rtc:describe", { description: info, uid: a.id, id: a.id });
  assertEquals(b.heard(), [told({ name: "first" }), told(description)]);
  assertEquals(c.heard(), [
    event("rtc:describe", { description: { name: "first" }, uid: a.id }),
    event("rtc:describe", { description, uid: a.id }),
    event("rtc:describe", { description: {}, uid: b.id }),
  ]);
  assertEquals(a.heard(), [event("rtc:describe", { description: {}, uid: b.id, id: b.id })]);
  assertEquals(outsider.heard(), []);
  const late = await SspClient.connect(bench, "v1");
  const { descriptions } = await late.join("p");
  assertEquals(descriptions, { [a.id]: description, [b.id]: {}, [c.id]: null, [late.id]: null });
});

Deno.test("§5: a pool that became empty is gone, and begins anew", async () => {
  using bench = newPools();
  const a = await enter(bench);
  await a.say(["describe", { name: "Ann" }]);
  await a.leave();
  assertEquals([bench.hub.peerCount, bench.hub.roomCount], [0, 0]);
  const b = await SspClient.connect(bench);
  assertEquals(await b.join("p"), {
    client_id: b.id,
    peers: [],
    descriptions: { [b.id]: null },
    pool: "p",
  });
});

Deno.test("§5: before joining everything is not-joined, whatever else is wrong with it", async () => {
  using bench = newPools();
  const events = {
    v2: ["rtc:sdp", "rtc:candidate", "describe"],
    v1: ["rtc:offers", "rtc:answer", "rtc:candidate", "describe"],
    auto: ["rtc:sdp", "rtc:offers", "rtc:answer", "rtc:candidate", "describe"],
  };
  for (const version of VERSIONS) {
    const client = await SspClient.connect(bench, version);
    for (const type of events[version]) {
      await client.say([type], [type, { to: "", for: 1, description: 2 }]);
      assertEquals(client.refusals(), ["not-joined", "not-joined"], type);
    }
    await client.say(["rtc:nonsense"]);
    assertEquals(client.refusals(), ["unknown-action"]);
  }
});

Deno.test("§5: a description is kept and told whole, whatever its keys are called", async () => {
  using bench = newPools();
  const [a, b] = await enterAll(bench, ["v2", "v2"]);
  const description = '{"__proto__":{"a":1},"constructor":2,"name":"Ann"}';
  await a.client.say(`{"type":"describe","data":${description}}`);
  const told = JSON.stringify({ uid: a.id, id: a.id }).slice(1);
  assertEquals(b.client.heard(), [
    `{"type":"rtc:describe","data":{"description":${description},${told}}`,
  ]);
  const late = await SspClient.connect(bench);
  await late.client.say(frameOf("rtc:join", { pool: "p" }));
  assertEquals(String(late.client.heard()[0]).includes(description), true);
});

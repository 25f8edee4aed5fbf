import { assertEquals } from "@std/assert";
import {
  enter,
  enterAll,
  event,
  newPools,
  SspClient,
  type SspEvent,
} from "../../helpers/session/ssp.ts";

// Section 7 of protocols/ssp.md, and `/ssp/auto` of section 9.

const OFFER = { type: "offer", sdp: "v=0\r\n", extra: [{ deep: null }] };
const ANSWER = { type: "answer", sdp: "y" };

function typesOf(events: readonly SspEvent[]): string[] {
  return events.map(({ type }) => type);
}

Deno.test("§7: a join is answered alike and lists everybody; the others learn of it in their words", async () => {
  using bench = newPools();
  const members: SspClient[] = [];
  const versions = ["v1", "v2", "auto", "v2", "v1"] as const;
  for (const version of versions) {
    const newcomer = await SspClient.connect(bench, version);
    const { peers } = await newcomer.join();
    assertEquals(peers, members.map(({ id }) => id));
    for (const [nth, member] of members.entries()) {
      const v2 = event("rtc:peer", { id: newcomer.id });
      const v1 = event("rtc:request_offers", { for: newcomer.id });
      const expected = { v1: [v1], v2: [v2], auto: [v2, v1] }[versions[nth] ?? "auto"];
      assertEquals(member.heard(), expected);
    }
    members.push(newcomer);
  }
});

Deno.test("§7: rtc:sdp becomes rtc:offer or rtc:answer for version 1", async () => {
  using bench = newPools();
  const [two, one, other] = await enterAll(bench, ["v2", "v1", "v2"]);
  const pranswer = { type: "pranswer", sdp: "z" };
  const descriptions = [OFFER, ANSWER, pranswer];
  for (const description of descriptions) {
    await two.say(["rtc:sdp", { to: one.id, description }], ["rtc:sdp", {
      to: other.id,
      description,
    }]);
  }
  assertEquals(one.heard(), [
    event("rtc:offer", { for: two.id, offer: OFFER }),
    event("rtc:answer", { for: two.id, answer: ANSWER }),
    event("rtc:answer", { for: two.id, answer: pranswer }),
  ]);
  assertEquals(
    other.heard(),
    descriptions.map((description) => event("rtc:sdp", { peer: two.id, description })),
  );
  assertEquals(two.heard(), []);
});

Deno.test("§7: a description that version 1 has no word for is an error to the sender", async () => {
  using bench = newPools();
  const [two, one, other, open] = await enterAll(bench, ["v2", "v1", "v2", "auto"]);
  for (const description of [{ type: "rollback" }, { type: "news" }, { type: 5 }, {}]) {
    await two.say(["rtc:sdp", { to: one.id, description }]);
    assertEquals([two.refusals(), one.heard()], [["invalid-description"], []]);
    await two.say(["rtc:sdp", { to: other.id, description }], ["rtc:sdp", {
      to: open.id,
      description,
    }]);
    const told = [event("rtc:sdp", { peer: two.id, description })];
    assertEquals([other.heard(), open.heard(), two.heard()], [told, told, []]);
  }
});

Deno.test("§7: rtc:offers and rtc:answer become rtc:sdp for version 2", async () => {
  using bench = newPools();
  const [one, two, other] = await enterAll(bench, ["v1", "v2", "v1"]);
  await one.say(
    ["rtc:offers", { [two.id]: OFFER, [other.id]: OFFER }],
    ["rtc:answer", { for: two.id, answer: ANSWER }],
    ["rtc:answer", { for: other.id, answer: ANSWER }],
  );
  assertEquals(two.heard(), [
    event("rtc:sdp", { peer: one.id, description: OFFER }),
    event("rtc:sdp", { peer: one.id, description: ANSWER }),
  ]);
  assertEquals(other.heard(), [
    event("rtc:offer", { for: one.id, offer: OFFER }),
    event("rtc:answer", { for: one.id, answer: ANSWER }),
  ]);
});

Deno.test("§7: an offer that is no object costs one error, and the others are served", async () => {
  using bench = newPools();
  const [one, two, other] = await enterAll(bench, ["v1", "v2", "v1"]);
  await one.say(["rtc:offers", { [two.id]: "v=0", nobody: 5, [other.id]: OFFER }]);
  assertEquals(one.refusals(), ["invalid-description"]);
  assertEquals(two.heard(), []);
  assertEquals(other.heard(), [event("rtc:offer", { for: one.id, offer: OFFER })]);
  await one.say(["rtc:offers", { [other.id]: null, [two.id]: OFFER }]);
  assertEquals(one.refusals(), ["invalid-description"]);
  assertEquals(two.heard(), [event("rtc:sdp", { peer: one.id, description: OFFER })]);
});

Deno.test("§7: candidates are the same in both versions, descriptions and departures nearly", async () => {
  using bench = newPools();
  const [one, two, open] = await enterAll(bench, ["v1", "v2", "auto"]);
  const listeners = [one, two, open];
  for (const version of ["v1", "v2", "auto"] as const) {
    const leaver = await enter(bench, version);
    for (const listener of listeners) listener.heard();
    for (const { id } of listeners) {
      await leaver.say(["rtc:candidate", { for: id, candidate: { a: 1 } }]);
    }
    await leaver.say(["describe", { name: "Ann" }]);
    await leaver.leave();
    const uid = leaver.id;
    for (const listener of listeners) {
      const ids = listener === one ? { uid } : { uid, id: uid };
      assertEquals(listener.heard(), [
        event("rtc:candidate", { candidate: { a: 1 }, from: uid }),
        event("rtc:describe", { description: { name: "Ann" }, ...ids }),
        event("rtc:close", ids),
      ]);
    }
  }
});

Deno.test("§9: a member at /ssp/auto gets both forms until its version shows", async () => {
  using bench = newPools();
  const [open, two, one] = await enterAll(bench, ["auto", "v2", "v1"]);
  await open.say(["rtc:candidate", { for: two.id }], ["describe", {}]);
  const say = async () => {
    await two.say(["rtc:sdp", { to: open.id, description: OFFER }]);
    await one.say(["rtc:answer", { for: open.id, answer: ANSWER }]);
    const late = await enter(bench);
    await late.leave();
    return open.heard();
  };
  assertEquals(typesOf(await say()), [
    ...["rtc:sdp", "rtc:offer", "rtc:sdp", "rtc:answer", "rtc:peer", "rtc:request_offers"],
    "rtc:close",
  ]);
});

for (
  const [version, action, heard] of [
    ["v2", "rtc:sdp", ["rtc:sdp", "rtc:sdp", "rtc:peer", "rtc:close"]],
    ["v1", "rtc:offers", ["rtc:offer", "rtc:answer", "rtc:request_offers", "rtc:close"]],
    ["v1", "rtc:answer", ["rtc:offer", "rtc:answer", "rtc:request_offers", "rtc:close"]],
  ] as const
) {
  Deno.test(`§9: at /ssp/auto ${action} shows version ${version}, whose words alone are used from there`, async () => {
    using bench = newPools();
    const [open, two, one] = await enterAll(bench, ["auto", "v2", "v1"]);
    const data = {
      "rtc:sdp": { to: one.id, description: OFFER },
      "rtc:offers": { [one.id]: OFFER },
      "rtc:answer": { for: one.id, answer: ANSWER },
    };
    await open.say([action, data[action]]);
    const told = one.heard().map(({ type, data }) => [type, data["for"]]);
    assertEquals(told, [[action === "rtc:answer" ? "rtc:answer" : "rtc:offer", open.id]]);

    await two.say(["rtc:sdp", { to: open.id, description: OFFER }]);
    await one.say(["rtc:answer", { for: open.id, answer: ANSWER }]);
    const late = await enter(bench);
    await late.leave();
    const events = open.heard();
    assertEquals(typesOf(events), [...heard]);
    assertEquals("id" in (events.at(-1)?.data ?? {}), version === "v2");

    const foreign = version === "v2" ? "rtc:offers" : "rtc:sdp";
    await open.say([foreign, data[foreign]]);
    assertEquals(open.refusals(), ["unknown-action"]);
  });
}

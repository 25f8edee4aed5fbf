import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Attempt,
  type Identity,
  type Judge,
  refused,
  type Verdict,
  type Why,
} from "../../src/auth/authenticator.ts";
import { ALL_GRANTS, covers, exactly, type Grants, patternOf } from "../../src/auth/grants.ts";
import { StaticTokens } from "../../src/auth/static.ts";
import { newAuthentication } from "../helpers/session/auth.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const TOKEN = "a-token-of-somebody";

function attempt(more: Partial<Attempt> = {}): Attempt {
  return {
    dialect: "ssp",
    token: TOKEN,
    id: undefined,
    room: undefined,
    address: "192.0.2.1",
    origin: undefined,
    userAgent: undefined,
    connection: "1",
    ...more,
  };
}

/** Accepts one token, which has the given grants. */
function judgeOf(grants: Partial<Grants> = {}, asksAlways = false): Judge {
  const identity: Identity = {
    user: "alice",
    grants: { ...ALL_GRANTS, ...grants },
    expiresAt: undefined,
  };
  return {
    ...(asksAlways ? { asksAlways: true } : {}),
    judge: (token) => token === TOKEN || asksAlways ? { identity } : refused("signature"),
  };
}

function whyOf(verdict: Verdict): Why | "granted" {
  return "why" in verdict ? verdict.why : "granted";
}

/** The outcome of a check that needs no time. */
function outcomeOf(verdict: Verdict | Promise<Verdict>): Why | "granted" {
  if (verdict instanceof Promise) throw new Error("Expected a verdict at once");
  return whyOf(verdict);
}

Deno.test("a dialect asks for tokens of its own, or for those of the mode", () => {
  const own = new Map([["ssp", [TOKEN]], ["simple", []]]);
  const auth = newAuthentication({
    clock: new FakeClock(),
    own,
    judge: new StaticTokens(["another-token-here"]),
    dialects: ["owt"],
  });
  const asking = ["ssp", "simple", "owt", "peerjs"].filter((dialect) => auth.asks(dialect));
  assertEquals(asking, ["ssp", "owt"]);
  assertEquals(outcomeOf(auth.check(attempt())), "granted");
  assertEquals(outcomeOf(auth.check(attempt({ dialect: "owt" }))), "denied");
});

Deno.test("a token is missing, too long, or judged; each outcome is counted", () => {
  const counted: string[] = [];
  const onOutcome = (dialect: string, outcome: string): void =>
    void counted.push(`${dialect} ${outcome}`);
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge: judgeOf(),
    dialects: ["ssp"],
    maxTokenBytes: 64,
    onOutcome,
  });
  for (const token of [undefined, "x".repeat(65), "x".repeat(64), TOKEN]) {
    outcomeOf(auth.check(attempt({ token })));
  }
  assertEquals(counted, ["ssp missing", "ssp malformed", "ssp signature", "ssp granted"]);
});

Deno.test("no judge is asked about an id that is longer than ids and tokens may be", async () => {
  const asked: number[] = [];
  const judge: Judge = {
    ...judgeOf({}, true),
    judge(_token, { id = "" }): Verdict {
      asked.push(id.length);
      return { identity: { user: undefined, grants: ALL_GRANTS, expiresAt: undefined } };
    },
  };
  const clock = new FakeClock();
  const auth = newAuthentication({ clock, judge, dialects: ["ssp"], maxTokenBytes: 10_000 });
  const outcome = async (length: number): Promise<string> =>
    outcomeOf(await auth.check(attempt({ id: "x".repeat(length) })));
  assertEquals([await outcome(10_000), await outcome(10_001)], ["granted", "id"]);
  assertEquals(asked, [10_000]);
});

Deno.test("a token is good for the dialects, ids and rooms that it grants", () => {
  const grants = { dialects: ["ssp", "owt"], ids: [exactly("alice")], rooms: [exactly("lobby")] };
  const dialects = ["ssp", "owt", "simple"];
  const auth = newAuthentication({ clock: new FakeClock(), judge: judgeOf(grants), dialects });
  const cases: [Partial<Attempt>, Why | "granted"][] = [
    [{}, "granted"],
    [{ dialect: "simple" }, "dialect"],
    [{ id: "alice", room: "lobby" }, "granted"],
    [{ id: "bob" }, "id"],
    [{ id: "bob", isIssuedId: () => true }, "granted"],
    [{ id: "bob", isIssuedId: () => false }, "id"],
    [{ room: "attic" }, "room"],
    [{ id: "bob", room: "attic" }, "id"],
  ];
  for (const [more, expected] of cases) {
    assertEquals(outcomeOf(auth.check(attempt(more))), expected, JSON.stringify(more));
  }
});

Deno.test("an id that a token covers is not asked for its maker, which takes a MAC", () => {
  const grants = { ids: [exactly("alice")] };
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge: judgeOf(grants),
    dialects: ["ssp"],
  });
  const asked: string[] = [];
  for (const id of ["alice", "bob"]) {
    const isIssuedId = (): boolean => asked.push(id) > 0;
    assertEquals(outcomeOf(auth.check(attempt({ id, isIssuedId }))), "granted");
  }
  assertEquals(asked, ["bob"]);
});

Deno.test("a word may be the token of a client that shows none", () => {
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge: judgeOf({ ids: [exactly("alice")] }),
    dialects: ["ssp"],
  });
  const byWord = auth.check(attempt({ token: undefined, word: TOKEN, id: TOKEN }));
  assertEquals("identity" in byWord && byWord.identity.tookWord, true);
  // With a token the word is an id, which has to be granted.
  assertEquals(outcomeOf(auth.check(attempt({ word: "bob", id: "bob" }))), "id");
  // A judge that is always asked decides about the id.
  const asked = newAuthentication({
    clock: new FakeClock(),
    judge: judgeOf({}, true),
    dialects: ["ssp"],
  });
  const verdict = asked.check(attempt({ token: undefined, word: "bob", id: "bob" }));
  assertEquals("identity" in verdict && verdict.identity.tookWord, undefined);
});

Deno.test("a word that is no token counts as a missing one, unless it was a token once", () => {
  const judging = (why: Why) =>
    newAuthentication({
      clock: new FakeClock(),
      judge: { judge: () => refused(why) },
      dialects: ["ssp"],
    });
  const outcomes = (["malformed", "denied", "expired", "unavailable"] as const).map((why) =>
    outcomeOf(judging(why).check(attempt({ token: undefined, word: "bob" })))
  );
  assertEquals(outcomes, ["missing", "missing", "expired", "unavailable"]);
});

Deno.test("after some bad tokens of an address each refusal waits longer, and a good token never", async () => {
  const clock = new FakeClock();
  const auth = newAuthentication({
    clock,
    judge: judgeOf(),
    dialects: ["ssp"],
    failureBurst: 2,
    maxDelayMs: 300,
  });
  const bad = attempt({ token: "x" });
  assertEquals([outcomeOf(auth.check(bad)), outcomeOf(auth.check(bad))], [
    "signature",
    "signature",
  ]);
  for (const delayMs of [100, 200, 300, 300]) {
    let answer: Verdict | undefined;
    Promise.resolve(auth.check(bad)).then((verdict) => answer = verdict);
    clock.advance(delayMs - 1);
    await settle();
    assertEquals(answer, undefined);
    clock.advance(1);
    await settle();
    assertEquals(answer && whyOf(answer), "signature");
  }
  assertEquals(outcomeOf(auth.check(attempt())), "granted");
  assertEquals(outcomeOf(auth.check({ ...bad, address: "192.0.2.2" })), "signature");
  // A missing token is no guess.
  assertEquals(outcomeOf(auth.check(attempt({ token: undefined }))), "missing");
  clock.advance(60_000);
  assertEquals(outcomeOf(auth.check(bad)), "signature");
});

Deno.test("a judge that is always asked is asked after the delay", async () => {
  const clock = new FakeClock();
  let asked = 0;
  const judge: Judge = {
    asksAlways: true,
    judge: () => {
      asked++;
      return Promise.resolve(refused("denied"));
    },
  };
  const auth = newAuthentication({
    clock,
    judge,
    dialects: ["ssp"],
    failureBurst: 1,
    maxDelayMs: 100,
  });
  await auth.check(attempt());
  await auth.check(attempt());
  const third = auth.check(attempt());
  await settle();
  assertEquals(asked, 2);
  clock.advance(100);
  assertEquals([whyOf(await third), asked], ["denied", 3]);
});

Deno.test("an address has so many checks by the webhook under way, and more are refused at once", async () => {
  const ends: (() => void)[] = [];
  const judge: Judge = {
    asksAlways: true,
    judge: (token) =>
      new Promise((resolve) =>
        ends.push(() => resolve(judgeOf().judge(token, attempt()) as Verdict))
      ),
  };
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge,
    dialects: ["ssp"],
    webhookMaxPendingPerAddress: 2,
  });
  const first = [auth.check(attempt({ token: "x" })), auth.check(attempt())];
  assertEquals(outcomeOf(auth.check(attempt())), "unavailable");
  const other = auth.check(attempt({ address: "192.0.2.2" }));
  assertEquals(ends.length, 3);
  for (const end of ends.splice(0)) end();
  assertEquals((await Promise.all([...first, other])).map(whyOf), [
    "signature",
    "granted",
    "granted",
  ]);
  const again = [auth.check(attempt()), auth.check(attempt())];
  assertEquals([again.map((one) => one instanceof Promise), ends.length], [[true, true], 2]);
  for (const end of ends.splice(0)) end();
  await Promise.all(again);
});

Deno.test("checks that ask nobody else are not bounded: a crowd may share an address", async () => {
  const judge: Judge = { judge: async (token) => await judgeOf().judge(token, attempt()) };
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge,
    dialects: ["ssp"],
    webhookMaxPendingPerAddress: 1,
  });
  const crowd = await Promise.all(Array.from({ length: 3 }, () => auth.check(attempt())));
  assertEquals(crowd.map(whyOf), ["granted", "granted", "granted"]);
});

Deno.test("other settings are in force from their adoption on", () => {
  const auth = newAuthentication({
    clock: new FakeClock(),
    judge: judgeOf(),
    dialects: ["ssp"],
  });
  auth.adopt({ own: new Map([["owt", [TOKEN]]]), common: undefined });
  assertEquals([auth.asks("ssp"), auth.asks("owt")], [false, true]);
  assertEquals(outcomeOf(auth.check(attempt())), "unavailable");
});

Deno.test("no name outside the grants is covered, and a user's name is taken literally", () => {
  const name = fc.string({ unit: "grapheme", maxLength: 8 });
  fc.assert(fc.property(name, name, fc.boolean(), name, (user, stem, isPrefix, tried) => {
    const template = `${stem}{sub}${isPrefix ? "*" : ""}`;
    const whole = stem.replaceAll("{sub}", () => user) + user;
    const expected = isPrefix ? tried.startsWith(whole) : tried === whole;
    assertEquals(covers([patternOf(template, user)], tried), expected);
  }));
  assertEquals(covers([patternOf("{sub}", "a*")], "ab"), false);
  assertEquals(covers([], ""), false);
});

Deno.test("the time of a judge is reported with its mode", async () => {
  const clock = new FakeClock();
  const judged: string[] = [];
  const auth = newAuthentication({
    clock,
    own: new Map([["owt", [TOKEN]]]),
    judge: { judge: () => clock.delay(250).then(() => refused("denied")) },
    dialects: ["ssp"],
    onJudged: (seconds, mode) => void judged.push(`${mode} ${seconds}`),
  });
  outcomeOf(auth.check(attempt({ dialect: "owt" })));
  const waiting = auth.check(attempt());
  clock.advance(250);
  await waiting;
  assertEquals(judged, ["tokens 0", "tests 0.25"]);
});

import { assert, assertEquals } from "@std/assert";
import type { Attempt, Verdict } from "../../src/auth/authenticator.ts";
import { covers } from "../../src/auth/grants.ts";
import { WebhookJudge, type WebhookOptions, type WebhookQuestion } from "../../src/auth/webhook.ts";
import { FakeClock } from "../helpers/session/fake_clock.ts";
import { settle } from "../helpers/session/hub.ts";

const NOW = Date.parse("2026-01-02T03:04:05.678Z");
const ATTEMPT: Attempt = {
  dialect: "ssp",
  token: "a-token",
  id: undefined,
  room: "lobby",
  address: "192.0.2.1",
  origin: undefined,
  userAgent: "a browser",
  connection: "7",
};

/** An answer of the webhook: a body with 200, a status alone, or no answer at all. */
type Answer = unknown | number | Error;

/** A judge whose webhook gives these answers in order, the last one ever again. */
function judgeWith(answers: readonly Answer[], more: Partial<WebhookOptions> = {}): {
  judge: WebhookJudge;
  clock: FakeClock;
  asked: WebhookQuestion[];
  silences: string[];
  wait: (ms: number) => Promise<void>;
} {
  const clock = new FakeClock();
  const start = clock.now();
  const [asked, silences]: [WebhookQuestion[], string[]] = [[], []];
  const judge = new WebhookJudge({
    pose: (data) => ({ id: `q${asked.length}`, body: JSON.stringify(data) }),
    ask(question): Promise<{ status: number; text: string }> {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(question);
      if (answer instanceof Error) return Promise.reject(answer);
      if (typeof answer === "number") return Promise.resolve({ status: answer, text: "" });
      const text = typeof answer === "string" ? answer : JSON.stringify(answer);
      return Promise.resolve({ status: 200, text });
    },
    timeoutMs: 2_000,
    retries: 1,
    maxPending: 2,
    cacheMs: 30_000,
    failsOpen: false,
    endsWithAnswer: false,
    clock,
    wallNow: () => NOW + clock.now() - start,
    onSilence: (error) => void silences.push(String(error)),
    ...more,
  });
  const wait = async (ms: number): Promise<void> => {
    await settle();
    clock.advance(ms);
    await settle();
  };
  return { judge, clock, asked, silences, wait };
}

function outcomeOf(verdict: Verdict | undefined): string {
  if (verdict === undefined) return "waits";
  return "why" in verdict ? verdict.why : "granted";
}

/** The outcome of one question, with all its attempts. */
async function outcome(
  { judge, wait }: ReturnType<typeof judgeWith>,
  attempt: Partial<Attempt> = {},
): Promise<string> {
  let verdict: Verdict | undefined;
  const all = { ...ATTEMPT, ...attempt };
  Promise.resolve(judge.judge(all.token, all)).then((one) => verdict = one);
  for (let step = 0; step < 4; step++) await wait(50);
  return outcomeOf(verdict);
}

Deno.test("an answer admits, denies, or is no answer; only the last is asked again", async () => {
  const grants = { rooms: ["lobby"] };
  const cases: [answer: Answer, expected: string, questions: number][] = [
    [{ allow: true }, "granted", 1],
    [{ allow: true, sub: "alice", grants, more: "is ignored" }, "granted", 1],
    [{ allow: true, sub: null, expiresAt: null, grants: null }, "unavailable", 2],
    [{ allow: false }, "denied", 1],
    [{ allow: false, reason: "not paid" }, "denied", 1],
    [401, "denied", 1],
    [403, "denied", 1],
    [{ allow: true, expiresAt: "2026-01-02T03:04:05.000Z" }, "expired", 1],
    [{ allow: true, sub: "a", grants: { until: NOW / 1_000 - 1 } }, "expired", 1],
    [500, "unavailable", 2],
    [302, "unavailable", 2],
    [204, "unavailable", 2],
    [new Error("connection refused"), "unavailable", 2],
    ["no json", "unavailable", 2],
    ["[]", "unavailable", 2],
    [{}, "unavailable", 2],
    [{ allow: "yes" }, "unavailable", 2],
    [{ allow: true, sub: "" }, "unavailable", 2],
    [{ allow: true, sub: "a\nb" }, "unavailable", 2],
    [{ allow: true, sub: 7 }, "unavailable", 2],
    [{ allow: true, expiresAt: "tomorrow" }, "unavailable", 2],
    [{ allow: true, expiresAt: 1_800_000_000 }, "unavailable", 2],
    [{ allow: true, grants: { romos: [] } }, "unavailable", 2],
    [{ allow: true, grants: { ids: ["{sub}"] } }, "unavailable", 2],
    [{ allow: true, grants: [] }, "unavailable", 2],
  ];
  for (const [answer, expected, questions] of cases) {
    const bench = judgeWith([answer]);
    const label = JSON.stringify(answer);
    assertEquals([await outcome(bench), bench.asked.length], [expected, questions], label);
    assertEquals(bench.silences.length, expected === "unavailable" ? 1 : 0, label);
  }
});

Deno.test("a question names the client, and is the same when it is asked again", async () => {
  const bench = judgeWith([500, { allow: true }]);
  assertEquals(await outcome(bench), "granted");
  const [first, second] = bench.asked;
  assertEquals(first, second);
  assertEquals(JSON.parse(first?.body ?? ""), {
    dialect: "ssp",
    id: null,
    room: "lobby",
    token: "a-token",
    address: "192.0.2.1",
    origin: null,
    userAgent: "a browser",
    connection: "7",
  });
});

Deno.test("a client without a name may have every id, and one with a name its own", async () => {
  const idsOf = async (answer: unknown): Promise<boolean[]> => {
    const verdict = await judgeWith([answer]).judge.judge("t", ATTEMPT);
    assert("identity" in verdict);
    const { ids } = verdict.identity.grants;
    return ["alice", "bob"].map((id) => covers(ids, id));
  };
  assertEquals(await idsOf({ allow: true }), [true, true]);
  assertEquals(await idsOf({ allow: true, sub: "alice" }), [true, false]);
  assertEquals(await idsOf({ allow: true, grants: { ids: ["bob"] } }), [false, true]);
});

Deno.test("a denial's reason is a remark for the log, and not a message for the client", async () => {
  const { judge } = judgeWith([{ allow: false, reason: "not paid" }]);
  const verdict = await judge.judge("t", ATTEMPT);
  assert("why" in verdict);
  const { message, remark } = verdict.refusal;
  assertEquals([message, remark], ["Token is not valid", "not paid"]);
  const long = await judgeWith([{ allow: false, reason: "x".repeat(60_000) }])
    .judge.judge("t", ATTEMPT);
  assertEquals("why" in long && long.refusal.remark?.length, 256);
});

Deno.test("an answer holds for a while: an admission until it expires, a denial for a second", async () => {
  const cases: [answer: Answer, holdsMs: number][] = [
    [{ allow: true }, 30_000],
    [{ allow: true, expiresAt: "2026-01-02T03:04:15.678Z" }, 10_000],
    [{ allow: true, grants: { until: NOW / 1_000 + 5 } }, 5_000],
    [{ allow: false }, 1_000],
  ];
  for (const [answer, holdsMs] of cases) {
    const { judge, clock, asked } = judgeWith([answer]);
    await judge.judge("t", ATTEMPT);
    clock.advance(holdsMs - 1);
    // Known verdicts need no time.
    assertEquals([judge.judge("t", ATTEMPT) instanceof Promise, judge.cacheHits], [false, 1]);
    clock.advance(1);
    await judge.judge("t", ATTEMPT);
    assertEquals(asked.length, 2, JSON.stringify(answer));
  }
  const { judge, asked } = judgeWith([{ allow: true }], { cacheMs: 0 });
  await judge.judge("t", ATTEMPT);
  await judge.judge("t", ATTEMPT);
  assertEquals(asked.length, 2);
});

Deno.test("an answer holds for the same dialect, token, id and room alone", async () => {
  const { judge, asked } = judgeWith([{ allow: true }]);
  const others: [token: string | undefined, attempt: Partial<Attempt>][] = [
    ["t", {}],
    ["u", {}],
    [undefined, {}],
    ["t", { dialect: "owt" }],
    ["t", { id: "alice" }],
    ["t", { room: "attic" }],
    ["t", { room: undefined }],
    ["t", { room: "alice", id: "lobby" }],
  ];
  for (const [token, attempt] of others) await judge.judge(token, { ...ATTEMPT, ...attempt });
  for (const [token, attempt] of others) await judge.judge(token, { ...ATTEMPT, ...attempt });
  await judge.judge("t", { ...ATTEMPT, address: "192.0.2.2", connection: "8" });
  assertEquals([asked.length, judge.cacheHits], [others.length, others.length + 1]);
});

Deno.test("without a token an answer holds for one address and origin", async () => {
  const bench = judgeWith([{ allow: false }, { allow: true }, { allow: false }]);
  const judged = async (more: Partial<Attempt>): Promise<string> =>
    outcomeOf(await bench.judge.judge(undefined, { ...ATTEMPT, token: undefined, ...more }));
  assertEquals(await judged({}), "denied");
  assertEquals(await judged({ address: "192.0.2.2" }), "granted");
  assertEquals(await judged({ origin: "https://example.com" }), "denied");
  assertEquals([await judged({ address: "192.0.2.2" }), bench.asked.length], ["granted", 3]);
});

Deno.test("equal questions share one request, and too many are refused at once", async () => {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string }>();
  let asked = 0;
  const { judge } = judgeWith([], {
    ask: () => {
      asked++;
      return promise;
    },
    failsOpen: true,
  });
  const rooms = ["a", "a", "b", "b", "c"];
  const verdicts = rooms.map((room) => judge.judge("t", { ...ATTEMPT, room }));
  const last = verdicts.at(-1);
  // A flood admits nobody, even where a silent webhook does.
  assert(!(last instanceof Promise));
  assertEquals([outcomeOf(last), asked], ["unavailable", 2]);
  resolve({ status: 200, text: '{"allow":true}' });
  const settled = await Promise.all(verdicts.slice(0, -1));
  assertEquals(settled.map(outcomeOf), Array(4).fill("granted"));
  assertEquals(outcomeOf(await judge.judge("t", { ...ATTEMPT, room: "c" })), "granted");
});

Deno.test("a question that was asked again leaves no listener on its signal", async () => {
  const listeners = new Set<unknown>();
  const watched = (_: WebhookQuestion, signal: AbortSignal): Promise<never> => {
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners.add(args[1]);
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners.delete(args[1]);
      remove(...args);
    };
    return Promise.reject(new Error("down"));
  };
  const bench = judgeWith([], { ask: watched });
  const verdict = Promise.resolve(bench.judge.judge("t", ATTEMPT));
  await settle();
  assertEquals(listeners.size, 1);
  await bench.wait(50);
  assertEquals([outcomeOf(await verdict), listeners.size], ["unavailable", 0]);
});

Deno.test("a slow webhook is not waited for beyond its time, retries included", async () => {
  const signals: AbortSignal[] = [];
  const never = (_: WebhookQuestion, signal: AbortSignal): Promise<never> => {
    signals.push(signal);
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  };
  const bench = judgeWith([], { ask: never });
  let verdict: Verdict | undefined;
  Promise.resolve(bench.judge.judge("t", ATTEMPT)).then((one) => verdict = one);
  await bench.wait(1_999);
  assertEquals([outcomeOf(verdict), signals.length], ["waits", 1]);
  await bench.wait(1);
  assertEquals([outcomeOf(verdict), signals[0]?.aborted], ["unavailable", true]);
  assertEquals([signals.length, bench.clock.timers], [1, 0]);
  assertEquals(bench.silences, ["Error: no answer in time"]);
});

Deno.test("a webhook that fails open admits everybody as nobody, and keeps no such verdict", async () => {
  const bench = judgeWith([500, 500, { allow: false }], { failsOpen: true });
  let verdict: Verdict | undefined;
  Promise.resolve(bench.judge.judge("t", ATTEMPT)).then((one) => verdict = one);
  await bench.wait(50);
  assert(verdict !== undefined && "identity" in verdict);
  const { user, isUnjudged, grants } = verdict.identity;
  assertEquals([user, isUnjudged, covers(grants.rooms, "any")], [undefined, true, true]);
  assertEquals(await outcome(bench), "denied");
});

Deno.test("an answer's expiry ends the connection only where that is configured", async () => {
  const answer = { allow: true, expiresAt: "2026-01-02T03:04:15.678+00:00" };
  for (const endsWithAnswer of [false, true]) {
    const { judge, clock } = judgeWith([answer], { endsWithAnswer });
    const verdict = await judge.judge("t", ATTEMPT);
    assert("identity" in verdict);
    const expected = endsWithAnswer ? clock.now() + 10_000 : undefined;
    assertEquals(verdict.identity.expiresAt, expected);
  }
});

Deno.test("questions under way end with the server", async () => {
  const { judge, clock } = judgeWith([], {
    ask: (_, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const verdict = judge.judge("t", ATTEMPT);
  judge[Symbol.dispose]();
  assertEquals([outcomeOf(await verdict), clock.timers], ["unavailable", 0]);
});

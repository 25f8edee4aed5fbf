import * as z from "zod";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import { digestKey } from "../system/crypto.ts";
import { jsonIn } from "../system/json.ts";
import { type Attempt, type Judge, refused, type Verdict } from "./authenticator.ts";
import { isUserName, readGrants } from "./claims.ts";
import { ALL_GRANTS } from "./grants.ts";
import { VerdictCache } from "./verdict_cache.ts";

/** One HTTP answer of the webhook. */
export interface WebhookAnswer {
  readonly status: number;
  readonly text: string;
}

export interface WebhookOptions {
  /** Makes a question of its data. */
  readonly pose: (data: QuestionData) => WebhookQuestion;
  /** Sends a question; rejects if no answer comes. The signal aborts it. */
  readonly ask: (question: WebhookQuestion, signal: AbortSignal) => Promise<WebhookAnswer>;
  /** Time for an answer, all attempts together. */
  readonly timeoutMs: number;
  readonly retries: number;
  /** Questions that wait for an answer at the same time. */
  readonly maxPending: number;
  readonly cacheMs: number;
  /** Admit clients as nobody while the webhook does not answer. */
  readonly failsOpen: boolean;
  /** Whether connections end at the answer's `expiresAt`; at its `until` they always do. */
  readonly endsWithAnswer: boolean;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  /** One question stayed without a usable answer. */
  readonly onSilence: (error: unknown) => void;
}

/** The facts about an attempt; null for what is not known. */
export type QuestionData = Readonly<Record<string, string | null>>;

/** A question; its id and body stay the same when it is asked again. */
export interface WebhookQuestion {
  readonly id: string;
  readonly body: string;
}

/** Time between two attempts. */
const PAUSE_MS = 50;
/** How long a denial is kept: a client that was denied by mistake can come back soon. */
const DENIED_MS = 1_000;
/** Longest reason that is kept for the log, in UTF-16 units. */
const MAX_REASON = 256;

const Denied = z.looseObject({ allow: z.literal(false), reason: z.string().optional() });
const Allowed = z.looseObject({
  allow: z.literal(true),
  sub: z.string().refine(isUserName).nullish(),
  expiresAt: z.iso.datetime({ offset: true }).nullish(),
  grants: z.unknown().optional(),
});
const Answer = z.discriminatedUnion("allow", [Denied, Allowed]);
type Allowed = z.infer<typeof Allowed>;

/** A verdict, and the time for which it answers further questions. */
interface Judged {
  readonly verdict: Verdict;
  readonly lifetimeMs: number;
}

/** Asks a webhook of the operator about every client. */
export class WebhookJudge implements Judge, Disposable {
  readonly asksAlways = true;
  readonly #options: WebhookOptions;
  readonly #cache: VerdictCache;
  readonly #pending = new Map<string, Promise<Verdict>>();
  readonly #ended = new AbortController();

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#cache = new VerdictCache(options.clock.now);
  }

  /** Questions that the cache answered. */
  get cacheHits(): number {
    return this.#cache.hits;
  }

  /** Equal questions share one request. A full queue never admits anybody. */
  judge(token: string | undefined, attempt: Attempt): Verdict | Promise<Verdict> {
    const key = keyOf(token, attempt);
    const known = this.#cache.get(key) ?? this.#pending.get(key);
    if (known !== undefined) return known;
    if (this.#pending.size >= this.#options.maxPending) return refused("unavailable");
    const verdict = this.#judgeAnew(key, token, attempt).finally(() => this.#pending.delete(key));
    this.#pending.set(key, verdict);
    return verdict;
  }

  [Symbol.dispose](): void {
    this.#ended.abort(new Error("authentication ended"));
  }

  async #judgeAnew(key: string, token: string | undefined, attempt: Attempt): Promise<Verdict> {
    const { pose, timeoutMs, clock, failsOpen, onSilence } = this.#options;
    const question = pose(dataOf(token, attempt));
    const late = new AbortController();
    using _timer = clock.after(timeoutMs, () => late.abort(new Error("no answer in time")));
    const signal = AbortSignal.any([late.signal, this.#ended.signal]);
    try {
      const { verdict, lifetimeMs } = await this.#askRepeatedly(question, signal);
      this.#cache.set(key, verdict, lifetimeMs);
      return verdict;
    } catch (error) {
      onSilence(error);
      if (!failsOpen) return refused("unavailable");
      const identity = { user: undefined, grants: ALL_GRANTS, expiresAt: undefined };
      return { identity: { ...identity, isUnjudged: true } };
    }
  }

  /** Rejects with the last attempt's fault. */
  async #askRepeatedly(question: WebhookQuestion, signal: AbortSignal): Promise<Judged> {
    const { ask, retries, clock } = this.#options;
    for (let attempt = 0;; attempt++) {
      try {
        return this.#read(await ask(question, signal));
      } catch (error) {
        if (attempt === retries || signal.aborted) throw error;
      }
      await pause(clock, signal);
    }
  }

  /** Throws for everything that is no answer: it must neither admit nor refuse anybody. */
  #read({ status, text }: WebhookAnswer): Judged {
    if (status === 401 || status === 403) return denied(undefined);
    if (status !== 200) throw new Error(`status ${status}`);
    const result = Answer.safeParse(jsonIn(text));
    if (!result.success) throw new Error("the answer has another form");
    return result.data.allow ? this.#admit(result.data) : denied(result.data.reason);
  }

  #admit({ sub, expiresAt, grants: claim }: Allowed): Judged {
    const { cacheMs, clock, wallNow, endsWithAnswer } = this.#options;
    const user = sub ?? undefined;
    const claimed = readGrants(claim, user);
    if (claimed === undefined) throw new Error("the answer's grants have another form");
    const answerEnds = typeof expiresAt === "string" ? Date.parse(expiresAt) : Infinity;
    const grantsEnd = (claimed.until ?? Infinity) * 1_000;
    const leftMs = Math.min(answerEnds, grantsEnd) - wallNow();
    if (leftMs <= 0) return { verdict: refused("expired"), lifetimeMs: DENIED_MS };
    const end = Math.min(grantsEnd, endsWithAnswer ? answerEnds : Infinity);
    const onClock = end === Infinity ? undefined : clock.now() + end - wallNow();
    const { grants, info } = claimed;
    const identity = { user, grants, info, expiresAt: onClock };
    return { verdict: { identity }, lifetimeMs: Math.min(cacheMs, leftMs) };
  }
}

function denied(reason: string | undefined): Judged {
  return { verdict: refused("denied", reason?.slice(0, MAX_REASON)), lifetimeMs: DENIED_MS };
}

function dataOf(token: string | undefined, attempt: Attempt): QuestionData {
  const { dialect, id, room, address, origin, userAgent, connection } = attempt;
  const own = { id: id ?? null, room: room ?? null, token: token ?? null };
  const shown = { origin: origin ?? null, userAgent: userAgent ?? null };
  return { dialect, ...own, address, ...shown, connection };
}

/** Rejects if the signal aborts meanwhile. */
async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using _timer = clock.after(PAUSE_MS, resolve);
  const end = (): void => reject(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  try {
    await promise;
  } finally {
    // With a listener, the signal would stay in memory for as long as the server's own.
    signal.removeEventListener("abort", end);
  }
}

/**
 * Holds no token, so that a dump of the cache shows none. Without a token, only its address and origin
 * tell a client from others.
 */
function keyOf(token: string | undefined, attempt: Attempt): string {
  const { dialect, id, room, address, origin } = attempt;
  const own = token === undefined ? [address, origin ?? null] : [];
  const facts = [dialect, token ?? null, id ?? null, room ?? null, ...own];
  return digestKey(JSON.stringify(facts));
}

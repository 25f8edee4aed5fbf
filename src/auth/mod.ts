import type { Clock } from "../core/clock.ts";
import {
  type Attempt,
  type Authenticator,
  type Judge,
  refused,
  type Verdict,
  type Why,
} from "./authenticator.ts";
import { ChecksUnderWay } from "./checks_under_way.ts";
import { type FailureLimits, Failures } from "./failures.ts";
import { covers } from "./grants.ts";
import { StaticTokens } from "./static.ts";

/** The part of a configuration that a reload may change. */
export interface AuthSettings {
  /** Tokens that are configured for one dialect alone, by its name. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** The mode's judge and its dialects; undefined for mode none. */
  readonly common:
    | { readonly mode: string; readonly judge: Judge; readonly dialects: ReadonlySet<string> }
    | undefined;
}

export interface AuthOptions extends FailureLimits {
  readonly clock: Clock;
  readonly keyOf: (address: string) => string;
  readonly maxTokenBytes: number;
  /** Checks by the webhook under way for one address; further ones are refused as unavailable. */
  readonly webhookMaxPendingPerAddress: number;
  /** True if an operator has banned the user. */
  readonly isBanned: (user: string) => boolean;
  /** One attempt was judged. */
  readonly onOutcome: (dialect: string, outcome: AuthOutcome) => void;
  /** A judge of the mode took so long; tokens of one dialect alone are of mode "tokens". */
  readonly onJudged: (seconds: number, mode: string) => void;
}

/** The result of one attempt, for the metrics. */
export type AuthOutcome = "granted" | "fail_open" | Why;

/** These are no guesses at a token. */
const INNOCENT: ReadonlySet<Why> = new Set(["missing", "unavailable"]);
/** Ids of clients are no longer, in any dialect. */
const MAX_ID_LENGTH = 8_192;
/** Refusals that say of a word no more than that it is no token. */
const WORDLESS: ReadonlySet<Why> = new Set(["malformed", "denied"]);

/** The server's authenticator: tokens of single dialects, or those of the mode. */
export class Authentication implements Authenticator, Disposable {
  readonly #options: AuthOptions;
  readonly #failures: Failures;
  readonly #underWay: ChecksUnderWay;
  #own: ReadonlyMap<string, StaticTokens>;
  #common: AuthSettings["common"];

  constructor(settings: AuthSettings, options: AuthOptions) {
    this.#options = options;
    this.#failures = new Failures(options, options.clock.now, options.keyOf);
    this.#underWay = new ChecksUnderWay(options.webhookMaxPendingPerAddress, options.keyOf);
    this.#own = judgesOf(settings);
    this.#common = settings.common;
  }

  /** Why tokens cannot be judged now; undefined if they can. */
  get trouble(): string | undefined {
    return this.#common?.judge.trouble;
  }

  /** The mode's judge; undefined for mode none. */
  get judge(): Judge | undefined {
    return this.#common?.judge;
  }

  /** Judges by other settings from now on; nobody who is in is asked again. */
  adopt(settings: AuthSettings): void {
    const old = this.#common?.judge;
    this.#own = judgesOf(settings);
    this.#common = settings.common;
    if (old !== settings.common?.judge) old?.[Symbol.dispose]?.();
  }

  asks(dialect: string): boolean {
    return this.#judgeOf(dialect) !== undefined;
  }

  /**
   * True if the dialect's own tokens let a peer of another dialect into a room; the tokens of the mode
   * are checked by the peer's own dialect.
   */
  admits(dialect: string, room: string, token: string | undefined): boolean {
    const own = this.#own.get(dialect);
    if (own === undefined) return true;
    const verdict = own.judge(token);
    return "identity" in verdict && covers(verdict.identity.grants.rooms, room);
  }

  check(attempt: Attempt): Verdict | Promise<Verdict> {
    return this.#check(this.#judgeOf(attempt.dialect), attempt, limited);
  }

  /** Judges a client by its token alone, which has to grant nothing in particular. */
  identify(attempt: Attempt): Verdict | Promise<Verdict> {
    return this.#check(this.#common?.judge, attempt, (verdict) => verdict);
  }

  #check(
    judge: Judge | undefined,
    attempt: Attempt,
    limit: typeof limited,
  ): Verdict | Promise<Verdict> {
    // A reload has taken the tokens away since the connection was opened.
    if (judge === undefined) return this.#settle(refused("unavailable"), attempt);
    // A webhook would be asked about it. It may be a token, too.
    const maxLength = Math.max(MAX_ID_LENGTH, this.#options.maxTokenBytes);
    const isTooLong = attempt.id !== undefined && attempt.id.length > maxLength;
    if (isTooLong) return this.#answer(judge, refused("id"), attempt);
    const delayMs = judge.asksAlways ? this.#failures.delayMs(attempt.address) : 0;
    const verdict = delayMs === 0
      ? this.#timed(judge, attempt)
      : this.#options.clock.delay(delayMs).then(() => this.#timed(judge, attempt));
    if (verdict instanceof Promise) {
      return verdict.then((verdict) => this.#answer(judge, limit(verdict, attempt), attempt));
    }
    return this.#answer(judge, limit(verdict, attempt), attempt);
  }

  [Symbol.dispose](): void {
    this.#common?.judge[Symbol.dispose]?.();
  }

  #judgeOf(dialect: string): Judge | undefined {
    const own = this.#own.get(dialect);
    if (own !== undefined) return own;
    return this.#common?.dialects.has(dialect) ? this.#common.judge : undefined;
  }

  #timed(judge: Judge, attempt: Attempt): Verdict | Promise<Verdict> {
    const { clock, onJudged } = this.#options;
    const { address } = attempt;
    // A judge of this process is quick, and a crowd behind one proxy may be large.
    const isBounded = judge.asksAlways === true;
    if (isBounded && this.#underWay.isFull(address)) {
      return refused("unavailable", "too many checks of its address are under way");
    }
    const mode = judge === this.#common?.judge ? this.#common.mode : "tokens";
    const startedAt = clock.now();
    const verdict = this.#judge(judge, attempt);
    const report = (): void => onJudged((clock.now() - startedAt) / 1_000, mode);
    if (verdict instanceof Promise) {
      const reported = verdict.finally(report);
      return isBounded ? this.#underWay.follow(address, reported) : reported;
    }
    report();
    return verdict;
  }

  #judge(judge: Judge, attempt: Attempt): Verdict | Promise<Verdict> {
    const { token, word } = attempt;
    if (token === undefined && word !== undefined && !judge.asksAlways) {
      const verdict = this.#judgeToken(judge, word, attempt);
      return verdict instanceof Promise ? verdict.then(ofWord) : ofWord(verdict);
    }
    if (token === undefined && !judge.asksAlways) return refused("missing");
    return this.#judgeToken(judge, token, attempt);
  }

  #judgeToken(
    judge: Judge,
    token: string | undefined,
    attempt: Attempt,
  ): Verdict | Promise<Verdict> {
    // Tokens are ASCII; more characters are more bytes in any case.
    const isTooLong = token !== undefined && token.length > this.#options.maxTokenBytes;
    return isTooLong ? refused("malformed") : judge.judge(token, attempt);
  }

  #answer(judge: Judge, verdict: Verdict, attempt: Attempt): Verdict | Promise<Verdict> {
    const settled = this.#settle(this.#admitted(verdict), attempt);
    if (!("why" in settled) || INNOCENT.has(settled.why)) return settled;
    const delayMs = judge.asksAlways ? 0 : this.#failures.delayMs(attempt.address);
    return delayMs === 0 ? settled : this.#options.clock.delay(delayMs).then(() => settled);
  }

  /** A verdict, or the refusal of a banned user. */
  #admitted(verdict: Verdict): Verdict {
    const user = "identity" in verdict ? verdict.identity.user : undefined;
    return user !== undefined && this.#options.isBanned(user) ? refused("denied") : verdict;
  }

  #settle(verdict: Verdict, { dialect, address }: Attempt): Verdict {
    const outcome = outcomeOf(verdict);
    this.#options.onOutcome(dialect, outcome);
    if ("why" in verdict && !INNOCENT.has(verdict.why)) this.#failures.note(address);
    return verdict;
  }
}

function outcomeOf(verdict: Verdict): AuthOutcome {
  if ("why" in verdict) return verdict.why;
  return verdict.identity.isUnjudged ? "fail_open" : "granted";
}

/** A verdict on a word: unless it was a token, the client has shown none. */
function ofWord(verdict: Verdict): Verdict {
  if ("identity" in verdict) return { identity: { ...verdict.identity, tookWord: true } };
  return WORDLESS.has(verdict.why) ? refused("missing") : verdict;
}

/** A verdict, or the refusal of something that its grants do not cover. */
function limited(verdict: Verdict, { dialect, id, isIssuedId, room }: Attempt): Verdict {
  if (!("identity" in verdict)) return verdict;
  const { grants, tookWord } = verdict.identity;
  if (grants.dialects !== undefined && !grants.dialects.includes(dialect)) {
    return refused("dialect");
  }
  const isChosen = id !== undefined && !tookWord;
  if (isChosen && !covers(grants.ids, id) && isIssuedId?.() !== true) return refused("id");
  return room !== undefined && !covers(grants.rooms, room) ? refused("room") : verdict;
}

function judgesOf({ own }: AuthSettings): ReadonlyMap<string, StaticTokens> {
  const pairs = [...own].map(([dialect, tokens]) => [dialect, new StaticTokens(tokens)] as const);
  return new Map(pairs.filter(([, tokens]) => tokens.areNeeded));
}

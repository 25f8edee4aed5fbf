import type { Judge } from "../../../src/auth/authenticator.ts";
import { Authentication, type AuthOutcome } from "../../../src/auth/mod.ts";
import type { Clock } from "../../../src/core/clock.ts";

export interface TestAuthOptions {
  readonly clock: Clock;
  /** Tokens of single dialects. */
  readonly own?: ReadonlyMap<string, readonly string[]>;
  /** Judges the tokens of the named dialects. */
  readonly judge?: Judge | undefined;
  readonly dialects?: readonly string[];
  readonly maxTokenBytes?: number;
  readonly webhookMaxPendingPerAddress?: number;
  readonly failureBurst?: number;
  readonly maxDelayMs?: number;
  readonly isBanned?: (user: string) => boolean;
  readonly onOutcome?: (dialect: string, outcome: AuthOutcome) => void;
  readonly onJudged?: (seconds: number, mode: string) => void;
}

/** An authenticator that asks nobody for a token, unless told otherwise. */
export function newAuthentication(
  { own = new Map(), judge, dialects = [], ...options }: TestAuthOptions,
): Authentication {
  const common = judge && { mode: "tests", judge, dialects: new Set(dialects) };
  return new Authentication({ own, common }, {
    keyOf: (address) => address,
    maxTokenBytes: 8_192,
    webhookMaxPendingPerAddress: Infinity,
    failureBurst: 10,
    maxDelayMs: 0,
    isBanned: () => false,
    onOutcome: () => {},
    onJudged: () => {},
    ...options,
  });
}

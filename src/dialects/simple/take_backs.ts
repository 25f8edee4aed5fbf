import type { Clock } from "../../core/clock.ts";
import { SignalError } from "../../core/errors.ts";

export interface TakeBackLimits {
  /** Take-backs of one instance within the window. */
  readonly maxTakeBacks: number;
  readonly takeBackWindowMs: number;
}

/** Adds a take-back to the recent ones. Throws a SignalError for one that comes too soon. */
export function countTakeBack(
  takeBacks: readonly number[],
  clock: Pick<Clock, "now">,
  limits: TakeBackLimits,
): number[] {
  const refusal = takeBackRefusal(takeBacks, clock, limits);
  if (refusal !== undefined) throw refusal;
  return [...recent(takeBacks, clock, limits), clock.now()];
}

/** Refuses the sixth take-back within a while: two clients fight for one instance (§6). */
export function takeBackRefusal(
  takeBacks: readonly number[],
  clock: Pick<Clock, "now">,
  limits: TakeBackLimits,
): SignalError | undefined {
  const counted = recent(takeBacks, clock, limits);
  if (counted.length < limits.maxTakeBacks) return undefined;
  const now = clock.now();
  const [oldest = now] = counted;
  const retry_ms = Math.ceil(oldest + limits.takeBackWindowMs - now);
  return new SignalError("rate_limited", "taken back too often", { retry_ms });
}

function recent(
  takeBacks: readonly number[],
  clock: Pick<Clock, "now">,
  { takeBackWindowMs }: TakeBackLimits,
): number[] {
  const now = clock.now();
  return takeBacks.filter((time) => time > now - takeBackWindowMs);
}

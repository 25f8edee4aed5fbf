import type { Clock } from "../../core/clock.ts";
import { SignalError } from "../../core/errors.ts";

export interface TakeBackLimits {
  /** Take-backs of one instance within the window. */
  readonly maxTakeBacks: number;
  readonly takeBackWindowMs: number;
}

/**
 * Adds a take-back to the recent ones. The sixth within a while is refused: two clients fight for one
 * instance (§6).
 */
export function countTakeBack(
  takeBacks: readonly number[],
  clock: Pick<Clock, "now">,
  { maxTakeBacks, takeBackWindowMs }: TakeBackLimits,
): number[] {
  const now = clock.now();
  const recent = takeBacks.filter((time) => time > now - takeBackWindowMs);
  const [oldest = now] = recent;
  if (recent.length >= maxTakeBacks) {
    const retry_ms = Math.ceil(oldest + takeBackWindowMs - now);
    throw new SignalError("rate_limited", "taken back too often", { retry_ms });
  }
  return [...recent, now];
}

import type { SocketIoLimits } from "./limits.ts";
import type { Revision } from "./payload.ts";

/** A look that comes this much later than the one before means that the process was stopped. */
const LATE_MS = 5_000;

/**
 * Whether a client is alive. In revision 3 the client pings; in revision 4 the server does. Whatever
 * comes from the client counts as life.
 */
export class Heartbeat {
  /** Set by everything that comes: a flag costs less than a look at the clock. */
  isHeard = false;
  #heardAt: number;
  #pingedAt: number;
  /** A ping is unanswered. */
  #isWaiting = false;
  #checkedAt: number;
  readonly #limits: Pick<SocketIoLimits, "pingIntervalMs" | "pingTimeoutMs">;

  constructor(limits: Pick<SocketIoLimits, "pingIntervalMs" | "pingTimeoutMs">, nowMs: number) {
    this.#limits = limits;
    this.#heardAt = this.#pingedAt = this.#checkedAt = nowMs;
  }

  /** Returns the next action. Call about once a second. */
  check(nowMs: number, revision: Revision): "ping" | "lost" | undefined {
    const { pingIntervalMs, pingTimeoutMs } = this.#limits;
    const isLate = nowMs - this.#checkedAt > LATE_MS;
    this.#checkedAt = nowMs;
    if (this.isHeard) {
      this.isHeard = false;
      this.#isWaiting = false;
      this.#heardAt = nowMs;
    } else if (isLate) {
      // The client may have been heard meanwhile: it gets another chance to be.
      this.#isWaiting = false;
      this.#heardAt = nowMs - pingIntervalMs;
    }
    if (revision === 3) {
      return nowMs - this.#heardAt >= pingIntervalMs + pingTimeoutMs ? "lost" : undefined;
    }
    if (this.#isWaiting) return nowMs - this.#pingedAt >= pingTimeoutMs ? "lost" : undefined;
    if (nowMs - this.#pingedAt < pingIntervalMs) return undefined;
    this.#pingedAt = nowMs;
    this.#isWaiting = true;
    return "ping";
  }
}

import type { Claim } from "../../core/peer.ts";
import type { Receiver } from "../../core/session.ts";
import type { DialectContext } from "../dialect.ts";
import { whole, type WholeOption } from "./options.ts";

export interface TakeOverLimits {
  readonly maxTakeOvers: number;
  readonly takeOverWindowMs: number;
  readonly maxTakeOverDelayMs: number;
}

/** The parts of a dialect's context that take-overs need. */
export type TakeOverContext = Pick<
  DialectContext,
  "hub" | "realm" | "dialect" | "clock" | "warn"
>;

/** The options of a dialect whose ids can be taken over. */
export function takeOverOptions(): Record<keyof TakeOverLimits, WholeOption> {
  return {
    maxTakeOvers: whole(10, "Take-overs of one id in a row before the newest claim has to wait"),
    takeOverWindowMs: whole(10_000, "Longest pause between take-overs in a row, in ms"),
    maxTakeOverDelayMs: whole(60_000, "Longest time that a claim has to wait, in ms"),
  };
}

/** The first delay; each further take-over in a row doubles it. */
const FIRST_DELAY_MS = 1_000;
const SWEEP_MS = 250;
/** Ids that are remembered; an id beyond that is taken over without a delay. */
const MAX_IDS = 10_000;

/** The take-overs of one id that followed each other. */
interface Row {
  count: number;
  lastAtMs: number;
  isTold: boolean;
}

interface WaitingClaim {
  readonly claim: Claim;
  /** Another node has the id, and nobody tells this one when it is free. */
  readonly isElsewhere: boolean;
  readonly dueAtMs: number;
  readonly proceed: () => void;
}

/**
 * Calms clients that take one id over from each other without end, such as two tabs with one stored
 * id and token: each reconnects when the other has the id. After a few take-overs in a row the newest
 * claim waits, with a growing delay. Its client is served at once when the id becomes free.
 */
export class TakeOvers implements Disposable {
  /** The longest unchanged first. */
  readonly #rows = new Map<string, Row>();
  readonly #waiting = new Map<Receiver, WaitingClaim>();
  readonly #limits: TakeOverLimits;
  readonly #context: TakeOverContext;
  /** Runs while a claim waits. */
  #sweep: Disposable | undefined = undefined;

  constructor(limits: TakeOverLimits, context: TakeOverContext) {
    this.#limits = limits;
    this.#context = context;
  }

  /** True while a session's claim waits: its client has identified itself. */
  isWaiting(receiver: Receiver): boolean {
    return this.#waiting.has(receiver);
  }

  /** True if a client of another node took the id over from one of this node not long ago. */
  isElsewhere(id: string): boolean {
    const { hub, realm, clock } = this.#context;
    const row = this.#rows.get(id);
    const holder = hub.find(realm, id);
    const isHere = holder !== undefined && holder.receiver.isElsewhere !== true;
    if (hub.elsewhere === undefined || row === undefined || isHere) return false;
    return clock.now() - row.lastAtMs <= this.#limits.takeOverWindowMs;
  }

  /** A session lost its id to a newer connection. */
  happened(id: string): void {
    const now = this.#context.clock.now();
    const row = this.#rows.get(id) ?? { count: 0, lastAtMs: now, isTold: false };
    row.count++;
    row.lastAtMs = now;
    this.#rows.delete(id);
    this.#rows.set(id, row);
    this.#forget(now);
  }

  /** Lets a claim of an id in use proceed: at once, or when its time has come. */
  admit(claim: Claim): true | Promise<true> {
    const now = this.#context.clock.now();
    const row = this.#rows.get(claim.id);
    // A peer of another dialect takes nothing over.
    if (row === undefined || claim.dialect !== this.#context.dialect) return true;
    const { maxTakeOvers, takeOverWindowMs, maxTakeOverDelayMs } = this.#limits;
    if (now - row.lastAtMs > takeOverWindowMs) this.#rows.delete(claim.id);
    if (now - row.lastAtMs > takeOverWindowMs || row.count < maxTakeOvers) return true;
    this.#tellOnce(row, claim);
    const doublings = Math.min(row.count - maxTakeOvers, 30);
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** doublings, maxTakeOverDelayMs);
    return this.#wait(claim, now + delayMs);
  }

  [Symbol.dispose](): void {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    for (const { proceed } of this.#waiting.values()) proceed();
    this.#waiting.clear();
  }

  async #wait(claim: Claim, dueAtMs: number): Promise<true> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const isElsewhere = this.isElsewhere(claim.id);
    this.#waiting.set(claim.receiver, { claim, isElsewhere, dueAtMs, proceed: resolve });
    this.#sweep ??= this.#context.clock.every(SWEEP_MS, () => this.#proceed());
    await promise;
    return true;
  }

  #tellOnce(row: Row, { address = "" }: Claim): void {
    if (row.isTold) return;
    row.isTold = true;
    this.#context.warn("one id is taken over again and again, newer claims wait", { address });
  }

  /** Ends the waiting of claims that are due, of ids that became free, and of clients that have gone. */
  #proceed(): void {
    const { hub, realm, clock } = this.#context;
    const now = clock.now();
    for (const [receiver, { claim, isElsewhere, dueAtMs, proceed }] of this.#waiting) {
      const isTaken = isElsewhere || hub.has(realm, claim.id);
      if (dueAtMs > now && receiver.link.isOpen && isTaken) continue;
      this.#waiting.delete(receiver);
      proceed();
    }
    if (this.#waiting.size > 0) return;
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
  }

  /** Forgets ids whose row has ended, and the oldest if there are too many. */
  #forget(nowMs: number): void {
    const { takeOverWindowMs, maxTakeOverDelayMs } = this.#limits;
    const before = nowMs - takeOverWindowMs - maxTakeOverDelayMs;
    for (const [id, { lastAtMs }] of this.#rows) {
      if (lastAtMs > before && this.#rows.size <= MAX_IDS) return;
      this.#rows.delete(id);
    }
  }
}

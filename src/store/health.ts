import type { KeepOutcome } from "../core/kept.ts";
import { StoreGoneError, StoreTimeoutError } from "./engine/engine.ts";
import { reasonOf, reasonText } from "./engine/reason.ts";

/** Why an id is not kept: "address" has had too many. */
export type Unreserved = Exclude<KeepOutcome, "kept"> | "address";

/** Told of what becomes of a store, for logs and metrics. */
export interface StoreObserver {
  /** Told once, and again when the reason changes. */
  inTrouble(reason: string, error: unknown): void;
  recovered(): void;
  /** An operation failed; most follow from the same trouble. */
  failed(): void;
  /** A write was put off until everything is written again, for too many wait. */
  writeDropped(): void;
  /** An id was given out without asking the store, which is in trouble, whose it is. */
  claimUnchecked(): void;
  /** A client has its id, but it is not kept for it: too many of its address, or in all. */
  idUnreserved(reason: Unreserved, address: string | undefined): void;
  /** A reservation was given up to make room for a new one. */
  reservationEvicted(): void;
  /** So many records of a kind mean nothing, and are left as they are. */
  unreadable(kind: string, records: number): void;
  /** At the end, so many records could not be written. */
  unwritten(records: number): void;
  /** What was sealed for a dialect, or was to be, is lost. */
  sealedLost(dialect: string, error: unknown): void;
  /** What was sealed and read could not be removed, though it is of no use to anybody. */
  sealedLeft(error: unknown): void;
  /** Part of what was to be sealed was too much. */
  sealedTooMuch(dialect: string, items: number): void;
  /** Part of what was sealed means nothing to its dialect. */
  sealedUnreadable(dialect: string, items: number): void;
}

/** What is wrong with a store at the moment, by what it was about to do. */
export class Troubles {
  readonly #observer: StoreObserver;
  readonly #place: string;
  readonly #reasons = new Map<string, string>();

  /** @param place where the store keeps its records, for people */
  constructor(observer: StoreObserver, place: string) {
    this.#observer = observer;
    this.#place = place;
  }

  get first(): string | undefined {
    for (const reason of this.#reasons.values()) return reason;
    return undefined;
  }

  /** Notes how it went; without an error, well. */
  note(doing: string, error?: unknown, reason = reasonText(error, this.#place)): void {
    if (error === undefined) return this.#clear(doing);
    this.#observer.failed();
    // Silence after another failure follows from the same trouble, and explains less.
    if (error instanceof StoreTimeoutError && this.#reasons.has(doing)) return;
    const before = this.first;
    this.#reasons.set(doing, reason);
    if (this.first !== before) this.#observer.inTrouble(reason, error);
  }

  #clear(doing: string): void {
    if (this.#reasons.delete(doing) && this.#reasons.size === 0) this.#observer.recovered();
  }
}

/** Whether what was kept is not there any more, and has to be written anew. */
export function isLoss(error: unknown): boolean {
  return error instanceof StoreGoneError || reasonOf(error) === "damaged";
}

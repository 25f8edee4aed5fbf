import type { KeepOutcome } from "../core/store.ts";
import { StoreGoneError, StoreTimeoutError } from "./engine.ts";

/** Why an id is not kept: "address" has had too many. */
export type Unreserved = Exclude<KeepOutcome, "kept"> | "address";

/** Told of what becomes of a store, for logs and metrics. */
export interface StoreObserver {
  /** Told once, and again when the reason changes. */
  inTrouble(reason: string, error: unknown): void;
  recovered(): void;
  /** An operation failed; most follow from the same trouble. */
  failed(): void;
  /** A write was given up, for there are too many. */
  writeDropped(): void;
  /** An id was given out without asking the store, which is in trouble, whose it is. */
  claimUnchecked(): void;
  /** A client has its id, but it is not kept for it: too many of its address, or in all. */
  idUnreserved(reason: Unreserved, address: string | undefined): void;
  /** A reservation was given up to make room for a new one. */
  reservationEvicted(): void;
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
  note(doing: string, error?: unknown): void {
    if (error === undefined) return this.#clear(doing);
    this.#observer.failed();
    const before = this.first;
    const reason = reasonOf(error, this.#place);
    this.#reasons.set(doing, reason);
    if (this.first !== before) this.#observer.inTrouble(reason, error);
  }

  #clear(doing: string): void {
    if (this.#reasons.delete(doing) && this.#reasons.size === 0) this.#observer.recovered();
  }
}

/** A failure in a few words that may be shown to everybody: without paths and addresses. */
function reasonOf(error: unknown, place: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreGoneError) return "its file was deleted or replaced";
  if (error instanceof StoreTimeoutError) return "it does not answer";
  if (/is full|no space/i.test(message)) return "the disk is full";
  if (/locked|busy/i.test(message)) return "its file is locked by another process";
  if (/read-?only/i.test(message)) return "its file cannot be written";
  if (/malformed|not a database/i.test(message)) return "its file is damaged";
  return /^https?:/.test(place) ? "it cannot be reached" : "it fails";
}

import { StoreGoneError, StoreTimeoutError } from "./engine/engine.ts";
import { reasonOf, reasonText } from "./engine/reason.ts";
import type { ReportStoreEvent } from "./events.ts";

/** The current troubles of a store, by the operation that failed. */
export class Troubles {
  readonly #report: ReportStoreEvent;
  readonly #place: string;
  readonly #reasons = new Map<string, string>();

  /** @param place where the store keeps its records, for people */
  constructor(report: ReportStoreEvent, place: string) {
    this.#report = report;
    this.#place = place;
  }

  get first(): string | undefined {
    for (const reason of this.#reasons.values()) return reason;
    return undefined;
  }

  /** Notes the outcome of an operation; without an error, it succeeded. */
  note(doing: string, error?: unknown, reason = reasonText(error, this.#place)): void {
    if (error === undefined) return this.#clear(doing);
    this.#report({ type: "failed" });
    // Silence after another failure follows from the same trouble, and explains less.
    if (error instanceof StoreTimeoutError && this.#reasons.has(doing)) return;
    const before = this.first;
    this.#reasons.set(doing, reason);
    if (this.first !== before) this.#report({ type: "trouble", reason, error });
  }

  #clear(doing: string): void {
    if (this.#reasons.delete(doing) && this.#reasons.size === 0) {
      this.#report({ type: "recovered" });
    }
  }
}

/** True if the stored records are gone, and must be written again. */
export function isLoss(error: unknown): boolean {
  return error instanceof StoreGoneError || reasonOf(error) === "damaged";
}

import { type Description, isOtherConnection } from "../calls/description.ts";
import type { Signal } from "../calls/signal.ts";

/**
 * Notes when a client turns to another connection. Until the other node knows, it may send signals for
 * the connection before. The client's descriptions have growing numbers.
 */
export class FarTurns {
  #description: Description | undefined = undefined;
  /** The number of the first description of the newest connection. */
  #turnedAt = 0;
  /** Candidates from before this number are for an earlier connection. */
  #strayUntil = 0;

  /**
   * Notes a description of the client.
   * @returns true for an offer of the first connection, or of another one than before
   */
  note(kind: "offer" | "answer", description: Description, number: number): boolean {
    const before = this.#description;
    this.#description = description;
    const isOther = before !== undefined && isOtherConnection(before, description);
    if (before !== undefined && !isOther) return false;
    this.#turnedAt = number;
    if (kind === "answer") return false;
    if (isOther) this.#strayUntil = number;
    return true;
  }

  /** The other client has made an offer: its candidates belong to that from now on. */
  noteTheirOffer(): void {
    this.#strayUntil = 0;
  }

  /**
   * Whether an answer is for a connection that its client has given up.
   * @param heard the number of the client's newest description that the other node had taken
   */
  isLateAnswer(heard: number): boolean {
    return heard < this.#turnedAt;
  }

  /**
   * Whether a signal of the other client is for a connection that this one has given up. Candidates
   * belong to the description before them, and so those after a late answer come too late as well.
   */
  isStray(kind: Signal["kind"], heard: number): boolean {
    if (kind === "answer") {
      // Without a description of its own, the client had another leg when it made its offer.
      const isLate = this.#turnedAt === 0 || this.isLateAnswer(heard);
      this.#strayUntil = isLate ? Infinity : 0;
      return isLate;
    }
    return kind !== "ask" && heard < this.#strayUntil;
  }
}

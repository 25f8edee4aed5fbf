/** Bytes that a node keeps for other nodes, in all and of each sender. */
export interface ChargeLimits {
  readonly maxUnconfirmedBytes: number;
  /** A sender with nothing under way may send one message of any size. */
  readonly maxUnconfirmedBytesPerSender: number;
}

/** Counts these bytes, so that no sender takes the place of all others. */
export class Charges {
  readonly #limits: ChargeLimits;
  readonly #senders = new Map<string, number>();
  #bytes = 0;

  constructor(limits: ChargeLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get spareBytes(): number {
    return this.#limits.maxUnconfirmedBytes - this.#bytes;
  }

  /** False if too much is under way already. @param sender empty for the node itself */
  take(sender: string, bytes: number): boolean {
    const { maxUnconfirmedBytes, maxUnconfirmedBytesPerSender } = this.#limits;
    if (this.#bytes + bytes > maxUnconfirmedBytes) return false;
    const own = this.#senders.get(sender) ?? 0;
    if (sender !== "" && own > 0 && own + bytes > maxUnconfirmedBytesPerSender) return false;
    this.#bytes += bytes;
    if (sender !== "") this.#senders.set(sender, own + bytes);
    return true;
  }

  giveBack(sender: string, bytes: number): void {
    this.#bytes -= bytes;
    const own = (this.#senders.get(sender) ?? 0) - bytes;
    if (own > 0) this.#senders.set(sender, own);
    else this.#senders.delete(sender);
  }
}

/** Somebody whose message is incomplete. */
export interface Unfinisher {
  readonly keptBytes: number;
  /** Ends the connection, because all connections together keep too much. */
  overflow(): void;
}

/** Counts the memory of incomplete messages of all connections. */
export class Unfinished {
  readonly #maxBytes: number;
  readonly #keepers = new Set<Unfinisher>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** A connection keeps more bytes, or fewer. If it is too much in all, the largest one ends. */
  count(keeper: Unfinisher, bytes: number): void {
    this.#bytes += bytes;
    if (keeper.keptBytes === 0) this.#keepers.delete(keeper);
    else this.#keepers.add(keeper);
    if (bytes > 0 && this.#bytes > this.#maxBytes) this.#largest()?.overflow();
  }

  #largest(): Unfinisher | undefined {
    let largest: Unfinisher | undefined;
    for (const keeper of this.#keepers) {
      if (keeper.keptBytes > (largest?.keptBytes ?? 0)) largest = keeper;
    }
    return largest;
  }
}

/**
 * Secrets of streams' instances that have left. An EventSource comes back within seconds by itself,
 * and learns that it need not.
 */
export class Departed {
  readonly #max: number;
  /** The oldest first. */
  readonly #secrets = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  add(secret: string): void {
    this.#secrets.add(secret);
    for (const oldest of this.#secrets) {
      if (this.#secrets.size <= this.#max) return;
      this.#secrets.delete(oldest);
    }
  }

  has(secret: string): boolean {
    return this.#secrets.has(secret);
  }

  /** The oldest first. */
  list(): string[] {
    return [...this.#secrets];
  }
}

/**
 * An open Deno KV that is closed when no operation is in progress. `close` blocks the whole process
 * until KV's own thread is free, and that thread may wait for another process's lock in its sweep,
 * once a minute. A completed operation shows that the thread is free.
 */
export class KvHandle {
  readonly kv: Deno.Kv;
  #underWay = 0;
  #isRetired = false;
  readonly #closed = Promise.withResolvers<void>();

  constructor(kv: Deno.Kv) {
    this.kv = kv;
  }

  /** Delays closing until it is disposed of. */
  hold(): Disposable {
    this.#underWay++;
    return {
      [Symbol.dispose]: () => {
        this.#underWay--;
        if (this.#isRetired) this.#closeIfIdle();
      },
    };
  }

  /** Closes it, at once if no operation is in progress; called once. */
  async retire(): Promise<void> {
    this.#isRetired = true;
    this.#closeIfIdle();
    await this.#closed.promise;
  }

  #closeIfIdle(): void {
    if (this.#underWay > 0) return;
    this.kv.close();
    this.#isRetired = false;
    this.#closed.resolve();
  }
}

/**
 * An opened Deno KV that is closed when nothing is under way any more. `close` waits for KV's own
 * thread, and everybody would wait with it: as long as another process holds the lock that KV's
 * sweep, once a minute, has met. That an operation was answered shows that the thread is free.
 */
export class KvHandle {
  readonly kv: Deno.Kv;
  #underWay = 0;
  #isRetired = false;
  readonly #closed = Promise.withResolvers<void>();

  constructor(kv: Deno.Kv) {
    this.kv = kv;
  }

  /** Puts the closing off until it is disposed of. */
  hold(): Disposable {
    this.#underWay++;
    return {
      [Symbol.dispose]: () => {
        this.#underWay--;
        if (this.#isRetired) this.#closeIfIdle();
      },
    };
  }

  /** Closes it, at once where nothing is under way; called once. */
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

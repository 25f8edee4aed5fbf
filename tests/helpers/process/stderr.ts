/** Captures the lines for standard error until it is disposed of. */
export class CapturedStderr implements Disposable {
  /** Thrown instead of writing, when it is set: a disk that is full, a pipe that is closed. */
  fault: Error | undefined = undefined;
  readonly #decoder = new TextDecoder();
  readonly #write = Deno.stderr.writeSync;
  #text = "";

  constructor() {
    Deno.stderr.writeSync = (bytes) => {
      if (this.fault !== undefined) throw this.fault;
      this.#text += this.#decoder.decode(bytes);
      return bytes.length;
    };
  }

  /** The lines since this was last asked. */
  lines(): string[] {
    const lines = this.#text.split("\n").slice(0, -1);
    this.#text = "";
    return lines;
  }

  [Symbol.dispose](): void {
    Deno.stderr.writeSync = this.#write;
  }
}

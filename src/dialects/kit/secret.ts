import { Buffer } from "node:buffer";
import type { Secret } from "../../core/kept.ts";

/**
 * The secret that the configuration names, or else the store's.
 * @param read reads the configured one, which a reload may change; the one before it stays valid
 */
export function secretOf(read: () => string | undefined, stored: Secret): Secret {
  return read() === undefined ? stored : new ConfiguredSecret(() => read() ?? "");
}

class ConfiguredSecret implements Secret {
  readonly #read: () => string;
  #text: string;
  #current: Uint8Array;
  #previous: Uint8Array | undefined = undefined;

  constructor(read: () => string) {
    this.#read = read;
    this.#text = read();
    this.#current = Buffer.from(this.#text);
  }

  get current(): Uint8Array {
    this.#follow();
    return this.#current;
  }

  get previous(): Uint8Array | undefined {
    this.#follow();
    return this.#previous;
  }

  #follow(): void {
    const text = this.#read();
    if (text === this.#text) return;
    this.#text = text;
    this.#previous = this.#current;
    this.#current = Buffer.from(text);
  }
}

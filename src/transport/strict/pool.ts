import { Buffer } from "node:buffer";
import { InputBuffer } from "./input_buffer.ts";

/** Size of the buffer that every connection keeps. */
export const IDLE_BYTES = 1024;
/** Size of the buffers that connections share. */
export const LARGE_BYTES = 64 * 1024;
/** Size of the buffers that messages of one turn are collected in. */
export const OUTPUT_BYTES = 8 * 1024;
/** Large buffers that may be in use for reading at once; more connections read in small pieces. */
const MAX_LARGE_INPUTS = 256;
/** Buffers that are kept for later. */
const MAX_SPARE = 64;

/** Buffers that a connection has only while there is something to do. */
export class BufferPool {
  readonly #inputs: InputBuffer[] = [];
  readonly #outputs: Buffer[] = [];
  #largeInputs = 0;

  /** @returns undefined if too many are in use */
  takeInput(): InputBuffer | undefined {
    if (this.#largeInputs >= MAX_LARGE_INPUTS) return undefined;
    this.#largeInputs++;
    return this.#inputs.pop() ?? new InputBuffer(LARGE_BYTES);
  }

  giveInput(input: InputBuffer): void {
    this.#largeInputs--;
    if (this.#inputs.length < MAX_SPARE) this.#inputs.push(input);
  }

  takeOutput(): Buffer {
    return this.#outputs.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  }

  giveOutput(output: Buffer): void {
    if (this.#outputs.length < MAX_SPARE) this.#outputs.push(output);
  }
}

/** Runs what has to be written once the current turn of the event loop is done. */
export class Flusher {
  #waiting: Flushable[] = [];
  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.flush();
  };

  add(one: Flushable): void {
    if (this.#waiting.push(one) === 1) queueMicrotask(this.#flush);
  }
}

/** Something that collects output. */
export interface Flushable {
  flush(): void;
}

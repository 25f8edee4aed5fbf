import { Buffer } from "node:buffer";

/** Memory that is read into, as bytes and as words: payload is unmasked eight bytes at a time. */
export class InputBuffer {
  readonly bytes: Buffer;
  readonly words: Int32Array;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.words = new Int32Array(this.bytes.buffer, 0, size >> 2);
  }
}

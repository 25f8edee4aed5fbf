import { Buffer } from "node:buffer";
import { headerBytes, OPCODE, writeHeader } from "./frames.ts";

/**
 * Frames large texts. A broadcast sends one text to many sockets one after the other: it is framed
 * once, and all of them hold the same bytes.
 */
export class Framer {
  #text = "";
  #frame: Buffer = Buffer.alloc(0);

  frame(text: string): Buffer {
    if (text === this.#text) return this.#frame;
    const length = Buffer.byteLength(text);
    const size = headerBytes(length);
    const frame = Buffer.allocUnsafeSlow(size + length);
    frame.write(text, size);
    writeHeader(frame, 0, OPCODE.text, length);
    this.#text = text;
    this.#frame = frame;
    return frame;
  }

  /** Forgets the last text, which would otherwise stay for as long as there is no other. */
  forget(): void {
    this.#text = "";
    this.#frame = Buffer.alloc(0);
  }
}

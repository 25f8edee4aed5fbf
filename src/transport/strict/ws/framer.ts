import { Buffer } from "node:buffer";
import { headerBytes, OPCODE, writeHeader } from "./frames.ts";

/**
 * Frames texts for several sockets. A broadcast sends one text to many sockets one after the other:
 * it is framed once, and all of them hold the same bytes.
 */
export class Framer {
  #text = "";
  #frame: Buffer | undefined = undefined;

  /** The frame of a text. */
  frame(text: string): Buffer {
    if (text !== this.#text || this.#frame === undefined) this.#frame = frameOf(text);
    this.#text = text;
    return this.#frame;
  }

  /** The same if the text is the last one again; most small texts go to one socket only. */
  repeated(text: string): Buffer | undefined {
    if (text === this.#text) return this.frame(text);
    this.#text = text;
    this.#frame = undefined;
    return undefined;
  }

  /** Forgets the last text, which would otherwise stay for as long as there is no other. */
  forget(): void {
    this.#text = "";
    this.#frame = undefined;
  }
}

function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const size = headerBytes(length);
  const frame = Buffer.allocUnsafeSlow(size + length);
  frame.write(text, size);
  writeHeader(frame, 0, OPCODE.text, length);
  return frame;
}

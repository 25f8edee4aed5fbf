import type { Frame } from "../../../src/core/session.ts";
import { InputBuffer } from "../../../src/transport/strict/input_buffer.ts";
import { FrameReader, type FrameSink } from "../../../src/transport/strict/ws/frame_reader.ts";

/** Collects what a FrameReader makes of bytes, however they are split. */
export class CollectingSink implements FrameSink {
  readonly messages: Frame[] = [];
  readonly pings: string[] = [];
  /** The code of the end. */
  code: number | undefined = undefined;
  /** Memory for incomplete messages, now and at most. */
  keptBytes = 0;
  mostBytes = 0;
  readonly reader: FrameReader;

  constructor({ maxMessageBytes = 1 << 20, maxFragments = 10_000 } = {}) {
    this.reader = new FrameReader(this, maxFragments);
    this.reader.maxMessageBytes = maxMessageBytes;
  }

  /** Hands over bytes in pieces that end at these places, and at the end. */
  read(bytes: Uint8Array, cuts: readonly number[] = []): this {
    let start = 0;
    for (const end of [...cuts, bytes.length]) {
      if (end <= start) continue;
      const input = new InputBuffer(end - start + 3);
      // Payload begins at any place of a word.
      const offset = start % 4;
      input.bytes.set(bytes.subarray(start, end), offset);
      this.reader.push(input, offset, offset + end - start);
      start = end;
    }
    return this;
  }

  message(frame: Frame): void {
    this.messages.push(frame);
  }

  pinged(payload: Uint8Array): void {
    this.pings.push(new TextDecoder().decode(payload));
  }

  closing(code: number): void {
    this.#end(code);
  }

  exceeded(): void {
    this.#end(1009);
  }

  violated(code: number): void {
    this.#end(code);
  }

  kept(bytes: number): void {
    this.keptBytes += bytes;
    this.mostBytes = Math.max(this.mostBytes, this.keptBytes);
  }

  #end(code: number): void {
    if (this.code !== undefined) throw new Error(`Ended twice: ${this.code}, ${code}`);
    this.code = code;
  }
}

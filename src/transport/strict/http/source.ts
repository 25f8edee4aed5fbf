import type { Conn } from "../host.ts";
import { InputBuffer } from "../input_buffer.ts";
import { IDLE_BYTES } from "../pool.ts";

/** The bytes that a client sends, as far as they were read and not consumed. */
export class ByteSource {
  readonly #conn: Conn;
  readonly #maxBytes: number;
  #filling: Promise<boolean> | undefined = undefined;
  input: InputBuffer = new InputBuffer(IDLE_BYTES);
  start = 0;
  end = 0;

  /** @param maxBytes most that is kept at once */
  constructor(conn: Conn, maxBytes: number) {
    this.#conn = conn;
    this.#maxBytes = Math.max(IDLE_BYTES, maxBytes);
  }

  get isEmpty(): boolean {
    return this.start === this.end;
  }

  /** The reading that is under way. */
  get filling(): Promise<boolean> | undefined {
    return this.#filling;
  }

  /** True if nothing more fits until something is consumed. */
  get isFull(): boolean {
    return this.start === 0 && this.end === this.input.bytes.length &&
      this.end >= this.#maxBytes;
  }

  /** Reads more, and keeps it behind what is there; false at the end. Only one reads at a time. */
  fill(): Promise<boolean> {
    return this.#filling ??= this.#fill();
  }

  consume(count: number): void {
    this.start += count;
    if (this.start === this.end) this.start = this.end = 0;
  }

  async #fill(): Promise<boolean> {
    this.#makeRoom();
    try {
      const count = await this.#conn.read(this.input.bytes.subarray(this.end));
      this.end += count ?? 0;
      return count !== null;
    } finally {
      this.#filling = undefined;
    }
  }

  /** Moves what is there to the front, into a larger buffer if need be. */
  #makeRoom(): void {
    const { bytes } = this.input;
    if (this.end < bytes.length) return;
    const isLarge = this.start === 0;
    const target = isLarge
      ? new InputBuffer(Math.min(2 * bytes.length, this.#maxBytes))
      : this.input;
    bytes.copy(target.bytes, 0, this.start, this.end);
    this.input = target;
    this.end -= this.start;
    this.start = 0;
  }
}

import { Buffer } from "node:buffer";
import type { Frame } from "../../../core/session.ts";
import { type BufferPool, type Flushable, type Flusher, OUTPUT_BYTES } from "../pool.ts";
import type { Framer } from "./framer.ts";
import { headerBytes, OPCODE, writeHeader } from "./frames.ts";

/** The part of a connection that takes bytes. */
export interface Writable {
  write(bytes: Uint8Array): Promise<number>;
}

/** Shared by the sockets that write. */
export interface OutputParts {
  readonly pool: BufferPool;
  readonly flusher: Flusher;
  readonly framer: Framer;
}

/** Text up to this length is encoded into the common buffer; a UTF-16 unit has up to 3 bytes. */
const MAX_SMALL_TEXT = 2_048;
const MAX_SMALL_BYTES = 3 * MAX_SMALL_TEXT;
/** More than this goes out in several writes. */
const MAX_WRITE_BYTES = 64 * 1024;
const ENCODER = new TextEncoder();

/** Bytes to be written: collected ones, or a large frame that other sockets may share. */
interface Piece {
  readonly bytes: Buffer;
  readonly isPooled: boolean;
  length: number;
}

/**
 * The output of one socket. Frames of one turn of the event loop go out in one write; frames that
 * come during that write go out in the next.
 */
export class Output implements Flushable {
  readonly #conn: Writable;
  readonly #parts: OutputParts;
  readonly #onDone: (error: unknown) => void;
  #pieces: Piece[] = [];
  #pong: Uint8Array | undefined = undefined;
  #queuedBytes = 0;
  #isScheduled = false;
  #isWriting = false;
  #isDropped = false;

  /** @param onDone called when nothing waits any more, with an error if writing failed */
  constructor(conn: Writable, parts: OutputParts, onDone: (error: unknown) => void) {
    this.#conn = conn;
    this.#parts = parts;
    this.#onDone = onDone;
  }

  /** Bytes that the system has not taken yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isEmpty(): boolean {
    return this.#queuedBytes === 0 && this.#pong === undefined;
  }

  /** Writes bytes that are no frame: the answer to the handshake. */
  sendRaw(bytes: Buffer): void {
    this.#push({ bytes, isPooled: false, length: bytes.length });
  }

  send(frame: Frame): void {
    this.#emitPong();
    if (typeof frame !== "string") this.#sendBytes(OPCODE.binary, frame);
    else if (frame.length > MAX_SMALL_TEXT) this.sendRaw(this.#parts.framer.frame(frame));
    else this.#sendSmallText(frame);
  }

  sendControl(opcode: number, payload: Uint8Array): void {
    this.#emitPong();
    this.#sendBytes(opcode, payload);
  }

  /** Answers a ping, if no newer one comes before the next write. */
  pong(payload: Uint8Array): void {
    this.#pong = payload;
    this.#schedule();
  }

  /** Forgets everything that waits. */
  drop(): void {
    this.#isDropped = true;
    for (const piece of this.#pieces) this.#release(piece);
    this.#pieces = [];
    this.#pong = undefined;
    this.#queuedBytes = 0;
  }

  flush(): void {
    this.#isScheduled = false;
    if (!this.#isWriting && !this.#isDropped) this.#writeAll();
  }

  /** Pongs keep their place before what is sent after them. */
  #emitPong(): void {
    const pong = this.#pong;
    if (pong === undefined) return;
    this.#pong = undefined;
    this.#sendBytes(OPCODE.pong, pong);
  }

  #sendSmallText(text: string): void {
    // Behind other pieces a text is collected, because many small pieces take more memory.
    const shared = this.#pieces.length === 0 ? this.#parts.framer.repeated(text) : undefined;
    if (shared !== undefined) return this.sendRaw(shared);
    const piece = this.#collector(10 + 3 * text.length);
    const { bytes, length: at } = piece;
    // The length of most texts shows how long the header is; otherwise the header is moved up.
    const guess = headerBytes(text.length);
    const { written } = ENCODER.encodeInto(text, bytes.subarray(at + guess));
    const size = headerBytes(written);
    if (size !== guess) bytes.copyWithin(at + size, at + guess, at + guess + written);
    writeHeader(bytes, at, OPCODE.text, written);
    this.#collected(piece, size + written);
  }

  #sendBytes(opcode: number, payload: Uint8Array): void {
    const size = headerBytes(payload.length) + payload.length;
    if (payload.length > MAX_SMALL_BYTES) {
      const bytes = Buffer.allocUnsafeSlow(size);
      bytes.set(payload, writeHeader(bytes, 0, opcode, payload.length));
      this.sendRaw(bytes);
      return;
    }
    const piece = this.#collector(size);
    const at = piece.length;
    piece.bytes.set(payload, at + writeHeader(piece.bytes, at, opcode, payload.length));
    this.#collected(piece, size);
  }

  /** The piece that has room for so much more. */
  #collector(bytes: number): Piece {
    const last = this.#pieces.at(-1);
    if (last?.isPooled && OUTPUT_BYTES - last.length >= bytes) return last;
    const piece = { bytes: this.#parts.pool.takeOutput(), isPooled: true, length: 0 };
    this.#pieces.push(piece);
    return piece;
  }

  #collected(piece: Piece, bytes: number): void {
    piece.length += bytes;
    this.#queuedBytes += bytes;
    this.#schedule();
  }

  #push(piece: Piece): void {
    this.#pieces.push(piece);
    this.#queuedBytes += piece.length;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#parts.flusher.add(this);
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    let failure: unknown;
    let piece: Piece | undefined;
    try {
      for (piece = this.#next(); piece !== undefined; piece = this.#next()) {
        const { bytes, length } = piece;
        for (let done = 0; done < length && !this.#isDropped;) {
          const isWhole = done === 0 && length === bytes.length;
          const count = await this.#conn.write(isWhole ? bytes : bytes.subarray(done, length));
          done += count;
          if (!this.#isDropped) this.#queuedBytes -= count;
        }
        this.#release(piece);
      }
    } catch (error) {
      failure = error;
      if (piece !== undefined) this.#release(piece);
    }
    this.#isWriting = false;
    this.#onDone(failure);
  }

  /** The next part to write: as much as fits into one write. */
  #next(): Piece | undefined {
    this.#emitPong();
    const [first, second] = this.#pieces;
    if (first === undefined) return undefined;
    if (second === undefined || first.length + second.length > MAX_WRITE_BYTES) {
      this.#pieces.shift();
      return first;
    }
    let [count, length] = [0, 0];
    for (const piece of this.#pieces) {
      if (length + piece.length > MAX_WRITE_BYTES) break;
      length += piece.length;
      count++;
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const piece of this.#pieces.splice(0, count)) {
      at += piece.bytes.copy(bytes, at, 0, piece.length);
      this.#release(piece);
    }
    return { bytes, isPooled: false, length };
  }

  #release(piece: Piece): void {
    if (piece.isPooled) this.#parts.pool.giveOutput(piece.bytes);
  }
}

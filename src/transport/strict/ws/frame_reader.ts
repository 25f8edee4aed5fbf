import { Buffer } from "node:buffer";
import type { Frame } from "../../../core/session.ts";
import type { InputBuffer } from "../input_buffer.ts";
import { OPCODE, readClosing } from "./frames.ts";
import { unmask } from "./unmask.ts";
import { Utf8Checker } from "./utf8.ts";

/** Receives the contents of frames. Any of these may stop the reader. */
export interface FrameSink {
  message(frame: Frame): void;
  /** @param payload a copy */
  pinged(payload: Uint8Array): void;
  /** The client's closing frame; 1005 if it has no code. Nothing more is read. */
  closing(code: number, reason: string): void;
  /** A message is too large, as announced. Nothing more is read. */
  exceeded(): void;
  /** The client broke the protocol. Nothing more is read. */
  violated(code: number, reason: string): void;
  /** The reader keeps so many bytes more for a message that is incomplete, or fewer. */
  kept(bytes: number): void;
}

const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const POLICY = 1008;
const MAX_HEADER_BYTES = 14;
const MASK_BYTES = 4;
const MAX_CONTROL_BYTES = 125;
const SMALLEST_KEPT = 256;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a client's frames out of bytes (RFC 6455, section 5), however they are split. A frame is
 * judged by its header before any of its payload is kept.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFragments: number;
  /** Largest assembled message. */
  maxMessageBytes = Infinity;
  /** Messages that are complete. */
  messages = 0;
  #isStopped = false;
  /** The beginning of a header whose end has not come. */
  #header: Uint8Array | undefined = undefined;
  #headerBytes = 0;
  /** State of the frame that is being read. */
  #opcode = 0;
  #isFinal = false;
  #left = 0;
  #mask = 0;
  #phase = 0;
  /** State of the message that is being read: text or binary; 0 between two messages. */
  #type = 0;
  #fragments = 0;
  #messageBytes = 0;
  #isAscii = true;
  #utf8: Utf8Checker | undefined = undefined;
  /** Bytes of the message that were found to be UTF-8. */
  #checkedBytes = 0;
  #kept: Buffer | undefined = undefined;
  #control: Buffer | undefined = undefined;
  #controlBytes = 0;

  constructor(sink: FrameSink, maxFragments: number) {
    this.#sink = sink;
    this.#maxFragments = maxFragments;
  }

  /** Part of a message or of a frame has come. */
  get isUnfinished(): boolean {
    return this.#headerBytes > 0 || this.#left > 0 || this.#type !== 0;
  }

  /** Memory that an incomplete message takes. */
  get keptBytes(): number {
    return this.#kept?.length ?? 0;
  }

  /** Ignores everything from now on, and frees what was kept. */
  stop(): void {
    this.#isStopped = true;
    this.#drop();
  }

  /** Reads on. Payload is unmasked in place. */
  push(input: InputBuffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#isStopped) {
      if (this.#left > 0) at = this.#readPayload(input, at, end);
      else at = this.#readHeader(input, at, end);
    }
  }

  #readHeader(input: InputBuffer, at: number, end: number): number {
    const { bytes } = input;
    if (this.#headerBytes === 0 && end - at >= 2) {
      const size = headerSize(bytes[at + 1] as number);
      if (end - at >= size) {
        if (this.#judge(bytes, at, size)) this.#begin(input, bytes, at, size);
        return at + size;
      }
    }
    const header = this.#header ??= new Uint8Array(MAX_HEADER_BYTES);
    header[this.#headerBytes++] = bytes[at] as number;
    const size = this.#headerBytes < 2 ? MAX_HEADER_BYTES : headerSize(header[1] as number);
    // Every fault is known before the masking key comes.
    const isJudged = this.#headerBytes < 2 || this.#judge(header, 0, this.#headerBytes);
    if (isJudged && this.#headerBytes === size) {
      this.#headerBytes = 0;
      this.#begin(input, header, 0, size);
    }
    return at + 1;
  }

  /** Judges as much of a header as there is; false if the frame may not come. */
  #judge(bytes: Uint8Array, at: number, count: number): boolean {
    const [first, second] = [bytes[at] as number, bytes[at + 1] as number];
    const objection = this.#objection(first, second);
    if (objection !== undefined) return this.#violate(PROTOCOL_ERROR, objection);
    const length = payloadLength(bytes, at, count);
    if (length === undefined) return true;
    if (length === -1) return this.#violate(PROTOCOL_ERROR, "bad length of a frame");
    if ((first & 0x0f) >= OPCODE.close) return true;
    if (this.#messageBytes + length > this.maxMessageBytes) {
      this.stop();
      this.#sink.exceeded();
      return false;
    }
    if (this.#fragments < this.#maxFragments) return true;
    return this.#violate(POLICY, "too many fragments");
  }

  /** Names what is wrong with the first two bytes of a frame. */
  #objection(first: number, second: number): string | undefined {
    const opcode = first & 0x0f;
    // Caddy 2.6 ends connections so when it reloads. The connection has to end anyway (section 5.1).
    if (!isMasked(second) && opcode !== OPCODE.close) return "frame is not masked";
    if ((first & 0x70) !== 0) return "reserved bit is set";
    switch (opcode) {
      case OPCODE.continuation:
        return this.#type === 0 ? "continuation without a beginning" : undefined;
      case OPCODE.text:
      case OPCODE.binary:
        return this.#type === 0 ? undefined : "message inside another one";
      case OPCODE.close:
      case OPCODE.ping:
      case OPCODE.pong:
        if ((first & 0x80) === 0) return "control frame is fragmented";
        return (second & 0x7f) > MAX_CONTROL_BYTES ? "control frame is too long" : undefined;
      default:
        return "unknown opcode";
    }
  }

  #begin(input: InputBuffer, header: Uint8Array, at: number, size: number): void {
    const first = header[at] as number;
    const key = at + size - MASK_BYTES;
    this.#opcode = first & 0x0f;
    this.#isFinal = (first & 0x80) !== 0;
    this.#left = payloadLength(header, at, size) ?? 0;
    this.#mask = isMasked(header[at + 1] as number)
      ? (header[key] as number) | (header[key + 1] as number) << 8 |
        (header[key + 2] as number) << 16 | (header[key + 3] as number) << 24
      : 0;
    this.#phase = 0;
    if (this.#opcode < OPCODE.close) {
      this.#fragments++;
      if (this.#opcode !== OPCODE.continuation) this.#type = this.#opcode;
    }
    if (this.#left === 0) this.#endFrame(input, 0, 0);
  }

  #readPayload(input: InputBuffer, at: number, end: number): number {
    const count = Math.min(this.#left, end - at);
    const isAscii = unmask(input, at, at + count, this.#mask, this.#phase);
    const isWhole = this.#phase === 0 && count === this.#left;
    this.#left -= count;
    this.#phase += count;
    if (this.#opcode >= OPCODE.close) {
      if (!isWhole) this.#keepControl(input.bytes, at, count);
    } else {
      this.#isAscii &&= isAscii;
      // The usual message is one frame in one read: it is never copied.
      if (!isWhole || !this.#isFinal || this.#fragments > 1) this.#keep(input.bytes, at, count);
    }
    if (this.#left === 0 && !this.#isStopped) this.#endFrame(input, at, isWhole ? count : 0);
    return at + count;
  }

  /** @param count of payload that is still in `input`; the rest is kept */
  #endFrame(input: InputBuffer, at: number, count: number): void {
    if (this.#opcode >= OPCODE.close) return this.#endControl(input, at, count);
    if (this.#fragments === 1 && this.#isFinal && this.#messageBytes === 0) {
      return this.#deliver(input.bytes, at, at + count);
    }
    const kept = this.#kept ?? Buffer.alloc(0);
    if (this.#type === OPCODE.text && !this.#isAscii && !this.#isUtf8(kept)) {
      this.#violate(NOT_UTF8, "text is not UTF-8");
    } else if (this.#isFinal) {
      const { length } = kept;
      this.#kept = undefined;
      this.#deliver(kept, 0, this.#messageBytes);
      this.#sink.kept(-length);
    }
  }

  /** Checks what came since the last fragment. */
  #isUtf8(kept: Buffer): boolean {
    const checker = this.#utf8 ??= new Utf8Checker();
    const isGood = checker.check(kept, this.#checkedBytes, this.#messageBytes);
    this.#checkedBytes = this.#messageBytes;
    return isGood && (!this.#isFinal || checker.isComplete);
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    const frame = this.#type === OPCODE.binary
      ? new Uint8Array(bytes.subarray(start, end))
      : this.#isAscii
      ? bytes.toString("latin1", start, end)
      : decode(bytes.subarray(start, end));
    this.#reset();
    if (frame === undefined) return void this.#violate(NOT_UTF8, "text is not UTF-8");
    this.messages++;
    this.#sink.message(frame);
  }

  #reset(): void {
    this.#type = 0;
    this.#fragments = 0;
    this.#messageBytes = 0;
    this.#isAscii = true;
    this.#utf8 = undefined;
    this.#checkedBytes = 0;
  }

  /** Grows with what has come, not with what was announced. */
  #keep(bytes: Buffer, at: number, count: number): void {
    const needed = this.#messageBytes + count;
    let kept = this.#kept;
    if (kept === undefined || kept.length < needed) {
      const most = this.#isFinal ? needed + this.#left : Infinity;
      const size = Math.max(SMALLEST_KEPT, Math.min(2 * needed, most));
      const grown = Buffer.allocUnsafeSlow(size);
      kept?.copy(grown, 0, 0, this.#messageBytes);
      const more = grown.length - (kept?.length ?? 0);
      kept = this.#kept = grown;
      this.#sink.kept(more);
      // It may have been too much for all.
      if (this.#isStopped) return;
    }
    bytes.copy(kept, this.#messageBytes, at, at + count);
    this.#messageBytes = needed;
  }

  #keepControl(bytes: Buffer, at: number, count: number): void {
    const control = this.#control ??= Buffer.allocUnsafeSlow(MAX_CONTROL_BYTES);
    bytes.copy(control, this.#controlBytes, at, at + count);
    this.#controlBytes += count;
  }

  #endControl({ bytes }: InputBuffer, at: number, count: number): void {
    const payload = this.#controlBytes > 0
      ? (this.#control ?? bytes).subarray(0, this.#controlBytes)
      : bytes.subarray(at, at + count);
    this.#controlBytes = 0;
    this.#control = undefined;
    if (this.#opcode === OPCODE.ping) return this.#sink.pinged(Uint8Array.from(payload));
    if (this.#opcode === OPCODE.pong) return;
    const { code, reason, isGood } = readClosing(payload);
    if (!isGood) return void this.#violate(code, reason);
    this.stop();
    this.#sink.closing(code, reason);
  }

  #violate(code: number, reason: string): false {
    this.stop();
    this.#sink.violated(code, reason);
    return false;
  }

  #drop(): void {
    const { keptBytes } = this;
    this.#kept = undefined;
    if (keptBytes > 0) this.#sink.kept(-keptBytes);
  }
}

/** Bytes of a header, judging by its second byte. */
function headerSize(second: number): number {
  const length = second & 0x7f;
  const extra = length < 126 ? 0 : length === 126 ? 2 : 8;
  return 2 + extra + (isMasked(second) ? MASK_BYTES : 0);
}

/** Judges by the second byte of a header. */
function isMasked(second: number): boolean {
  return (second & 0x80) !== 0;
}

/** @returns undefined while it is not known, -1 if it is written as none may be */
function payloadLength(bytes: Uint8Array, at: number, count: number): number | undefined {
  const short = (bytes[at + 1] as number) & 0x7f;
  if (short < 126) return short;
  if (short === 126) {
    if (count < 4) return undefined;
    const length = (bytes[at + 2] as number) << 8 | (bytes[at + 3] as number);
    return length < 126 ? -1 : length;
  }
  if (count < 10) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + 2, 8);
  const [high, low] = [view.getUint32(0), view.getUint32(4)];
  if (high >= 0x8000_0000 || (high === 0 && low < 0x1_0000)) return -1;
  return high * 0x1_0000_0000 + low;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

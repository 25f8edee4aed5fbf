import type { Buffer } from "node:buffer";
import { FAULTS } from "./fault.ts";
import type { Framing } from "./head.ts";

/** Takes a body out of the bytes that follow a head. */
export interface BodyReader {
  /** Nothing of the body is left. */
  readonly isDone: boolean;
  /**
   * Reads on.
   * @param take handed every part of the body; a view that is valid only during the call
   * @returns how many bytes were consumed; throws HttpFault
   */
  read(bytes: Buffer, start: number, end: number, take: (part: Buffer) => void): number;
}

export function bodyReader(framing: Framing): BodyReader {
  return framing === "chunked" ? new ChunkedBody() : new LengthBody(framing.length);
}

class LengthBody implements BodyReader {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  read(bytes: Buffer, start: number, end: number, take: (part: Buffer) => void): number {
    const count = Math.min(this.#left, end - start);
    this.#left -= count;
    if (count > 0) take(bytes.subarray(start, start + count));
    return count;
  }
}

/** Bytes that the line of one chunk may have, its extensions included. */
const MAX_CHUNK_LINE = 4_096;
/** Bytes that all trailer fields together may have. */
const MAX_TRAILERS = 8_192;
const [LF, CR, SEMICOLON, SPACE, TAB] = [10, 13, 59, 32, 9];
/** No body is longer than a number can tell exactly. */
const MAX_SIZE_DIGITS = 12;

type Stage = "size" | "extension" | "data" | "data end" | "trailer" | "done";

/** A chunked body (RFC 9112, section 7.1); extensions and trailers are dropped. */
class ChunkedBody implements BodyReader {
  #stage: Stage = "size";
  #size = 0;
  #digits = 0;
  /** Bytes of the current line, or of all trailers. */
  #lineBytes = 0;
  /** Bytes of the current trailer line. */
  #trailerLine = 0;
  #left = 0;
  #isAfterCr = false;

  get isDone(): boolean {
    return this.#stage === "done";
  }

  read(bytes: Buffer, start: number, end: number, take: (part: Buffer) => void): number {
    let at = start;
    while (at < end && this.#stage !== "done") {
      if (this.#stage === "data") {
        const count = Math.min(this.#left, end - at);
        take(bytes.subarray(at, at + count));
        at += count;
        this.#left -= count;
        if (this.#left === 0) this.#stage = "data end";
      } else {
        this.#readByte(bytes[at++] ?? 0);
      }
    }
    return at - start;
  }

  #readByte(byte: number): void {
    if (this.#isAfterCr) {
      if (byte !== LF) throw FAULTS.badRequest("Bad chunk");
      this.#isAfterCr = false;
      return this.#endLine();
    }
    if (byte === CR) {
      this.#isAfterCr = true;
      return;
    }
    if (byte === LF) throw FAULTS.badRequest("Bad chunk");
    this.#lineBytes++;
    if (this.#stage === "size") this.#readSize(byte);
    else if (this.#stage === "extension") {
      if (this.#lineBytes > MAX_CHUNK_LINE) throw FAULTS.badRequest("Bad chunk");
    } else if (this.#stage === "trailer") {
      this.#trailerLine++;
      if (this.#lineBytes > MAX_TRAILERS) throw FAULTS.headTooLarge();
    } else {
      throw FAULTS.badRequest("Bad chunk");
    }
  }

  #readSize(byte: number): void {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw FAULTS.badRequest("Bad chunk");
      this.#size = this.#size * 16 + digit;
    } else if (this.#digits > 0 && (byte === SEMICOLON || byte === SPACE || byte === TAB)) {
      this.#stage = "extension";
    } else {
      throw FAULTS.badRequest("Bad chunk");
    }
  }

  #endLine(): void {
    if (this.#stage === "data end") {
      if (this.#lineBytes > 0) throw FAULTS.badRequest("Bad chunk");
      this.#stage = "size";
    } else if (this.#stage === "trailer") {
      if (this.#trailerLine === 0) this.#stage = "done";
      this.#trailerLine = 0;
      return;
    } else {
      if (this.#digits === 0) throw FAULTS.badRequest("Bad chunk");
      this.#left = this.#size;
      this.#stage = this.#size === 0 ? "trailer" : "data";
    }
    [this.#size, this.#digits, this.#lineBytes] = [0, 0, 0];
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Checks UTF-8 as it arrives, however it is split (RFC 3629). A byte that cannot stand where it
 * stands is found at once, as far as it was read.
 */
export class Utf8Checker {
  /** Continuation bytes that the current character lacks. */
  #missing = 0;
  /** Bounds of the next continuation byte: the first one of some characters has narrower ones. */
  #low = 0x80;
  #high = 0xbf;

  /** No character is incomplete. */
  get isComplete(): boolean {
    return this.#missing === 0;
  }

  /** Reads on; false if this is not UTF-8. */
  check(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (this.#missing > 0) {
        if (byte < this.#low || byte > this.#high) return false;
        this.#missing--;
        this.#low = 0x80;
        this.#high = 0xbf;
      } else if (byte >= 0x80 && !this.#begin(byte)) {
        return false;
      }
    }
    return true;
  }

  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    // No longer form than needed, no surrogates, nothing beyond U+10FFFF.
    if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }
}

import type { InputBuffer } from "../input_buffer.ts";

/**
 * Unmasks payload in place (RFC 6455, section 5.3), eight bytes at a time.
 * @param mask the masking key, its first byte lowest, as words of little-endian machines have it
 * @param phase how many bytes of the payload came before
 * @returns true if every byte is ASCII, which costs nothing to find out here
 */
export function unmask(
  { bytes, words }: InputBuffer,
  start: number,
  end: number,
  mask: number,
  phase: number,
): boolean {
  let key = rotate(mask, phase & 3);
  let at = start;
  let seen = 0;
  for (; at < end && (at & 3) !== 0; at++) {
    // Within the buffer, as the caller promises.
    const byte = (bytes[at] as number) ^ (key & 0xff);
    bytes[at] = byte;
    seen |= byte;
    key = rotate(key, 1);
  }
  let word = at >> 2;
  const lastWord = word + ((Math.max(0, end - at) >> 3) << 1);
  let seenWords = 0;
  for (; word < lastWord; word += 2) {
    const one = (words[word] as number) ^ key;
    const other = (words[word + 1] as number) ^ key;
    words[word] = one;
    words[word + 1] = other;
    seenWords |= one | other;
  }
  for (at = Math.max(at, word << 2); at < end; at++) {
    const byte = (bytes[at] as number) ^ (key & 0xff);
    bytes[at] = byte;
    seen |= byte;
    key = rotate(key, 1);
  }
  return (seen & 0x80) === 0 && (seenWords & 0x80808080) === 0;
}

/** Moves a key on by so many bytes. */
function rotate(key: number, count: number): number {
  return count === 0 ? key : (key >>> (8 * count)) | (key << (32 - 8 * count));
}

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";

/** Compares two texts as strings: other spellings of the same bytes differ. Takes constant time. */
export function isEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The SHA-256 of a text in UTF-8. */
export function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/** The same in base64: a key that shows nothing of a secret. */
export function digestKey(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

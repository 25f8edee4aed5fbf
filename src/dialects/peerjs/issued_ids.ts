import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../core/kept.ts";

/** Bytes of a UUID that are random; the rest proves who made it. */
const RANDOM_BYTES = 8;

/**
 * Ids that only this server can make, without remembering them: a UUID v4 whose second half is a
 * MAC of its first, so 60 random bits and 62 of proof. With a kept secret they outlive a restart.
 */
export class IssuedIds {
  readonly #secret: Secret;

  /** @param secret ids are good until it was rotated twice */
  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** A new id in UUID v4 form. */
  issue(): string {
    const head = randomBytes(RANDOM_BYTES);
    head[6] = ((head[6] ?? 0) & 0x0f) | 0x40; // version 4
    return format(Buffer.concat([head, proof(head, this.#secret.current)]));
  }

  /** Whether `id` came from `issue` under this secret, or the one before. */
  isIssued(id: string): boolean {
    const bytes = Buffer.from(id.replaceAll("-", ""), "hex");
    if (bytes.length !== 2 * RANDOM_BYTES || format(bytes) !== id) return false;
    const head = bytes.subarray(0, RANDOM_BYTES);
    const { current, previous } = this.#secret;
    const isProvedBy = (key: Uint8Array): boolean =>
      timingSafeEqual(bytes.subarray(RANDOM_BYTES), proof(head, key));
    return isProvedBy(current) || (previous !== undefined && isProvedBy(previous));
  }
}

function proof(head: Uint8Array, key: Uint8Array): Uint8Array {
  const proof = createHmac("sha256", key).update(head).digest().subarray(0, RANDOM_BYTES);
  proof[0] = ((proof[0] ?? 0) & 0x3f) | 0x80; // the variant of RFC 9562
  return proof;
}

function format(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

import type { JWTPayload } from "jose";
import { digestKey } from "../system/crypto.ts";
import type { VerifyKey } from "./keys.ts";

/** The claims of a token, and the key that signed it. */
interface Verified {
  readonly payload: JWTPayload;
  readonly key: VerifyKey;
}

/**
 * Tokens whose signatures were right, by their SHA-256. A client shows one token several times: for its
 * ICE servers, for its connection, and when it comes back. Only the signature is remembered: the caller
 * checks the times of the claims anew. Beyond the limit the oldest token goes first.
 */
export class VerifiedTokens {
  readonly #max: number;
  readonly #tokens = new Map<string, Verified>();

  /** @param max 0 remembers none */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#tokens.size;
  }

  /** The claims of a token; undefined unless it is known, and its key still one of these. */
  find(token: string, keys: readonly VerifyKey[]): JWTPayload | undefined {
    if (this.#tokens.size === 0) return undefined;
    const known = this.#tokens.get(digestKey(token));
    return known !== undefined && keys.includes(known.key) ? known.payload : undefined;
  }

  add(token: string, verified: Verified): void {
    if (this.#max === 0) return;
    const name = digestKey(token);
    this.#tokens.delete(name);
    this.#tokens.set(name, verified);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > this.#max && oldest !== undefined) this.#tokens.delete(oldest);
  }
}

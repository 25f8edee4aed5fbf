import type { JWTPayload } from "jose";
import { digestKey } from "../system/crypto.ts";
import type { VerifyKey } from "./keys.ts";

/** The claims of a token, and the key that signed it. */
export interface Verified {
  readonly payload: JWTPayload;
  readonly alg: string;
  readonly kid: string | undefined;
  readonly key: VerifyKey;
}

/**
 * Tokens whose signatures were right, by their SHA-256. A client shows one token several times: for its
 * ICE servers, for its connection, and when it comes back. Only the signature is remembered: the caller
 * checks the key and the times of the claims anew. Beyond the limit the oldest token goes first.
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

  /** The name by which a token is found and added; empty if none is remembered. */
  nameOf(token: string): string {
    return this.#max === 0 ? "" : digestKey(token);
  }

  /** Undefined if the token is not known. */
  find(name: string): Verified | undefined {
    return this.#tokens.get(name);
  }

  add(name: string, verified: Verified): void {
    if (this.#max === 0) return;
    this.#tokens.delete(name);
    this.#tokens.set(name, verified);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > this.#max && oldest !== undefined) this.#tokens.delete(oldest);
  }
}

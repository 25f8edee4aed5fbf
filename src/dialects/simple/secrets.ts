import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Lengths of the parts of a secret, in characters of base64url. */
const NONCE_LENGTH = 22;
const ROOM_LENGTH = 22;
const PROOF_LENGTH = 43;

/**
 * Proofs of owning an id in a room (§5): a nonce of the instance, a tag of the room, and an HMAC of
 * both and the id. Nothing has to be remembered to check one; the tag stands for the room, so that
 * a request that does not name the room can be judged too.
 */
export class Secrets {
  readonly #key: string | Uint8Array;

  /** @param key keeps secrets valid as long as it is the same */
  constructor(key: string | Uint8Array) {
    this.#key = key;
  }

  /** A secret that no other instance has. */
  issue(room: string, id: string): string {
    const nonce = randomBytes(16).toString("base64url");
    const tag = this.#tagOf(room);
    return `${nonce}${tag}${this.#proofOf(id, nonce, tag)}`;
  }

  /** Whether a secret is this id's, in this room where one is named. */
  isValid(secret: string, id: string, room?: string): boolean {
    const nonce = secret.slice(0, NONCE_LENGTH);
    const given = secret.slice(NONCE_LENGTH, NONCE_LENGTH + ROOM_LENGTH);
    const tag = room === undefined ? given : this.#tagOf(room);
    return isEqual(secret, `${nonce}${tag}${this.#proofOf(id, nonce, tag)}`);
  }

  // No id and no room holds a control character, so that the parts cannot run into one another.
  #tagOf(room: string): string {
    return this.#hmac(`room\0${room}`).slice(0, ROOM_LENGTH);
  }

  #proofOf(id: string, nonce: string, tag: string): string {
    return this.#hmac(`peer\0${id}\0${nonce}\0${tag}`).slice(0, PROOF_LENGTH);
  }

  #hmac(text: string): string {
    return createHmac("sha256", this.#key).update(text, "utf16le").digest("base64url");
  }
}

/** As strings: other spellings of the same bytes are other secrets. Takes as long for every text. */
export function isEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

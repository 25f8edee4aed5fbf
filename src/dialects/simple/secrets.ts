import { createHmac, randomBytes } from "node:crypto";
import { isEqual } from "../../system/crypto.ts";
import type { Secret } from "../../core/kept.ts";

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
  readonly #secret: Secret;

  /** @param secret what is issued is good until it was rotated twice */
  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** A secret that no other instance has. */
  issue(room: string, id: string): string {
    const nonce = randomBytes(16).toString("base64url");
    const key = this.#secret.current;
    const tag = tagOf(room, key);
    return `${nonce}${tag}${proofOf(id, nonce, tag, key)}`;
  }

  /** Whether a secret is this id's, in this room where one is named. */
  isValid(secret: string, id: string, room?: string): boolean {
    const nonce = secret.slice(0, NONCE_LENGTH);
    const given = secret.slice(NONCE_LENGTH, NONCE_LENGTH + ROOM_LENGTH);
    const isMadeWith = (key: Uint8Array): boolean => {
      const tag = room === undefined ? given : tagOf(room, key);
      return isEqual(secret, `${nonce}${tag}${proofOf(id, nonce, tag, key)}`);
    };
    const { current, previous } = this.#secret;
    return isMadeWith(current) || (previous !== undefined && isMadeWith(previous));
  }
}

// No id and no room holds a control character, so that the parts cannot run into one another.
function tagOf(room: string, key: Uint8Array): string {
  return hmac(`room\0${room}`, key).slice(0, ROOM_LENGTH);
}

function proofOf(id: string, nonce: string, tag: string, key: Uint8Array): string {
  return hmac(`peer\0${id}\0${nonce}\0${tag}`, key).slice(0, PROOF_LENGTH);
}

function hmac(text: string, key: Uint8Array): string {
  return createHmac("sha256", key).update(text, "utf16le").digest("base64url");
}

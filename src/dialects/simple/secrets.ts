import { createHmac, randomBytes } from "node:crypto";
import { isEqual } from "../../system/crypto.ts";
import type { Secret } from "../../core/kept.ts";

/** Lengths of the parts of a secret, in characters of base64url. */
const NONCE_LENGTH = 22;
const ROOM_LENGTH = 22;
const PROOF_LENGTH = 43;
/** Rooms whose tags are remembered: making one is a quarter of the work of a join. */
const MAX_TAGS = 1_000;

/**
 * Proofs of owning an id in a room (§5): a nonce of the instance, a tag of the room, and an HMAC of
 * both and the id. The server checks one without stored state. The tag stands for the room, so that
 * a request without the room's name can be judged too.
 */
export class Secrets {
  readonly #secret: Secret;
  /** Tags made with `#tagKey`, by room; the oldest first. */
  readonly #tags = new Map<string, string>();
  #tagKey: Uint8Array | undefined = undefined;

  /** @param secret what is issued is good until it was rotated twice */
  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** A secret that no other instance has. */
  issue(room: string, id: string): string {
    const nonce = randomBytes(16).toString("base64url");
    const key = this.#secret.current;
    const tag = this.#tagOf(room, key);
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

  /** The tag of a room that somebody joins; more will follow. */
  #tagOf(room: string, key: Uint8Array): string {
    if (key !== this.#tagKey) {
      this.#tags.clear();
      this.#tagKey = key;
    }
    let tag = this.#tags.get(room);
    if (tag !== undefined) return tag;
    tag = tagOf(room, key);
    this.#tags.set(room, tag);
    for (const oldest of this.#tags.keys()) {
      if (this.#tags.size <= MAX_TAGS) break;
      this.#tags.delete(oldest);
    }
    return tag;
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

import { Buffer } from "node:buffer";
import type { Secret } from "../../core/kept.ts";

/** The secret that the configuration names, which never changes, or else the store's. */
export function secretOf(configured: string | undefined, stored: Secret): Secret {
  return configured === undefined ? stored : fixedSecret(Buffer.from(configured));
}

/** A secret that is never rotated. */
export function fixedSecret(bytes: Uint8Array): Secret {
  return { current: bytes, previous: undefined };
}

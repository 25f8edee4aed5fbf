import { Buffer } from "node:buffer";

const SID_BYTES = 15;

/** 20 characters that nobody can guess, because a connection belongs to anyone who knows its id. */
export function newSid(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(SID_BYTES))).toString("base64url");
}

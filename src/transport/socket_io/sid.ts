import { Buffer } from "node:buffer";

const SID_BYTES = 15;

/** 20 characters that nobody can guess: who knows a connection's has the connection. */
export function newSid(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(SID_BYTES))).toString("base64url");
}

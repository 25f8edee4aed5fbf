import { Buffer } from "node:buffer";
import * as z from "zod";

const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** A secret that signs requests to a webhook, in the form of Standard Webhooks. */
export const webhookSecret = z.string().refine(
  isSecret,
  `expected whsec_ and ${MIN_BYTES} to ${MAX_BYTES} bytes in base64`,
);

function isSecret(text: string): boolean {
  const [, base64] = SECRET.exec(text) ?? [];
  if (base64 === undefined) return false;
  const { length } = Buffer.from(base64, "base64");
  return length >= MIN_BYTES && length <= MAX_BYTES;
}

import { createHash, timingSafeEqual } from "node:crypto";
import { plain } from "./answers.ts";
import type { Access } from "./route.ts";

/** Admits requests with one of these tokens; without any tokens, all requests. */
export function bearerAccess(tokens: readonly string[]): Access {
  if (tokens.length === 0) return "open";
  const digests = tokens.map(digestOf);
  return ({ bearer }) => {
    const shown = digestOf(bearer ?? "");
    // Every token is compared, so that the time tells nothing.
    const isKnown = digests.filter((digest) => timingSafeEqual(digest, shown)).length > 0;
    if (bearer !== undefined && isKnown) return undefined;
    return plain(401, "Token needed", { "www-authenticate": "Bearer" });
  };
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

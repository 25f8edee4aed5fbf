import { timingSafeEqual } from "node:crypto";
import { digestOf } from "../system/crypto.ts";
import { plain } from "./answers.ts";
import type { Guesses } from "./guesses.ts";
import type { Access } from "./route.ts";

/**
 * Admits requests with one of these tokens; without any tokens, all requests.
 * @param read the tokens now, because a reload changes them
 * @param guesses limits wrong tokens
 */
export function bearerAccess(read: () => readonly string[], guesses: Guesses): Access {
  return ({ bearer, address }) => {
    const tokens = read();
    if (tokens.length === 0) return undefined;
    if (bearer === undefined) return unauthorized();
    const shown = digestOf(bearer);
    // Every token is compared, so that the time tells nothing.
    const isRight = tokens.filter((one) => timingSafeEqual(digestOf(one), shown)).length > 0;
    const waitSeconds = guesses.waitSeconds(address, bearer, isRight);
    if (waitSeconds > 0) {
      return plain(429, "Too many wrong tokens", { "retry-after": String(waitSeconds) });
    }
    return isRight ? undefined : unauthorized();
  };
}

function unauthorized(): Response {
  return plain(401, "Token needed", { "www-authenticate": "Bearer" });
}

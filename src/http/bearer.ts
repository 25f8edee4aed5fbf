import { timingSafeEqual } from "node:crypto";
import { digestOf } from "../system/crypto.ts";
import { plain } from "./answers.ts";
import type { Access } from "./route.ts";

/**
 * Admits requests with one of these tokens; without any tokens, all requests.
 * @param read the tokens now, because a reload changes them
 */
export function bearerAccess(read: () => readonly string[]): Access {
  return ({ bearer }) => {
    const tokens = read();
    if (tokens.length === 0) return undefined;
    const shown = digestOf(bearer ?? "");
    // Every token is compared, so that the time tells nothing.
    const equal = tokens.filter((token) => timingSafeEqual(digestOf(token), shown));
    if (bearer !== undefined && equal.length > 0) return undefined;
    return plain(401, "Token needed", { "www-authenticate": "Bearer" });
  };
}

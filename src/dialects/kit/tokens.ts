import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import * as z from "zod";

/** Fewer characters could be guessed. */
const MIN_LENGTH = 16;
/** Characters that need no escape in a URL, then optionally a room's name. */
const TOKEN = new RegExp(`^[\\w.~-]{${MIN_LENGTH},}(@.+)?$`, "s");

/**
 * The option that names the tokens of a dialect.
 * @param room what the dialect calls a room, in capitals
 */
export function tokensOption(room: string): z.ZodDefault<z.ZodArray<z.ZodString>> {
  const words = `at least ${MIN_LENGTH} of A-Z a-z 0-9 . _ ~ -, then perhaps @${room}`;
  return z.array(z.string().regex(TOKEN, `expected ${words}`)).default([]).meta({
    description: `TOKEN that a client needs to join, or TOKEN@${room} for that ${room} only; ` +
      "may be given several times",
    secret: true,
  });
}

/** The verdict on a token, or on a missing one. */
export type Verdict = "admitted" | "missing" | "wrong" | "elsewhere";

interface Entry {
  readonly digest: Uint8Array;
  /** Undefined where the token is good for every room. */
  readonly room: string | undefined;
}

/** Admits clients that show a configured token, or all clients if none is configured. */
export class Tokens {
  readonly #entries: readonly Entry[];

  /** @param configured each a token or, after an `@`, the one room that it is for */
  constructor(configured: readonly string[]) {
    this.#entries = configured.map((text) => {
      const at = text.indexOf("@");
      const [token, room] = at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
      return { digest: digestOf(token), room };
    });
  }

  /** Whether clients need one. */
  get areNeeded(): boolean {
    return this.#entries.length > 0;
  }

  /** Takes as long for every token: how much of one was right does not show. */
  judge(token: string | undefined, room: string): Verdict {
    if (!this.areNeeded) return "admitted";
    if (token === undefined || token === "") return "missing";
    const digest = digestOf(token);
    let verdict: Verdict = "wrong";
    for (const entry of this.#entries) {
      if (!timingSafeEqual(entry.digest, digest)) continue;
      if (entry.room === undefined || entry.room === room) verdict = "admitted";
      else if (verdict === "wrong") verdict = "elsewhere";
    }
    return verdict;
  }
}

function digestOf(token: string): Uint8Array {
  return createHash("sha256").update(Buffer.from(token)).digest();
}

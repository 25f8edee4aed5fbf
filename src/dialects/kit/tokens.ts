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

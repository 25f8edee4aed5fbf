import * as z from "zod";
import { whole } from "../dialects/kit/options.ts";
import { DIALECTS } from "../dialects/mod.ts";

/** Characters that need no escape in a URL, perhaps with an id before them and a room after. */
const TOKEN = /^([\w.~-]{1,64}:)?[\w.~-]{16,}(@.+)?$/s;

const names = DIALECTS.map(({ name }) => name);
const dialect = z.string().refine((name) => names.includes(name), `expected ${names.join(", ")}`);

/** The options of authentication. */
export const auth = z.strictObject({
  mode: z.enum(["none", "tokens"]).default("none").meta({
    description: "Kind of token that clients need: none, or one of --auth-tokens",
  }),
  dialects: z.array(dialect).default(names).meta({
    description: "Dialect that asks for a token, the others stay open; may be given several times",
    isRare: true,
  }),
  tokens: z.array(
    z.string().regex(TOKEN, "expected [ID:]TOKEN[@ROOM], TOKEN at least 16 of A-Z a-z 0-9 . _ ~ -"),
  ).default([]).meta({
    description: "Token as [ID:]TOKEN[@ROOM]: ID is its user and only id, ROOM its only room; " +
      "may be given several times",
    secret: true,
  }),
  maxTokenBytes: whole(8_192, "Longest token that is looked at, in bytes", { min: 64 }),
  failureBurst: whole(10, "Bad tokens of one address before its refusals are delayed"),
  maxDelayMs: whole(
    5_000,
    "Longest delay of a refusal, doubled with each from 100 ms; 0 for none",
    {
      min: 0,
      max: 60_000,
    },
  ),
});

/** A checked configuration of authentication. */
export type AuthConfig = z.infer<typeof auth>;

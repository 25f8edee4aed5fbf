import * as z from "zod";
import { limit, whole } from "../dialects/kit/options.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { webUrl } from "./web_url.ts";
import { webhookSecret } from "./webhook_secret.ts";

/** Algorithms of HMAC secrets. */
export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;

/** Algorithms of public keys. */
export const KEY_ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const,
  ...["ES256", "ES384", "ES512", "EdDSA"] as const,
] as const;

/** Characters that need no escape in a URL, perhaps with an id before them and a room after. */
const TOKEN = /^([\w.~-]{1,64}:)?[\w.~-]{16,}(@.+)?$/s;

const names = DIALECTS.map(({ name }) => name);
const dialect = z.string().refine(
  (name) => names.includes(name),
  `expected one of ${names.join(", ")}`,
);

/** The options of authentication. */
export const auth = z.strictObject({
  mode: z.enum(["none", "tokens", "jwt", "webhook"]).default("none").meta({
    description: "Check of clients: none, by --auth-tokens, by JSON Web Token, or by a webhook",
  }),
  dialects: z.array(dialect).default(names).meta({
    description: "Dialect that asks for a token, the others stay open; may be given several times",
    isRare: true,
  }),
  tokens: z.array(
    z.string().regex(TOKEN, "expected [ID:]TOKEN[@ROOM], TOKEN at least 16 of A-Z a-z 0-9 . _ ~ -"),
  ).default([]).meta({
    description: "Token as [ID:]TOKEN[@ROOM]: ID is its user and the only id that it may choose, " +
      "ROOM its only room; may be given several times",
    secret: true,
  }),
  jwtSecret: z.array(z.string().min(1)).default([]).meta({
    description:
      "HMAC secret of at least 32 bytes, as text or base64:…; may be given several times",
    secret: true,
  }),
  jwtKey: z.array(z.string().min(1)).default([]).meta({
    description: "File with a public key, PEM or JWK; may be given several times",
    isRare: true,
  }),
  jwks: z.string().min(1).optional().meta({
    description: "JWK Set of an issuer: a file, an https URL, or an http URL of this machine",
    isRare: true,
  }),
  jwtAlgorithms: z.array(z.enum([...SECRET_ALGORITHMS, ...KEY_ALGORITHMS])).default([]).meta({
    description: "Algorithm to admit; by default HS256 for secrets, five common ones for keys",
    isRare: true,
  }),
  jwtAudience: z.array(z.string().min(1)).default([]).meta({
    description: "Audience of which a token has to name one; may be given several times",
    isRare: true,
  }),
  jwtIssuer: z.array(z.string().min(1)).default([]).meta({
    description: "Issuer of which a token has to name one; may be given several times",
    isRare: true,
  }),
  jwtLeewaySeconds: whole(30, "Tolerance for the times of a token, in s", { min: 0, max: 300 }),
  jwtClaim: z.string().min(1).default("signalbox").meta({
    description: "Claim of a token that holds its grants",
    isRare: true,
  }),
  jwtCacheTokens: whole(
    1_000,
    "Tokens whose signatures are remembered, as clients show them again; 0 for none",
    { min: 0, max: 100_000 },
  ),
  jwksCacheSeconds: whole(600, "Age at which the issuer's keys are fetched again, in s"),
  jwksCooldownSeconds: whole(30, "Least time between two fetches of the issuer's keys, in s"),
  jwksTimeoutMs: whole(5_000, "Time that a fetch of the issuer's keys may take, in ms"),
  webhookUrl: webUrl.optional().meta({
    description: "URL that is asked about every client",
    isRare: true,
  }),
  webhookSecret: webhookSecret.optional().meta({
    description: "Secret that signs these questions: whsec_ and 24 to 64 bytes in base64",
    isRare: true,
    secret: true,
  }),
  webhookTimeoutMs: whole(2_000, "Time for an answer of the webhook, retries included, in ms"),
  webhookRetries: whole(1, "Further attempts if the webhook gives no usable answer", {
    min: 0,
    max: 10,
  }),
  webhookMaxPending: whole(1_000, "Questions that may wait for the webhook; more are refused", {
    max: 100_000,
  }),
  webhookMaxPendingPerAddress: limit(
    500,
    "Checks by the webhook that may be under way for one address; more are refused",
    { isRare: true },
  ),
  webhookCacheSeconds: whole(30, "Time that an admission by the webhook is kept, in s", { min: 0 }),
  webhookFail: z.enum(["closed", "open"]).default("closed").meta({
    description: "Without an answer of the webhook: refuse everybody, or admit everybody",
    isRare: true,
  }),
  expiry: z.enum(["connect", "close"]).default("connect").meta({
    description: "When a token has to be valid: at the connect, or for as long as the connection",
    isRare: true,
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

import {
  errors,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
} from "jose";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import { type Identity, type Judge, refused, type Verdict, type Why } from "./authenticator.ts";
import { isUserName, readGrants } from "./claims.ts";
import type { KeySource, VerifyKey } from "./keys.ts";
import { type Verified, VerifiedTokens } from "./verified_tokens.ts";

export interface JwtOptions {
  readonly keys: KeySource;
  readonly algorithms: readonly string[];
  /** One of them has to match; without any, a token that names an audience is refused. */
  readonly audience: readonly string[];
  /** One of them has to match, where there are any. */
  readonly issuer: readonly string[];
  readonly leewaySeconds: number;
  /** Tokens whose signatures are remembered; 0 for none. */
  readonly cacheTokens: number;
  /** The claim that holds the grants. */
  readonly claim: string;
  /** Whether connections end with the token's `exp`; with its `until` they always do. */
  readonly endsWithToken: boolean;
  readonly clock: Pick<Clock, "now">;
  readonly wallNow: WallClock;
}

/** No key can be tried. */
class NoKey extends Error {
  constructor(readonly why: "key" | "unavailable") {
    super("No key");
  }
}

const CLAIMS: Readonly<Record<string, Why>> = { nbf: "not_yet", aud: "audience", iss: "issuer" };

/** Judges JSON Web Tokens. */
export class JwtJudge implements Judge {
  readonly #options: JwtOptions;
  readonly #verified: VerifiedTokens;
  readonly #checks: JWTVerifyOptions;

  constructor(options: JwtOptions) {
    this.#options = options;
    const { algorithms, audience, issuer, leewaySeconds } = options;
    this.#checks = {
      // The configuration decides on algorithms, and never the token alone.
      algorithms: [...algorithms],
      clockTolerance: leewaySeconds,
      requiredClaims: ["exp", "sub"],
      ...(audience.length > 0 ? { audience: [...audience] } : {}),
      ...(issuer.length > 0 ? { issuer: [...issuer] } : {}),
    };
    this.#verified = new VerifiedTokens(options.cacheTokens);
  }

  get trouble(): string | undefined {
    return this.#options.keys.trouble;
  }

  judge(token: string | undefined): Verdict | Promise<Verdict> {
    if (token === undefined) return refused("missing");
    return this.#verify(token).catch((error) => refused(whyOf(error)));
  }

  [Symbol.dispose](): void {
    this.#options.keys[Symbol.dispose]?.();
  }

  async #verify(token: string): Promise<Verdict> {
    const name = this.#verified.nameOf(token);
    const known = this.#verified.find(name);
    if (known !== undefined && this.#isCurrent(known.payload)) {
      const keys = await this.#options.keys.find(known.alg, known.kid);
      if (keys !== "unavailable" && keys.includes(known.key)) return this.#admit(known.payload);
    }
    const verified = await this.#verifyAnew(token);
    if (verified === undefined) return refused("signature");
    this.#verified.add(name, verified);
    return this.#admit(verified.payload);
  }

  /** Undefined if no key has signed the token. Throws errors that `whyOf` words. */
  async #verifyAnew(token: string): Promise<Verified | undefined> {
    let keys: readonly VerifyKey[] = [];
    // Reading the header takes as long as other checks do, hence the library does it for us.
    const first = await this.#payload(token, async ({ alg, kid }) => {
      const found = await this.#options.keys.find(alg, kid);
      if (found === "unavailable") throw new NoKey(found);
      keys = found;
      const [key] = found;
      if (key === undefined) throw new NoKey("key");
      return key;
    });
    if (first !== undefined) return first;
    for (const key of keys.slice(1)) {
      const verified = await this.#payload(token, () => key);
      if (verified !== undefined) return verified;
    }
    return undefined;
  }

  /** False if the times of a known token may refuse it, which the library then decides. */
  #isCurrent({ exp = 0, nbf = 0 }: JWTPayload): boolean {
    const { leewaySeconds, wallNow } = this.#options;
    const now = wallNow() / 1_000;
    return exp > now - leewaySeconds && nbf <= now + leewaySeconds;
  }

  /** Undefined if the signature is another key's. */
  async #payload(
    token: string,
    keyFor: (header: JWTHeaderParameters) => VerifyKey | Promise<VerifyKey>,
  ): Promise<Verified | undefined> {
    try {
      const { payload, key, protectedHeader } = await jwtVerify(token, keyFor, this.#checks);
      const { alg, kid } = protectedHeader;
      // The library gives back the key that it was given.
      return { payload, alg, kid, key: key as VerifyKey };
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return undefined;
      throw error;
    }
  }

  #admit(payload: JWTPayload): Verdict {
    const { audience, claim, leewaySeconds, endsWithToken } = this.#options;
    const { sub: user = "", aud, exp = 0 } = payload;
    // The library reads `aud` only if an audience is configured (RFC 7519, section 4.1.3).
    if (audience.length === 0 && aud !== undefined) return refused("audience");
    if (!isUserName(user)) return refused("claims");
    const claimed = readGrants(payload[claim], user);
    if (claimed === undefined) return refused("claims");
    const { grants, info, until = Infinity } = claimed;
    if (until * 1_000 <= this.#options.wallNow()) return refused("expired");
    const end = Math.min(until, endsWithToken ? exp + leewaySeconds : Infinity);
    const identity: Identity = { user, grants, info, expiresAt: this.#onClock(end) };
    return { identity };
  }

  #onClock(seconds: number): number | undefined {
    if (seconds === Infinity) return undefined;
    const { clock, wallNow } = this.#options;
    return clock.now() + seconds * 1_000 - wallNow();
  }
}

function whyOf(error: unknown): Why {
  if (error instanceof NoKey) return error.why;
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIMS[error.claim] ?? "claims";
  if (error instanceof errors.JOSEAlgNotAllowed) return "algorithm";
  // Anything else is about the token's form, such as an unknown critical header.
  return "malformed";
}

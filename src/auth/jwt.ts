import type { JWTPayload, JWTVerifyOptions } from "jose";
import type { Clock } from "../core/clock.ts";
import type { WallClock } from "../core/kept.ts";
import { type Identity, type Judge, refused, type Verdict, type Why } from "./authenticator.ts";
import { isUserName, readGrants } from "./claims.ts";
import type { KeySource, VerifyKey } from "./keys.ts";
import { VerifiedTokens } from "./verified_tokens.ts";

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

/** The library, which only a server that judges such tokens loads. */
type Jose = typeof import("jose");

const CLAIMS: Readonly<Record<string, Why>> = { nbf: "not_yet", aud: "audience", iss: "issuer" };

/** Judges JSON Web Tokens. */
export class JwtJudge implements Judge {
  readonly #options: JwtOptions;
  readonly #verified: VerifiedTokens;
  readonly #loading: Promise<Jose> = import("jose");

  constructor(options: JwtOptions) {
    this.#options = options;
    this.#verified = new VerifiedTokens(options.cacheTokens);
  }

  get trouble(): string | undefined {
    return this.#options.keys.trouble;
  }

  judge(token: string | undefined): Verdict | Promise<Verdict> {
    if (token === undefined) return refused("missing");
    return this.#loading.then((jose) =>
      this.#verify(jose, token).catch((error) => refused(whyOf(jose, error)))
    );
  }

  [Symbol.dispose](): void {
    this.#options.keys[Symbol.dispose]?.();
  }

  async #verify(jose: Jose, token: string): Promise<Verdict> {
    const { alg, kid } = jose.decodeProtectedHeader(token);
    // The configuration decides on algorithms, and never the token alone.
    if (alg === undefined || !this.#options.algorithms.includes(alg)) return refused("algorithm");
    const keys = await this.#options.keys.find(alg, kid);
    if (keys === "unavailable") return refused("unavailable");
    if (keys.length === 0) return refused("key");
    const known = this.#verified.find(token, keys);
    if (known !== undefined && this.#isCurrent(known)) return this.#admit(known);
    for (const key of keys) {
      const payload = await this.#payload(jose, token, key, alg);
      if (payload === undefined) continue;
      this.#verified.add(token, { payload, key });
      return this.#admit(payload);
    }
    return refused("signature");
  }

  /** False if the times of a known token may refuse it, which the library then decides. */
  #isCurrent({ exp = 0, nbf = 0 }: JWTPayload): boolean {
    const { leewaySeconds, wallNow } = this.#options;
    const now = wallNow() / 1_000;
    return exp > now - leewaySeconds && nbf <= now + leewaySeconds;
  }

  /** Undefined if the signature is another key's. */
  async #payload(
    { errors, jwtVerify }: Jose,
    token: string,
    key: VerifyKey,
    alg: string,
  ): Promise<JWTPayload | undefined> {
    const { audience, issuer, leewaySeconds } = this.#options;
    const options: JWTVerifyOptions = {
      algorithms: [alg],
      clockTolerance: leewaySeconds,
      requiredClaims: ["exp", "sub"],
      ...(audience.length > 0 ? { audience: [...audience] } : {}),
      ...(issuer.length > 0 ? { issuer: [...issuer] } : {}),
    };
    try {
      return (await jwtVerify(token, key, options)).payload;
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

function whyOf({ errors }: Jose, error: unknown): Why {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIMS[error.claim] ?? "claims";
  if (error instanceof errors.JOSEAlgNotAllowed) return "algorithm";
  // Anything else is about the token's form, such as an unknown critical header.
  return "malformed";
}

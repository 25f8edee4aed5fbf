import type { Judge } from "../../auth/authenticator.ts";
import { Jwks, keysIn } from "../../auth/jwks.ts";
import { JwtJudge } from "../../auth/jwt.ts";
import { type KeySource, PublicKeys, readKey, readSecret, secretKeys } from "../../auth/keys.ts";
import { StaticTokens } from "../../auth/static.ts";
import type { AuthConfig } from "../../config/auth.ts";
import { ConfigError } from "../../config/load.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { messageOf } from "../../system/errors.ts";
import { readText } from "../../system/files.ts";
import { webhookJudgeOf } from "./auth_webhook.ts";
import { fetchText } from "../fetch_text.ts";

export interface JudgeParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly metrics: Metrics;
  readonly log: Log;
}

const STANDARD_KEY_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
const MAX_SET_BYTES = 256 * 1024;
const FETCHES = "signalbox_auth_jwks_fetches_total";

/** Makes the judge of the configured mode; undefined for mode none. Throws ConfigError. */
export function judgeOf(auth: AuthConfig, parts: JudgeParts): Judge | undefined {
  switch (auth.mode) {
    case "none":
      return undefined;
    case "tokens":
      return new StaticTokens(auth.tokens);
    case "jwt":
      return new JwtJudge({
        keys: keySourceOf(auth, parts),
        algorithms: algorithmsOf(auth),
        audience: auth.jwtAudience,
        issuer: auth.jwtIssuer,
        leewaySeconds: auth.jwtLeewaySeconds,
        cacheTokens: auth.jwtCacheTokens,
        claim: auth.jwtClaim,
        endsWithToken: auth.expiry === "close",
        clock: parts.clock,
        wallNow: parts.wallNow,
      });
    case "webhook":
      return webhookJudgeOf(auth, parts);
    default:
      return auth.mode satisfies never;
  }
}

function algorithmsOf({ jwtAlgorithms, jwtSecret }: AuthConfig): readonly string[] {
  if (jwtAlgorithms.length > 0) return jwtAlgorithms;
  return jwtSecret.length > 0 ? ["HS256"] : STANDARD_KEY_ALGORITHMS;
}

function keySourceOf(auth: AuthConfig, parts: JudgeParts): KeySource {
  const { jwtSecret, jwtKey, jwks } = auth;
  if (jwtSecret.length > 0) {
    return secretKeys(jwtSecret.map((text) => usable("--auth-jwt-secret", () => readSecret(text))));
  }
  if (jwks === undefined) {
    return new PublicKeys(
      jwtKey.map((file) => usable(`--auth-jwt-key "${file}"`, () => readKey(readText(file)))),
    );
  }
  if (!/^https?:/i.test(jwks)) {
    return new PublicKeys(usable(`--auth-jwks "${jwks}"`, () => keysIn(readText(jwks))));
  }
  return publishedKeys(jwks, auth, parts);
}

/** The keys that an issuer publishes. Which one failed and why is for the operator. */
function publishedKeys(url: string, auth: AuthConfig, { clock, metrics, log }: JudgeParts): Jwks {
  const keys: Jwks = new Jwks({
    read: (signal) => fetchText(url, MAX_SET_BYTES, signal),
    cacheMs: 1_000 * auth.jwksCacheSeconds,
    cooldownMs: 1_000 * auth.jwksCooldownSeconds,
    timeoutMs: auth.jwksTimeoutMs,
    clock,
    onRead(outcome, error): void {
      metrics.count(FETCHES, { outcome });
      if (outcome === "ok") return;
      log.write("warning", "cannot fetch the issuer's keys", { error: messageOf(error) });
    },
  });
  metrics.read(
    "signalbox_auth_jwks_age_seconds",
    () => keys.ageMs === undefined ? -1 : Math.round(keys.ageMs / 1_000),
  );
  return keys;
}

function usable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError([`Cannot use ${what}: ${messageOf(error)}`]);
  }
}

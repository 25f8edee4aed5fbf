import type { AuthConfig } from "../config/auth.ts";
import type { Config } from "../config/schema.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { bridges } from "./bridge.ts";

/**
 * Contradictions between the options of authentication, one line each.
 * @param own tokens that are configured for one dialect alone, by its name
 */
export function objectionsTo(
  config: Config,
  own: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const { auth } = config;
  const foreign = foreignTo(auth).map((flag) => `Cannot use ${flag} with --auth-mode ${auth.mode}`);
  return [...foreign, ...inMode(auth), ...doubled(auth, own), ...openBridges(config)];
}

/** Contradictions within the mode. */
function inMode(auth: AuthConfig): string[] {
  switch (auth.mode) {
    case "none":
      return [];
    case "tokens":
      return missing(auth.mode, [["--auth-tokens", auth.tokens[0]]]);
    case "webhook":
      return missing(auth.mode, [
        ["--auth-webhook-url", auth.webhookUrl],
        ["--auth-webhook-secret", auth.webhookSecret],
      ]);
    case "jwt":
      return ofJwt(auth);
    default:
      return auth.mode satisfies never;
  }
}

/** Objections to options without a value that a mode needs. */
function missing(mode: string, needed: readonly [flag: string, value: unknown][]): string[] {
  return needed.filter(([, value]) => value === undefined)
    .map(([flag]) => `Cannot use --auth-mode ${mode} without ${flag}`);
}

function ofJwt({ jwtSecret, jwtKey, jwks, jwtAudience, jwtAlgorithms }: AuthConfig): string[] {
  const objections: string[] = [];
  const kinds = [jwtSecret.length > 0, jwtKey.length > 0, jwks !== undefined];
  const count = kinds.filter((isGiven) => isGiven).length;
  const flags = "--auth-jwt-secret, --auth-jwt-key or --auth-jwks";
  if (count === 0) objections.push(`Cannot use --auth-mode jwt without ${flags}`);
  if (count > 1) objections.push(`Cannot use more than one of ${flags}`);
  if (jwks !== undefined && jwtAudience.length === 0) {
    objections.push("Cannot use --auth-jwks without --auth-jwt-audience: its issuer has others");
  }
  if (jwks !== undefined && !isSafe(jwks)) {
    objections.push("Cannot use --auth-jwks over http, except from this machine");
  }
  const isSecret = jwtSecret.length > 0;
  const unfit = jwtAlgorithms.filter((name) => name.startsWith("HS") !== isSecret);
  if (count > 0 && unfit.length > 0) {
    const kind = isSecret ? "--auth-jwt-secret" : "public keys";
    objections.push(`Cannot use --auth-jwt-algorithms ${unfit.join(" ")} with ${kind}`);
  }
  return objections;
}

/** Options that belong to another mode. */
function foreignTo({ mode, ...auth }: AuthConfig): string[] {
  const given: [owner: AuthConfig["mode"], flag: string, isGiven: boolean][] = [
    ["tokens", "--auth-tokens", auth.tokens.length > 0],
    ["jwt", "--auth-jwt-secret", auth.jwtSecret.length > 0],
    ["jwt", "--auth-jwt-key", auth.jwtKey.length > 0],
    ["jwt", "--auth-jwks", auth.jwks !== undefined],
    ["jwt", "--auth-jwt-algorithms", auth.jwtAlgorithms.length > 0],
    ["jwt", "--auth-jwt-audience", auth.jwtAudience.length > 0],
    ["jwt", "--auth-jwt-issuer", auth.jwtIssuer.length > 0],
    ["webhook", "--auth-webhook-url", auth.webhookUrl !== undefined],
    ["webhook", "--auth-webhook-secret", auth.webhookSecret !== undefined],
  ];
  return given.filter(([owner, , isGiven]) => isGiven && owner !== mode).map(([, flag]) => flag);
}

/** True if nobody on the way can replace the keys: a file, https, or this machine. */
function isSafe(place: string): boolean {
  if (!/^http:/i.test(place)) return true;
  return URL.canParse(place) && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(place).hostname);
}

/** A dialect that stays open would lead around the tokens of those that it is bridged with. */
function openBridges(config: Config): string[] {
  const { mode, dialects } = config.auth;
  const bridged = DIALECTS.filter((definition) => bridges(config, definition));
  const open = bridged.filter(({ name }) => !dialects.includes(name)).map(({ name }) => name);
  if (mode === "none" || open.length === 0 || open.length === bridged.length) return [];
  return [`Cannot leave ${open.join(" ")} out of --auth-dialects: --bridge ties it to the others`];
}

/** A dialect with tokens of its own would have two judges. */
function doubled(
  { mode, dialects }: AuthConfig,
  own: ReadonlyMap<string, readonly string[]>,
): string[] {
  if (mode === "none") return [];
  return [...own].filter(([name, tokens]) => tokens.length > 0 && dialects.includes(name)).map((
    [name],
  ) => `Cannot use --${name}-tokens beside --auth-mode ${mode}: leave it out of --auth-dialects`);
}

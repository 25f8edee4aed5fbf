import type { AuthConfig } from "../../config/auth.ts";
import { dashed, OPTIONS, valueAt } from "../../config/option_list.ts";
import type { Config } from "../../config/schema.ts";
import { DIALECTS } from "../../dialects/mod.ts";
import { bridges } from "../bridge.ts";

/**
 * Contradictions between the options of authentication, one line each.
 * @param own tokens that are configured for one dialect alone, by its name
 */
export function objectionsTo(
  config: Config,
  own: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const { auth } = config;
  const foreign = foreignTo(config).map((flag) =>
    `Cannot use ${flag} with --auth-mode ${auth.mode}`
  );
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

/** Options that belong to another mode, and have another value than their default. */
function foreignTo(config: Config): string[] {
  const { mode } = config.auth;
  return OPTIONS.filter(({ path: [group, name = ""], isSecretFile }) => {
    const owner = OWNERS.find(([, names]) => names.test(name))?.[0];
    return group === "auth" && !isSecretFile && owner !== undefined && owner !== mode;
  }).filter(({ path, standard }) =>
    JSON.stringify(valueAt(config, path)) !== JSON.stringify(standard)
  ).map(({ flag }) => dashed(flag));
}

/** The modes, and the names of their own options. */
const OWNERS = [["tokens", /^tokens$/], ["jwt", /^jw(t|ks)/], ["webhook", /^webhook/]] as const;

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

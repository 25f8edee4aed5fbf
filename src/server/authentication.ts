import type { AuthConfig } from "../config/auth.ts";
import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { Authentication, type AuthSettings } from "../auth/mod.ts";
import { judgeOf, type JudgeParts } from "./judges.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { addressKey } from "../http/address.ts";
import { bridges } from "./bridge.ts";
import { messageOf } from "../system/errors.ts";

/** The parts of the server that authentication uses. */
export type AuthenticationParts = JudgeParts;

/** Makes the authenticator. Throws ConfigError if the options contradict each other. */
export function openAuthentication(
  config: Config,
  parts: AuthenticationParts,
): Authentication {
  const { clock, metrics } = parts;
  metrics.counter("signalbox_auth_attempts_total", "Tokens judged");
  return new Authentication(settingsOf(config, parts), {
    ...config.auth,
    clock,
    keyOf: addressKey,
    onOutcome: (dialect, outcome) =>
      metrics.count("signalbox_auth_attempts_total", { dialect, outcome }),
  });
}

/** Judges by a fresh configuration from now on; one that cannot be used changes nothing. */
export function reloadAuthentication(
  authentication: Authentication,
  fresh: Config,
  parts: AuthenticationParts,
): void {
  try {
    authentication.adopt(settingsOf(fresh, parts));
  } catch (error) {
    parts.log.write("error", "cannot take up the tokens", { error: messageOf(error) });
  }
}

/** True if keys are read from files. */
export function readsKeys({ auth: { jwtKey, jwks } }: Config): boolean {
  return jwtKey.length > 0 || (jwks !== undefined && !/^https?:/i.test(jwks));
}

function settingsOf(config: Config, parts: AuthenticationParts): AuthSettings {
  const { auth } = config;
  const own = new Map(DIALECTS.map(({ name, tokens }) => [name, tokens?.(config[name]) ?? []]));
  const objections = [...objectionsTo(auth), ...doubled(auth, own), ...openBridges(config)];
  if (objections.length > 0) throw new ConfigError(objections);
  const judge = judgeOf(auth, parts);
  const common = judge && { judge, dialects: new Set(auth.dialects) };
  return { own, common };
}

function objectionsTo(auth: AuthConfig): string[] {
  const { mode, jwtSecret, jwtKey, jwks, jwtAudience, jwtAlgorithms } = auth;
  const objections = foreignTo(auth).map((flag) => `Cannot use ${flag} with --auth-mode ${mode}`);
  if (mode === "tokens" && auth.tokens.length === 0) {
    objections.push("Cannot use --auth-mode tokens without --auth-tokens");
  }
  if (mode !== "jwt") return objections;
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

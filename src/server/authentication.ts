import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { Authentication, type AuthSettings } from "../auth/mod.ts";
import { objectionsTo } from "./auth_objections.ts";
import { judgeOf, type JudgeParts } from "./judges.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { addressKey } from "../http/address.ts";
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
  const objections = objectionsTo(config, own);
  if (objections.length > 0) throw new ConfigError(objections);
  const judge = judgeOf(auth, parts);
  const common = judge && { judge, dialects: new Set(auth.dialects) };
  return { own, common };
}

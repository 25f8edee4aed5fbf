import { ConfigError } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { Judge } from "../../auth/authenticator.ts";
import { Authentication, type AuthSettings } from "../../auth/mod.ts";
import { objectionsTo } from "./auth_objections.ts";
import { judgeOf, type JudgeParts } from "./judges.ts";
import { DIALECTS } from "../../dialects/mod.ts";
import { addressKey } from "../../http/address.ts";
import { messageOf } from "../../system/errors.ts";

/** The parts of the server that authentication uses. */
export interface AuthenticationParts extends JudgeParts {
  /** True if an operator has banned the user. */
  readonly isBanned: (user: string) => boolean;
}

/** Makes the authenticator. Throws ConfigError if the options contradict each other. */
export function openAuthentication(
  config: Config,
  parts: AuthenticationParts,
): Authentication {
  const { clock, metrics, isBanned } = parts;
  const timers = new Map(
    new Set(["tokens", config.auth.mode]).keys().map((mode) =>
      [mode, metrics.timer("signalbox_auth_duration_seconds", { mode })] as const
    ),
  );
  return new Authentication(settingsOf(config, parts), {
    ...config.auth,
    clock,
    keyOf: addressKey,
    isBanned,
    onOutcome: (dialect, outcome) =>
      metrics.count("signalbox_auth_attempts_total", { dialect, outcome }),
    onJudged: (seconds, mode) => timers.get(mode)?.(seconds),
  });
}

/**
 * Judges by the secrets and keys as they are now.
 * @returns why they cannot be used; then nothing changes
 */
export function reloadAuthentication(
  authentication: Authentication,
  config: Config,
  parts: AuthenticationParts,
): readonly string[] {
  try {
    authentication.adopt(settingsOf(config, parts, authentication.judge));
    return [];
  } catch (error) {
    return error instanceof ConfigError ? error.messages : [messageOf(error)];
  }
}

/** True if keys are read from files. */
export function readsKeys({ auth: { jwtKey, jwks } }: Config): boolean {
  return jwtKey.length > 0 || (jwks !== undefined && !isUrl(jwks));
}

/** True if the judge follows changes by itself: a webhook's, or one with keys that are fetched. */
function isLive({ auth: { mode, jwks } }: Config): boolean {
  return mode === "webhook" || (mode === "jwt" && jwks !== undefined && isUrl(jwks));
}

function isUrl(place: string): boolean {
  return /^https?:/i.test(place);
}

/** @param current the judge in force, which stays if nothing of it comes from a file */
function settingsOf(config: Config, parts: AuthenticationParts, current?: Judge): AuthSettings {
  const { auth } = config;
  const own = new Map(DIALECTS.map(({ name, tokens }) => [name, tokens?.(config[name]) ?? []]));
  const objections = objectionsTo(config, own);
  if (objections.length > 0) throw new ConfigError(objections);
  const judge = isLive(config) ? current ?? judgeOf(auth, parts) : judgeOf(auth, parts);
  const common = judge && { mode: auth.mode, judge, dialects: new Set(auth.dialects) };
  return { own, common };
}

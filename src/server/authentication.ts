import type { AuthConfig } from "../config/auth.ts";
import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Authentication, type AuthSettings } from "../auth/mod.ts";
import type { Judge } from "../auth/authenticator.ts";
import { StaticTokens } from "../auth/static.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { addressKey } from "../http/address.ts";
import { bridges } from "./bridge.ts";
import type { Log } from "../observe/log.ts";
import { messageOf } from "../system/errors.ts";
import type { Metrics } from "../observe/metrics.ts";

export interface AuthenticationParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Makes the authenticator. Throws ConfigError if the options contradict each other. */
export function openAuthentication(
  config: Config,
  parts: AuthenticationParts,
): Authentication {
  const { clock, metrics } = parts;
  metrics.counter("signalbox_auth_attempts_total", "Tokens judged");
  return new Authentication(settingsOf(config), {
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
  { log }: AuthenticationParts,
): void {
  try {
    authentication.adopt(settingsOf(fresh));
  } catch (error) {
    log.write("error", "cannot take up the tokens", { error: messageOf(error) });
  }
}

function settingsOf(config: Config): AuthSettings {
  const { auth } = config;
  const own = new Map(DIALECTS.map(({ name, tokens }) => [name, tokens?.(config[name]) ?? []]));
  const objections = [...objectionsTo(auth), ...doubled(auth, own), ...openBridges(config)];
  if (objections.length > 0) throw new ConfigError(objections);
  const judge = judgeOf(auth);
  const common = judge && { judge, dialects: new Set(auth.dialects) };
  return { own, common };
}

function judgeOf({ mode, tokens }: AuthConfig): Judge | undefined {
  return mode === "none" ? undefined : new StaticTokens(tokens);
}

function objectionsTo({ mode, tokens }: AuthConfig): string[] {
  if (mode === "tokens" && tokens.length === 0) {
    return ["Cannot use --auth-mode tokens without --auth-tokens"];
  }
  if (mode !== "tokens" && tokens.length > 0) {
    return [`Cannot use --auth-tokens with --auth-mode ${mode}`];
  }
  return [];
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

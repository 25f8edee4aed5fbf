import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Abroad } from "../core/calls/abroad.ts";
import { Calls } from "../core/calls/calls.ts";
import type { Clock } from "../core/clock.ts";
import type { LobbyName } from "../core/calls/lobby.ts";
import type { Dialect } from "../dialects/dialect.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { CallJournal } from "../observe/call_journal.ts";
import type { Bridged } from "../http/bridged.ts";
import type { Log } from "../observe/log.ts";
import type { Metrics } from "../observe/metrics.ts";

/** The realm of all bridged dialects; no dialect has such a name. */
export const BRIDGED_REALM = "bridged dialects";

/** Whether the configuration lets a dialect's peers meet those of others. */
export function bridges({ bridge }: Config, { name, bridging }: Dialect): boolean {
  return bridge.includes(name) || (bridging !== undefined && bridge.includes("all"));
}

/** The dialects whose clients reach each other, for people. */
export function bridgedOf(config: Config): Bridged[] {
  const served: readonly string[] = config.dialects;
  return DIALECTS.filter((one) => served.includes(one.name) && bridges(config, one))
    .map(({ title, bridging }) => ({ title, ...bridging }));
}

/** The way between dialects; undefined if none are bridged. Throws ConfigError. */
export function openBridge(
  config: Config,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics },
): Abroad | undefined {
  if (config.bridge.length === 0) return undefined;
  const served: readonly string[] = config.dialects;
  const missing = config.bridge.filter((name) => name !== "all" && !served.includes(name));
  if (missing.length > 0) {
    throw new ConfigError([`Cannot bridge ${missing.join(", ")}: not among --dialects`]);
  }
  const limits = {
    answerTimeoutMs: config.bridgeAnswerTimeoutMs,
    maxDescriptionLength: config.bridgeMaxDescriptionLength,
    maxHeldCandidates: config.bridgeMaxHeldCandidates,
    maxHeldLength: config.bridgeMaxHeldLength,
    maxCalls: config.bridgeMaxCallsTotal,
    maxCallsPerPeer: config.bridgeMaxCalls,
  };
  const calls = new Calls(limits, clock, new CallJournal(log, metrics).tell);
  metrics.read("signalbox_bridged_calls", () => calls.count);
  return { calls, lobby: lobbyOf(config) };
}

function lobbyOf({ bridgeLobby: room }: Config): LobbyName | undefined {
  return room === undefined ? undefined : { realm: BRIDGED_REALM, room };
}

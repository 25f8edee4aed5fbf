import { liftedLimits } from "../config/option_list.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { AddressBans } from "../http/bans.ts";
import { Gate } from "../http/gate.ts";
import type { Log } from "../observe/log.ts";
import { maxOpenFiles } from "../system/files.ts";

const FORGET_IDLE_MS = 10_000;
/** Descriptors kept for everything but connections. */
const SPARE_FILES = 256;

/** Logs the limits that differ from the configured ones. */
export function logLimits(config: Config, maxConnections: number, log: Log): void {
  for (const option of liftedLimits(config)) log.write("warning", "no limit", { option });
  if (maxConnections === config.limits.maxConnections) return;
  const why = "fewer connections than configured, because of the limit of open files (ulimit -n)";
  log.write("info", why, { limit: maxConnections });
}

/**
 * Makes the gate.
 * @param maxConnections no more than the system has files for
 * @param isDraining true while newcomers are refused
 */
export function openGate(
  config: Config,
  maxConnections: number,
  clock: Clock,
  bans: AddressBans,
  isDraining: () => boolean,
): Gate & Disposable {
  const gate = new Gate(
    { ...config.limits, maxConnections },
    config.allowedOrigins,
    clock.now,
    bans,
    isDraining,
  );
  const timer = clock.every(FORGET_IDLE_MS, () => gate.forgetIdle());
  return Object.assign(gate, { [Symbol.dispose]: () => timer[Symbol.dispose]() });
}

/**
 * Returns how many connections the configuration allows and the system has file descriptors for; half
 * of scarce ones stay free. Needs the permission to read, which the process gives up after its start.
 */
export function affordableConnections({ limits: { maxConnections: wanted } }: Config): number {
  const files = maxOpenFiles();
  const spare = Math.min(SPARE_FILES, Math.floor(files / 2));
  return Math.min(wanted, Math.max(1, files - spare));
}

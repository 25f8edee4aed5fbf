import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Happenings } from "../core/happenings.ts";
import { addressKey } from "../http/address.ts";
import { Journal } from "../observe/journal.ts";
import type { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { RecentRefusals } from "../observe/recent_refusals.ts";
import { wallClock } from "../system/clock.ts";

/** Everything that records what the server does. */
export interface Observation {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly refusals: RecentRefusals;
  readonly happenings: Happenings;
  readonly journal: Journal;
}

/** Makes the records of one server. */
export function openObservation({ limits }: Config, log: Log, clock: Clock): Observation {
  const metrics = new Metrics(clock);
  const refusals = new RecentRefusals(limits.maxRefusals, wallClock, addressKey);
  const happenings: Happenings = new Happenings(clock.now, (error) => journal.fault(error));
  const journal: Journal = new Journal(log, metrics, refusals, happenings);
  return { log, metrics, refusals, happenings, journal };
}

import { ConfigError } from "../config/load.ts";
import type { IceOptions } from "../config/ice.ts";
import type { Clock } from "../core/clock.ts";
import { AddressRates } from "../http/address_rates.ts";
import type { HttpRoute } from "../http/route.ts";
import { IceServers, type TurnAccess } from "../ice/ice_servers.ts";
import { iceRoute } from "../ice/route.ts";
import type { Metrics } from "../observe/metrics.ts";

/** The ICE servers of the configuration, and their route if there are any. */
export interface OpenIce {
  readonly servers: IceServers;
  readonly routes: readonly HttpRoute[];
}

/** Throws ConfigError if the options contradict each other. */
export function openIce(
  options: IceOptions,
  { clock, wallNow, metrics }: {
    readonly clock: Clock;
    readonly wallNow: () => number;
    readonly metrics: Metrics;
  },
): OpenIce {
  const { servers: urls, ttlSeconds, path, policy } = options;
  objectTo(options);
  const access = (): TurnAccess | undefined => accessOf(options);
  const servers = new IceServers({ urls, access, ttlSeconds, wallNow });
  if (urls.length === 0) return { servers, routes: [] };
  metrics.read("signalbox_ice_credentials_total", () => servers.count);
  const { requestsPerSecond: perSecond, requestBurst: burst, maxAddresses } = options;
  const rates = new AddressRates({ perSecond, burst, maxAddresses }, clock.now);
  return { servers, routes: [iceRoute({ path, servers, rates, policy })] };
}

/** Throws ConfigError if the options contradict each other. */
function objectTo({ servers, secret, username, credential }: IceOptions): void {
  const turn = servers.find((url) => url.startsWith("turn"));
  const isStatic = username !== undefined || credential !== undefined;
  const faults: string[] = [];
  if (secret !== undefined && isStatic) {
    faults.push("--ice-secret and --ice-username or --ice-credential exclude each other");
  } else if (isStatic && (username === undefined || credential === undefined)) {
    faults.push("--ice-username and --ice-credential need each other");
  } else if (turn !== undefined && secret === undefined && !isStatic) {
    faults.push(`"${turn}" needs --ice-secret, or --ice-username and --ice-credential`);
  } else if (turn === undefined && (secret !== undefined || isStatic)) {
    faults.push("Credentials for TURN need a turn: URL among --ice-servers");
  }
  if (faults.length > 0) throw new ConfigError(faults);
}

function accessOf(
  { secret, username, credential, ttlSeconds }: IceOptions,
): TurnAccess | undefined {
  if (secret !== undefined) return { secret, ttlSeconds };
  return username === undefined || credential === undefined ? undefined : { username, credential };
}

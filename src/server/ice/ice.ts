import { type Attempt, type Identity, NO_CONNECTION } from "../../auth/authenticator.ts";
import { shownBy } from "../../auth/credential.ts";
import { answerTo } from "../../auth/http_answer.ts";
import type { Authentication } from "../../auth/mod.ts";
import { ConfigError } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { IceOptions } from "../../config/ice.ts";
import type { Clock } from "../../core/clock.ts";
import type { WallClock } from "../../core/kept.ts";
import type { Visit } from "../../core/visit.ts";
import { AddressRates } from "../../http/address_rates.ts";
import type { HttpRoute } from "../../http/route.ts";
import { type IceClient, IceServers, type TurnAccess } from "../../ice/ice_servers.ts";
import { iceRoute, type IceRouteOptions } from "../../ice/route.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { objectionsToProvider, openProvider } from "./ice_provider.ts";

/** The ICE servers of the configuration, and their route if there are any. */
export interface OpenIce extends Disposable {
  /** The servers for one more client, as a browser takes them. */
  readonly iceServersFor: (identity: Identity | undefined) => readonly unknown[];
  readonly routes: readonly HttpRoute[];
}

export interface IceParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly authentication: Authentication;
}

/** The name under which the webhook and the metrics know requests for ICE servers. */
const NAME = "ice";

/** Throws ConfigError if the options contradict each other. */
export function openIce({ ice: options, auth: { mode } }: Config, parts: IceParts): OpenIce {
  const { servers: urls, ttlSeconds, path, policy } = options;
  const { clock, wallNow, metrics, authentication } = parts;
  objectTo(options, mode);
  const access = (): TurnAccess | undefined => accessOf(options);
  const fetched = openProvider(options, parts);
  const end = (): void => fetched?.[Symbol.dispose]();
  const servers = new IceServers({ urls, access, fetched, ttlSeconds, wallNow });
  const clientOf = ({ user, expiresAt }: Identity): IceClient => {
    const endsAt = expiresAt === undefined ? undefined : wallNow() + expiresAt - clock.now();
    return { user, endsAt };
  };
  const iceServersFor: OpenIce["iceServersFor"] = (identity) =>
    servers.grant(identity && clientOf(identity)).iceServers;
  if (urls.length === 0 && fetched === undefined) {
    return { iceServersFor, routes: [], [Symbol.dispose]: end };
  }
  metrics.read("signalbox_ice_credentials_total", () => servers.count);
  const { requestsPerSecond: perSecond, requestBurst: burst, maxAddresses } = options;
  const rates = new AddressRates({ perSecond, burst, maxAddresses }, clock.now);
  const isOpen = (options.access ?? (mode === "none" ? "open" : "token")) === "open";
  const identify: IceRouteOptions["identify"] = async (visit) => {
    if (isOpen) return {};
    const verdict = await authentication.identify(attemptOf(visit));
    return "identity" in verdict ? clientOf(verdict.identity) : answerTo(verdict.refusal);
  };
  const routes = [iceRoute({ path, servers, rates, policy, identify })];
  return { iceServersFor, routes, [Symbol.dispose]: end };
}

/** A request for ICE servers as an attempt to come in. */
function attemptOf(visit: Visit): Attempt {
  const facts = { dialect: NAME, id: undefined, room: undefined, connection: NO_CONNECTION };
  return { ...facts, ...shownBy(visit), address: visit.address };
}

/** Throws ConfigError if the options contradict each other. */
function objectTo(options: IceOptions, mode: Config["auth"]["mode"]): void {
  const faults = objectionsToProvider(options);
  if (options.provider === undefined) faults.push(...objectionsToOwn(options));
  if (options.access === "token" && mode === "none") {
    faults.push("Cannot use --ice-access token with --auth-mode none");
  }
  if (faults.length > 0) throw new ConfigError(faults);
}

/** Contradictions between the configured servers and their credentials. */
function objectionsToOwn({ servers, secret, username, credential }: IceOptions): string[] {
  const turn = servers.find((url) => url.startsWith("turn"));
  const isStatic = username !== undefined || credential !== undefined;
  if (secret !== undefined && isStatic) {
    return ["--ice-secret and --ice-username or --ice-credential exclude each other"];
  }
  if (isStatic && (username === undefined || credential === undefined)) {
    return ["--ice-username and --ice-credential need each other"];
  }
  if (turn !== undefined && secret === undefined && !isStatic) {
    return [`"${turn}" needs --ice-secret, or --ice-username and --ice-credential`];
  }
  const isUnused = turn === undefined && (secret !== undefined || isStatic);
  return isUnused ? ["Credentials for TURN need a turn: URL among --ice-servers"] : [];
}

function accessOf(
  { secret, username, credential, ttlSeconds }: IceOptions,
): TurnAccess | undefined {
  if (secret !== undefined) return { secret, ttlSeconds };
  return username === undefined || credential === undefined ? undefined : { username, credential };
}

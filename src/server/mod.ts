import type { Source } from "../config/given.ts";
import type { LiveSecrets } from "../config/live_secrets.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Operator } from "../admin/operator.ts";
import { TrustedProxies } from "../http/address.ts";
import type { Reachable } from "../http/landing.ts";
import type { Log } from "../observe/log.ts";
import { systemClock, wallClock } from "../system/clock.ts";
import { type Addresses, addressesOf } from "./addresses.ts";
import {
  type Clustered,
  clusterTrouble,
  clusterWords,
  fleetOf,
  leaveCluster,
  watchIsolation,
} from "./cluster.ts";
import { orConfigError } from "./config_error.ts";
import { type NamedPage, operatorPagesOf, pagesOf, reachableAt, sealAll } from "./dialects.ts";
import { type Doors, openDoors } from "./doors.ts";
import { announceMetrics } from "./gauges.ts";
import { HandOvers, handOverTo } from "./hand_over.ts";
import { type DrainRequest, Lifecycle, stopBudgetMs, urlsOf } from "./lifecycle.ts";
import { affordableConnections, logLimits } from "./limits.ts";
import { type Observation, openObservation } from "./observation.ts";
import { forgetful, type Persistence, storeTrouble } from "./open_store.ts";
import { openOperations, type Operations } from "./operators/operations.ts";
import { signpostOf } from "./places.ts";
import { routesOf } from "./routes.ts";
import { openSignalling, type Signalling } from "./signalling.ts";

export { AddressError } from "./listening/listen.ts";

/** A server at work. */
export interface Server extends AsyncDisposable {
  /** Where it listens, such as `http://[::]:8080`, in the order of the configuration. */
  readonly urls: readonly string[];
  /** Where operators are served alone; empty if that is at `urls`. */
  readonly adminUrls: readonly string[];
  readonly reachable: readonly Reachable[];
  /** Pages for people, with the server's base path. */
  readonly pages: readonly NamedPage[];
  /** The pages at the addresses for operators alone. */
  readonly operatorPages: readonly NamedPage[];
  /** Logs the limits that differ from the configured ones. */
  logLimits(): void;
  /** Where data is kept; undefined where it is forgotten with the process. */
  readonly storePlace: string | undefined;
  /** The cluster that this process belongs to, in a sentence; undefined for a server of one node. */
  readonly clusterWords: string | undefined;
  /**
   * Resolves when clients are served, who wait until then; rejects with StoreError where they
   * cannot be.
   */
  readonly started: Promise<void>;
  /**
   * Ends as the configuration says: `/readyz` answers 503, newcomers are refused, every connection is
   * closed as going away. Resolves when they are gone, or will not go.
   */
  stop(): Promise<void>;
  /** Refuses newcomers, and closes the connected if the request gives a time. */
  drain(request?: DrainRequest): void;
  /** Admits newcomers again; false if the process is going to end. */
  undrain(): boolean;
  /** Resolves when a drain has come to the end of the process: `stop` is due. */
  readonly left: Promise<void>;
  /** The time within which `stop` is done. */
  readonly stopBudgetMs: number;
  /**
   * Reads secrets, keys and key sets again from their files. It closes no connection, unless it takes
   * up a certificate that has changed.
   * @returns one line about each part that cannot be used, which stays as it was
   */
  reload(also?: { readonly certificate: boolean }): Promise<readonly string[]>;
  /** True if a reload has to read files. */
  readonly readsFiles: boolean;
  /** The operator's actions. */
  readonly operator: Operator;
  /** Counts and logs a fault that nothing else caught. */
  reportFault(error: unknown): void;
}

/** The parts that a server is made with. */
export interface ServerOptions {
  readonly version: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** The configuration's secrets that are in files. */
  readonly secrets?: Pick<LiveSecrets, "hasFiles" | "readAgain" | "hasChanged">;
  /** Closed with the server; without one, everything is forgotten with the process. */
  readonly persistence?: Persistence;
  /** The cluster of which this process is a node; it leaves it with the server. */
  readonly clustered?: Clustered | undefined;
  /** Where each given option comes from, by its flag. */
  readonly origins?: ReadonlyMap<string, Source>;
}

/** The parts of a server, before it listens. */
interface Parts {
  readonly version: string;
  readonly clock: Clock;
  readonly persistence: Persistence;
  readonly clustered: Clustered | undefined;
  readonly addresses: Addresses;
  readonly observation: Observation;
  readonly life: Lifecycle;
  readonly maxConnections: number;
  readonly signalling: Signalling;
  readonly operations: Operations;
  readonly proxies: TrustedProxies;
  /** Why the server is not ready although it has started; undefined if it is. */
  readonly trouble: () => string | undefined;
}

/**
 * Assembles the parts and listens last. Throws ConfigError, whose messages are for people, if the
 * configuration is unusable, and AddressError if an address may become free later. Either leaves
 * nothing open.
 */
export function startServer(config: Config, options: ServerOptions): Server {
  const { log, clock = systemClock } = options;
  const { persistence = forgetful(config, { log, clock, wallNow: wallClock }) } = options;
  using failed = new DisposableStack();
  failed.defer(() => void persistence.store.close());
  const opened = failed.use(new DisposableStack());
  const urls = (): string[] => urlsOf(doors.listening);
  const parts = openParts(config, { ...options, clock, persistence, urls, opened });
  const doors: Doors = failed.use(listenAt(config, parts));
  failed.move();
  serve(parts, doors, opened);
  return serverOf(config, parts, doors);
}

/** Opens everything but the listeners; `opened` disposes of it. */
function openParts(
  config: Config,
  { opened, urls, ...given }: ServerOptions & {
    readonly clock: Clock;
    readonly persistence: Persistence;
    readonly urls: () => readonly string[];
    readonly opened: DisposableStack;
  },
): Parts {
  const { version, log, clock, secrets, persistence, clustered, origins = new Map() } = given;
  const { store } = persistence;
  const addresses = addressesOf(config);
  const observation = openObservation(config, log, clock);
  const life = new Lifecycle(clock, log, config);
  const maxConnections = affordableConnections(config);
  const common = { version, clock, wallNow: wallClock, observation, store, life };
  const signalling = opened.use(
    openSignalling(config, { ...common, clustered, maxConnections }),
  );
  const trouble = (): string | undefined =>
    storeTrouble(store) ?? clusterTrouble(config, clustered) ?? signalling.authentication.trouble;
  opened.use(
    watchIsolation(config, clustered, { clock, log, connections: signalling.connections }),
  );
  opened.use(announceMetrics({ ...common, signalling, persistence, trouble }));
  const proxies = orConfigError(() => new TrustedProxies(config.trustProxy, config.proxied));
  const { certificate } = addresses;
  const operations = opened.use(
    openOperations(config, {
      ...{ ...common, signalling, certificate, proxies, secrets, origins, urls },
      fleet: fleetOf(clustered),
    }),
  );
  return {
    ...{ version, clock, persistence, clustered, addresses, observation, life, maxConnections },
    ...{ signalling, operations, proxies, trouble },
  };
}

/** Listens for clients and operators; requests wait until the server serves. */
function listenAt(config: Config, parts: Parts): Doors {
  const { version, clock, addresses, observation, life, signalling, proxies, trouble } = parts;
  const { metrics, journal } = observation;
  const { dialects, iceRoutes } = signalling;
  const isShared = addresses.operators.length === 0;
  return openDoors(config, {
    ...{ clock, journal, life, addresses, signalling, proxies },
    admin: parts.operations.admin,
    routes: routesOf(config, {
      ...{ version, metrics, life, trouble, dialects, iceRoutes, isShared },
      now: clock.now,
    }),
    signpost: signpostOf(config, dialects, { clock, observation }),
    isUnreachable: () => clusterTrouble(config, parts.clustered) !== undefined,
  });
}

/** Starts to serve, and names the steps of the end. */
function serve(parts: Parts, doors: Doors, opened: DisposableStack): void {
  const { version, clock, persistence: { store }, clustered, signalling, operations } = parts;
  const { observation: { log } } = parts;
  const { hub, connections, transport, dialects } = signalling;
  const fleet = fleetOf(clustered);
  const handOvers = fleet && new HandOvers(dialects, fleet, clock, () => !parts.life.isReady);
  opened.use(handOvers);
  parts.life.run({
    connections,
    listeners: [...doors.listening, ...doors.adminListening],
    keepsConnections: transport.keepsConnections,
    begin: () => Promise.all([store.forgetSealed(), operations.admin?.opened]).then(() => {}),
    silence: () => hub.silence(),
    seal: async () => {
      await handOvers?.settled();
      return await sealAll(dialects, handOverTo(fleet, { clock, log }));
    },
    notify: () => operations.webhooks.finish(),
    dispose: () => opened.dispose(),
    closeStore: (limitMs) =>
      Promise.all([leaveCluster(clustered), store.close(limitMs)]).then(() => {}),
    report: (step) =>
      parts.observation.happenings.emit({ type: `server.${step}`, data: { version } }),
  });
}

function serverOf(config: Config, parts: Parts, doors: Doors): Server {
  const { persistence: { store }, clustered, observation, life, signalling, operations } = parts;
  const { operator, reload, undrain } = operations;
  const stop = (): Promise<void> => life.stop();
  return {
    urls: urlsOf(doors.listening),
    adminUrls: urlsOf(doors.adminListening),
    reachable: reachableAt(config, signalling.dialects),
    pages: pagesOf(config),
    operatorPages: operatorPagesOf(config),
    logLimits: () => logLimits(config, parts.maxConnections, observation.log),
    started: life.started,
    storePlace: store.place,
    clusterWords: clustered && clusterWords(clustered),
    stop,
    stopBudgetMs: stopBudgetMs(config),
    drain: (request) => life.drain(request),
    undrain,
    left: life.left,
    operator,
    readsFiles: reload.readsFiles,
    reload: (also) => reload.all(also),
    reportFault: (error) => observation.journal.fault(error),
    [Symbol.asyncDispose]: stop,
  };
}

import { listenersOf } from "../config/listeners.ts";
import type { LiveSecrets } from "../config/live_secrets.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Happenings } from "../core/happenings.ts";
import { Operator } from "../admin/operator.ts";
import { addressKey, TrustedProxies } from "../http/address.ts";
import { AddressBans } from "../http/bans.ts";
import { bearerAccess } from "../http/bearer.ts";
import { CorsPolicy } from "../http/cors.ts";
import { docsRoutes } from "../docs/mod.ts";
import { landingPage, landingRoute, type Reachable } from "../http/landing.ts";
import { isProbe, ownRoutes, probesOf } from "../http/own_routes.ts";
import { type OwnedRoute, Router } from "../http/router.ts";
import { Journal } from "../observe/journal.ts";
import type { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { type ProcessFacts, watchProcess } from "../observe/process_metrics.ts";
import { Signpost } from "../observe/signpost.ts";
import { RecentRefusals } from "../observe/recent_refusals.ts";
import { processStartMs, systemClock, wallClock } from "../system/clock.ts";
import { messageOf } from "../system/errors.ts";
import { openProcessUsage, type ProcessUsage } from "../system/process.ts";
import { Connections } from "../transport/connections.ts";
import { openTransport } from "../transport/open.ts";
import type { SocketIoServer } from "../transport/socket_io/server.ts";
import type { ListenOptions } from "../transport/transport.ts";
import { tryRoutes } from "../try/mod.ts";
import { openAuthentication, readsKeys, reloadAuthentication } from "./authentication.ts";
import { bridgedOf, openBridge } from "./bridge.ts";
import { Certificate } from "./certificates.ts";
import { type Clustered, clusterTrouble, clusterWords, hubOf } from "./cluster.ts";
import { orConfigError } from "./config_error.ts";
import {
  basePathOf,
  type NamedDialect,
  openDialects,
  openSocketIo,
  pagesOf,
  reachableAt,
  sealAll,
} from "./dialects.ts";
import { Door, type DoorOptions } from "./door.ts";
import { announceGauges } from "./gauges.ts";
import { type DrainRequest, Lifecycle, stopBudgetMs, urlsOf } from "./lifecycle.ts";
import { openIce } from "./ice.ts";
import { affordableConnections, logLimits, openGate } from "./limits.ts";
import { listen } from "./listen.ts";
import { forgetful, type Persistence } from "./open_store.ts";
import { placesOf } from "./places.ts";
import { SocketIoDoor } from "./socket_io_door.ts";
import { openWebhooks } from "./webhooks.ts";

export { AddressError } from "./listen.ts";

/** A server at work. */
export interface Server extends AsyncDisposable {
  /** Where it listens, such as `http://[::]:8080`, in the order of the configuration. */
  readonly urls: readonly string[];
  readonly reachable: readonly Reachable[];
  /** Pages for people, with the server's base path. */
  readonly pages: readonly { readonly title: string; readonly path: string }[];
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
  readonly secrets?: Pick<LiveSecrets, "hasFiles" | "readAgain">;
  /** Closed with the server; without one, everything is forgotten with the process. */
  readonly persistence?: Persistence;
  /** The cluster of which this process is a node; it leaves it with the server. */
  readonly clustered?: Clustered | undefined;
}

/**
 * Puts the parts together and listens last. Throws ConfigError, whose messages are for people, if the
 * configuration cannot be carried out, and AddressError if it perhaps can be later. It is one long
 * list, because each part needs some of those before it, and a failure has to undo exactly those.
 */
export function startServer(config: Config, options: ServerOptions): Server {
  const { log, clock = systemClock, secrets } = options;
  const { persistence = forgetful(config, { log, clock, wallNow: wallClock }) } = options;
  const { clustered } = options;
  const { store } = persistence;
  const { listeners, tls } = listenersOf(config);
  const isSecure = listeners.some((where) => where.isSecure);
  const certificate = tls && new Certificate(tls, isSecure);
  using undo = new DisposableStack();
  undo.defer(() => void store.close());

  const metrics = new Metrics();
  const refusals = new RecentRefusals(config.limits.maxRefusals, wallClock, addressKey);
  const happenings: Happenings = new Happenings(clock.now, (error) => journal.fault(error));
  const journal: Journal = new Journal(log, metrics, refusals, happenings);
  const abroad = openBridge(config, { clock, log, metrics });
  const hub = hubOf(config, clustered, { metrics, abroad, happenings });
  const transport = openTransport(config.transport, clock);
  const connections = undo.use(new Connections(clock, journal, config.limits, addressKey));
  const bans = new AddressBans(store.bans);
  const life = new Lifecycle(clock, log, config);
  const maxConnections = affordableConnections(config);
  const gate = undo.use(openGate(config, maxConnections, clock, bans, () => life.isDraining));
  const authParts = { clock, metrics, log, wallNow: wallClock };
  const authentication = undo.use(openAuthentication(config, authParts));
  const ice = openIce(config, { clock, wallNow: wallClock, metrics, authentication });
  const iceServers = ice.iceServersFor;
  const dialects = openDialects(config, { hub, clock, store, log, iceServers, authentication });
  for (const { dialect } of dialects) undo.defer(() => dialect[Symbol.dispose]?.());
  const webhooks = openWebhooks(config.webhooks, {
    ...{ clock, wallNow: wallClock, log, metrics, instance: crypto.randomUUID() },
  });
  if (config.webhooks.url.length > 0) undo.use(happenings.listen((news) => webhooks.push(news)));
  const socketIo = openSocketIo(config, { clock, connections, dialects, gate });
  announceGauges(metrics, { hub, connections, gate, dialects, socketIo });
  persistence.journal.announce(metrics, store);

  const trouble = (): string | undefined =>
    store.trouble === undefined
      ? clusterTrouble(clustered) ?? authentication.trouble
      : `the store: ${store.trouble}`;
  const usage = undo.use(openProcessUsage());
  undo.use(watchProcess(metrics, processFacts(options, { usage, life, trouble }), clock));
  metrics.read("signalbox_log_lines_suppressed_total", () => log.suppressed);
  const served = { metrics, life, trouble, dialects };
  const door = openDoor(config, {
    routes: [
      ...serverRoutes(config, options, served),
      ...ice.routes.map((route) => ({ owner: "server", route })),
      ...dialectRoutes(dialects),
    ],
    signpost: new Signpost({
      log,
      metrics,
      clock,
      places: placesOf(dialects, basePathOf(config)),
      maxAddresses: config.limits.maxHintedAddresses,
    }),
    ...{ gate, connections, transport, clock, journal, socketIo, life },
  });
  const probes = probesOf(config, basePathOf(config));
  const handle: ListenOptions["handle"] = (request, remote) =>
    life.state === "starting" && !isProbe(request, probes)
      ? life.started.then(() => door.handle(request, remote))
      : door.handle(request, remote);
  const listening = listeners.map((where) => {
    const material = where.isSecure ? certificate?.material : undefined;
    const listener = listen(where, material, { handle, journal, transport });
    undo.defer(() => void listener.stop());
    return { where, listener };
  });

  /** Returns the reason if the certificate cannot be used. */
  async function renewCertificate(): Promise<readonly string[]> {
    try {
      const fresh = certificate?.readAgain();
      if (fresh !== undefined && await life.renew(fresh)) certificate?.adopt(fresh);
      return [];
    } catch (error) {
      log.write("error", "cannot take up the certificate", { error: messageOf(error) });
      return [messageOf(error)];
    }
  }
  if (certificate !== undefined && config.restartOnCertChange) {
    undo.use(certificate.watch(clock, () => void renewCertificate()));
  }
  const parts = undo.move();
  life.run({
    connections,
    listeners: listening,
    keepsConnections: transport.keepsConnections,
    begin: () => store.forgetSealed(),
    silence: () => hub.silence(),
    seal: () => sealAll(dialects),
    notify: () => webhooks.finish(),
    dispose: () => parts.dispose(),
    closeStore: async (limitMs) => {
      await clustered?.cluster.node.stop();
      await store.close(limitMs);
    },
    report: (step) =>
      happenings.emit({ type: `server.${step}`, data: { version: options.version } }),
  });
  const turnOut = (key: string): void => {
    connections.turnOut(key, "address_banned");
    socketIo?.turnOut(key, "address_banned");
  };
  const stop = (): Promise<void> => life.stop();
  return {
    urls: urlsOf(listening),
    reachable: reachableAt(config, dialects),
    pages: pagesOf(config),
    logLimits: () => logLimits(config, maxConnections, log),
    started: life.started,
    storePlace: store.place,
    clusterWords: clustered && clusterWords(clustered),
    stop,
    stopBudgetMs: stopBudgetMs(config),
    drain: (request) => life.drain(request),
    undrain: () => life.undrain(),
    left: life.left,
    operator: new Operator({ dialects, store, bans, refusals, turnOut }),
    readsFiles: certificate !== undefined || readsKeys(config) || secrets?.hasFiles === true,
    async reload({ certificate: isWanted } = { certificate: false }): Promise<readonly string[]> {
      const unusable = [
        ...secrets?.readAgain() ?? [],
        ...reloadAuthentication(authentication, config, authParts),
      ];
      webhooks.resume();
      for (const error of unusable) log.write("error", "cannot take up a secret or key", { error });
      const hasRead = secrets?.hasFiles === true || readsKeys(config);
      if (hasRead && unusable.length === 0) log.write("info", "secrets and keys read again");
      return isWanted ? [...unusable, ...await renewCertificate()] : unusable;
    },
    reportFault: (error) => journal.fault(error),
    [Symbol.asyncDispose]: stop,
  };
}

/** The resources that the server has in its own name. */
function serverRoutes(
  config: Config,
  { version }: ServerOptions,
  { metrics, life, trouble, dialects }: {
    readonly metrics: Metrics;
    readonly life: Lifecycle;
    readonly trouble: () => string | undefined;
    readonly dialects: readonly NamedDialect[];
  },
): OwnedRoute[] {
  const reachable = reachableAt(config, dialects);
  const basePath = basePathOf(config);
  const bridge = { dialects: bridgedOf(config), lobby: config.bridgeLobby };
  const page = landingPage({ version, reachable, basePath, hasTry: !config.noTry, bridge });
  const trial = config.noTry
    ? []
    : tryRoutes(dialects.map(({ name, dialect: { entrances } }) => ({ name, entrances })));
  const own = ownRoutes({
    health: config.health,
    metricsPath: config.metrics,
    metricsAccess: bearerAccess(() => config.metricsTokens),
    basePath,
    expose: () => metrics.expose(),
    trouble: () => life.unready ?? trouble(),
  });
  const docs = docsRoutes({ basePath, version });
  return [...own, landingRoute(page), ...trial, ...docs].map((route) => ({
    owner: "server",
    route,
  }));
}

function processFacts(
  { version }: ServerOptions,
  { usage, life, trouble }: {
    readonly usage: ProcessUsage;
    readonly life: Lifecycle;
    readonly trouble: () => string | undefined;
  },
): ProcessFacts {
  return {
    usage,
    version,
    deno: Deno.version.deno,
    startedAtMs: processStartMs,
    isReady: () => (life.unready ?? trouble()) === undefined,
    isDraining: () => life.unready === "draining",
  };
}

function dialectRoutes(dialects: readonly NamedDialect[]): OwnedRoute[] {
  return dialects.flatMap(({ name, dialect }) =>
    dialect.routes.map((route) => ({ owner: name, route }))
  );
}

function openDoor(
  config: Config,
  { routes, socketIo: server, journal, life, ...parts }:
    & Pick<DoorOptions, "gate" | "connections" | "transport" | "clock" | "signpost">
    & {
      readonly routes: readonly OwnedRoute[];
      readonly socketIo: SocketIoServer | undefined;
      readonly journal: Journal;
      readonly life: Lifecycle;
    },
): Door {
  const { corsOrigins, allowedOrigins } = config;
  const onTurnedAway: DoorOptions["onTurnedAway"] = (visitor, status) =>
    journal.turnedAway(visitor, status);
  return new Door({
    ...parts,
    router: orConfigError(() => new Router(routes)),
    cors: new CorsPolicy(corsOrigins.length > 0 ? corsOrigins : allowedOrigins),
    proxies: orConfigError(() => new TrustedProxies(config.trustProxy, config.proxied)),
    maxSilenceMs: 2_000 * config.keepaliveTimeoutSeconds,
    basePath: basePathOf(config),
    socketIo: server && new SocketIoDoor({ ...parts, server, onTurnedAway }),
    isClosed: () => life.isClosed,
    onTurnedAway,
    onRequestRefused: (visitor, error, word) => journal.requestRefused(visitor, error, word),
    onFault: (error) => journal.fault(error),
  });
}

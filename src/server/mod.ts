import { listenersOf, type Listening } from "../config/listeners.ts";
import type { Source } from "../config/given.ts";
import type { LiveSecrets } from "../config/live_secrets.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Happenings } from "../core/happenings.ts";
import { Operator } from "../admin/operator.ts";
import { addressKey, TrustedProxies } from "../http/address.ts";
import { AddressBans, UserBans } from "../http/bans.ts";
import { bearerAccess } from "../http/bearer.ts";
import { CorsPolicy } from "../http/cors.ts";
import { docsRoutes } from "../docs/mod.ts";
import { landingPage, landingRoute, type Reachable } from "../http/landing.ts";
import { isProbe, ownRoutes, probesOf } from "../http/own_routes.ts";
import { type OwnedRoute, Router } from "../http/router.ts";
import { Journal } from "../observe/journal.ts";
import type { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { exportMetrics } from "../observe/otel.ts";
import { watchProcess } from "../observe/process_metrics.ts";
import { Signpost } from "../observe/signpost.ts";
import { RecentRefusals } from "../observe/recent_refusals.ts";
import { processStartMs, systemClock, wallClock } from "../system/clock.ts";
import { messageOf } from "../system/errors.ts";
import { openProcessUsage } from "../system/process.ts";
import { Connections } from "../transport/connections.ts";
import { openTransport } from "../transport/open.ts";
import type { SocketIoServer } from "../transport/socket_io/server.ts";
import type { ListenOptions } from "../transport/transport.ts";
import { tryRoutes } from "../try/mod.ts";
import { adminListenersOf, consoleRoutesOf, openAdmin } from "./admin.ts";
import { openAuthentication, readsKeys, reloadAuthentication } from "./authentication.ts";
import { bridgedOf, openBridge } from "./bridge.ts";
import { Certificate } from "./certificates.ts";
import { type Clustered, clusterTrouble, clusterWords, hubOf, leaveCluster } from "./cluster.ts";
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
import { type DrainRequest, Lifecycle, type Listened, stopBudgetMs, urlsOf } from "./lifecycle.ts";
import { openIce } from "./ice.ts";
import { affordableConnections, logLimits, openGate } from "./limits.ts";
import { listen } from "./listen.ts";
import { forgetful, type Persistence, storeTrouble } from "./open_store.ts";
import { placesOf } from "./places.ts";
import { processFacts } from "./process_facts.ts";
import { SocketIoDoor } from "./socket_io_door.ts";
import { openWebhooks } from "./webhooks.ts";

export { AddressError } from "./listen.ts";

/** A server at work. */
export interface Server extends AsyncDisposable {
  /** Where it listens, such as `http://[::]:8080`, in the order of the configuration. */
  readonly urls: readonly string[];
  /** Where operators are served alone; empty if that is at `urls`. */
  readonly adminUrls: readonly string[];
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
  /** Where each given option comes from, by its flag. */
  readonly origins?: ReadonlyMap<string, Source>;
}

/**
 * Puts the parts together and listens last. Throws ConfigError, whose messages are for people, if the
 * configuration cannot be carried out, and AddressError if it perhaps can be later. It is one long
 * list, because each part needs some of those before it, and a failure has to undo exactly those.
 */
export function startServer(config: Config, options: ServerOptions): Server {
  const { log, clock = systemClock, secrets, clustered } = options;
  const { persistence = forgetful(config, { log, clock, wallNow: wallClock }) } = options;
  const { store } = persistence;
  const { listeners, tls } = listenersOf(config);
  using undo = new DisposableStack();
  undo.defer(() => void store.close());
  const adminListeners = adminListenersOf(config, tls !== undefined);
  const isSecure = [...listeners, ...adminListeners].some((where) => where.isSecure);
  const certificate = tls && new Certificate(tls, isSecure);

  const metrics = new Metrics();
  const refusals = new RecentRefusals(config.limits.maxRefusals, wallClock, addressKey);
  const happenings: Happenings = new Happenings(clock.now, (error) => journal.fault(error));
  const journal: Journal = new Journal(log, metrics, refusals, happenings);
  const abroad = openBridge(config, { clock, log, metrics });
  const hub = hubOf(config, clustered, { metrics, abroad, happenings });
  const transport = openTransport(config.transport, clock);
  const connections = undo.use(
    new Connections(clock, journal, config.limits, addressKey, hub.channels.relays),
  );
  const bans = new AddressBans(store.bans);
  const life = new Lifecycle(clock, log, config);
  const maxConnections = affordableConnections(config);
  const gate = undo.use(openGate(config, maxConnections, clock, bans, () => life.isDraining));
  const userBans = new UserBans(store.bans);
  const isBanned = (user: string): boolean => userBans.has(user);
  const authParts = { clock, metrics, log, wallNow: wallClock, isBanned };
  const authentication = undo.use(openAuthentication(config, authParts));
  const ice = undo.use(openIce(config, { ...authParts, authentication }));
  const iceServers = ice.iceServersFor;
  const dialects = openDialects(config, { hub, clock, store, log, iceServers, authentication });
  for (const { dialect } of dialects) undo.defer(() => dialect[Symbol.dispose]?.());
  const instance = crypto.randomUUID();
  const webhooks = openWebhooks(config.webhooks, {
    ...{ clock, wallNow: wallClock, log, metrics, instance },
  });
  if (config.webhooks.url.length > 0) undo.use(happenings.listen((news) => webhooks.push(news)));
  const socketIo = openSocketIo(config, { clock, connections, dialects, gate });
  announceGauges(metrics, { hub, connections, gate, dialects, socketIo });
  persistence.journal.announce(metrics, store);

  const trouble = (): string | undefined =>
    storeTrouble(store) ?? clusterTrouble(clustered) ?? authentication.trouble;
  const usage = undo.use(openProcessUsage());
  undo.use(watchProcess(metrics, processFacts(options, { usage, life, trouble }), clock));
  metrics.read("signalbox_log_lines_suppressed_total", () => log.suppressed);
  exportMetrics(metrics, options.version);
  const turnOut = (key: string): void => {
    connections.turnOut(key, "address_banned");
    socketIo?.turnOut(key, "address_banned");
  };
  const wallNow = wallClock;
  const operatorParts = { dialects, hub, store, bans, userBans, refusals, turnOut, wallNow };
  const operator = new Operator({ ...operatorParts, happenings });
  const reload = async ({ certificate: isWanted } = { certificate: false }) => {
    const unusable = [
      ...secrets?.readAgain() ?? [],
      ...reloadAuthentication(authentication, config, authParts),
    ];
    webhooks.resume();
    for (const error of unusable) log.write("error", "cannot take up a secret or key", { error });
    const hasRead = secrets?.hasFiles === true || readsKeys(config);
    if (hasRead && unusable.length === 0) log.write("info", "secrets and keys read again");
    return isWanted ? [...unusable, ...await renewCertificate()] : unusable;
  };
  const proxies = orConfigError(() => new TrustedProxies(config.trustProxy, config.proxied));
  const admin = openAdmin(config, {
    ...{ clock, hub, happenings, connections, dialects, operator, metrics, proxies },
    server: {
      version: options.version,
      deno: Deno.version.deno,
      startedAtMs: processStartMs,
      instance,
      store: () => ({ kind: config.store.split(":")[0] ?? "", trouble: store.trouble }),
      urls: () => urlsOf(listening),
      state: () => life.unready ?? "ready",
      connections: () => gate.connections,
    },
    origins: options.origins ?? new Map(),
    guarded: config.dialects.filter((name) => authentication.asks(name)),
    webhooks: () => webhooks.reports(),
    residentBytes: () => Deno.memoryUsage().rss,
    drain: (request) => life.drain(request),
    undrain: () => undrain(),
    reload,
    onFault: (error) => journal.fault(error),
  });
  if (admin !== undefined) undo.use(admin);
  const served = { metrics, life, trouble };
  const isShared = adminListeners.length === 0;
  const doorParts = { gate, connections, transport, clock, journal, life, proxies };
  const signpost = new Signpost({
    log,
    metrics,
    clock,
    places: placesOf(dialects, basePathOf(config)),
    maxAddresses: config.limits.maxHintedAddresses,
  });
  const door = openDoor(config, {
    routes: [
      ...ownRoutesOf(config, served, isShared ? config.metrics : undefined),
      ...(isShared ? consoleRoutesOf(config) : []),
      ...serverRoutes(config, options, dialects),
      ...ice.routes.map((route) => ({ owner: "server", route })),
      ...dialectRoutes(dialects),
    ],
    signpost,
    ...{ ...doorParts, socketIo },
  });
  const probes = probesOf(config, basePathOf(config));
  /** Answers requests when the server has started, and probes before. */
  const startedFirst =
    (handle: ListenOptions["handle"]): ListenOptions["handle"] => (request, remote) =>
      life.state === "starting" && !isProbe(request, probes)
        ? life.started.then(() => handle(request, remote))
        : handle(request, remote);
  const listenAt = (where: Listening, handle: ListenOptions["handle"]): Listened => {
    const material = where.isSecure ? certificate?.material : undefined;
    const parts = { handle: startedFirst(handle), journal, transport };
    const listener = listen(where, material, parts);
    undo.defer(() => void listener.stop());
    return { where, listener };
  };
  const servePublic: ListenOptions["handle"] = (request, remote) =>
    (isShared ? admin?.handle(request, remote) : undefined) ?? door.handle(request, remote);
  const listening = listeners.map((where) => listenAt(where, servePublic));
  const adminDoor = openDoor(config, {
    routes: [...ownRoutesOf(config, served, config.metrics), ...consoleRoutesOf(config)],
    signpost,
    ...{ ...doorParts, socketIo: undefined },
  });
  const serveOperators: ListenOptions["handle"] = (request, remote) =>
    admin?.handle(request, remote) ?? adminDoor.handle(request, remote);
  const adminListening = adminListeners.map((where) => listenAt(where, serveOperators));

  /** A certificate that came during a drain waits for its end. */
  let isRenewalDue = false;
  const undrain = (): boolean => {
    const isDone = life.undrain();
    if (isDone && isRenewalDue) void renewCertificate();
    return isDone;
  };
  /** Returns the reason if the certificate cannot be used. */
  async function renewCertificate(): Promise<readonly string[]> {
    try {
      const fresh = certificate?.readAgain();
      if (fresh === undefined) return [];
      isRenewalDue = !await life.renew(fresh);
      if (!isRenewalDue) certificate?.adopt(fresh);
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
    listeners: [...listening, ...adminListening],
    keepsConnections: transport.keepsConnections,
    begin: () => Promise.all([store.forgetSealed(), admin?.opened]).then(() => {}),
    silence: () => hub.silence(),
    seal: () => sealAll(dialects),
    notify: () => webhooks.finish(),
    dispose: () => parts.dispose(),
    closeStore: (limitMs) => leaveCluster(clustered).then(() => store.close(limitMs)),
    report: (step) =>
      happenings.emit({ type: `server.${step}`, data: { version: options.version } }),
  });
  const stop = (): Promise<void> => life.stop();
  return {
    urls: urlsOf(listening),
    adminUrls: urlsOf(adminListening),
    reachable: reachableAt(config, dialects),
    pages: pagesOf(config),
    logLimits: () => logLimits(config, maxConnections, log),
    started: life.started,
    storePlace: store.place,
    clusterWords: clustered && clusterWords(clustered),
    stop,
    stopBudgetMs: stopBudgetMs(config),
    drain: (request) => life.drain(request),
    undrain,
    left: life.left,
    operator,
    readsFiles: certificate !== undefined || readsKeys(config) || secrets?.hasFiles === true,
    reload,
    reportFault: (error) => journal.fault(error),
    [Symbol.asyncDispose]: stop,
  };
}

/** The resources that the server has in its own name. */
function serverRoutes(
  config: Config,
  { version }: ServerOptions,
  dialects: readonly NamedDialect[],
): OwnedRoute[] {
  const reachable = reachableAt(config, dialects);
  const basePath = basePathOf(config);
  const bridge = { dialects: bridgedOf(config), lobby: config.bridgeLobby };
  const page = landingPage({ version, reachable, basePath, hasTry: !config.noTry, bridge });
  const trial = config.noTry
    ? []
    : tryRoutes(dialects.map(({ name, dialect: { entrances } }) => ({ name, entrances })));
  const docs = docsRoutes({ basePath, version });
  return [landingRoute(page), ...trial, ...docs].map((route) => ({ owner: "server", route }));
}

/** Health, readiness and metrics. */
function ownRoutesOf(
  config: Config,
  { metrics, life, trouble }: {
    readonly metrics: Metrics;
    readonly life: Lifecycle;
    readonly trouble: () => string | undefined;
  },
  metricsPath: string | undefined,
): OwnedRoute[] {
  const own = ownRoutes({
    health: config.health,
    metricsPath,
    metricsAccess: bearerAccess(() => config.metricsTokens),
    basePath: basePathOf(config),
    expose: () => metrics.expose(),
    trouble: () => life.unready ?? trouble(),
  });
  return own.map((route) => ({ owner: "server", route }));
}

function dialectRoutes(dialects: readonly NamedDialect[]): OwnedRoute[] {
  return dialects.flatMap(({ name, dialect }) =>
    dialect.routes.map((route) => ({ owner: name, route }))
  );
}

function openDoor(
  config: Config,
  { routes, socketIo: server, journal, life, ...parts }:
    & Pick<
      DoorOptions,
      "gate" | "connections" | "transport" | "clock" | "signpost" | "proxies"
    >
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
    maxSilenceMs: 2_000 * config.keepaliveTimeoutSeconds,
    basePath: basePathOf(config),
    socketIo: server && new SocketIoDoor({ ...parts, server, onTurnedAway }),
    isClosed: () => life.isClosed,
    onTurnedAway,
    onRequestRefused: (visitor, error, word) => journal.requestRefused(visitor, error, word),
    onFault: (error) => journal.fault(error),
  });
}

import { listenersOf } from "../config/listeners.ts";
import type { Source } from "../config/given.ts";
import type { LiveSecrets } from "../config/live_secrets.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Happenings } from "../core/happenings.ts";
import { Operator } from "../admin/operator.ts";
import { addressKey, TrustedProxies } from "../http/address.ts";
import { AddressBans, UserBans } from "../http/bans.ts";
import type { Reachable } from "../http/landing.ts";
import { Journal } from "../observe/journal.ts";
import type { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { exportMetrics } from "../observe/otel.ts";
import { watchProcess } from "../observe/process_metrics.ts";
import { Signpost } from "../observe/signpost.ts";
import { RecentRefusals } from "../observe/recent_refusals.ts";
import { processStartMs, systemClock, wallClock } from "../system/clock.ts";
import { openProcessUsage } from "../system/process.ts";
import { Connections } from "../transport/connections.ts";
import { openTransport } from "../transport/open.ts";
import { adminListenersOf, openAdmin } from "./admin.ts";
import { openAuthentication } from "./authentication.ts";
import { openBridge } from "./bridge.ts";
import { Certificate } from "./certificates.ts";
import { type Clustered, clusterTrouble, clusterWords, hubOf, leaveCluster } from "./cluster.ts";
import { orConfigError } from "./config_error.ts";
import {
  basePathOf,
  type NamedPage,
  openDialects,
  openSocketIo,
  operatorPagesOf,
  pagesOf,
  reachableAt,
  sealAll,
} from "./dialects.ts";
import { openDoors } from "./doors.ts";
import { announceGauges } from "./gauges.ts";
import { type DrainRequest, Lifecycle, stopBudgetMs, urlsOf } from "./lifecycle.ts";
import { openIce } from "./ice.ts";
import { affordableConnections, logLimits, openGate } from "./limits.ts";
import { forgetful, type Persistence, storeTrouble } from "./open_store.ts";
import { placesOf } from "./places.ts";
import { processFacts } from "./process_facts.ts";
import { openReload } from "./reload.ts";
import { routesOf } from "./routes.ts";
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
 * configuration cannot be carried out, and AddressError if it perhaps can be later. It is one list,
 * because each part needs some of those before it, and a failure has to undo exactly those.
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
  const reload = openReload(config, {
    ...{ secrets, authentication, authParts, webhooks, certificate, life, log },
  });
  const undrain = (): boolean => {
    const isDone = life.undrain();
    if (isDone) reload.afterDrain();
    return isDone;
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
    undrain,
    reload: () => reload.all(),
    onFault: (error) => journal.fault(error),
  });
  if (admin !== undefined) undo.use(admin);
  const routes = routesOf(config, {
    ...{ version: options.version, metrics, life, trouble, dialects, iceRoutes: ice.routes },
    isShared: adminListeners.length === 0,
  });
  const signpost = new Signpost({
    ...{ log, metrics, clock },
    places: placesOf(dialects, basePathOf(config)),
    maxAddresses: config.limits.maxHintedAddresses,
  });
  const { listening, adminListening } = openDoors(config, {
    ...{ listeners, adminListeners, routes, admin, certificate, socketIo, signpost, proxies },
    ...{ gate, connections, transport, clock, journal, life, undo },
  });
  if (certificate !== undefined && config.restartOnCertChange) {
    undo.use(certificate.watch(clock, () => void reload.certificate()));
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
    operatorPages: operatorPagesOf(config),
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
    readsFiles: reload.readsFiles,
    reload: (also) => reload.all(also),
    reportFault: (error) => journal.fault(error),
    [Symbol.asyncDispose]: stop,
  };
}

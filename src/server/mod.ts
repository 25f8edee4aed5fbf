import { listenersOf, type TlsFiles, urlOf } from "../config/listeners.ts";
import { ConfigError } from "../config/load.ts";
import { liftedLimits } from "../config/option_list.ts";
import type { Authentication } from "../auth/mod.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { Hub } from "../core/hub.ts";
import type { DialectStore } from "../core/kept.ts";
import type { OpenDialect } from "../dialects/dialect.ts";
import { DIALECTS } from "../dialects/mod.ts";
import { BRIDGED_REALM, bridges, lobbyOf, openCalls } from "./bridge.ts";
import { Door, type DoorOptions } from "./door.ts";
import { maxOpenFiles } from "../system/files.ts";
import { addressKey, TrustedProxies } from "../http/address.ts";
import { AddressBans } from "../http/bans.ts";
import { CorsPolicy } from "../http/cors.ts";
import { Gate, refusalFor } from "../http/gate.ts";
import { landingPage, landingRoute, type Reachable } from "../http/landing.ts";
import { ownRoutes } from "../http/own_routes.ts";
import { type OwnedRoute, Router } from "../http/router.ts";
import { Journal } from "../observe/journal.ts";
import type { Log } from "../observe/log.ts";
import { Metrics } from "../observe/metrics.ts";
import { Operator } from "../admin/operator.ts";
import { forgetful, type Persistence } from "./open_store.ts";
import { RecentRefusals } from "../observe/recent_refusals.ts";
import type { Store } from "../store/mod.ts";
import { checkTls, readTls, watchTls } from "./certificates.ts";
import { openAuthentication } from "./authentication.ts";
import { listen } from "./listen.ts";
import { SocketIoDoor } from "./socket_io_door.ts";
import { systemClock, wallClock } from "../system/clock.ts";
import { messageOf } from "../system/errors.ts";
import { tryRoutes } from "../try/mod.ts";
import { Connections } from "../transport/connections.ts";
import { openTransport } from "../transport/open.ts";
import type { ListenOptions } from "../transport/transport.ts";
import { SocketIoServer } from "../transport/socket_io/server.ts";

export { AddressError } from "./listen.ts";

/** A server at work. */
export interface Server extends AsyncDisposable {
  /** Where it listens, such as `http://[::]:8080`, in the order of the configuration. */
  readonly urls: readonly string[];
  readonly reachable: readonly Reachable[];
  /** Where data is kept; undefined where it is forgotten with the process. */
  readonly storePlace: string | undefined;
  /**
   * Resolves when clients are served, who wait until then; rejects with StoreError where they
   * cannot be.
   */
  readonly started: Promise<void>;
  /** Closes every connection as going away and resolves when they are gone, or will not go. */
  stop(): Promise<void>;
  /**
   * Reads the certificate again: all connections are closed with 1001, then it listens anew. A
   * certificate that cannot be used changes nothing. Undefined where there is none.
   */
  readonly reload: (() => Promise<void>) | undefined;
  /** What an operator may do. */
  readonly operator: Operator;
  /** Counts and logs a fault that nothing else caught. */
  reportFault(error: unknown): void;
}

/** What a server is made with. */
export interface ServerOptions {
  readonly version: string;
  /** The documentation served at `/docs`, as Markdown. */
  readonly docs?: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** Closed with the server; without one, everything is forgotten with the process. */
  readonly persistence?: Persistence;
}

/** How long sockets have to answer a closing frame before they are left behind. */
const CLOSE_MS = 1_000;
/**
 * How long our own closing frames have, before a listener stops: to sockets that are still open
 * then the runtime says 1001, whatever we have said.
 */
const FAREWELL_MS = 400;
const FORGET_IDLE_MS = 10_000;
/** Descriptors kept for everything that is no connection. */
const SPARE_FILES = 256;

/**
 * Puts the parts together and listens last. Throws ConfigError, whose messages are for people, when
 * the configuration cannot be carried out, and AddressError where it perhaps can be later.
 */
export function startServer(config: Config, options: ServerOptions): Server {
  const { version, docs = "", log, clock = systemClock } = options;
  const { persistence = forgetful(config, { log, clock, wallNow: wallClock }) } = options;
  const { store } = persistence;
  const { listeners, tls } = listenersOf(config);
  const material = tls && readTls(tls);
  if (tls !== undefined && material !== undefined && listeners.some(({ isSecure }) => isSecure)) {
    checkTls(tls, material);
  }
  using undo = new DisposableStack();
  undo.defer(() => void store.close());

  const metrics = new Metrics();
  const calls = openCalls(config, { clock, log, metrics });
  const hub = new Hub(config.limits, calls && { calls, lobby: lobbyOf(config) });
  const refusals = new RecentRefusals(config.limits.maxRefusals, wallClock);
  const journal = new Journal(log, metrics, refusals);
  const transport = openTransport(config.transport, clock);
  const connections = undo.use(new Connections(clock, journal, config.limits, addressKey));
  const bans = new AddressBans(store.bans);
  const gate = undo.use(openGate(config, clock, bans));
  const basePath = basePathOf(config);
  const authentication = undo.use(openAuthentication(config, { clock, metrics }));
  const dialects = openDialects(config, { hub, clock, store, authentication });
  for (const { dialect } of dialects) undo.defer(() => dialect[Symbol.dispose]?.());
  const reachable = dialects.flatMap(({ title, dialect }) =>
    dialect.entrances.map((entrance) => ({
      title,
      entrance: { ...entrance, path: `${basePath}${entrance.path}` },
    }))
  );
  announceGauges(metrics, { hub, connections, gate, dialects });
  persistence.journal.announce(metrics, store);

  let isReady = false;
  const own = ownRoutes({
    health: config.health,
    metricsPath: config.metrics,
    expose: () => metrics.expose(),
    isReady: () => isReady,
    trouble: () => store.trouble === undefined ? undefined : `the store: ${store.trouble}`,
    docs,
  });
  const cors = config.corsOrigins.length > 0 ? config.corsOrigins : config.allowedOrigins;
  const onTurnedAway: DoorOptions["onTurnedAway"] = (visitor, status) =>
    journal.turnedAway(visitor, status);
  const socketIo = openSocketIo(config, { clock, connections, dialects, gate });
  if (socketIo !== undefined) {
    metrics.gauge(
      "signalbox_socket_io_sessions",
      "Socket.IO connections",
      () => socketIo.sessionCount,
    );
  }
  const page = landingRoute(landingPage({ version, reachable, basePath, hasTry: !config.noTry }));
  const trial = config.noTry
    ? []
    : tryRoutes(dialects.map(({ name, dialect: { entrances } }) => ({ name, entrances })));
  const door = new Door({
    router: makeRouter([
      ...[...own, page, ...trial].map((route) => ({ owner: "server", route })),
      ...dialects.flatMap(({ name, dialect }) =>
        dialect.routes.map((route) => ({ owner: name, route }))
      ),
    ]),
    gate,
    cors: new CorsPolicy(cors),
    proxies: orConfigError(() => new TrustedProxies(config.trustProxy, config.proxied)),
    connections,
    transport,
    clock,
    maxSilenceMs: 2_000 * config.keepaliveTimeoutSeconds,
    basePath,
    socketIo: socketIo &&
      new SocketIoDoor({ server: socketIo, gate, transport, clock, onTurnedAway }),
    onTurnedAway,
    onPostRefused: (visitor, error, word) => journal.postRefused(visitor, error, word),
    onFault: (error) => journal.fault(error),
  });
  const handle: ListenOptions["handle"] = (request, remote) =>
    isReady ? door.handle(request, remote) : started.then(() => door.handle(request, remote));
  const listening = listeners.map((where) => {
    const tls = where.isSecure ? material : undefined;
    const listener = listen(where, tls, { handle, journal, transport });
    undo.defer(() => void listener.stop());
    return { where, listener };
  });
  // Whatever can keep the server from starting has not: this run is the one that goes on.
  const started = store.forgetSealed().then(() => {
    isReady = true;
    tellLimits(config, log);
  });

  async function reload(files: TlsFiles): Promise<void> {
    try {
      const fresh = readTls(files);
      // Files that do not belong together, as in the middle of a renewal, change nothing.
      checkTls(files, fresh);
      if (!transport.keepsConnections) {
        await connections.drain(0);
        await withTimeLimit(connections.emptied(), FAREWELL_MS);
      }
      const secure = listening.filter(({ where }) => where.isSecure);
      await Promise.all(secure.map(({ listener }) => listener.renew(fresh)));
      log.write("info", "certificate taken up");
    } catch (error) {
      log.write("error", "cannot take up the certificate", { error: messageOf(error) });
    }
  }
  if (tls !== undefined && config.restartOnCertChange) {
    undo.use(watchTls(tls, clock, () => void reload(tls)));
  }

  const parts = undo.move();
  async function end(): Promise<void> {
    // What is sealed now is not to be deleted as what was sealed before.
    await Promise.allSettled([started]);
    isReady = false;
    door.isClosed = true;
    hub.silence();
    await connections.drain(config.drainMs);
    await withTimeLimit(connections.emptied(), FAREWELL_MS);
    const stopped = listening.map(({ listener }) => listener.stop());
    await withTimeLimit(Promise.all([connections.emptied(), ...stopped]), CLOSE_MS);
    await Promise.all(dialects.map(seal));
    parts.dispose();
    await store.close();
  }
  let ending: Promise<void> | undefined;
  const stop = (): Promise<void> => ending ??= end();
  const turnOut = (key: string): void => {
    const refusal = refusalFor("address_banned");
    connections.turnOut(key, refusal);
    socketIo?.turnOut(key, refusal);
  };
  return {
    urls: listening.map(({ where, listener }) => urlOf({ ...where, port: listener.port })),
    reachable,
    started,
    storePlace: store.place,
    stop,
    operator: new Operator({ dialects, store, bans, refusals, turnOut }),
    reload: tls && (() => reload(tls)),
    reportFault: (error) => journal.fault(error),
    [Symbol.asyncDispose]: stop,
  };
}

interface NamedDialect {
  readonly name: string;
  readonly title: string;
  readonly dialect: OpenDialect;
  /** What it keeps. */
  readonly kept: DialectStore;
}

/** Hands the next run what its clients can go on with. Never rejects: trouble is in the log. */
async function seal({ dialect, kept }: NamedDialect): Promise<void> {
  const sealing = dialect.seal?.();
  if (sealing !== undefined) await kept.seal(sealing.items, sealing.lifetimeMs);
}

function openDialects(
  config: Config,
  { hub, clock, store, authentication }: {
    hub: Hub;
    clock: Clock;
    store: Store;
    authentication: Authentication;
  },
): NamedDialect[] {
  const served = DIALECTS.filter(({ name }) => config.dialects.includes(name));
  return served.map((definition) => {
    const { name, title, open } = definition;
    const isBridged = bridges(config, definition);
    // A dialect has a realm of its own: equal ids of two dialects never meet by accident.
    const realm = isBridged ? BRIDGED_REALM : name;
    if (isBridged) {
      hub.guard(realm, name, (room, token) => authentication.admits(name, room, token));
    }
    const kept = store.dialect(name, (id) => hub.has(realm, id));
    const common = { hub, realm, dialect: name, isBridged, clock, basePath: basePathOf(config) };
    const context = { ...common, authenticator: authentication };
    const dialect = open(config[name], { ...context, store: kept });
    return { name, title, dialect, kept };
  });
}

/** The Socket.IO server; undefined where no dialect wants one. */
function openSocketIo(
  { socketIo: limits }: Config,
  { clock, connections, dialects, gate }: {
    readonly clock: Clock;
    readonly connections: Connections;
    readonly dialects: readonly NamedDialect[];
    readonly gate: Gate;
  },
): SocketIoServer | undefined {
  const namespaces = dialects.flatMap(({ name, dialect }) =>
    (dialect.namespaces ?? []).map((namespace) => ({ ...namespace, dialect: name }))
  );
  if (namespaces.length === 0) return undefined;
  const options = { limits, clock, connections, namespaces, gate };
  return orConfigError(() => new SocketIoServer(options));
}

/** Says what limits are not the configured ones; after the start, which may fail with one line. */
function tellLimits(config: Config, log: Log): void {
  for (const option of liftedLimits(config)) log.write("warning", "no limit", { option });
  const limit = affordable(config.limits.maxConnections);
  if (limit === config.limits.maxConnections) return;
  const why = "fewer connections than configured, because of the limit of open files (ulimit -n)";
  log.write("info", why, { limit });
}

function openGate(config: Config, clock: Clock, bans: AddressBans): Gate & Disposable {
  const maxConnections = affordable(config.limits.maxConnections);
  const gate = new Gate(
    { ...config.limits, maxConnections },
    config.allowedOrigins,
    clock.now,
    bans,
  );
  const timer = clock.every(FORGET_IDLE_MS, () => gate.forgetIdle());
  return Object.assign(gate, { [Symbol.dispose]: () => timer[Symbol.dispose]() });
}

/** How many connections the system has files for; where these are scarce, half of them are kept. */
function affordable(wanted: number): number {
  const files = maxOpenFiles();
  const spare = Math.min(SPARE_FILES, Math.floor(files / 2));
  return Math.min(wanted, Math.max(1, files - spare));
}

interface Watched {
  readonly hub: Hub;
  readonly connections: Connections;
  readonly gate: Gate;
  readonly dialects: readonly NamedDialect[];
}

function announceGauges(metrics: Metrics, { hub, connections, gate, dialects }: Watched): void {
  metrics.gauge("signalbox_sockets", "Open sockets", () => connections.size);
  metrics.gauge("signalbox_connections", "Connections that were admitted", () => gate.connections);
  metrics.gauge(
    "signalbox_queued_bytes",
    "Bytes waiting for clients",
    () => connections.queuedBytes,
  );
  metrics.gauge("signalbox_addresses", "Client addresses remembered", () => gate.addresses);
  metrics.gauge("signalbox_peers", "Ids in use", () => hub.peerCount);
  metrics.gauge("signalbox_rooms", "Rooms with members", () => hub.roomCount);
  for (const { name, dialect } of dialects) {
    for (const gauge of dialect.gauges ?? []) {
      metrics.gauge(`signalbox_${gauge.name}`, gauge.help, gauge.read, { dialect: name });
    }
  }
}

function makeRouter(routes: readonly OwnedRoute[]): Router {
  return orConfigError(() => new Router(routes));
}

function orConfigError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ConfigError([messageOf(error)]);
  }
}

async function withTimeLimit(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

/** What every path begins with: without a slash at its end, so that it is mostly empty. */
function basePathOf({ basePath }: Config): string {
  return basePath.slice(0, -1);
}

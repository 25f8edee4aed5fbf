import type { Listening } from "../config/listeners.ts";
import type { Config } from "../config/schema.ts";
import { CorsPolicy } from "../http/cors.ts";
import { isProbe, probesOf } from "../http/own_routes.ts";
import { type OwnedRoute, Router } from "../http/router.ts";
import type { Journal } from "../observe/journal.ts";
import type { SocketIoServer } from "../transport/socket_io/server.ts";
import type { ListenOptions, Transport } from "../transport/transport.ts";
import type { OpenAdmin } from "./admin.ts";
import type { Certificate } from "./certificates.ts";
import { orConfigError } from "./config_error.ts";
import { basePathOf } from "./dialects.ts";
import { Door, type DoorOptions } from "./door.ts";
import type { Lifecycle, Listened } from "./lifecycle.ts";
import { listen } from "./listen.ts";
import type { Routes } from "./routes.ts";
import { SocketIoDoor } from "./socket_io_door.ts";

type Handle = ListenOptions["handle"];

export interface DoorsOptions extends
  Pick<
    DoorOptions,
    "gate" | "connections" | "clock" | "signpost" | "proxies" | "isUnreachable"
  > {
  readonly transport: Transport;
  readonly listeners: readonly Listening[];
  /** Where operators are served alone; empty where they share the clients' addresses. */
  readonly adminListeners: readonly Listening[];
  readonly routes: Routes;
  readonly admin: OpenAdmin | undefined;
  readonly certificate: Certificate | undefined;
  readonly socketIo: SocketIoServer | undefined;
  readonly journal: Journal;
  readonly life: Lifecycle;
  /** Stops each listener if the start fails. */
  readonly undo: DisposableStack;
}

/** Where the server listens. */
export interface Doors {
  readonly listening: readonly Listened[];
  readonly adminListening: readonly Listened[];
}

/**
 * Listens for clients, and for operators where they have addresses of their own. Throws ConfigError
 * and AddressError as `listen` does.
 */
export function openDoors(config: Config, options: DoorsOptions): Doors {
  const { admin, routes, life, journal, transport, undo } = options;
  const isShared = options.adminListeners.length === 0;
  const door = openDoor(config, routes.clients, options);
  const adminDoor = openDoor(config, routes.operators, { ...options, socketIo: undefined });
  const probes = probesOf(config, basePathOf(config));
  /** Answers requests when the server has started, and probes before. */
  const startedFirst = (handle: Handle): Handle => (request, remote) =>
    life.state === "starting" && !isProbe(request, probes)
      ? life.started.then(() => handle(request, remote))
      : handle(request, remote);
  const listenAt = (where: Listening, handle: Handle): Listened => {
    const material = where.isSecure ? options.certificate?.material : undefined;
    const parts = { handle: startedFirst(handle), journal, transport };
    const listener = listen(where, material, parts);
    undo.defer(() => void listener.stop());
    return { where, listener };
  };
  const serveClients: Handle = (request, remote) =>
    (isShared ? admin?.handle(request, remote) : undefined) ?? door.handle(request, remote);
  const serveOperators: Handle = (request, remote) =>
    admin?.handle(request, remote) ?? adminDoor.handle(request, remote);
  return {
    listening: options.listeners.map((where) => listenAt(where, serveClients)),
    adminListening: options.adminListeners.map((where) => listenAt(where, serveOperators)),
  };
}

function openDoor(
  config: Config,
  routes: readonly OwnedRoute[],
  { socketIo: server, journal, life, ...parts }: Omit<DoorsOptions, "routes">,
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

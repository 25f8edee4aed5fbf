import type { Listening } from "../config/listeners.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { TrustedProxies } from "../http/address.ts";
import { CorsPolicy } from "../http/cors.ts";
import { isProbe, probesOf } from "../http/own_routes.ts";
import { type OwnedRoute, Router } from "../http/router.ts";
import type { Journal } from "../observe/journal.ts";
import type { Signpost } from "../observe/signpost.ts";
import type { ListenOptions } from "../transport/transport.ts";
import type { Addresses } from "./addresses.ts";
import type { OpenAdmin } from "./operators/admin.ts";
import { orConfigError } from "./config_error.ts";
import { basePathOf } from "./dialects.ts";
import { Door, type DoorOptions } from "./door/door.ts";
import type { Lifecycle, Listened } from "./lifecycle.ts";
import { listen } from "./listening/listen.ts";
import type { Routes } from "./routes.ts";
import type { Signalling } from "./signalling.ts";
import { SocketIoDoor } from "./door/socket_io_door.ts";

type Handler = ListenOptions["handle"];

export interface DoorsParts {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly life: Lifecycle;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly signalling: Pick<Signalling, "gate" | "connections" | "transport" | "socketIo">;
  readonly admin: OpenAdmin | undefined;
  readonly signpost: Signpost;
  readonly proxies: TrustedProxies;
  readonly isUnreachable: DoorOptions["isUnreachable"];
}

/** The open listeners. */
export interface Doors extends Disposable {
  readonly listening: readonly Listened[];
  readonly adminListening: readonly Listened[];
}

/**
 * Listens for clients, and for operators where they have addresses of their own. Throws ConfigError
 * and AddressError as `listen` does.
 */
export function openDoors(config: Config, parts: DoorsParts): Doors {
  const { addresses, routes, admin, life, journal, signalling: { transport } } = parts;
  const isShared = addresses.operators.length === 0;
  const door = openDoor(config, routes.clients, parts, true);
  const adminDoor = openDoor(config, routes.operators, parts, false);
  const probes = probesOf(config, basePathOf(config));
  /** Answers requests when the server has started, and probes before. */
  const startedFirst = (handle: Handler): Handler => (request, remote) =>
    life.state === "starting" && !isProbe(request, probes)
      ? life.started.then(() => handle(request, remote))
      : handle(request, remote);
  using undo = new DisposableStack();
  const listenAt = (where: Listening, handle: Handler): Listened => {
    const material = where.isSecure ? addresses.certificate?.material : undefined;
    const listener = listen(where, material, { handle: startedFirst(handle), journal, transport });
    undo.defer(() => void listener.stop());
    return { where, listener };
  };
  const serveClients: Handler = (request, remote) =>
    (isShared ? admin?.handle(request, remote) : undefined) ?? door.handle(request, remote);
  const serveOperators: Handler = (request, remote) =>
    admin?.handle(request, remote) ?? adminDoor.handle(request, remote);
  const listening = addresses.clients.map((where) => listenAt(where, serveClients));
  const adminListening = addresses.operators.map((where) => listenAt(where, serveOperators));
  const opened = undo.move();
  return { listening, adminListening, [Symbol.dispose]: () => opened.dispose() };
}

/** @param hasSocketIo whether clients of Socket.IO are served here */
function openDoor(
  config: Config,
  routes: readonly OwnedRoute[],
  { clock, journal, life, signalling, signpost, proxies, isUnreachable }: DoorsParts,
  hasSocketIo: boolean,
): Door {
  const { corsOrigins, allowedOrigins } = config;
  const { gate, connections, transport, socketIo: server } = signalling;
  const onTurnedAway: DoorOptions["onTurnedAway"] = (visitor, status) =>
    journal.turnedAway(visitor, status);
  return new Door({
    ...{ clock, gate, connections, transport, signpost, proxies, isUnreachable, onTurnedAway },
    router: orConfigError(() => new Router(routes)),
    cors: new CorsPolicy(corsOrigins.length > 0 ? corsOrigins : allowedOrigins),
    maxSilenceMs: 2_000 * config.keepaliveTimeoutSeconds,
    basePath: basePathOf(config),
    socketIo: hasSocketIo && server !== undefined
      ? new SocketIoDoor({ server, gate, transport, clock, onTurnedAway })
      : undefined,
    isClosed: () => life.isClosed,
    onRequestRefused: (visitor, error, word) => journal.requestRefused(visitor, error, word),
    onFault: (error) => journal.fault(error),
  });
}

import type { Authentication } from "../auth/mod.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Hub } from "../core/hub.ts";
import type { WallClock } from "../core/kept.ts";
import { AddressKeys } from "../http/address.ts";
import { AddressBans, UserBans } from "../http/bans.ts";
import type { Gate } from "../http/gate.ts";
import type { HttpRoute } from "../http/route.ts";
import type { Store } from "../store/mod.ts";
import { Connections } from "../transport/connections.ts";
import { openTransport } from "../transport/open.ts";
import type { SocketIoServer } from "../transport/socket_io/server.ts";
import type { Transport } from "../transport/transport.ts";
import { openAuthentication, reloadAuthentication } from "./access/authentication.ts";
import { openBridge } from "./bridge.ts";
import { type Clustered, hubOf } from "./cluster.ts";
import { type NamedDialect, openDialects, openSocketIo } from "./dialects.ts";
import { openIce } from "./ice/ice.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { openGate } from "./limits.ts";
import type { Observation } from "./observation.ts";

export interface SignallingParts {
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly observation: Observation;
  readonly store: Store;
  readonly clustered: Clustered | undefined;
  readonly life: Pick<Lifecycle, "isDraining">;
  /** No more than the system has files for. */
  readonly maxConnections: number;
}

/** Everything that serves clients once they are connected. */
export interface Signalling extends Disposable {
  readonly hub: Hub;
  readonly transport: Transport;
  readonly connections: Connections;
  readonly gate: Gate;
  readonly bans: AddressBans;
  readonly userBans: UserBans;
  readonly authentication: Authentication;
  readonly dialects: readonly NamedDialect[];
  /** Undefined if no dialect is spoken over Socket.IO. */
  readonly socketIo: SocketIoServer | undefined;
  readonly iceRoutes: readonly HttpRoute[];
  /** Judges by the secrets and keys as they are now; returns why they cannot be used. */
  rejudge(): readonly string[];
}

/** Opens the configured dialects over one hub. Throws ConfigError. */
export function openSignalling(config: Config, parts: SignallingParts): Signalling {
  const { clock, wallNow, observation, store, clustered, life, maxConnections } = parts;
  const { log, metrics, journal, happenings } = observation;
  using undo = new DisposableStack();
  const abroad = openBridge(config, { clock, log, metrics });
  const hub = hubOf(config, clustered, { metrics, abroad, happenings });
  const transport = openTransport(config.transport, clock);
  const keys = new AddressKeys();
  const keyOf = (address: string): string => keys.of(address);
  const connections = undo.use(
    new Connections(clock, journal, config.limits, keyOf, hub.channels.relays),
  );
  const bans = new AddressBans(store.bans);
  const userBans = new UserBans(store.bans);
  const gate = undo.use(openGate(config, maxConnections, clock, bans, () => life.isDraining));
  const isBanned = (user: string): boolean => userBans.has(user);
  const authParts = { clock, metrics, log, wallNow, isBanned };
  const authentication = undo.use(openAuthentication(config, authParts));
  const ice = undo.use(openIce(config, { ...authParts, authentication }));
  const { iceServersFor: iceServers, routes: iceRoutes } = ice;
  const dialects = openDialects(config, { hub, clock, store, log, iceServers, authentication });
  for (const { dialect } of dialects) undo.defer(() => dialect[Symbol.dispose]?.());
  const node = clustered?.cluster.node.node;
  const socketIo = openSocketIo(config, { clock, connections, dialects, gate, node });
  const opened = undo.move();
  return {
    ...{ hub, transport, connections, gate, bans, userBans, authentication },
    ...{ dialects, socketIo, iceRoutes },
    rejudge: () => reloadAuthentication(authentication, config, authParts),
    [Symbol.dispose]: () => opened.dispose(),
  };
}

import type { Hub } from "../core/hub.ts";
import type { Gate } from "../http/gate.ts";
import { readName } from "../observe/catalogue.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Connections } from "../transport/connections.ts";
import type { SocketIoServer } from "../transport/socket_io/server.ts";
import type { NamedDialect } from "./dialects.ts";

interface Watched {
  readonly hub: Hub;
  readonly connections: Connections;
  readonly gate: Gate;
  readonly dialects: readonly NamedDialect[];
  readonly socketIo: SocketIoServer | undefined;
}

/** Announces the numbers that are read when somebody asks for the metrics. */
export function announceGauges(
  metrics: Metrics,
  { hub, connections, gate, dialects, socketIo }: Watched,
): void {
  metrics.read("signalbox_sockets", () => connections.size);
  metrics.read("signalbox_connections", () => gate.connections);
  metrics.read("signalbox_queued_bytes", () => connections.queuedBytes);
  metrics.read("signalbox_addresses", () => gate.addresses);
  metrics.read("signalbox_peers", () => hub.peerCount);
  metrics.read("signalbox_rooms", () => hub.roomCount);
  if (socketIo !== undefined) {
    metrics.read("signalbox_socket_io_sessions", () => socketIo.sessionCount);
  }
  for (const { name: dialect, dialect: { gauges = [], counters = [] } } of dialects) {
    for (const { name, read, labels } of [...gauges, ...counters]) {
      metrics.read(readName(`signalbox_${name}`), read, { dialect, ...labels });
    }
  }
}

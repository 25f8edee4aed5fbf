import type { Hub } from "../core/hub.ts";
import type { Gate } from "../http/gate.ts";
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
  const numbers: [name: string, help: string, read: () => number][] = [
    ["sockets", "Open sockets", () => connections.size],
    ["connections", "Connections that were admitted", () => gate.connections],
    ["queued_bytes", "Bytes waiting for clients", () => connections.queuedBytes],
    ["addresses", "Client addresses remembered", () => gate.addresses],
    ["peers", "Ids in use", () => hub.peerCount],
    ["rooms", "Rooms with members", () => hub.roomCount],
  ];
  for (const [name, help, read] of numbers) metrics.gauge(`signalbox_${name}`, help, read);
  if (socketIo !== undefined) {
    const read = (): number => socketIo.sessionCount;
    metrics.gauge("signalbox_socket_io_sessions", "Socket.IO connections", read);
  }
  for (const { name, dialect } of dialects) {
    for (const gauge of dialect.gauges ?? []) {
      metrics.gauge(`signalbox_${gauge.name}`, gauge.help, gauge.read, { dialect: name });
    }
    for (const { name: counter, help, read, labels } of dialect.counters ?? []) {
      metrics.total(`signalbox_${counter}`, help, read, { dialect: name, ...labels });
    }
  }
}

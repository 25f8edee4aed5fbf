import type { Hub } from "../core/hub.ts";
import type { Gate } from "../http/gate.ts";
import { type CounterName, type Labels, readName } from "../observe/catalogue.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Connections } from "../transport/connections.ts";
import type { Traffic } from "../transport/links.ts";
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
  metrics.readEach("signalbox_connections", () => byDialect(connections.census()));
  metrics.read("signalbox_queued_bytes", () => connections.queuedBytes);
  metrics.read("signalbox_addresses", () => gate.addresses);
  for (const { name: dialect, realm } of dialects) {
    metrics.read("signalbox_peers", () => hub.overview.peerCount(realm, dialect), { dialect });
    metrics.read("signalbox_rooms", () => hub.overview.roomCount(dialect), { dialect });
  }
  for (const dialect of ["gstreamer", "webrtcsink"]) {
    metrics.read("signalbox_calls", () => hub.openCalls.countOfDialect(dialect), { dialect });
  }
  announceTraffic(metrics, connections);
  if (socketIo !== undefined) {
    metrics.read("signalbox_socket_io_sessions", () => socketIo.sessionCount);
  }
  for (const { name: dialect, dialect: { gauges = [], counters = [] } } of dialects) {
    for (const { name, read, labels } of [...gauges, ...counters]) {
      metrics.read(readName(`signalbox_${name}`), read, { dialect, ...labels });
    }
  }
}

function announceTraffic(metrics: Metrics, connections: Connections): void {
  const read = (name: CounterName, pick: keyof Traffic): void =>
    metrics.readEach(
      name,
      () => [...connections.traffic()].map(([dialect, sum]) => [{ dialect }, sum[pick]] as const),
    );
  read("signalbox_received_frames_total", "framesReceived");
  read("signalbox_sent_frames_total", "framesSent");
  read("signalbox_received_bytes_total", "bytesReceived");
  read("signalbox_sent_bytes_total", "bytesSent");
}

function byDialect(counts: ReadonlyMap<string, number>): (readonly [Labels, number])[] {
  return [...counts].map(([dialect, count]) => [{ dialect }, count]);
}

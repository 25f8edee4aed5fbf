import type { Clock } from "../core/clock.ts";
import { type Labels, readName } from "../observe/catalogue.ts";
import type { Metrics } from "../observe/metrics.ts";
import { exportMetrics } from "../observe/otel.ts";
import { watchProcess } from "../observe/process_metrics.ts";
import { openProcessUsage } from "../system/process.ts";
import type { Connections } from "../transport/connections.ts";
import type { Traffic } from "../transport/links.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Observation } from "./observation.ts";
import type { Persistence } from "./open_store.ts";
import { processFacts } from "./process_facts.ts";
import type { Signalling } from "./signalling.ts";

export interface MeasuredParts {
  readonly version: string;
  readonly clock: Clock;
  readonly observation: Pick<Observation, "metrics" | "log">;
  readonly signalling: Signalling;
  readonly persistence: Persistence;
  readonly life: Lifecycle;
  /** Why the server is not ready although it has started; undefined if it is. */
  readonly trouble: () => string | undefined;
}

/** Announces the numbers that are read when metrics are asked for, and exports them if configured. */
export function announceMetrics(parts: MeasuredParts): Disposable {
  const { version, clock, observation: { metrics, log }, persistence, life, trouble } = parts;
  using undo = new DisposableStack();
  announceClients(metrics, parts.signalling);
  persistence.journal.announce(metrics, persistence.store);
  const usage = undo.use(openProcessUsage());
  const facts = processFacts({ version }, { usage, life, trouble });
  undo.use(watchProcess(metrics, facts, clock));
  metrics.read("signalbox_log_lines_suppressed_total", () => log.suppressed);
  exportMetrics(metrics, version);
  return undo.move();
}

function announceClients(
  metrics: Metrics,
  { hub, connections, gate, dialects, socketIo }: Signalling,
): void {
  metrics.read("signalbox_sockets", () => connections.size);
  metrics.readTogether((breaks) => connections.census(breaks), [
    ["signalbox_connections", (counts) => byDialect(counts, (count) => count)],
  ]);
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
  const seriesOf = (pick: keyof Traffic) => (traffic: ReadonlyMap<string, Traffic>) =>
    byDialect(traffic, (sum) => sum[pick]);
  metrics.readTogether((breaks) => connections.traffic(breaks), [
    ["signalbox_received_frames_total", seriesOf("framesReceived")],
    ["signalbox_sent_frames_total", seriesOf("framesSent")],
    ["signalbox_received_bytes_total", seriesOf("bytesReceived")],
    ["signalbox_sent_bytes_total", seriesOf("bytesSent")],
  ]);
}

function byDialect<T>(
  facts: ReadonlyMap<string, T>,
  valueOf: (fact: T) => number,
): (readonly [Labels, number])[] {
  return [...facts].map(([dialect, fact]) => [{ dialect }, valueOf(fact)]);
}

import type { ErrorCode, SignalError } from "../core/errors.ts";
import { type Log, shown } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { RecentRefusals } from "./recent_refusals.ts";
import type { ConnectionInfo, ConnectionObserver } from "../transport/connections.ts";
import type { Ending } from "../transport/websocket.ts";
import type { Visitor } from "./visitor.ts";

/** A join that does not even name a room that could be. */
const JOIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["room_missing", "room_invalid"]);

/** What happens to connections, as log lines and counts. */
export class Journal implements ConnectionObserver {
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #refusals: RecentRefusals;

  constructor(log: Log, metrics: Metrics, refusals: RecentRefusals) {
    this.#log = log;
    this.#metrics = metrics;
    this.#refusals = refusals;
    metrics.counter("signalbox_connections_total", "Connections accepted");
    metrics.counter("signalbox_refusals_total", "Things clients did that were refused");
    metrics.counter("signalbox_faults_total", "Faults of the server; above 0 is a bug", 0);
  }

  opened(connection: ConnectionInfo): void {
    this.#metrics.count("signalbox_connections_total", { dialect: connection.dialect });
    this.#log.writeForClient("info", "connection opened", this.#facts(connection));
  }

  /**
   * The first refusal of a connection is logged, and every refused join; the others are counted. An
   * operator sees them all.
   */
  refused(connection: ConnectionInfo, error: SignalError, count: number): void {
    const { dialect } = connection;
    this.#metrics.count("signalbox_refusals_total", { dialect, reason: error.code });
    // A client that waits in vain for a pool says nothing of it: its operator has to see why.
    const pool = typeof error.details["pool"] === "string" ? error.details["pool"] : undefined;
    const isJoin = pool !== undefined || JOIN_REFUSALS.has(error.code);
    const word = connection.wordFor?.(error.code);
    this.#refusals.add(connection, word ?? error.code, pool);
    if (count > 1 && !isJoin && !this.#log.isDebug) return;
    const detail = {
      ...(word === undefined || word === error.code ? {} : { word }),
      ...(pool === undefined ? {} : { pool: shown(pool) }),
      ...(this.#log.isDebug ? { message: shown(error.message) } : {}),
    };
    this.#log.writeForClient("info", "refused", {
      ...this.#facts(connection),
      reason: error.code,
      ...detail,
    });
  }

  ended(connection: ConnectionInfo, ending: Ending, refusals: number): void {
    // A client's own words are not for the log, but for somebody who looks for a fault.
    const isShown = "code" in ending && (ending.by === "server" || this.#log.isDebug);
    const reason = isShown && ending.reason !== "" ? { reason: shown(ending.reason) } : {};
    const how = "code" in ending ? { by: ending.by, code: ending.code, ...reason } : ending;
    const refused = refusals > 0 ? { refusals } : {};
    this.#log.writeForClient("info", "connection closed", {
      ...this.#facts(connection),
      ...how,
      ...refused,
    });
  }

  failed(connection: ConnectionInfo, error: unknown): void {
    this.#metrics.count("signalbox_faults_total");
    this.#log.writeForClient("error", "fault in a session", {
      ...this.#facts(connection),
      error: stackOf(error),
    });
  }

  /** A WebSocket that was refused by an HTTP status. */
  turnedAway({ dialect, address, pathname }: Visitor, status: number): void {
    this.#metrics.count("signalbox_refusals_total", { dialect, reason: `http_${status}` });
    const path = this.#log.isDebug ? { path: shown(pathname) } : {};
    const reason = `http_${status}`;
    this.#log.writeForClient("info", "refused", { dialect, address, reason, ...path });
  }

  /** A fault that belongs to no connection. */
  fault(error: unknown): void {
    this.#metrics.count("signalbox_faults_total");
    this.#log.writeForClient("error", "fault", { error: stackOf(error) });
  }

  /** A listener lost its port and tries to get it back. */
  listenerBroken(url: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#log.write("error", "listening stopped, trying again", { url, error: why });
  }

  /** Who it is only for somebody who looks for a fault: ids are what clients say. */
  #facts({ id, dialect, address, peerId }: ConnectionInfo): Record<string, string> {
    const peer = this.#log.isDebug && peerId !== undefined ? { peer: shown(peerId) } : {};
    return { connection: id, dialect, address, ...peer };
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

import type { ErrorCode, SignalError } from "../core/errors.ts";
import type { Happenings, RefusalFacts } from "../core/happenings.ts";
import { messageOf } from "../system/errors.ts";
import { type Log, shown } from "./log.ts";
import type { HistogramName } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";
import type { RecentRefusals } from "./recent_refusals.ts";
import type { ConnectionInfo, ConnectionObserver } from "../transport/connections.ts";
import type { Ending } from "../transport/websocket.ts";

/** Refusals of joins without a valid room name. */
const JOIN_REFUSALS: ReadonlySet<ErrorCode> = new Set(["room_missing", "room_invalid"]);

/** Stands in an operator's list for a connection's number if a request was refused. */
const NO_CONNECTION = "none";

/** A request that was refused without a connection. */
export interface TurnedAway {
  /** "none" if no dialect serves the path. */
  readonly dialect: string;
  readonly address: string;
  readonly pathname: string;
}

/** Writes log lines and counts of everything that happens to connections. */
export class Journal implements ConnectionObserver {
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #refusals: RecentRefusals;
  /** Timers of each dialect, because a relay must not look for labels. */
  readonly #timers = new Map<HistogramName, Map<string, (seconds: number) => void>>();
  readonly #happenings: Happenings;

  constructor(log: Log, metrics: Metrics, refusals: RecentRefusals, happenings: Happenings) {
    this.#happenings = happenings;
    this.#log = log;
    this.#metrics = metrics;
    this.#refusals = refusals;
  }

  opened(connection: ConnectionInfo): void {
    this.#metrics.count("signalbox_connections_accepted_total", { dialect: connection.dialect });
    this.#log.writeForClient("info", "connection opened", this.#facts(connection));
  }

  /**
   * Logs the first refusal of a connection and every refused join, and counts the others. All are in
   * the operator's list.
   */
  refused(connection: ConnectionInfo, error: SignalError, count: number): void {
    const { dialect } = connection;
    const cause = error.why ?? error.code;
    this.#metrics.count("signalbox_refusals_total", { dialect, reason: cause });
    // A client that waits for a pool in vain shows no error, so the operator must see the reason.
    const pool = typeof error.details["pool"] === "string" ? error.details["pool"] : undefined;
    const isJoin = pool !== undefined || JOIN_REFUSALS.has(error.code);
    const word = connection.wordFor?.(error.code);
    this.#refused(connection, word ?? cause, pool);
    if (count > 1 && !isJoin && !this.#log.isDebug) return;
    const detail = {
      ...(word === undefined || word === cause ? {} : { word }),
      ...(pool === undefined ? {} : { pool: shown(pool) }),
      ...(error.remark === undefined ? {} : { remark: shown(error.remark) }),
      ...(this.#log.isDebug ? { message: shown(error.message) } : {}),
    };
    this.#log.writeForClient("info", "refused", {
      ...this.#facts(connection),
      reason: cause,
      ...detail,
    });
  }

  ended(connection: ConnectionInfo, ending: Ending, refusals: number): void {
    if (connection.isRefused !== true) {
      const labels = { dialect: connection.dialect, cause: causeOf(connection, ending) };
      this.#metrics.count("signalbox_connections_closed_total", labels);
    }
    // A client's own words are logged at debug level only.
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

  identified({ dialect }: ConnectionInfo, afterMs: number): void {
    this.#timer("signalbox_identify_duration_seconds", dialect)(afterMs / 1_000);
  }

  relayed({ dialect }: ConnectionInfo, tookMs: number): void {
    this.#timer("signalbox_relay_duration_seconds", dialect)(tookMs / 1_000);
  }

  failed(connection: ConnectionInfo, error: unknown): void {
    this.#metrics.count("signalbox_faults_total");
    this.#log.writeForClient("error", "fault in a session", {
      ...this.#facts(connection),
      error: stackOf(error),
    });
  }

  /** A request for a connection was refused by an HTTP status. */
  turnedAway(visitor: TurnedAway, status: number): void {
    this.#turnAway(visitor, `http_${status}`);
  }

  /**
   * A posted frame, or a client before its upgrade, was refused.
   * @param word the dialect's name of the refusal
   */
  requestRefused(
    visitor: TurnedAway,
    { code, why = code, remark }: SignalError,
    word: string,
  ): void {
    const { dialect, address } = visitor;
    this.#refused({ id: NO_CONNECTION, dialect, address }, word, undefined);
    this.#turnAway(visitor, why, {
      ...(word === why ? {} : { word }),
      ...(remark === undefined ? {} : { remark: shown(remark) }),
    });
  }

  /** A fault that belongs to no connection. */
  fault(error: unknown): void {
    this.#metrics.count("signalbox_faults_total");
    this.#log.writeForClient("error", "fault", { error: stackOf(error) });
  }

  /** A listener lost its port and tries to get it back. */
  listenerBroken(url: string, error: unknown): void {
    this.#log.write("error", "listening stopped, trying again", { url, error: messageOf(error) });
  }

  /** Adds a refusal to the operators' list and their news. @param reason the dialect's own word */
  #refused(connection: ConnectionInfo, reason: string, pool: string | undefined): void {
    const { id, dialect, address, user } = connection;
    this.#refusals.add(connection, reason, pool);
    if (!this.#happenings.isHeard) return;
    const room = pool === undefined ? {} : { pool: shown(pool) };
    const whose = user === undefined ? {} : { user };
    const data: RefusalFacts = { dialect, address, connection: id, reason, ...room, ...whose };
    this.#happenings.emit({ type: "refusal", data });
  }

  #timer(name: HistogramName, dialect: string): (seconds: number) => void {
    let timers = this.#timers.get(name);
    if (timers === undefined) this.#timers.set(name, timers = new Map());
    let timer = timers.get(dialect);
    if (timer === undefined) timers.set(dialect, timer = this.#metrics.timer(name, { dialect }));
    return timer;
  }

  #turnAway(
    { dialect, address, pathname }: TurnedAway,
    reason: string,
    detail: Readonly<Record<string, string>> = {},
  ): void {
    this.#metrics.count("signalbox_refusals_total", { dialect, reason });
    const path = this.#log.isDebug ? { path: shown(pathname) } : {};
    this.#log.writeForClient("info", "refused", { dialect, address, reason, ...detail, ...path });
  }

  /** Names the peer at debug level only, because clients choose ids. */
  #facts({ id, dialect, address, peerId, user }: ConnectionInfo): Record<string, string> {
    const peer = this.#log.isDebug && peerId !== undefined ? { peer: shown(peerId) } : {};
    const owner = user === undefined ? {} : { user: shown(user) };
    return { connection: id, dialect, address, ...owner, ...peer };
  }
}

/** Reasons of the server to end a client's stay, which are causes as they are. */
const OWN_CAUSES: ReadonlySet<string | undefined> = new Set(["kicked", "banned", "expired"]);

/** Names the cause of a connection's end for metrics. */
function causeOf({ leaveReason }: ConnectionInfo, ending: Ending): string {
  switch (ending.by) {
    case "network":
      return "lost";
    case "slow reader":
      return "slow";
    case "client":
    case "fault":
      return ending.by;
    case "server":
      if (leaveReason !== undefined && OWN_CAUSES.has(leaveReason)) return leaveReason;
      if (leaveReason === "left") return "client";
      return "isDrain" in ending ? "drain" : "server";
    default:
      return ending satisfies never;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

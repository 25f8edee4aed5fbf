import type { Authentication } from "../auth/mod.ts";
import type { Config } from "../config/schema.ts";
import { CONSOLE_PATH } from "../console/mod.ts";
import type { Clock } from "../core/clock.ts";
import type { Hub } from "../core/hub.ts";
import type { DialectStore } from "../core/kept.ts";
import type { DialectContext, OpenDialect } from "../dialects/dialect.ts";
import { DIALECTS } from "../dialects/mod.ts";
import type { Gate } from "../http/gate.ts";
import { DOCS_PATH, type Reachable, TRY_PATH } from "../http/landing.ts";
import type { Log } from "../observe/log.ts";
import type { Store } from "../store/mod.ts";
import type { Connections } from "../transport/connections.ts";
import { SocketIoServer } from "../transport/socket_io/server.ts";
import { BRIDGED_REALM, bridges } from "./bridge.ts";
import type { HandOver } from "./hand_over.ts";
import { orConfigError } from "./config_error.ts";

/** A dialect at work, and its names. */
export interface NamedDialect {
  readonly name: string;
  readonly title: string;
  /** Its space of ids and rooms, which bridged dialects share. */
  readonly realm: string;
  readonly dialect: OpenDialect;
  /** Its part of the store. */
  readonly kept: DialectStore;
}

/** Starts the dialects that the configuration serves. */
export function openDialects(
  config: Config,
  { hub, clock, store, log, iceServers, authentication }: {
    readonly hub: Hub;
    readonly clock: Clock;
    readonly store: Store;
    readonly log: Log;
    /** The servers for one more client. */
    readonly iceServers: DialectContext["iceServers"];
    readonly authentication: Authentication;
  },
): NamedDialect[] {
  const served = DIALECTS.filter(({ name }) => config.dialects.includes(name));
  return served.map((definition) => {
    const { name, title, open } = definition;
    const isBridged = bridges(config, definition);
    // A dialect has a realm of its own: equal ids of two dialects never meet by accident.
    const realm = isBridged ? BRIDGED_REALM : name;
    if (isBridged) {
      hub.rulesOf(realm).guard(name, (room, token) => authentication.admits(name, room, token));
    }
    const kept = store.dialect(name, (id) => hub.has(realm, id));
    const common = { hub, realm, dialect: name, isBridged, clock, basePath: basePathOf(config) };
    const warn: DialectContext["warn"] = (what, facts) =>
      log.writeForClient("warning", what, { dialect: name, ...facts });
    const context = { ...common, authenticator: authentication, iceServers, warn };
    const dialect = open(config[name], { ...context, store: kept });
    return { name, title, realm, dialect, kept };
  });
}

/**
 * Hands the state that clients can resume to another node or to the next run, and returns the number of
 * items that the next run gets, by dialect. Never rejects: trouble is in the log.
 */
export async function sealAll(
  dialects: readonly NamedDialect[],
  handOver: HandOver | undefined,
): Promise<ReadonlyMap<string, number>> {
  const counts = dialects.map(async ({ name, dialect, kept }) => {
    await dialect.moveAway?.();
    const sealing = dialect.seal?.();
    if (sealing === undefined) return [name, 0] as const;
    const isAdopted = handOver !== undefined && dialect.adopt !== undefined;
    const items = isAdopted ? await handOver(name, [...sealing.items]) : sealing.items;
    const outcome = await kept.seal(items, sealing.lifetimeMs);
    return [name, outcome.type === "sealed" ? outcome.items : 0] as const;
  });
  return new Map(await Promise.all(counts));
}

/** Where clients reach the dialects. */
export function reachableAt(config: Config, dialects: readonly NamedDialect[]): Reachable[] {
  const basePath = basePathOf(config);
  return dialects.flatMap(({ title, dialect }) =>
    dialect.entrances.map((entrance) => ({
      title,
      entrance: { ...entrance, path: `${basePath}${entrance.path}` },
    }))
  );
}

/** A page for people. */
export interface NamedPage {
  readonly title: string;
  readonly path: string;
}

/** The pages at the public addresses. */
export function pagesOf(config: Config): NamedPage[] {
  const trial = config.noTry ? [] : [{ title: "Try it", path: TRY_PATH }];
  const shared = config.admin.listen.length === 0 ? operatorPagesOf(config) : [];
  const own = [...trial, { title: "Guides", path: DOCS_PATH }]
    .map(({ title, path }) => ({ title, path: `${basePathOf(config)}${path}` }));
  return [...own, ...shared];
}

/** The pages where operators are served. */
export function operatorPagesOf(config: Config): NamedPage[] {
  if (config.admin.tokens.length === 0 || config.noConsole) return [];
  return [{ title: "Console", path: `${basePathOf(config)}${CONSOLE_PATH}` }];
}

/** The Socket.IO server; undefined if no dialect wants one. */
export function openSocketIo(
  { socketIo: limits }: Config,
  { clock, connections, dialects, gate, node }: {
    readonly clock: Clock;
    readonly connections: Connections;
    readonly dialects: readonly NamedDialect[];
    readonly gate: Gate;
    /** The name of this node in its cluster. */
    readonly node: string | undefined;
  },
): SocketIoServer | undefined {
  const namespaces = dialects.flatMap(({ name, dialect }) =>
    (dialect.namespaces ?? []).map((namespace) => ({ ...namespace, dialect: name }))
  );
  if (namespaces.length === 0) return undefined;
  const sidPrefix = node === undefined ? "" : `${node}.`;
  const options = { limits, clock, connections, namespaces, gate, sidPrefix };
  return orConfigError(() => new SocketIoServer(options));
}

/** The beginning of every path, without a slash at its end: mostly empty. */
export function basePathOf({ basePath }: Config): string {
  return basePath.slice(0, -1);
}

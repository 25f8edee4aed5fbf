import type { AdminApp } from "../../admin/app.ts";
import { OperatorAccess } from "../../admin/access.ts";
import { EventFeed, type Stats } from "../../admin/events.ts";
import { consoleRoutes } from "../../console/mod.ts";
import type { OwnedRoute } from "../../http/router.ts";
import type { Operator } from "../../admin/operator.ts";
import type { Fleet } from "../../admin/fleet.ts";
import type { AdminParts, ConfigItem, ServerFacts } from "../../admin/parts.ts";
import { type Listening, parseListen } from "../../config/listeners.ts";
import { ConfigError } from "../../config/load.ts";
import { OPTIONS, valueAt } from "../../config/option_list.ts";
import type { Config } from "../../config/schema.ts";
import type { Source } from "../../config/given.ts";
import type { Turns } from "../../core/breaks.ts";
import type { Clock } from "../../core/clock.ts";
import type { Happenings } from "../../core/happenings.ts";
import type { Hub } from "../../core/hub.ts";
import { publicUrl } from "../../core/public_url.ts";
import type { TrustedProxies } from "../../http/address.ts";
import { plain } from "../../http/answers.ts";
import { SAFE_LENGTH } from "../../http/guesses.ts";
import { malformedPath, readTarget } from "../../http/visit.ts";
import type { Log } from "../../observe/log.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { wallClock } from "../../system/clock.ts";
import type { Connections } from "../../transport/connections.ts";
import { basePathOf, type NamedDialect } from "../dialects.ts";
import type { DrainRequest } from "../lifecycle.ts";

/** The parts of the server that the API for operators is made of. */
export interface AdminOptions {
  readonly clock: Clock;
  readonly turns: Turns;
  readonly hub: Hub;
  readonly happenings: Happenings;
  readonly connections: Connections;
  readonly dialects: readonly NamedDialect[];
  readonly operator: Operator;
  readonly metrics: Metrics;
  readonly proxies: TrustedProxies;
  readonly server: Omit<ServerFacts, "basePath" | "auth">;
  /** The other nodes; undefined on a server of one node. */
  readonly fleet: Fleet | undefined;
  readonly origins: ReadonlyMap<string, Source>;
  /** The dialects that ask for a token. */
  readonly guarded: readonly string[];
  readonly webhooks: AdminParts["webhooks"];
  readonly residentBytes: () => number;
  readonly drain: (request: DrainRequest) => void;
  readonly undrain: () => boolean;
  readonly reload: () => Promise<readonly string[]>;
  readonly onFault: (error: unknown) => void;
}

/** The API for operators at work. */
export interface OpenAdmin extends Disposable {
  /** Resolves when requests are answered without waiting. */
  readonly opened: Promise<unknown>;
  /** Answers a request if it is one for operators. */
  handle(request: Request, remote: string): Promise<Response> | undefined;
}

/** The addresses where operators are served alone; none where they share the public ones. */
export function adminListenersOf(
  { admin: { listen, tokens } }: Config,
  hasCertificate: boolean,
): Listening[] {
  if (listen.length > 0 && tokens.length === 0) {
    throw new ConfigError(["Cannot use --admin-listen without --admin-tokens"]);
  }
  const listeners = listen.map((text) => parseListen("--admin-listen", text));
  if (!hasCertificate && listeners.some(({ isSecure }) => isSecure)) {
    throw new ConfigError([
      "Cannot listen with https at --admin-listen: --tls-cert and --tls-key are missing",
    ]);
  }
  return listeners;
}

/** Warns of tokens that open the API or the metrics to a patient guess. */
export function warnOfShortTokens({ admin, metricsTokens }: Config, log: Log): void {
  const tokens = [...admin.tokens.map((text) => text.split(":").at(-1) ?? ""), ...metricsTokens];
  const count = tokens.filter(({ length }) => length < SAFE_LENGTH).length;
  if (count > 0) log.write("warning", "tokens can be guessed", { count, safeLength: SAFE_LENGTH });
}

/** The page for operators and its files; none without a token, since the page needs the API. */
export function consoleRoutesOf({ admin: { tokens }, noConsole }: Config): OwnedRoute[] {
  if (tokens.length === 0 || noConsole) return [];
  return consoleRoutes().map((route) => ({ owner: "server", route }));
}

/** Opens the API; undefined without a token. A node of a cluster has it for the other nodes, too. */
export function openAdmin(config: Config, options: AdminOptions): OpenAdmin | undefined {
  const { admin } = config;
  if (admin.tokens.length === 0 && options.fleet === undefined) return undefined;
  const { clock, proxies, onFault, metrics } = options;
  const parts = partsOf(config, options);
  metrics.read("signalbox_admin_streams", () => parts.events.streams);
  const access = new OperatorAccess({ ...admin, tokens: () => admin.tokens, now: clock.now });
  // Its libraries are loaded only where they are needed.
  const opening: Promise<AdminApp> = import("../../admin/app.ts").then(({ AdminApp }) =>
    new AdminApp(parts, {
      access,
      maxBodyBytes: admin.maxBodyBytes,
      clock,
      onFault,
      onAnswered: (status) =>
        metrics.count("signalbox_admin_requests_total", { status: String(status) }),
    })
  );
  const basePath = basePathOf(config);
  return {
    opened: opening,
    handle(request, remote): Promise<Response> | undefined {
      if (admin.tokens.length === 0) return undefined;
      const path = adminPathOf(request, basePath);
      if (path === undefined) return undefined;
      const address = proxies.clientAddress(remote, request.headers.get("x-forwarded-for"));
      return opening.then(
        (app) => app.handle(request, path, address),
        (error) => {
          onFault(error);
          return plain(500, "Internal server error");
        },
      );
    },
    [Symbol.dispose]: () => parts.events[Symbol.dispose](),
  };
}

/** The path and query of a request for operators, without the base path; undefined for others. */
function adminPathOf(request: Request, basePath: string): string | undefined {
  const target = readTarget(request, basePath);
  // The API itself words a malformed path, after it has checked the token.
  const path = typeof target === "string" ? malformedPath(request, basePath) : target.url.pathname;
  if (path !== "/admin" && path?.startsWith("/admin/") !== true) return undefined;
  return typeof target === "string" ? path : `${path}${target.url.search}`;
}

function partsOf(config: Config, options: AdminOptions): AdminParts {
  const { clock, turns, hub, happenings, connections, dialects, server, residentBytes } = options;
  const read = (): Omit<Stats, keyof typeof RATES> => ({
    connections: server.connections(),
    peers: hub.peerCount,
    rooms: hub.overview.roomCount(),
    calls: hub.openCalls.size,
    queuedBytes: connections.queuedBytes,
    residentBytes: residentBytes(),
  });
  const frames = async (): Promise<ReadonlyMap<string, number>> => {
    const traffic = await connections.traffic(await turns.begin());
    return new Map([...traffic].map(([name, { framesReceived }]) => [name, framesReceived]));
  };
  const { auth, admin: { maxStreams } } = config;
  const events = new EventFeed({
    happenings,
    clock,
    wallNow: wallClock,
    instance: server.instance,
    maxStreams,
    read,
    frames,
  });
  return {
    server: {
      ...server,
      basePath: basePathOf(config),
      auth: { mode: auth.mode, dialects: options.guarded },
    },
    fleet: options.fleet,
    clock,
    wallNow: wallClock,
    turns,
    hub,
    connections,
    dialects,
    operator: options.operator,
    events,
    configItems: () => configItems(config, options.origins),
    webhooks: options.webhooks,
    drain: ({ closeOverSeconds, exit }) =>
      options.drain({
        ...(closeOverSeconds === undefined ? {} : { closeOverSeconds }),
        ...(exit === undefined ? {} : { exit }),
      }),
    undrain: options.undrain,
    reload: options.reload,
    expose: () => options.metrics.expose(),
  };
}

/** The numbers of `stats` that the feed makes by itself. */
const RATES = { framesPerSecond: 0, refusalsPerSecond: 0, eventLoopLagSeconds: 0 };

/** All options with their values; secrets without. */
function configItems(config: Config, origins: ReadonlyMap<string, Source>): ConfigItem[] {
  return OPTIONS.map(({ flag, path, isSecret }) => {
    const value = valueAt(config, path);
    const source = origins.get(flag) ?? origins.get(`${flag}-file`) ?? "default";
    const option = `--${flag}`;
    if (!isSecret) return { option, value: shown(value), source };
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return { option, source, isSecret: true, isSet };
  });
}

/** A value as JSON can hold it; URLs without what may be a secret. */
function shown(value: unknown): unknown {
  if (value === Infinity) return "unlimited";
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "string" && /^https?:/i.test(value)) return publicUrl(value);
  return value === undefined ? null : value;
}

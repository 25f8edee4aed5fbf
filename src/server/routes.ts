import type { Config } from "../config/schema.ts";
import { docsRoutes } from "../docs/mod.ts";
import { bearerAccess } from "../http/bearer.ts";
import { Guesses } from "../http/guesses.ts";
import { landingPage, landingRoute } from "../http/landing.ts";
import { ownRoutes } from "../http/own_routes.ts";
import type { Access, HttpRoute, Route } from "../http/route.ts";
import type { OwnedRoute } from "../http/router.ts";
import type { Metrics } from "../observe/metrics.ts";
import { tryRoutes } from "../try/mod.ts";
import { consoleRoutesOf } from "./operators/admin.ts";
import { bridgedOf } from "./bridge.ts";
import { basePathOf, type NamedDialect, reachableAt } from "./dialects.ts";
import type { Lifecycle } from "./lifecycle.ts";

export interface RouteParts {
  readonly version: string;
  readonly now: () => number;
  readonly metrics: Pick<Metrics, "expose">;
  readonly life: Pick<Lifecycle, "unready">;
  readonly trouble: () => string | undefined;
  readonly dialects: readonly NamedDialect[];
  readonly iceRoutes: readonly HttpRoute[];
  /** True where operators are served at the addresses of clients. */
  readonly isShared: boolean;
}

/** The routes for clients, and those at the addresses of operators. */
export interface Routes {
  readonly clients: readonly OwnedRoute[];
  readonly operators: readonly OwnedRoute[];
}

export function routesOf(config: Config, parts: RouteParts): Routes {
  const operators = consoleRoutesOf(config);
  // The same guesses count at all listeners.
  const access = bearerAccess(() => config.metricsTokens, new Guesses(parts.now));
  const probesAndMetrics = (path: string | undefined): OwnedRoute[] =>
    owned(ownRoutesOf(config, parts, { path, access }));
  return {
    clients: [
      ...probesAndMetrics(parts.isShared ? config.metrics : undefined),
      ...(parts.isShared ? operators : []),
      ...owned(pages(config, parts)),
      ...owned(parts.iceRoutes),
      ...parts.dialects.flatMap(({ name, dialect }) => owned(dialect.routes, name)),
    ],
    operators: [...probesAndMetrics(config.metrics), ...operators],
  };
}

function owned(routes: readonly Route[], owner = "server"): OwnedRoute[] {
  return routes.map((route) => ({ owner, route }));
}

/** The pages for people. */
function pages(config: Config, { version, dialects }: RouteParts): HttpRoute[] {
  const reachable = reachableAt(config, dialects);
  const basePath = basePathOf(config);
  const bridge = { dialects: bridgedOf(config), lobby: config.bridgeLobby };
  const page = landingPage({ version, reachable, basePath, hasTry: !config.noTry, bridge });
  const trial = config.noTry
    ? []
    : tryRoutes(dialects.map(({ name, dialect: { entrances } }) => ({ name, entrances })));
  return [landingRoute(page), ...trial, ...docsRoutes({ basePath, version })];
}

/** Health and readiness, and metrics if they have a path. */
function ownRoutesOf(
  config: Config,
  { metrics, life, trouble }: RouteParts,
  { path, access }: { readonly path: string | undefined; readonly access: Access },
): HttpRoute[] {
  return ownRoutes({
    health: config.health,
    metricsPath: path,
    metricsAccess: access,
    basePath: basePathOf(config),
    expose: () => metrics.expose(),
    trouble: () => life.unready ?? trouble(),
  });
}

import { plain } from "./answers.ts";
import type { Access, HttpRoute } from "./route.ts";
import { hasExactPath, readTarget } from "./visit.ts";

export interface OwnRouteOptions {
  /** Path of the health check that GStreamer's server has; empty for no such path. */
  readonly health: string;
  /** Path of the metrics; undefined if they are not served. */
  readonly metricsPath: string | undefined;
  /** The beginning of every path of the server; mostly empty. */
  readonly basePath: string;
  /** The clients that may read the metrics. */
  readonly metricsAccess: Access;
  /** Writes the metrics as text. */
  readonly expose: () => Promise<string>;
  /** The reason not to send clients here now, in a few words; undefined if there is none. */
  readonly trouble: () => string | undefined;
}

/** The paths of health and readiness, which are answered while the server still starts. */
export function probesOf(
  { health }: Pick<OwnRouteOptions, "health">,
  basePath: string,
): ReadonlySet<string> {
  const paths = ["/healthz", "/readyz", ...(health === "" ? [] : [health])];
  return new Set(paths.map((path) => `${basePath}${path}`));
}

/** True if a request asks for the health or readiness of the server. */
export function isProbe(request: Request, probes: ReadonlySet<string>): boolean {
  const target = readTarget(request, "");
  return typeof target !== "string" && probes.has(target.url.pathname);
}

/** The server's own resources: health, readiness and metrics. */
export function ownRoutes(options: OwnRouteOptions): HttpRoute[] {
  const { health, metricsPath, trouble } = options;
  const alive = () => plain(200, "OK");
  const ready = () => {
    const reason = trouble();
    return reason === undefined ? plain(200, "ready") : plain(503, `not ready: ${reason}`);
  };
  const common = { kind: "http", method: "GET", access: "open" } as const;
  const routes: HttpRoute[] = [
    { ...common, path: "/healthz", handle: alive },
    { ...common, path: "/readyz", handle: ready },
  ];
  if (health !== "" && health !== "/healthz") {
    routes.push({ ...common, path: health, handle: alive });
  }
  if (metricsPath !== undefined) routes.push(metricsRoute(metricsPath, options));
  return routes;
}

function metricsRoute(
  path: string,
  { basePath, metricsAccess: access, expose }: OwnRouteOptions,
): HttpRoute {
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return {
    kind: "http",
    method: "GET",
    path,
    access,
    // A proxy keeps one spelling private; any other would lead around it.
    handle: async (request) =>
      hasExactPath(request, `${basePath}${path}`)
        ? new Response(await expose(), { headers })
        : plain(404, "Not found"),
  };
}

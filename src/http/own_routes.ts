import { plain } from "./answers.ts";
import type { HttpRoute } from "./route.ts";
import { hasExactPath } from "./visit.ts";

export interface OwnRouteOptions {
  /** Path of the health check that GStreamer's server has; empty for no such path. */
  readonly health: string;
  /** Path of the metrics; undefined if they are not served. */
  readonly metricsPath: string | undefined;
  /** The beginning of every path of the server; mostly empty. */
  readonly basePath: string;
  /** Writes the metrics as text. */
  readonly expose: () => string;
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
export function isProbe({ url }: Request, probes: ReadonlySet<string>): boolean {
  return probes.has(URL.parse(url)?.pathname ?? "");
}

/** The server's own resources: health, readiness and metrics. */
export function ownRoutes(options: OwnRouteOptions): HttpRoute[] {
  const { health, metricsPath, basePath, expose, trouble } = options;
  const alive = () => plain(200, "OK");
  const ready = () => {
    const reason = trouble();
    return reason === undefined ? plain(200, "ready") : plain(503, `not ready: ${reason}`);
  };
  const paths: [string, (request: Request) => Response][] = [
    ["/healthz", alive],
    ["/readyz", ready],
  ];
  if (health !== "" && health !== "/healthz") paths.push([health, alive]);
  if (metricsPath !== undefined) {
    const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    // A proxy keeps one spelling private; any other would lead around it.
    paths.push([
      metricsPath,
      (request) =>
        hasExactPath(request, `${basePath}${metricsPath}`)
          ? new Response(expose(), { headers })
          : plain(404, "Not found"),
    ]);
  }
  return paths.map(([path, handle]) => ({
    kind: "http",
    method: "GET",
    path,
    access: "open",
    handle,
  }));
}

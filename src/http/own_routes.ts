import type { HttpRoute } from "../dialects/dialect.ts";
import type { Metrics } from "../observe/metrics.ts";
import { plain } from "./answers.ts";
import { DOCS_PATH } from "./landing.ts";

export interface OwnRouteOptions {
  /** Path of the health check that GStreamer's server has; empty where there is none. */
  readonly health: string;
  /** Path of the metrics; undefined where they are not shown. */
  readonly metricsPath: string | undefined;
  readonly metrics: Metrics;
  readonly isReady: () => boolean;
  /** What is missing although the server serves, in a few words; undefined where nothing is. */
  readonly trouble?: () => string | undefined;
  /** The documentation, as Markdown. */
  readonly docs: string;
}

/** What the server answers in its own name: is it alive, is it ready, how is it doing. */
export function ownRoutes(options: OwnRouteOptions): HttpRoute[] {
  const { health, metricsPath, metrics, isReady, trouble, docs } = options;
  const alive = () => plain(200, "OK");
  const ready = () => {
    if (!isReady()) return plain(503, "not ready");
    const reason = trouble?.();
    return reason === undefined ? plain(200, "ready") : plain(503, `not ready: ${reason}`);
  };
  const paths: [string, () => Response][] = [
    ["/healthz", alive],
    ["/readyz", ready],
    [DOCS_PATH, () => plain(200, docs)],
  ];
  if (health !== "" && health !== "/healthz") paths.push([health, alive]);
  if (metricsPath !== undefined) {
    const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
    paths.push([metricsPath, () => new Response(metrics.expose(), { headers })]);
  }
  return paths.map(([path, handle]) => ({ kind: "get", path, handle }));
}

import { DOCS_PATH } from "../http/landing.ts";
import type { HttpRoute } from "../http/route.ts";
import { FILE_PATHS, GROUPS } from "./contents.ts";
import type { Site, SiteOptions } from "./site.ts";

export interface DocsOptions {
  /** The prefix of every path of the server; mostly empty. */
  readonly basePath: string;
  readonly version: string;
  /** Loads the texts of all pages. */
  readonly load?: (options: SiteOptions) => Promise<Site>;
}

/** Serves the documentation: HTML to browsers, the Markdown itself to all others. */
export function docsRoutes({ basePath, version, load = loadSite }: DocsOptions): HttpRoute[] {
  const addressOf = (path: string): string => `${basePath}${pathOf(path)}`;
  const home = `${basePath}/`;
  let loading: Promise<Site> | undefined;
  const loadAnew = (): Promise<Site> => {
    const fresh = load({ addressOf, home, version });
    // The next request tries again.
    fresh.catch(() => loading = undefined);
    return fresh;
  };
  // Few servers are asked for their pages: the texts are loaded with the first request.
  const site = (): Promise<Site> => loading ??= loadAnew();
  const pages = Object.values(GROUPS).flat().flatMap((path) => [
    get(path, async () => (await site()).markdown(path)),
    { ...get(path, async () => (await site()).html(path)), prefers: "text/html" as const },
  ]);
  return [...pages, ...FILE_PATHS.map((path) => get(path, async () => (await site()).file(path)))];
}

async function loadSite(options: SiteOptions): Promise<Site> {
  const { Site } = await import("./site.ts");
  return new Site(options);
}

function get(path: string, handle: HttpRoute["handle"]): HttpRoute {
  return { kind: "http", method: "GET", path: pathOf(path), access: "open", handle };
}

/** The path of a file of the repository; README is the first page. */
function pathOf(path: string): string {
  return path === "README.md" ? DOCS_PATH : `${DOCS_PATH}/${path}`;
}

import type { HttpRoute } from "./route.ts";

/**
 * A page whose links are relative to its path. A path that ends with slashes would make them lead
 * elsewhere, so it is redirected. The new address is relative as well, because a proxy may hide the
 * beginning of the path.
 */
export function pageRoute(path: string, serve: () => Response): HttpRoute {
  const name = path.split("/").at(-1) ?? "";
  return {
    kind: "http",
    method: "GET",
    path,
    access: "open",
    handle: (request, { url: { search } }) => {
      const slashes = slashesBehind(request);
      if (slashes === 0) return serve();
      const location = `${"../".repeat(slashes)}${name}${search}`;
      return new Response(null, { status: 308, headers: { location } });
    },
  };
}

/** The slashes at the end of a request's path. No URL is read, because its host may be odd. */
function slashesBehind({ url }: Request): number {
  const [path = ""] = url.split("?");
  let start = path.length;
  while (path[start - 1] === "/") start--;
  return path.length - start;
}

import { OriginList } from "./origins.ts";

/** Tells browsers which pages may read the server's HTTP answers. */
export class CorsPolicy {
  readonly #origins: OriginList;

  /** @param origins origins whose pages may; an empty list means all */
  constructor(origins: readonly string[]) {
    this.#origins = new OriginList(origins);
  }

  /**
   * Adds the headers; an origin that is not listed gets the same answer without them.
   * @param hasCredentials for clients that always send credentials, though nobody reads them here
   */
  apply(request: Request, response: Response, hasCredentials: boolean = false): Response {
    const origin = request.headers.get("origin");
    if (origin === null) return response;
    response.headers.append("vary", "Origin");
    if (this.#origins.has(origin)) {
      response.headers.set("access-control-allow-origin", origin);
      if (hasCredentials) response.headers.set("access-control-allow-credentials", "true");
    }
    return response;
  }

  /** The answer to a browser's question before a request. */
  preflight(request: Request): Response {
    const headers = new Headers({
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
    });
    const asked = request.headers.get("access-control-request-headers");
    if (asked !== null) headers.set("access-control-allow-headers", asked);
    headers.append("vary", "Access-Control-Request-Headers");
    return new Response(null, { status: 204, headers });
  }
}

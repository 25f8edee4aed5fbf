import type { Visit } from "../core/visit.ts";

/** The part of a visit that authentication needs; a session keeps it until its client is known. */
export interface Shown {
  readonly token: string | undefined;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Reads the token that a client showed outside its dialect's own messages: a `bearer.…` subprotocol,
 * then `Authorization: Bearer`, then the query's `token`. An empty one is the same as none.
 */
export function shownBy({ bearer, url, origin, userAgent }: Visit): Shown {
  return { token: bearer ?? lastToken(url.searchParams), origin, userAgent };
}

/** Reads `token` of a query; if the name is repeated, its last value counts. */
export function lastToken(query: URLSearchParams): string | undefined {
  return query.getAll("token").at(-1) || undefined;
}

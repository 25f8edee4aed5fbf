import type { Visit } from "../../../src/core/visit.ts";

/** The visit of a client that shows nothing but a path and a query. */
export function visitOf(target: string | URL, more: Partial<Visit> = {}): Visit {
  return {
    url: new URL(target, "http://localhost"),
    bearer: undefined,
    protocols: [],
    origin: undefined,
    userAgent: undefined,
    address: "192.0.2.1",
    ...more,
  };
}

import type { Visit } from "../core/visit.ts";

/** A request's target, as it was read. */
export type Target =
  | { readonly url: URL }
  /** Broken, or beside a broken Host header. */
  | "bad"
  /** Not below the base path. */
  | "elsewhere";

/** Stands for the host, which no URL is built from: clients send odd ones. */
const ORIGIN = "http://localhost";
/** Characters that no host can hold (RFC 9112, section 3.2 demands a 400). */
const BROKEN_HOST = /[\s/?#\\]/;
/** A subprotocol that carries a token: the only header that a browser's WebSocket lets a page set. */
const TOKEN_PROTOCOL = "bearer.";

/**
 * Reads path and query of a request; doubled slashes count as one.
 * @param basePath what every path begins with, such as "/signal"; removed, and empty for none
 */
export function readTarget(request: Request, basePath: string): Target {
  const host = request.headers.get("host") ?? "";
  if (BROKEN_HOST.test(host)) return "bad";
  try {
    const url = new URL(`${ORIGIN}${targetOf(request.url, host)}`);
    const { pathname } = url;
    // Throws at a broken escape.
    if (pathname.includes("%")) decodeURIComponent(pathname);
    const path = pathname.includes("//") ? pathname.replace(/\/{2,}/g, "/") : pathname;
    if (path !== basePath && !path.startsWith(`${basePath}/`)) return "elsewhere";
    const inner = path.slice(basePath.length);
    if (inner !== pathname) url.pathname = inner;
    return { url };
  } catch {
    return "bad";
  }
}

/**
 * The path of a target whose escapes cannot be decoded, below the base path and as it came; undefined
 * if the target has no such fault.
 */
export function malformedPath(request: Request, basePath: string): string | undefined {
  const host = request.headers.get("host") ?? "";
  if (BROKEN_HOST.test(host)) return undefined;
  const [path = ""] = targetOf(request.url, host).split("?");
  return !isDecodable(path) && path.startsWith(`${basePath}/`)
    ? path.slice(basePath.length)
    : undefined;
}

/** True if all escapes of a path stand for characters. */
export function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** True if the request's target spells this path as it is, but for doubled slashes. */
export function hasExactPath({ url, headers }: Request, path: string): boolean {
  const [target = ""] = targetOf(url, headers.get("host") ?? "").split("?");
  return target.replace(/\/{2,}/g, "/") === path;
}

/** Reads a request's visit; see Visit. `headers.has` would make the runtime keep all headers. */
export function readVisit({ headers }: Request, url: URL, address: string): Visit {
  const offered = listOf(headers.get("sec-websocket-protocol"));
  const isToken = (name: string): boolean => name.startsWith(TOKEN_PROTOCOL);
  const shown = offered.find((name) => name.length > TOKEN_PROTOCOL.length && isToken(name));
  return {
    url,
    bearer: shown?.slice(TOKEN_PROTOCOL.length) ?? bearerIn(headers.get("authorization")),
    protocols: offered.filter((name) => !isToken(name)),
    origin: headers.get("origin") ?? undefined,
    userAgent: headers.get("user-agent") ?? undefined,
    address,
  };
}

/** The runtime puts the Host header before the target as it came. */
function targetOf(url: string, host: string): string {
  const authority = url.indexOf("//") + 2;
  const behindHost = authority + host.length;
  const isHost = host !== "" && url.startsWith(host, authority) && url.charAt(behindHost) === "/";
  const start = isHost ? behindHost : url.indexOf("/", authority);
  return start === -1 ? "/" : url.slice(start);
}

function listOf(header: string | null): string[] {
  return (header ?? "").split(",").map((name) => name.trim()).filter((name) => name !== "");
}

/** An empty token is the same as none. */
function bearerIn(header: string | null): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(header ?? "")?.[1];
}

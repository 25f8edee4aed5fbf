import { plain } from "./answers.ts";

/** Characters that no subprotocol has: the answer would name it by other bytes. */
const BEYOND_ASCII = /[^\t -~]/;

/** True if a request asks for a WebSocket, well-formed or not. */
export function asksForUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/**
 * Finds a fault in a WebSocket handshake and returns the answer to it (RFC 6455, section 4.2.1). The
 * runtime checks none of this itself. It keeps the request for as long as the connection lasts:
 * `has` would make it keep all headers, too, which take 1.1 kB (`get` does not).
 */
export function objectionToHandshake({ method, headers }: Request): Response | undefined {
  if (method !== "GET") return plain(405, "Method not allowed", { allow: "GET" });
  if (headers.get("host") === null) return plain(400, "Host is missing");
  const connection = headers.get("connection")?.toLowerCase().split(",") ?? [];
  if (!connection.some((token) => token.trim() === "upgrade")) {
    return plain(400, "Connection: Upgrade is missing");
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return plain(426, "WebSocket version 13 is needed", { "sec-websocket-version": "13" });
  }
  if (BEYOND_ASCII.test(headers.get("sec-websocket-protocol") ?? "")) {
    return plain(400, "Sec-WebSocket-Protocol is not ASCII");
  }
  const key = headers.get("sec-websocket-key") ?? "";
  // 22 characters of base64 are always 16 bytes.
  return /^[A-Za-z0-9+/]{22}==$/.test(key)
    ? undefined
    : plain(400, "Sec-WebSocket-Key is not 16 bytes in base64");
}

/**
 * Offered beside a token in a subprotocol, so that there is something to select: a page's WebSocket
 * fails where nothing is.
 */
const COMPANION = "signalbox";

/**
 * Selects a subprotocol.
 * @param offered by the client, in its order
 * @param spoken by the routes at the path
 * @param acceptsAny select the first offered one where none is spoken, as the npm library `ws` does
 */
export function selectProtocol(
  offered: readonly string[],
  spoken: readonly string[],
  acceptsAny: boolean,
): string | undefined {
  return offered.find((name) => spoken.includes(name)) ??
    offered.find((name) => name === COMPANION) ?? (acceptsAny ? offered[0] : undefined);
}

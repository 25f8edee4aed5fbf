/**
 * Everything a client shows of itself before its connection opens: read once, as plain text, because
 * headers cannot be read after an upgrade. Cookies are never read. A Socket.IO client's `auth` and
 * the body of a POST come beside it.
 */
export interface Visit {
  /** Path and query, without the server's base path; scheme and host mean nothing. */
  readonly url: URL;
  /** The token of a `bearer.…` subprotocol or of `Authorization: Bearer`. */
  readonly bearer: string | undefined;
  /** The offered subprotocols in their order, without the token. */
  readonly protocols: readonly string[];
  /** Undefined unless a browser names the page's origin. */
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  /** The client's network address without a port; behind a trusted proxy, the one it forwards. */
  readonly address: string;
}

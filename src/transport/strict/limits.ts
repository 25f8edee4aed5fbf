/** Bounds of the strict transport; times in ms. */
export interface TransportLimits {
  readonly maxHeadBytes: number;
  readonly maxHeadFields: number;
  /** From the connection, or from the first byte of a later request, to a complete head. */
  readonly headTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  /** How long a connection may stay idle between two requests. */
  readonly keepAliveMs: number;
  readonly tlsHandshakeMs: number;
  /** Of one message. */
  readonly maxFragments: number;
  /** From the first byte of a message to its last. */
  readonly messageTimeoutMs: number;
  /** Bytes of incomplete messages of all connections. */
  readonly maxUnfinishedBytes: number;
  /** For the client's closing frame and the end of TCP. */
  readonly closeTimeoutMs: number;
}

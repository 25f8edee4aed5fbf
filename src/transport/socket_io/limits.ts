/** Limits and end of one Engine.IO connection; sizes in bytes, times in ms. */
export interface SocketIoLimits {
  readonly pingIntervalMs: number;
  /** Also the time in which a polling client has to come back for more. */
  readonly pingTimeoutMs: number;
  /** Largest message of a websocket, largest body of a POST, and largest event with attachments. */
  readonly maxPayloadBytes: number;
  readonly maxPayloadPackets: number;
  /** Limits of a binary event or acknowledgement. */
  readonly maxAttachments: number;
  readonly bodyTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
  /** How long a connection may be in no namespace. */
  readonly connectTimeoutMs: number;
  /** Bytes that may wait for one client. */
  readonly maxQueuedBytes: number;
  readonly stallTimeoutMs: number;
  readonly maxSessions: number;
  readonly maxNamespaces: number;
  /** Packets other than events: per second, and at once on top. */
  readonly controlPacketsPerSecond: number;
  readonly controlPacketBurst: number;
}

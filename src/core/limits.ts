// Every bound is a number; Infinity stands for the configuration's word `unlimited`.

/** How many of each the hub keeps. */
export interface HubLimits {
  readonly maxPeers: number;
  readonly maxRooms: number;
  readonly maxRoomMembers: number;
  /** Sum of what the members of one room say of themselves, in bytes. */
  readonly maxRoomInfoBytes: number;
}

/** What one client may send. */
export interface InputLimits {
  /** Largest assembled message, in bytes (UTF-8 for text). */
  readonly maxFrameBytes: number;
  /** Sustained frames per second. */
  readonly framesPerSecond: number;
  /** Frames that may come at once on top. */
  readonly frameBurst: number;
  /** Sustained bytes per second; a character of text counts as one. */
  readonly bytesPerSecond: number;
  /** Bytes that may come at once on top. */
  readonly byteBurst: number;
  /** Time from the opening to the client having said who it is. */
  readonly identifyTimeoutMs: number;
  /** Frames kept while the session is waiting for something (a claim). */
  readonly maxHeldFrames: number;
  /** Time that a client may go on sending above its rates before it is disconnected. */
  readonly floodTimeoutMs: number;
  /** Time within its rates after which the next excess counts as a new one. */
  readonly floodPauseMs: number;
}

/** What may wait for one client that reads too slowly. */
export interface OutputLimits {
  /** Bytes queued for the client beyond what its network has taken. */
  readonly maxQueuedBytes: number;
  /** How long the client may take no byte while something is queued for it. */
  readonly stallTimeoutMs: number;
}

/** What one connection may do; part of every dialect's options. */
export interface LinkLimits extends InputLimits, OutputLimits {}

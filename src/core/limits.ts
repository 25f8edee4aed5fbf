// Every limit is a number; Infinity stands for the configuration's `unlimited`.

/** Limits of the hub. */
export interface HubLimits {
  readonly maxPeers: number;
  readonly maxRooms: number;
  readonly maxRoomMembers: number;
  /** Total size of the descriptions of one room's members, in bytes. */
  readonly maxRoomInfoBytes: number;
}

/** Limits of one client's input. */
export interface InputLimits {
  /** Largest assembled message, in bytes (UTF-8 for text). */
  readonly maxFrameBytes: number;
  /** Sustained frames per second. */
  readonly framesPerSecond: number;
  /** Frames that may come at once, on top of that. */
  readonly frameBurst: number;
  /** Sustained bytes per second; a character of text counts as one. */
  readonly bytesPerSecond: number;
  /** Bytes that may come at once, on top of that. */
  readonly byteBurst: number;
  /** Time from the opening in which the client has to identify itself. */
  readonly identifyTimeoutMs: number;
  /** Frames held while the session waits, as for a claim. */
  readonly maxHeldFrames: number;
  /** Time that a client may go on sending above its rates before it is disconnected. */
  readonly floodTimeoutMs: number;
  /** Time within its rates after which the next excess counts as a new one. */
  readonly floodPauseMs: number;
}

/** Limits of one client's output. */
export interface OutputLimits {
  /** Bytes queued for the client that its network has not taken. */
  readonly maxQueuedBytes: number;
  /** Time in which the client has to take something of what is queued for it. */
  readonly stallTimeoutMs: number;
}

/** Limits of one connection; part of every dialect's options. */
export interface LinkLimits extends InputLimits, OutputLimits {}

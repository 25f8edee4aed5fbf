/** Receives the durations of one connection, in ms. */
export interface Timing {
  /** Messages that all connections have relayed; it only grows. */
  readonly relayed: number;
  /** From the opening until the client was identified; once. */
  identifiedAfter(ms: number): void;
  /** From the arrival of a frame until it was relayed; not of every frame. */
  relayTook(ms: number): void;
}

/** One frame in 16 is timed, because a clock read costs more than a counter. */
export const SAMPLE_MASK = 15;

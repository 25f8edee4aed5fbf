import { Buffer } from "node:buffer";
import { refilled } from "../core/allowance.ts";
import { SignalError } from "../core/errors.ts";
import { type Expulsion, refusalOf } from "../core/expulsion.ts";
import type { InputLimits } from "../core/limits.ts";
import { SAMPLE_MASK, type Timing } from "./timing.ts";
import type { Departure, Frame, Link, Session } from "../core/session.ts";

/** The rest of a client's allowances, for a session that continues another one. */
export interface Leftover {
  readonly frameTokens: number;
  readonly byteTokens: number;
  /** On the pump's clock, like the other times, in ms. */
  readonly refilledAt: number;
  readonly excessSince: number;
  readonly lastExcess: number;
}

/**
 * Frames into a session: size, rate and order, and the one place that catches what a session
 * throws. A frame that exceeds a limit never reaches the session; the session words the refusal.
 */
export class Pump {
  readonly #link: Link;
  #session: Session;
  #limits: InputLimits;
  readonly #now: () => number;
  readonly #onRefused: (error: SignalError) => void;
  readonly #timing: Timing | undefined;
  #isIdentified = false;
  /** On the pump's clock. */
  readonly openedAt: number;
  framesReceived = 0;
  bytesReceived = 0;
  #frameTokens: number;
  #byteTokens: number;
  #refilledAt: number;
  #excessSince = -Infinity;
  #lastExcess = -Infinity;
  /** Frames that came while the session was waiting; undefined when it is not. */
  #held: Frame[] | undefined = undefined;
  #isEnded = false;

  /**
   * @param onRefused told of every refusal, for logs and counts
   * @param timing gets the durations that metrics show
   */
  constructor(
    session: Session,
    link: Link,
    limits: InputLimits,
    now: () => number,
    onRefused: (error: SignalError) => void = () => {},
    timing?: Timing,
  ) {
    this.#timing = timing;
    this.#session = session;
    this.#link = link;
    this.#limits = limits;
    this.#now = now;
    this.#onRefused = onRefused;
    this.openedAt = now();
    this.#refilledAt = this.openedAt;
    this.#frameTokens = limits.frameBurst;
    this.#byteTokens = limits.byteBurst;
  }

  /** Receives the frames. */
  get session(): Session {
    return this.#session;
  }

  /** Continues with another session, perhaps within limits of its own. */
  handOver(session: Session, limits?: InputLimits): void {
    this.#session = session;
    if (limits === undefined) return;
    this.#limits = limits;
    this.#frameTokens = limits.frameBurst;
    this.#byteTokens = limits.byteBurst;
  }

  /** The allowances that the client has not used up yet. */
  get leftover(): Leftover {
    return {
      frameTokens: this.#frameTokens,
      byteTokens: this.#byteTokens,
      refilledAt: this.#refilledAt,
      excessSince: this.#excessSince,
      lastExcess: this.#lastExcess,
    };
  }

  /** Continues with the allowances of an earlier pump, within the same limits. */
  resume({ frameTokens, byteTokens, refilledAt, excessSince, lastExcess }: Leftover): void {
    this.#frameTokens = frameTokens;
    this.#byteTokens = byteTokens;
    this.#refilledAt = refilledAt;
    this.#excessSince = excessSince;
    this.#lastExcess = lastExcess;
  }

  /** The connection is open; a promise never rejects, and settles when the session is done with it. */
  open(): void | Promise<void> {
    try {
      const pending = this.#session.opened();
      if (pending !== undefined) return this.#holdUntil(pending);
      this.#noteIdentified();
    } catch (error) {
      this.#caught(error);
    }
  }

  /** One message came. */
  receive(frame: Frame): void {
    if (this.#isEnded || !this.#link.isOpen) return;
    this.#count(frame.length);
    if (exceeds(frame, this.#limits.maxFrameBytes)) {
      this.refuseSize();
    } else if (!this.#isInTime(frame.length)) {
      this.#refuseExcess(frame);
    } else if (this.#held === undefined) {
      this.#handle(frame);
    } else if (this.#held.length < this.#limits.maxHeldFrames) {
      this.#held.push(frame);
    } else {
      this.refuse(new SignalError("flooding", "Too many messages before the answer"));
    }
  }

  /** Counts a frame that came by another way: it is subject to the same rates. False over them. */
  takes(size: number): boolean {
    this.#count(size);
    return this.#isInTime(size);
  }

  /** Refuses a message that is too large; a transport may know so before it has come. */
  refuseSize(): void {
    const text = `Message is larger than ${this.#limits.maxFrameBytes} bytes`;
    this.refuse(new SignalError("frame_too_large", text));
  }

  /** Lets the session report a refusal to its client. */
  refuse(error: SignalError): void {
    if (!this.#isEnded) this.#caught(error);
  }

  /** Lets the session end its client's stay. */
  expel(reason: Expulsion): void {
    if (this.#isEnded) return;
    this.#onRefused(refusalOf(reason));
    try {
      this.#session.expel(reason);
    } catch (fault) {
      this.#link.fail(fault);
    }
  }

  /** Hangs up on a client that has not said who it is in time, or whose token has expired. */
  checkIdentified(nowMs: number): void {
    if (!this.#link.isOpen) return;
    const expiresAt = this.#session.permits?.expiresAt;
    if (expiresAt !== undefined && nowMs >= expiresAt) {
      return this.expel("login_expired");
    }
    if (this.#session.isIdentified) return this.#noteIdentified();
    const waitedMs = nowMs - this.openedAt;
    this.#session.waits?.(waitedMs);
    if (waitedMs < this.#limits.identifyTimeoutMs) return;
    this.refuse(new SignalError("not_identified", "No valid first message in time"));
  }

  /** The connection is over, or is to be regarded so. Harmless when called again. */
  end(departure: Departure = "left"): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#held = undefined;
    try {
      this.#session.closed(departure);
    } catch (error) {
      this.#link.fail(error);
    }
  }

  /** The path of a relayed frame: no closure, no promise. */
  #handle(frame: Frame): void {
    const timing = (this.framesReceived & SAMPLE_MASK) === 0 ? this.#timing : undefined;
    const relayed = timing?.relayed;
    try {
      const pending = this.#session.receive(frame);
      if (pending instanceof Promise) this.#holdUntil(pending);
      else if (pending !== undefined) pending.outcome.catch((error) => this.#caught(error));
    } catch (error) {
      this.#caught(error);
    }
    // A frame that was held has arrived earlier.
    if (timing !== undefined && timing.relayed !== relayed && this.#held === undefined) {
      timing.relayTook(this.#now() - this.#refilledAt);
    }
    if (!this.#isIdentified) this.#noteIdentified();
  }

  #noteIdentified(): void {
    if (this.#isIdentified || !this.#session.isIdentified) return;
    this.#isIdentified = true;
    this.#timing?.identifiedAfter(this.#now() - this.openedAt);
  }

  #holdUntil(pending: Promise<void>): Promise<void> {
    this.#held ??= [];
    return pending.then(() => this.#resume(), (error) => {
      this.#caught(error);
      this.#resume();
    });
  }

  #resume(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#noteIdentified();
    if (held === undefined) return;
    for (let next = 0; next < held.length; next++) {
      if (this.#isEnded || !this.#link.isOpen) return;
      const frame = held[next];
      if (frame !== undefined) this.#handle(frame);
      // The session waits again, and the remaining frames with it.
      if (this.#held !== undefined) {
        this.#held = held.slice(next + 1);
        return;
      }
    }
  }

  #caught(error: unknown): void {
    // A refusal has no receiver any more; a fault is still reported.
    if (this.#isEnded) {
      if (!(error instanceof SignalError)) this.#link.fail(error);
      return;
    }
    const refusal = error instanceof SignalError ? error : new SignalError("internal");
    this.#onRefused(refusal);
    try {
      this.#session.refuse(refusal);
    } catch (fault) {
      this.#link.fail(fault);
    }
    if (refusal !== error) this.#link.fail(error);
  }

  #count(size: number): void {
    this.framesReceived++;
    this.bytesReceived += size;
  }

  /** Two allowances: three numbers and a clock read. A frame may overdraw what bytes are left. */
  #isInTime(size: number): boolean {
    const { framesPerSecond, frameBurst, bytesPerSecond, byteBurst } = this.#limits;
    const now = this.#now();
    const elapsedMs = now - this.#refilledAt;
    this.#refilledAt = now;
    this.#frameTokens = refilled(this.#frameTokens, framesPerSecond, frameBurst, elapsedMs);
    this.#byteTokens = refilled(this.#byteTokens, bytesPerSecond, byteBurst, elapsedMs);
    if (this.#frameTokens < 1 || this.#byteTokens <= 0) return false;
    this.#frameTokens--;
    this.#byteTokens -= size;
    return true;
  }

  /** The first frame of an excess is answered; one that lasts ends the connection. */
  #refuseExcess(frame: Frame): void {
    const { floodPauseMs, floodTimeoutMs } = this.#limits;
    const now = this.#now();
    if (now - this.#lastExcess > floodPauseMs) {
      this.#excessSince = now;
      this.refuse(new SignalError("rate_limited", "Too many messages"));
    } else if (now - this.#excessSince > floodTimeoutMs) {
      this.refuse(new SignalError("flooding", "Too many messages"));
    }
    this.#lastExcess = now;
    this.#tellDropped(frame);
  }

  #tellDropped(frame: Frame): void {
    if (this.#session.dropped === undefined || !this.#link.isOpen) return;
    try {
      this.#session.dropped(frame);
    } catch (error) {
      this.#caught(error);
    }
  }
}

/** Whether a frame has more bytes than that, text as UTF-8. */
export function exceeds(frame: Frame, maxBytes: number): boolean {
  if (typeof frame !== "string") return frame.byteLength > maxBytes;
  // A UTF-16 unit takes at most three bytes: most frames need no counting.
  if (frame.length * 3 <= maxBytes) return false;
  return frame.length > maxBytes || Buffer.byteLength(frame) > maxBytes;
}

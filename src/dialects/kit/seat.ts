import type { Hub } from "../../core/hub.ts";
import type { Claim } from "../../core/peer.ts";
import type { PeerHandle } from "../../core/events.ts";
import { type Expulsion, type LeaveReason, leaveReasonOf } from "../../core/expulsion.ts";
import type { Departure, Receiver } from "../../core/session.ts";

/** Goes on when a step is carried out: at once, unless it has to wait. A refusal passes through. */
export function after(
  step: void | Promise<void>,
  next: () => void | Promise<void>,
): void | Promise<void> {
  return step === undefined ? next() : step.then(next);
}

/** The dialect's place in the hub. */
export interface Place {
  readonly hub: Hub;
  readonly realm: string;
  /** The dialect's name. */
  readonly dialect: string;
}

/** A session's place in the hub: empty, or taken by the peer for which the session speaks. */
export class Seat {
  readonly #place: Place;
  readonly #receiver: Receiver;
  #peer: PeerHandle | undefined = undefined;
  #leaveReason: LeaveReason | undefined = undefined;

  constructor(place: Place, receiver: Receiver) {
    this.#place = place;
    this.#receiver = receiver;
  }

  /** Undefined before `admitted`, and after `replaced`. */
  get peer(): PeerHandle | undefined {
    return this.#peer;
  }

  /** Asks for an id; see `Hub.claim`. */
  claim(claim: Omit<Claim, "realm" | "dialect" | "receiver">): void | Promise<void> {
    const { hub, realm, dialect } = this.#place;
    return hub.claim({ ...claim, realm, dialect, receiver: this.#receiver });
  }

  /** At `admitted`. */
  take(peer: PeerHandle): void {
    this.#peer = peer;
  }

  /** At `replaced`: the id is another connection's. */
  lose(): void {
    this.#peer = undefined;
  }

  /** The reason for which the peer is about to leave; undefined before it is known. */
  get leaveReason(): LeaveReason | undefined {
    return this.#leaveReason;
  }

  /** The peer is about to leave for this reason, whatever ends its connection. */
  leaving(reason: LeaveReason): void {
    this.#leaveReason ??= reason;
  }

  /** The server is about to end the client's stay. */
  expelled(expulsion: Expulsion): void {
    this.leaving(leaveReasonOf(expulsion));
  }

  /**
   * Gives the id up, if there is one, and returns it.
   * @param how for operators; an earlier `leaving` counts more
   * @param news for the rooms, in the words of the dialect
   */
  release(how: Departure | LeaveReason = "left", news?: unknown): PeerHandle | undefined {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer !== undefined) {
      this.#place.hub.release(peer, this.#receiver, this.#leaveReason ?? leaveReason(how), news);
    }
    return peer;
  }
}

function leaveReason(how: Departure | LeaveReason): LeaveReason {
  if (how === "drained") return "draining";
  return how === "away" ? "left" : how;
}

import { CallEnd, type CallPeer, type HoldLimits } from "./call_end.ts";
import { readCandidate } from "./candidate.ts";
import type { Clock } from "../clock.ts";
import { type Description, readDescription } from "./description.ts";
import type { End, Leg, Lifted, Signal, Untaken } from "./signal.ts";
import type { RoomId } from "../events.ts";

/** The rules that all calls share. */
export interface CallRules extends HoldLimits {
  /** How long a call may stay without an answer. */
  readonly answerTimeoutMs: number;
  /** Longest SDP that crosses dialects, in UTF-16 units. */
  readonly maxDescriptionLength: number;
}

/** The parts that a call needs from its owner. */
export interface CallOwner {
  readonly clock: Clock;
  readonly rules: CallRules;
  answered(call: Call): void;
  /** A signal was dropped: its kind, and the dialect of its sender. */
  dropped(kind: Lifted["kind"], dialect: string): void;
  ended(call: Call, why: End): void;
}

interface Offer {
  readonly sdp: string;
  readonly description: Description;
  /** The client's message that it came in. */
  readonly message: unknown;
}

/** An offer that was not passed yet. */
interface WaitingOffer {
  readonly by: CallEnd;
  offer: Offer;
  /** It waits for the first offer of a client that offers first, not for an answer of its own. */
  readonly isForNewcomer: boolean;
  readonly timer: Disposable;
}

/** How long an offer that crosses another one waits for its client to give way after all. */
const CROSSING_WAIT_MS = 500;
/** How long an offer waits for that of a client that offers first. */
const NEWCOMER_WAIT_MS = 1_000;

/**
 * A call of two peers that speak different dialects: the owner of order, crossing offers and held
 * candidates. It knows no wire format. Rules are numbered as in README's section on calls.
 */
export class Call {
  readonly caller: CallEnd;
  readonly callee: CallEnd;
  readonly #owner: CallOwner;
  readonly #room: RoomId | undefined;
  /** The call was begun by a command, and goes on where its first signal is not taken. */
  readonly #isOpened: boolean;
  /** The client that opened the call without a signal has the first word until it speaks. */
  #opener: CallEnd | undefined;
  /** The end whose offer was passed and not answered, and how often it has made it. */
  #offerer: CallEnd | undefined = undefined;
  #openOffers = 0;
  #waiting: WaitingOffer | undefined = undefined;
  #deadline: Disposable | undefined;
  #isAnswered = false;
  #isAsked = false;
  #isOver = false;

  /** @param leg the caller's, which has read the first signal already */
  constructor(
    owner: CallOwner,
    caller: { readonly peer: CallPeer; readonly leg: Leg; readonly isOpener: boolean },
    callee: CallPeer,
    room: RoomId | undefined,
  ) {
    this.#owner = owner;
    this.caller = new CallEnd(caller.peer);
    this.caller.leg = caller.leg;
    this.caller.isInvolved = true;
    this.callee = new CallEnd(callee);
    this.#room = room;
    this.#isOpened = caller.isOpener;
    this.#opener = caller.isOpener ? this.caller : undefined;
    this.#setDeadline(owner.rules.answerTimeoutMs);
  }

  endOf(peer: CallPeer): CallEnd {
    return peer === this.caller.peer ? this.caller : this.callee;
  }

  otherOf(end: CallEnd): CallEnd {
    return end === this.caller ? this.callee : this.caller;
  }

  /**
   * Passes a signal on, or keeps it back. "replaces": it belongs to another call of the same peers.
   * @param message of the client, in which the signal came
   */
  take(end: CallEnd, signal: Lifted, message: unknown): Untaken | "replaces" | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#offer(end, signal.sdp, message);
      case "answer":
        return this.#answer(end, signal.sdp, signal.isProvisional === true);
      case "candidate":
        return this.#candidate(end, signal.candidate);
      case "ask":
        return this.#ask(end, message);
      case "data":
        if (this.otherOf(end).leg === undefined) return "cannot_be_told";
        return this.otherOf(end).lower(signal);
      default:
        signal satisfies never;
    }
  }

  /**
   * Ends the call and sends each client that is still there its protocol's word for it.
   * @param by the end whose client has ended it
   */
  end(why: End, by?: CallEnd): void {
    if (!this.#close(why)) return;
    for (const end of [this.caller, this.callee]) {
      // To the other client a call that was replaced is over like any other.
      const reason = why === "replaced" && end !== by ? "hung-up" : why;
      end.end(reason, end === by);
    }
  }

  /** A peer has left. The other one gets an end, unless neither of the two shows presence. */
  depart(gone: CallEnd, isTold: boolean): void {
    if (!this.#close("gone") || !isTold) return;
    const other = this.otherOf(gone);
    if (gone.leg?.showsPresence !== true && other.leg?.showsPresence !== true) return;
    other.end("gone", false);
  }

  /**
   * A signal of one end was passed on, and the other client turned out to have no form for it. The end
   * itself is sent the refusal.
   */
  takeBack(end: CallEnd, kind: Signal["kind"], reason: Untaken): void {
    // The other offers before an answer still stand.
    if (kind === "offer" && this.#offerer === end && --this.#openOffers === 0) {
      // The old path is dead, and the new one cannot be agreed on.
      if (reason === "cannot_renegotiate" && end.hasNewPath) return this.end("failed");
      end.forgetHeld();
      this.#void();
      this.#passCrossing();
    }
    if (kind === "ask") this.#isAsked = false;
    const isBegun = this.#isAnswered || this.#offerer !== undefined || this.#waiting !== undefined;
    if (isBegun || (kind !== "offer" && kind !== "ask")) return;
    if (this.#isOpened) this.#opener = this.caller;
    else this.#close("failed");
  }

  /** Whether an offer of the other end was passed that this one has not answered. */
  expectsAnswer(end: CallEnd): boolean {
    return this.#offerer === this.otherOf(end);
  }

  /** Hangs up for a client that comes back without the call. */
  abandon(end: CallEnd): void {
    if (!this.#close("failed")) return;
    end.end("failed", false);
    this.otherOf(end).end("hung-up", false);
  }

  /** Ends a call whose first signal was not taken: there is nobody to tell. */
  discard(): void {
    this.#isOver = true;
    this.#deadline?.[Symbol.dispose]();
  }

  #close(why: End): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#deadline?.[Symbol.dispose]();
    this.#waiting?.timer[Symbol.dispose]();
    this.#owner.ended(this, why);
    return true;
  }

  #offer(end: CallEnd, sdp: string, message: unknown): Untaken | "replaces" | undefined {
    if (sdp.length > this.#owner.rules.maxDescriptionLength) return "busy";
    if (this.#opener !== undefined && this.#opener !== end) return "busy";
    const other = this.otherOf(end);
    const untaken = other.reach(end, "callee", this.#room);
    if (untaken !== undefined) return untaken;
    const offer = { sdp, description: readDescription(sdp), message };
    const isFirst = !end.hasOffered;
    end.hasOffered = true;
    end.isInvolved = true;

    if (this.#waiting?.by === end) {
      this.#waiting.offer = offer;
      return undefined;
    }
    if (this.#offerer === other) return this.#cross(end, offer);
    if (this.#waiting?.isForNewcomer) return this.#meetNewcomer(end, offer, this.#waiting);
    const isOngoing = this.#isAnswered || this.#offerer === end;
    if (isOngoing && end.isNewConnection(offer.description)) return "replaces";
    if (isFirst && this.#isNewcomer(other)) {
      this.#wait(end, offer, NEWCOMER_WAIT_MS, true);
      return undefined;
    }
    return this.#passOffer(end, offer, false);
  }

  #isNewcomer({ leg, hasOffered }: CallEnd): boolean {
    return leg?.offersFirst === true && leg.restart !== undefined && !hasOffered &&
      !this.#isAnswered;
  }

  /** The other end's offer was passed and is not answered yet. */
  #cross(end: CallEnd, offer: Offer): Untaken | "replaces" | undefined {
    const hasMovedOn = this.#isAnswered && end.isNewConnection(offer.description);
    switch (end.leg?.crossing) {
      case "yields":
        end.forgetHeld();
        this.#owner.dropped("offer", end.peer.dialect);
        return undefined;
      case "calls":
        return hasMovedOn ? "replaces" : "busy";
      case "ignores":
        return hasMovedOn ? "replaces" : this.#supersede(end, offer);
      default:
        this.#wait(end, offer, CROSSING_WAIT_MS, false);
        return undefined;
    }
  }

  /** The client that offers first has done so, and the other end's offer is waiting for that. */
  #meetNewcomer(end: CallEnd, offer: Offer, waiting: WaitingOffer): Untaken | undefined {
    this.#stopWaiting();
    if (waiting.by.leg?.crossing === "yields") {
      waiting.by.forgetHeld();
      this.#owner.dropped("offer", waiting.by.peer.dialect);
      return this.#passOffer(end, offer, false);
    }
    this.#owner.dropped("offer", end.peer.dialect);
    end.restart();
    this.#passLate(waiting.by, waiting.offer, true);
  }

  /** Passes an offer instead of the other end's, which was passed before and is void now. */
  #supersede(end: CallEnd, offer: Offer): undefined {
    const other = this.otherOf(end);
    const takes = other.leg?.crossing === "yields" || other.leg?.crossing === "calls";
    if (!takes && other.leg?.restart === undefined) return this.end("failed") as undefined;
    this.#owner.dropped("offer", other.peer.dialect);
    other.forgetHeld();
    this.#void();
    if (!takes) other.restart();
    this.#passLate(end, offer, true);
  }

  /** Passes an offer that waited for an answer of its own client, after the other offer was refused. */
  #passCrossing(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#stopWaiting();
    this.#passLate(waiting.by, waiting.offer, false);
  }

  /** The open offer is void, and so is a provisional answer to it. */
  #void(): void {
    this.caller.withdraw();
    this.callee.withdraw();
    this.#offerer = undefined;
  }

  /** Passes an offer whose sender cannot be sent a refusal any more. */
  #passLate(end: CallEnd, offer: Offer, isCrossing: boolean): void {
    if (this.#passOffer(end, offer, isCrossing) !== undefined) this.end("failed");
  }

  #passOffer(end: CallEnd, offer: Offer, isCrossing: boolean): Untaken | undefined {
    const isRenegotiation = this.#isAnswered;
    const { sdp, description, message } = offer;
    const how = { isRenegotiation, isCrossing };
    const untaken = this.otherOf(end).lower({ kind: "offer", sdp, description, ...how });
    if (untaken !== undefined) {
      // The old path is dead, and the new one cannot be agreed on.
      const isLost = isRenegotiation && end.isNewPath(description);
      if (untaken !== "cannot_renegotiate" || !isLost) return untaken;
      this.end("failed");
      return undefined;
    }
    end.asked = message;
    end.propose(description);
    this.#openOffers = this.#offerer === end ? this.#openOffers + 1 : 1;
    this.#offerer = end;
    this.#opener = undefined;
    if (this.#isAsked) this.#setDeadline(this.#owner.rules.answerTimeoutMs);
    this.#isAsked = false;
    this.#flush(end);
  }

  #answer(end: CallEnd, sdp: string, isProvisional: boolean): Untaken | undefined {
    const other = this.otherOf(end);
    if (!this.expectsAnswer(end)) {
      this.#owner.dropped("answer", end.peer.dialect);
      return undefined;
    }
    if (sdp.length > this.#owner.rules.maxDescriptionLength) return "busy";
    const description = readDescription(sdp);
    const untaken = other.lower({ kind: "answer", sdp, description, isProvisional });
    if (untaken !== undefined) return untaken;
    if (this.#waiting?.by === end) {
      // It gave way after all, and so its candidates so far belong to an offer that is void.
      this.#stopWaiting();
      end.forgetHeld();
      this.#owner.dropped("offer", end.peer.dialect);
    }
    end.propose(description);
    if (!isProvisional) {
      end.settle();
      other.settle();
      this.#offerer = undefined;
      this.#deadline?.[Symbol.dispose]();
      if (!this.#isAnswered) this.#owner.answered(this);
      this.#isAnswered = true;
    }
    this.#flush(end);
  }

  #candidate(end: CallEnd, value: unknown): undefined {
    const candidate = readCandidate(value);
    const isEarly = end.description === undefined || this.#waiting?.by === end;
    if (candidate !== undefined && isEarly) {
      if (end.hold(candidate, this.#owner.rules)) return;
    } else if (candidate !== undefined) {
      const signal = end.complete(candidate);
      if (signal !== undefined) return void this.otherOf(end).lower(signal);
    }
    this.#owner.dropped("candidate", end.peer.dialect);
  }

  #ask(end: CallEnd, message: unknown): Untaken | undefined {
    if (this.#opener !== undefined && this.#opener !== end) return "busy";
    const other = this.otherOf(end);
    const untaken = other.reach(end, "callee", this.#room);
    if (untaken !== undefined) return untaken;
    // It has made its offer without being asked.
    if (this.#offerer === other || this.#waiting?.by === other) return undefined;
    const refusal = other.lower({ kind: "ask" });
    if (refusal !== undefined) return refusal;
    end.asked = message;
    this.#opener = undefined;
    if (this.#isAnswered) return undefined;
    this.#isAsked = true;
    this.#setDeadline(other.leg?.askTimeoutMs ?? this.#owner.rules.answerTimeoutMs);
  }

  #flush(end: CallEnd): void {
    for (const candidate of end.takeHeld()) {
      const signal = end.complete(candidate);
      if (signal === undefined) this.#owner.dropped("candidate", end.peer.dialect);
      else this.otherOf(end).lower(signal);
    }
  }

  #wait(end: CallEnd, offer: Offer, forMs: number, isForNewcomer: boolean): void {
    const timer = this.#owner.clock.after(forMs, () => this.#waited());
    this.#waiting = { by: end, offer, isForNewcomer, timer };
  }

  #waited(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if (waiting.isForNewcomer) this.#passLate(waiting.by, waiting.offer, false);
    else this.#supersede(waiting.by, waiting.offer);
  }

  #stopWaiting(): void {
    this.#waiting?.timer[Symbol.dispose]();
    this.#waiting = undefined;
  }

  #setDeadline(afterMs: number): void {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = this.#owner.clock.after(afterMs, () => this.end("unanswered"));
  }
}

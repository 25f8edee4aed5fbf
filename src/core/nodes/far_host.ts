import type { CallPeer } from "../calls/call_end.ts";
import type { Calls } from "../calls/calls.ts";
import type { RoomId } from "../events.ts";
import {
  asks,
  bare,
  begins,
  firstName,
  isAnswer,
  isOpening,
  type Mail,
  type Order,
  type OrderOfCall,
  type Report,
  type Traits,
} from "./far_words.ts";
import { PeerPairs } from "../calls/peer_pairs.ts";
import type { End, Leg, Signal, Untaken } from "../calls/signal.ts";
import { farLegOf, Uplift } from "./far_leg.ts";
import { FarTurns } from "./far_turns.ts";

export interface HostOwner {
  /** Sends to the node of a peer of another one. */
  order(own: CallPeer, other: CallPeer, order: Order): void;
  /** The two have no call, and need not know each other for it. */
  over(own: CallPeer, other: CallPeer): void;
  /** A message that was passed on turned out to have no form. */
  returned(own: CallPeer, other: CallPeer, payload: unknown, reason: Untaken): void;
  /** Sends a message once more, after the two have met anew. */
  again(own: CallPeer, other: CallPeer, mail: Mail): void;
}

/** The other node's leg, as far as this node knows it. */
interface Line {
  /** Undefined before the other node has made a leg for the first time. */
  traits: Traits | undefined;
  /** The other node has a leg now. */
  isReached: boolean;
  /** Why it makes none, while messages are answered that waited for it. */
  refusal: Untaken | undefined;
  /** Messages that wait for the leg; undefined while none is asked for. */
  queue: Mail[] | undefined;
  /** The newest message that was passed on. */
  said: unknown;
  /** The newest call, and whether its first order was sent. */
  call: number;
  isAnnounced: boolean;
  /** A leg was asked for under the call's name; the next call is this one. */
  isReserved: boolean;
  /** The other node's name of its leg in this call. */
  leg: number | undefined;
  /** Its newest report with a description that was taken. */
  heard: number;
  /** The call that it knew at its newest report. */
  known: number | undefined;
  /** The connections of this node's client. */
  readonly turns: FarTurns;
}

/** The calls that this node keeps for one of its peers and one of another node. */
export class FarHost {
  readonly #calls: Calls;
  readonly #owner: HostOwner;
  readonly #maxQueued: number;
  readonly #lines = new PeerPairs<Line>();
  /** The newest call. */
  #number = firstName();
  /** The newest description that was sent to another node. */
  #described = 0;
  /** Messages are being passed on: a pair without a call may get one in the same step. */
  #isPassing = false;

  constructor(calls: Calls, owner: HostOwner, maxQueued: number) {
    this.#calls = calls;
    this.#owner = owner;
    this.#maxQueued = maxQueued;
  }

  has(own: CallPeer, other: CallPeer): boolean {
    return this.#calls.has(own, other) || this.#lines.get(own, other)?.queue !== undefined;
  }

  /** Passes a message of a peer of this node on, once the other node has a leg. */
  pass(own: CallPeer, other: CallPeer, mail: Mail): void {
    const line = this.#line(own, other);
    if (line.queue !== undefined) {
      if (line.queue.length >= this.#maxQueued) return mail.answer("busy");
      line.queue.push(mail);
    } else if (line.traits === undefined) {
      line.queue = [mail];
      this.#name(line);
      line.isReserved = true;
      this.#order(own, other, { do: "reach", room: mail.room });
    } else this.#send(own, other, line, [mail]);
  }

  open(own: CallPeer, other: CallPeer): "sent" | Untaken {
    return this.#calls.open(own, other);
  }

  /** A report about the other node's client. */
  take(own: CallPeer, other: CallPeer, report: Report): void {
    const line = this.#line(own, other);
    const isStale = !isCurrent(line, report) && !isOpening(report);
    const isAnswering = answers(report);
    line.known = report.call;
    const isLate = isAnswering && line.turns.isLateAnswer(report.seen);
    if (isStale || isLate) return this.#ignore(own, other, report);
    line.leg ??= report.leg;
    switch (report.say) {
      case "reached":
        Object.assign(line, { traits: report.traits, isReached: true });
        return this.#flush(own, other, line);
      case "unreached":
        return this.#refuse(own, other, report.reason);
      case "lifted": {
        const { lifted, room, number, traits } = report;
        // After its client's own end there is no leg.
        Object.assign(line, { traits, isReached: typeof lifted !== "string" });
        const outcome = this.#pass(() => {
          // Messages of this node's client that wait for the leg came first.
          if (line.isReached) this.#flush(own, other, line);
          if (report.leg !== undefined) line.leg = report.leg;
          // Its client goes by an answer that the call drops, and this node's client does not.
          const isHeard = isAnswering ? this.#calls.expectsAnswer(other, own) : asks(report);
          if (isHeard) line.heard = number;
          return this.#calls.send(other, own, new Uplift(lifted), room);
        });
        this.#settle(own, other, report, number, outcome);
        return this.#tidy(own, other);
      }
      case "opened":
        Object.assign(line, { traits: report.traits, isReached: true });
        if (this.#calls.open(other, own) !== "sent") {
          this.#order(own, other, { do: "end", why: "failed", isOwn: false });
        }
        return;
      case "refused": {
        const { kind, reason } = report;
        const asked = this.#calls.takeBack(own, other, kind, reason);
        this.#owner.returned(own, other, asked ?? line.said, reason);
        return this.#tidy(own, other);
      }
      case "over":
        line.isReached = false;
        this.#pass(() => this.#calls.send(other, own, new Uplift("hung-up")));
        return this.#tidy(own, other);
      default:
        report satisfies never;
    }
  }

  /** The leg of a peer of another node, or why there is none. */
  legOf(own: CallPeer, other: CallPeer, room: RoomId | undefined): Leg | Untaken {
    const line = this.#line(own, other);
    if (line.traits === undefined) return line.refusal ?? "absent";
    if (!line.isReserved) this.#name(line);
    line.isReserved = false;
    return farLegOf(line.traits, {
      lower: (signal) => this.#lower(own, other, signal, room),
      restart: () => this.#order(own, other, { do: "restart" }),
      end: (why, isOwn) => this.#ended(own, other, why, isOwn),
    });
  }

  /** The other node did not take an order; a departure is about to come by itself. */
  fail(
    own: CallPeer,
    other: CallPeer,
    order: Order,
    cause: "absent" | "gone" | "unavailable",
  ): void {
    const reason = cause === "unavailable" ? "busy" : "absent";
    const line = this.#lines.get(own, other);
    const isOfLeg = order.leg !== undefined && order.leg === line?.leg;
    // It belongs to an earlier call.
    if (!isOfLeg && (order.do === "settle" || order.call !== line?.call)) return;
    if (cause === "gone" && line?.queue?.every(({ isSecond }) => isSecond !== true)) {
      const { queue } = line;
      this.#lines.delete(own, other);
      for (const mail of queue) this.#owner.again(own, other, mail);
    } else if (line?.queue !== undefined) this.#refuse(own, other, reason);
    if (cause !== "absent") this.#calls.fail(own, other);
  }

  /** Ends the calls of a peer that goes on without them: one that moves to another node, or to this one. */
  abandon(peer: CallPeer): void {
    this.#calls.abandon(peer);
    for (const [own, other] of this.#forget(peer)) this.#owner.over(own, other);
  }

  /** One of the two has given its id up. */
  leave(peer: CallPeer, isTold: boolean): void {
    this.#calls.leave(peer, isTold);
    this.#forget(peer);
  }

  #forget(peer: CallPeer): (readonly [own: CallPeer, other: CallPeer, line: Line])[] {
    const forgotten = this.#lines.takeAll(peer);
    for (const [, , { queue = [] }] of forgotten) for (const { answer } of queue) answer("absent");
    return forgotten;
  }

  #line(own: CallPeer, other: CallPeer): Line {
    let line = this.#lines.get(own, other);
    if (line === undefined) {
      const fresh = { traits: undefined, refusal: undefined, queue: undefined };
      const unsaid = { said: undefined, turns: new FarTurns() };
      const unnamed = { call: 0, isAnnounced: false, isReserved: false, leg: undefined };
      line = { ...fresh, ...unsaid, ...unnamed, heard: 0, known: undefined, isReached: false };
      this.#lines.set(own, other, line);
    }
    return line;
  }

  #send(own: CallPeer, other: CallPeer, line: Line, messages: readonly Mail[]): void {
    this.#pass(() => {
      for (const { payload, room, answer, isLate } of messages) {
        line.said = payload;
        answer(this.#calls.send(own, other, payload, room, isLate));
      }
    });
    this.#tidy(own, other);
  }

  /** Carries a step out, during which a pair without a call may get another one. */
  #pass<Result>(step: () => Result): Result {
    const isWithin = this.#isPassing;
    this.#isPassing = true;
    try {
      return step();
    } finally {
      this.#isPassing = isWithin;
    }
  }

  #refuse(own: CallPeer, other: CallPeer, reason: Untaken): void {
    const line = this.#line(own, other);
    line.refusal = reason;
    this.#flush(own, other, line);
    line.refusal = undefined;
  }

  #flush(own: CallPeer, other: CallPeer, line: Line): void {
    const queue = line.queue ?? [];
    line.queue = undefined;
    this.#send(own, other, line, queue);
  }

  #lower(own: CallPeer, other: CallPeer, signal: Signal, room: RoomId | undefined): void {
    const line = this.#line(own, other);
    line.isReached = true;
    if (signal.kind === "offer" || signal.kind === "answer") {
      line.turns.note(signal.kind, signal.description, ++this.#described);
    }
    const showsPresence = this.#calls.showsPresence(own, other);
    const seen = this.#described;
    this.#order(own, other, { do: "lower", signal: bare(signal), room, showsPresence, seen });
  }

  #ended(own: CallPeer, other: CallPeer, why: End, isOwn: boolean): void {
    const line = this.#line(own, other);
    // The client of the other node has begun another call by the message that ended this one.
    if (isOwn && why === "replaced") {
      this.#order(own, other, { do: "renew", next: this.#number + 1 });
      this.#name(line);
      line.isReserved = true;
      return;
    }
    // A client that ended its own attempt may be called by this one meanwhile.
    const isUnaware = line.known !== line.call;
    if (!isOwn || isUnaware) this.#order(own, other, { do: "end", why, isOwn: false });
    line.isReached = false;
    line.leg = undefined;
    this.#tidy(own, other);
  }

  /** Forgets a pair without a call. */
  #tidy(own: CallPeer, other: CallPeer): void {
    const line = this.#lines.get(own, other);
    if (line === undefined || this.#isPassing || this.has(own, other)) return;
    if (line.isReached) this.#order(own, other, { do: "drop" });
    this.#lines.delete(own, other);
    this.#owner.over(own, other);
  }

  /** A report of a call that is over here, or an answer for an earlier connection. */
  #ignore(own: CallPeer, other: CallPeer, report: Report): void {
    const { leg, call = 0 } = report;
    if (report.say === "lifted") {
      // This node's client does not learn of the connection that an answer describes.
      if (!answers(report) && asks(report)) this.#line(own, other).heard = report.number;
      this.#settle(own, other, report, report.number, "sent");
    }
    if (report.say === "reached") {
      const { heard } = this.#line(own, other);
      this.#owner.order(own, other, { do: "drop", call, leg, heard });
    }
    this.#tidy(own, other);
  }

  #settle(
    own: CallPeer,
    other: CallPeer,
    { leg = 0 }: Report,
    number: number,
    outcome: "sent" | Untaken,
  ): void {
    this.#owner.order(own, other, { do: "settle", leg, number, outcome });
  }

  /** Gives a new call its name. */
  #name(line: Line): void {
    line.call = ++this.#number;
    line.isAnnounced = false;
  }

  #order(own: CallPeer, other: CallPeer, order: OrderOfCall): void {
    const line = this.#line(own, other);
    const { call, leg, heard } = line;
    const isFirst = leg === undefined && !line.isAnnounced && isFirstOrder(order);
    if (isFirst) line.isAnnounced = true;
    this.#owner.order(own, other, { ...order, call, leg, heard, isFirst });
  }
}

function isFirstOrder(order: OrderOfCall): boolean {
  return order.do === "reach" || (order.do === "lower" && begins(order.signal));
}

/** Whether a report belongs to the newest call of its pair. */
function isCurrent({ call, leg }: Line, report: Report): boolean {
  if (report.call === call) return true;
  // An answer, or a refusal, is for a signal of a call that the leg knows.
  return leg !== undefined && report.leg === leg && report.say !== "refused" && !answers(report);
}

function answers(report: Report): boolean {
  if (report.say !== "lifted" || typeof report.lifted === "string") return false;
  return report.lifted.some(isAnswer);
}

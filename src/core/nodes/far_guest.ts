import { type CallPeer, guard } from "../calls/call_end.ts";
import type { RoomId } from "../events.ts";
import { begins, type Mail, type Order, type Report, traitsOf, whole } from "./far_words.ts";
import { PeerPairs } from "../calls/peer_pairs.ts";
import { type End, isEnd, type Leg, type Lifted, type Untaken } from "../calls/signal.ts";

export interface GuestOwner {
  /** Sends to the node of a peer of another one, which keeps the call. */
  report(own: CallPeer, other: CallPeer, report: Report): void;
  /** Sends a message once more, after the two have met anew. */
  again(own: CallPeer, other: CallPeer, mail: Mail): void;
  /** The two have no call, and need not know each other for it. */
  over(own: CallPeer, other: CallPeer): void;
}

/** The leg of a peer of this node, in a call that another node keeps. */
interface Guest {
  leg: Leg;
  /** The client was sent a signal, or has begun the call. */
  isInvolved: boolean;
  /** Its newest message that can begin a call. */
  payload: unknown;
  room: RoomId | undefined;
  othersPresence: boolean;
}

/** A message whose outcome has not come. */
interface OpenMail {
  readonly own: CallPeer;
  readonly other: CallPeer;
  readonly mail: Mail;
  /** It can begin a call. */
  readonly isFirst: boolean;
}

/** The legs of this node's peers in calls that other nodes keep. */
export class FarGuests {
  readonly #owner: GuestOwner;
  /** Whether a peer is in as many calls as it may. */
  readonly #isFull: (own: CallPeer) => boolean;
  readonly #guests = new PeerPairs<Guest>();
  /** Messages whose outcome has not come. */
  readonly #open = new Map<number, OpenMail>();
  #number = 0;

  constructor(owner: GuestOwner, isFull: (own: CallPeer) => boolean) {
    this.#owner = owner;
    this.#isFull = isFull;
  }

  countOf(own: CallPeer): number {
    return this.#guests.countOf(own);
  }

  has(own: CallPeer, other: CallPeer): boolean {
    return this.#guests.get(own, other) !== undefined;
  }

  /** Passes a message of a peer of this node on. */
  pass(own: CallPeer, other: CallPeer, mail: Mail): void {
    const { payload, room, answer } = mail;
    const known = this.#guests.get(own, other);
    const leg = known?.leg ?? legOf(own, other, "caller", room);
    const lifted = typeof leg === "string" ? leg : guard(own, () => leg.lift(payload));
    if (typeof leg === "string" || (typeof lifted === "string" && !isEnd(lifted))) {
      return answer(lifted as Untaken); // an end was never lifted without a leg
    }
    if (isEnd(lifted)) return this.#hangUp(own, other, known, lifted, mail);
    const isFirst = lifted.some(begins);
    if (lifted.length === 0 || known === undefined && !isFirst) {
      const isData = lifted.some(({ kind }) => kind === "data");
      return answer(isData ? "cannot_be_told" : "sent");
    }
    if (known === undefined && this.#isFull(own)) return answer("busy");
    const guest = known ?? this.#add(own, other, leg, room);
    if (isFirst) Object.assign(guest, { payload, isInvolved: true });
    this.#report({ own, other, mail, isFirst }, guest, lifted);
  }

  open(own: CallPeer, other: CallPeer): "sent" | Untaken {
    if (this.has(own, other) || this.#isFull(own)) return "busy";
    const leg = legOf(own, other, "caller", undefined);
    if (typeof leg === "string") return leg;
    this.#add(own, other, leg, undefined).isInvolved = true;
    this.#owner.report(own, other, { say: "opened", traits: traitsOf(leg) });
    return "sent";
  }

  take(own: CallPeer, other: CallPeer, order: Order): void {
    const guest = this.#guests.get(own, other);
    switch (order.do) {
      case "reach":
        return this.#reach(own, other, order.room);
      case "lower":
        return this.#lower(own, other, order);
      case "end":
        this.#guests.delete(own, other);
        return this.#end(own, guest, order.why, order.isOwn);
      case "renew":
        return this.#renew(own, other, guest);
      case "restart":
        return void guard(own, () => guest?.leg.restart?.());
      case "drop":
        return this.#guests.delete(own, other);
      case "settle":
        return this.#settle(own, other, order);
      default:
        order satisfies never;
    }
  }

  /**
   * The other node did not take a message. Without the other peer ("absent") its departure is about to
   * come. A node that knows of no call ("gone") has ended it: a first message of another one is sent again.
   */
  fail(
    own: CallPeer,
    other: CallPeer,
    report: Report | undefined,
    cause: "absent" | "gone" | "unavailable",
  ): void {
    // An earlier message has failed before it, and both are sent again.
    if (report?.say === "lifted" && !this.#open.has(report.number)) return;
    const reason = cause === "unavailable" ? "busy" : "absent";
    const failed = this.#take((open) => open.own === own && open.other === other);
    if (cause === "absent") return answerAll(failed, reason);
    const guest = this.#guests.get(own, other);
    this.#guests.delete(own, other);
    if (cause === "unavailable") this.#end(own, guest, "failed", false);
    const first = failed.findIndex(({ isFirst, mail }) => isFirst && mail.isSecond !== true);
    if (cause === "unavailable" || first < 0) {
      this.#owner.over(own, other);
      return answerAll(failed, reason);
    }
    answerAll(failed.slice(0, first), reason);
    for (const { mail } of failed.slice(first)) this.#owner.again(own, other, mail);
  }

  /** Ends the calls of a peer that goes on without them, on another node. */
  abandon(peer: CallPeer): void {
    const open = this.#take(({ own }) => own === peer);
    for (const [own, other, guest] of this.#guests.takeAll(peer)) {
      this.#end(own, guest, "failed", false);
      const { leg, room } = guest;
      const over = { say: "lifted", lifted: "hung-up", traits: traitsOf(leg), room } as const;
      this.#owner.report(own, other, { ...over, number: ++this.#number });
    }
    answerAll(open, "absent");
  }

  /** One of the two has given its id up. */
  leave(peer: CallPeer, isTold: boolean): void {
    for (const [own, other, guest] of this.#guests.takeAll(peer)) {
      const isShown = guest.leg.showsPresence || guest.othersPresence;
      if (other === peer && isTold && isShown) this.#end(own, guest, "gone", false);
    }
    answerAll(this.#take(({ own, other }) => own === peer || other === peer), "absent");
  }

  /** The number may be that of another node, from which the peer has moved here. */
  #settle(
    own: CallPeer,
    other: CallPeer,
    { number, outcome }: Extract<Order, { do: "settle" }>,
  ): void {
    const open = this.#open.get(number);
    if (open?.own !== own || open.other !== other) return;
    this.#open.delete(number);
    open.mail.answer(outcome);
  }

  #add(own: CallPeer, other: CallPeer, leg: Leg, room: RoomId | undefined): Guest {
    const fresh = { leg, room, isInvolved: false, payload: undefined };
    // Until the other node has told it, a call ends with its word alone.
    const guest: Guest = { ...fresh, othersPresence: false };
    this.#guests.set(own, other, guest);
    return guest;
  }

  #report(
    open: OpenMail,
    { leg, room }: Pick<Guest, "leg" | "room">,
    lifted: readonly Lifted[] | End,
  ): void {
    const number = ++this.#number;
    this.#open.set(number, open);
    const traits = traitsOf(leg);
    this.#owner.report(open.own, open.other, { say: "lifted", lifted, traits, room, number });
  }

  #hangUp(
    own: CallPeer,
    other: CallPeer,
    guest: Guest | undefined,
    why: End,
    mail: Mail,
  ): void {
    if (guest === undefined) return mail.answer("sent");
    this.#guests.delete(own, other);
    this.#end(own, guest, why, true);
    this.#report({ own, other, mail, isFirst: false }, guest, why);
  }

  #reach(own: CallPeer, other: CallPeer, room: RoomId | undefined): void {
    const known = this.#guests.get(own, other)?.leg;
    const leg = known ?? (this.#isFull(own) ? "busy" : legOf(own, other, "callee", room));
    if (typeof leg === "string") {
      return this.#owner.report(own, other, { say: "unreached", reason: leg });
    }
    if (!this.has(own, other)) this.#add(own, other, leg, room);
    this.#owner.report(own, other, { say: "reached", traits: traitsOf(leg) });
  }

  #lower(
    own: CallPeer,
    other: CallPeer,
    { signal, room, showsPresence }: Extract<Order, { do: "lower" }>,
  ): void {
    const { kind } = signal;
    let guest = this.#guests.get(own, other);
    // Only an offer or an ask begins a call; anything else is of one that has ended here.
    if (guest === undefined && kind !== "offer" && kind !== "ask") return;
    const leg = guest?.leg ?? legOf(own, other, "callee", room);
    const isMade = typeof leg !== "string";
    const reason = isMade ? guard(own, () => leg.lower(whole(signal))) : leg;
    if (isMade) guest ??= this.#add(own, other, leg, room);
    if (guest !== undefined) guest.othersPresence = showsPresence;
    if (reason !== undefined) {
      return this.#owner.report(own, other, { say: "refused", kind, reason });
    }
    if (guest !== undefined) guest.isInvolved = true;
  }

  #renew(own: CallPeer, other: CallPeer, guest: Guest | undefined): void {
    if (guest === undefined) return;
    this.#end(own, guest, "replaced", true);
    const leg = legOf(own, other, "caller", guest.room);
    if (typeof leg === "string") return this.#guests.delete(own, other);
    guest.leg = leg;
    // The signals are on their way already.
    guard(own, () => leg.lift(guest.payload));
  }

  #end(own: CallPeer, guest: Guest | undefined, why: End, isOwn: boolean): void {
    if (guest?.isInvolved === true) guard(own, () => guest.leg.end(why, isOwn));
  }

  /** Takes out the messages whose outcome will not come. */
  #take(isOver: (open: OpenMail) => boolean): OpenMail[] {
    const taken = [...this.#open].filter(([, open]) => isOver(open));
    for (const [number] of taken) this.#open.delete(number);
    return taken.map(([, open]) => open);
  }
}

function answerAll(failed: readonly OpenMail[], reason: Untaken): void {
  for (const { mail } of failed) mail.answer(reason);
}

function legOf(
  own: CallPeer,
  other: CallPeer,
  role: "caller" | "callee",
  room: RoomId | undefined,
): Leg | Untaken {
  return guard(own, () => own.receiver.leg?.(other.summary(), role, room) ?? "absent");
}

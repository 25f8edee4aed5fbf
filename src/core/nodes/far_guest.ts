import { type CallPeer, guard } from "../calls/call_end.ts";
import type { RoomId } from "../events.ts";
import { readDescription } from "../calls/description.ts";
import {
  begins,
  type CallNames,
  firstName,
  isAnswer,
  type LegNames,
  type Mail,
  type Order,
  type Report,
  type ReportOfLeg,
  traitsOf,
  whole,
} from "./far_words.ts";
import { PeerPairs } from "../calls/peer_pairs.ts";
import { type End, isEnd, type Leg, type Lifted, type Untaken } from "../calls/signal.ts";
import { FarTurns } from "./far_turns.ts";

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
  /** Named in all reports. */
  readonly name: number;
  /** The call of the newest order; undefined before the first one. */
  call: number | undefined;
  /** The connections of its client, by the reports that described them. */
  readonly turns: FarTurns;
  /** The number of the report by which its client began a call. */
  openedAt: number;
  /** The number of the other client's newest description. */
  seen: number;
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
  readonly opens: boolean;
}

/** An order about the call of a leg. */
type OfCall<Do extends Order["do"]> = Extract<Order, { readonly do: Do }>;

/** The legs of this node's peers in calls that other nodes keep. */
export class FarGuests {
  readonly #owner: GuestOwner;
  /** Whether a peer is in as many calls as it may. */
  readonly #isFull: (own: CallPeer) => boolean;
  readonly #guests = new PeerPairs<Guest>();
  /** Messages whose outcome has not come. */
  readonly #open = new Map<number, OpenMail>();
  #number = 0;
  /** The newest leg. */
  #name = firstName();

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
    if (mail.isLate === true && lifted.some(isAnswer)) return answer("sent");
    const isFirst = lifted.some(begins);
    if (lifted.length === 0 || known === undefined && !isFirst) {
      const isData = lifted.some(({ kind }) => kind === "data");
      return answer(isData ? "cannot_be_told" : "sent");
    }
    if (known === undefined && this.#isFull(own)) return answer("busy");
    const guest = known ?? this.#add(own, other, leg, room);
    if (isFirst) Object.assign(guest, { payload, isInvolved: true });
    const opens = describe(guest, lifted, this.#number + 1) || known === undefined;
    if (opens) guest.openedAt = this.#number + 1;
    this.#report({ own, other, mail, opens }, guest, lifted);
  }

  open(own: CallPeer, other: CallPeer): "sent" | Untaken {
    if (this.has(own, other) || this.#isFull(own)) return "busy";
    const leg = legOf(own, other, "caller", undefined);
    if (typeof leg === "string") return leg;
    const guest = this.#add(own, other, leg, undefined);
    guest.isInvolved = true;
    this.#say(own, other, guest, { say: "opened", traits: traitsOf(leg) });
    return "sent";
  }

  take(own: CallPeer, other: CallPeer, order: Order): void {
    if (order.do === "settle") return this.#settle(own, other, order);
    const guest = this.#guests.get(own, other);
    if (!isFor(guest, order) && order.isFirst !== true) return this.#miss(own, other, order);
    // A drop may follow the first order of a later call.
    if (guest !== undefined && order.do !== "drop") guest.call = order.call;
    switch (order.do) {
      case "reach":
        return this.#reach(own, other, order);
      case "lower":
        return this.#lower(own, other, order);
      case "end":
        if (guest !== undefined) this.#ended(own, other, guest, order);
        return;
      case "renew":
        if (guest !== undefined) this.#renew(own, other, guest, "replaced", true, order.next);
        return;
      case "restart":
        return void guard(own, () => guest?.leg.restart?.());
      case "drop":
        if ((guest?.openedAt ?? 0) <= order.heard) this.#guests.delete(own, other);
        return;
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
    report: Report,
    cause: "absent" | "gone" | "unavailable",
  ): void {
    // An earlier message has failed before it, and both are sent again.
    if (report.say === "lifted" && !this.#open.has(report.number)) return;
    const reason = cause === "unavailable" ? "busy" : "absent";
    const failed = this.#take((open) => open.own === own && open.other === other);
    if (cause === "absent") return answerAll(failed, reason);
    const guest = this.#guests.get(own, other);
    this.#guests.delete(own, other);
    if (cause === "unavailable") this.#end(own, guest, "failed", false);
    const first = failed.findIndex(({ opens, mail }) => opens && mail.isSecond !== true);
    if (cause === "unavailable" || first < 0) {
      this.#owner.over(own, other);
      return answerAll(failed, reason);
    }
    answerAll(failed.slice(0, first), reason);
    for (const { mail } of failed.slice(first)) this.#owner.again(own, other, mail);
  }

  /** Ends the calls of a peer that goes on without them: one that moves to another node, or to this one. */
  abandon(peer: CallPeer): void {
    const open = this.#take(({ own, other }) => own === peer || other === peer);
    for (const [own, other, guest] of this.#guests.takeAll(peer)) {
      this.#end(own, guest, own === peer ? "failed" : "hung-up", false);
      this.#say(own, other, guest, { say: "over" });
      this.#owner.over(own, other);
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
    { leg, number, outcome }: OfCall<"settle">,
  ): void {
    const open = this.#open.get(number);
    if (open?.own !== own || open.other !== other) {
      // It was refused meanwhile: its client knows of no call.
      const isGone = this.#guests.get(own, other)?.name !== leg;
      if (isGone) this.#owner.report(own, other, { say: "over", ...namesOf(leg, undefined) });
      return;
    }
    this.#open.delete(number);
    open.mail.answer(outcome);
  }

  #add(own: CallPeer, other: CallPeer, leg: Leg, room: RoomId | undefined): Guest {
    const fresh = { leg, room, isInvolved: false, payload: undefined, name: ++this.#name };
    const unknown = { call: undefined, turns: new FarTurns(), openedAt: 0, seen: 0 };
    // Until the other node has told it, a call ends with its word alone.
    const guest: Guest = { ...fresh, ...unknown, othersPresence: false };
    this.#guests.set(own, other, guest);
    return guest;
  }

  #report(open: OpenMail, guest: Guest, lifted: readonly Lifted[] | End): void {
    const { own, other, opens } = open;
    const number = ++this.#number;
    this.#open.set(number, open);
    const { leg, room } = guest;
    const traits = traitsOf(leg);
    this.#say(own, other, guest, { say: "lifted", lifted, traits, room, number, opens });
  }

  #say(
    own: CallPeer,
    other: CallPeer,
    { name, call, seen }: Guest,
    report: ReportOfLeg,
  ): void {
    this.#owner.report(own, other, { ...report, leg: name, call, seen });
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
    this.#report({ own, other, mail, opens: false }, guest, why);
  }

  /** An order for a leg that has gone. The other node may not know yet. */
  #miss(own: CallPeer, other: CallPeer, order: Exclude<Order, OfCall<"settle">>): void {
    if (order.do !== "lower") return;
    this.#owner.report(own, other, { say: "over", ...namesOf(order.leg, order.call) });
  }

  #reach(own: CallPeer, other: CallPeer, { call, room }: OfCall<"reach">): void {
    const known = this.#guests.get(own, other);
    const leg = known?.leg ?? (this.#isFull(own) ? "busy" : legOf(own, other, "callee", room));
    if (typeof leg === "string") {
      const names = namesOf(undefined, call);
      return this.#owner.report(own, other, { say: "unreached", reason: leg, ...names });
    }
    const guest = known ?? this.#add(own, other, leg, room);
    guest.call = call;
    this.#say(own, other, guest, { say: "reached", traits: traitsOf(leg) });
  }

  #lower(own: CallPeer, other: CallPeer, order: OfCall<"lower">): void {
    const { signal, room, showsPresence, call, seen } = order;
    const { kind } = signal;
    let guest = this.#guests.get(own, other);
    if (kind === "offer") guest?.turns.noteTheirOffer();
    else if (guest?.turns.isStray(kind, order.heard) === true) return;
    // Other signals may follow an answer that was not taken.
    const isDescription = kind === "offer" || kind === "answer";
    if (guest !== undefined && isDescription) guest.seen = seen;
    const leg = guest?.leg ?? legOf(own, other, "callee", room);
    const isMade = typeof leg !== "string";
    const reason = isMade ? guard(own, () => leg.lower(whole(signal))) : leg;
    if (isMade) guest ??= this.#add(own, other, leg, room);
    if (guest !== undefined) Object.assign(guest, { call, othersPresence: showsPresence });
    if (guest !== undefined && isDescription) guest.seen = seen;
    if (reason !== undefined) {
      const names = namesOf(guest?.name, call);
      return this.#owner.report(own, other, { say: "refused", kind, reason, ...names });
    }
    if (guest !== undefined) guest.isInvolved = true;
  }

  /** The call is over, but for a client that has begun another one meanwhile. */
  #ended(own: CallPeer, other: CallPeer, guest: Guest, { why, isOwn, heard }: OfCall<"end">): void {
    if (guest.openedAt > heard) return this.#renew(own, other, guest, why, isOwn);
    this.#guests.delete(own, other);
    this.#end(own, guest, why, isOwn);
  }

  /** The client's newest offer, or ask, belongs to a call of its own. */
  #renew(
    own: CallPeer,
    other: CallPeer,
    guest: Guest,
    why: End,
    isOwn: boolean,
    call?: number,
  ): void {
    this.#end(own, guest, why, isOwn);
    const leg = legOf(own, other, "caller", guest.room);
    if (typeof leg === "string") return this.#guests.delete(own, other);
    Object.assign(guest, { leg, call });
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

/** Whether an order is for a leg. */
function isFor(guest: Guest | undefined, { call, leg }: Pick<CallNames, "call" | "leg">): boolean {
  return guest !== undefined && (call === guest.call || leg === guest.name);
}

/** The names in a report without a leg, or of one that has gone. */
function namesOf(leg: number | undefined, call: number | undefined): LegNames {
  return { leg, call, seen: 0 };
}

/**
 * Notes the descriptions among a client's signals.
 * @returns true if one is an offer of the first connection, or of another one than before
 */
function describe({ turns }: Guest, lifted: readonly Lifted[], number: number): boolean {
  let isNew = false;
  for (const signal of lifted) {
    if (signal.kind !== "offer" && signal.kind !== "answer") continue;
    if (turns.note(signal.kind, readDescription(signal.sdp), number)) isNew = true;
  }
  return isNew;
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

import { type CallRoutes, sentBy } from "../calls/abroad.ts";
import type { Actor, Backplane, PassAnswer, PeerKey } from "./backplane.ts";
import type { CallHub } from "./call_hub.ts";
import type { CallPeer } from "../calls/call_end.ts";
import type { Calls } from "../calls/calls.ts";
import type { PeerId, RoomId } from "../events.ts";
import { FarGuests } from "./far_guest.ts";
import { FarHost } from "./far_host.ts";
import { callerOf } from "./far_permits.ts";
import { asks, isOpening, type Mail, type Order, type Report } from "./far_words.ts";
import { nameOf } from "./ghosts.ts";
import type { PresentPeer } from "../peer.ts";
import { PeerPairs } from "../calls/peer_pairs.ts";
import type { Leg, Untaken } from "../calls/signal.ts";

/** The outcome of a message that is part of a call, or could be. */
export type CallOutcome = "sent" | Untaken | "unavailable" | "kin";

/** A message that waits until its sender has met the receiver. */
type Waiting = Omit<Mail, "answer"> & { readonly answer: (outcome: CallOutcome) => void };

/**
 * The calls of this node's peers with peers of other dialects, on this node and others. A call is kept
 * by the node whose peer has had its id for longer.
 */
export class SharedCalls implements CallRoutes {
  readonly #calls: Calls;
  readonly #backplane: Backplane;
  readonly #host: FarHost;
  readonly #guests: FarGuests;
  /** Peers of this node that have met: others learn from it that one of them is busy. */
  readonly #met = new PeerPairs<true>();
  /** Peers that are about to know each other no longer: before another call they have to meet anew. */
  readonly #parting = new PeerPairs<true>();
  /** By the names of sender and receiver; in the order in which they were said. */
  readonly #meetings = new Map<string, Waiting[]>();
  /** When the newest offer of a client of another node came. */
  readonly #askedAt = new PeerPairs<number>();
  /** Counts what the clients of this node say, and the offers of others. */
  #saidAt = 0;
  #hub: CallHub | undefined;

  constructor(calls: Calls, backplane: Backplane) {
    this.#calls = calls;
    this.#backplane = backplane;
    const { maxHeldCandidates } = calls.limits;
    this.#host = new FarHost(calls, {
      order: (own, other, order) => this.#say(own, other, order),
      over: (own, other) => this.#part(own, other),
      returned: (own, other, payload, reason) =>
        this.#at.returned(keyOf(own), other.id, payload, reason),
      again: (own, other, mail) => this.#again(own, other, mail),
    }, maxHeldCandidates);
    this.#guests = new FarGuests({
      report: (own, other, report) => this.#say(own, other, report),
      over: (own, other) => this.#part(own, other),
      again: (own, other, mail) => this.#again(own, other, mail),
    }, (own) => calls.isFull(own));
    calls.alsoCount((own) => this.#guests.countOf(own));
  }

  attach(hub: CallHub): void {
    this.#hub = hub;
  }

  has(one: CallPeer, other: CallPeer): boolean {
    if (other.receiver.isElsewhere !== true) return this.#calls.has(one, other);
    return this.#keeps(one, other) ? this.#host.has(one, other) : this.#guests.has(one, other);
  }

  send(from: CallPeer, to: CallPeer, payload: unknown, room?: RoomId): "sent" | Untaken {
    if (to.receiver.isElsewhere !== true) {
      if (this.#meetings.size > 0) this.#passEarlier(from, to);
      return this.#calls.send(from, to, payload, room);
    }
    let now: "sent" | Untaken | undefined;
    let isLater = false;
    const answer = (outcome: "sent" | Untaken): void => {
      if (!isLater) now = outcome;
      else if (outcome !== "sent") this.#at.returned(keyOf(from), to.id, payload, outcome);
    };
    const mail = { payload, room, answer, saidAt: this.next() };
    if (this.#isMeeting(keyOf(from), to.id)) this.#wait(from, to, mail);
    else this.#pass(from, to, mail);
    isLater = true;
    return now ?? "sent";
  }

  open(from: CallPeer, to: CallPeer): "sent" | Untaken {
    if (to.receiver.isElsewhere !== true) return this.#calls.open(from, to);
    return this.#keeps(from, to) ? this.#host.open(from, to) : this.#guests.open(from, to);
  }

  leave(peer: CallPeer, isTold = true): void {
    this.#host.leave(peer, isTold);
    this.#guests.leave(peer, isTold);
    this.#met.takeAll(peer);
    this.#parting.takeAll(peer);
    this.#askedAt.takeAll(peer);
  }

  /** The place of a message among everything that is said and offered. */
  next(): number {
    return ++this.#saidAt;
  }

  /** Whether a peer of this node is in a call. */
  isCalling({ realm, id }: PeerKey): boolean {
    const own = this.#at.find(realm, id);
    return own !== undefined && this.#calls.countOf(own) > 0;
  }

  /** Ends the calls of a peer that moves to another node, or to this one. */
  abandon({ realm, id }: PeerKey): void {
    const own = this.#at.find(realm, id);
    if (own === undefined) return;
    this.#host.abandon(own);
    this.#guests.abandon(own);
    for (const [one, other] of this.#met.takeAll(own)) {
      if (one === own) this.#partFrom(own, other);
    }
    this.#parting.takeAll(own);
    this.#askedAt.takeAll(own);
  }

  /** Two peers know each other from now on; `isHere` if both are of this node. */
  met(realm: string, one: PeerId, other: PeerId, isHere: boolean): void {
    for (const [own, peer] of this.#bothWays(realm, one, other)) this.#parting.delete(own, peer);
    if (isHere) this.#stay(realm, one, other);
  }

  /** A peer has come from another node, and had met some of this one on its way. */
  arrived({ realm, id }: PeerKey, met: Iterable<PeerId>): void {
    for (const other of met) this.#stay(realm, other, id);
  }

  /** Two peers know each other no longer. @returns false if they have begun another call meanwhile */
  parted(realm: string, one: PeerId, other: PeerId): boolean {
    for (const [own, peer] of this.#bothWays(realm, one, other)) {
      if (this.#areFree(own, peer)) break;
      const actor = this.#at.actorOf(keyOf(own));
      const isKept = peer.receiver.isElsewhere !== true || this.#keeps(own, peer);
      if (actor === undefined || !this.has(own, peer)) continue;
      // Both nodes have to learn of the end of either peer.
      if (isKept) {
        this.#backplane.meet(callerOf(actor, own), peer.id, (outcome) => {
          if (outcome !== "met") this.#at.part(realm, one, other);
        });
      }
      return false;
    }
    for (const [own, peer] of this.#bothWays(realm, one, other)) {
      this.#parting.delete(own, peer);
      this.#met.delete(own, peer);
      this.#askedAt.delete(own, peer);
    }
    return true;
  }

  /** The leg of a peer of another node, in a call that this one keeps. */
  legOf(ghost: PeerKey, other: PeerId, room: RoomId | undefined): Leg | Untaken {
    const own = this.#at.find(ghost.realm, other);
    const peer = this.#at.find(ghost.realm, ghost.id);
    return own === undefined || peer === undefined ? "absent" : this.#host.legOf(own, peer, room);
  }

  /** True if a message has to wait until its sender has met the receiver, or goes on as one that did. */
  mustMeet(from: PeerKey, to: PeerId): boolean {
    const [own, other] = [this.#at.find(from.realm, from.id), this.#at.find(from.realm, to)];
    if (own === undefined || other === undefined) return this.#isMeeting(from, to);
    if (own.dialect === other.dialect) return this.#isMeeting(from, to);
    if (this.#areFree(own, other)) return false;
    if (this.#isMeeting(from, to)) return true;
    const isElsewhere = other.receiver.isElsewhere === true;
    // Whether one that is in a single call at a time is busy is decided for all nodes.
    return (isElsewhere || other.isExclusive) && !this.#haveMet(own, other);
  }

  /**
   * Passes a message that begins a call, or may do so, to a peer of another dialect, on any node. The
   * answer comes before anything that the other peer says.
   */
  begin(from: PeerKey, to: PeerId, waiting: Waiting): void {
    const [own, other] = [this.#at.find(from.realm, from.id), this.#at.find(from.realm, to)];
    if (own === undefined) return waiting.answer("absent");
    if (other?.dialect === own.dialect) return waiting.answer("kin");
    // Members of one room know each other.
    const isMate = waiting.room !== undefined && other?.isInRoom === true;
    const isKnown = isMate ? !this.#isMeeting(from, to) : !this.mustMeet(from, to);
    if (other === undefined || !isKnown && !this.#areFree(own, other)) {
      return this.meet(from, to, waiting);
    }
    if (other.receiver.isElsewhere !== true) this.#passEarlier(own, other);
    this.#deliver(own, other, waiting);
  }

  /**
   * Passes a message to a peer of another dialect that is not in a room with its sender, after the two
   * have met.
   */
  meet(from: PeerKey, to: PeerId, waiting: Waiting): void {
    const { answer } = waiting;
    const name = nameOfPair(from, to);
    const known = this.#meetings.get(name);
    const actor = this.#at.actorOf(from);
    if (actor === undefined) return answer("absent");
    if (known !== undefined) {
      const isFull = known.length >= this.#calls.limits.maxHeldCandidates;
      return isFull ? answer("busy") : insert(known, waiting);
    }
    this.#meetings.set(name, [waiting]);
    const caller = callerOf(actor, this.#at.find(from.realm, from.id));
    this.#backplane.meet(caller, to, (outcome) => {
      const waiting = this.#meetings.get(name) ?? [];
      this.#meetings.delete(name);
      if (outcome === "met") return this.#sendAll(actor, to, waiting);
      const word = outcome === "unknown" || outcome === "stale" ? "absent" : outcome;
      for (const one of waiting) one.answer(word);
    });
  }

  /** Passes a message to a peer of another node that its sender knows. */
  pass(from: PeerKey, to: PeerId, mail: Mail): void {
    const own = this.#at.find(from.realm, from.id);
    const other = this.#at.find(from.realm, to);
    if (own === undefined || other === undefined) return mail.answer("absent");
    this.#pass(own, other, mail);
  }

  /** The words of another node about a call; false if a peer is not known here. */
  take(own: PresentPeer, from: PeerId, words: unknown): boolean {
    const other = this.#at.find(own.realm, from);
    if (other?.receiver.isElsewhere !== true) return false;
    const opens = isOpening(words as Order | Report);
    if (opens) this.#hurry(own, other);
    if (opens || asks(words as Order | Report)) this.#askedAt.set(own, other, this.next());
    // The other node runs the same program.
    if (this.#keeps(own, other)) this.#host.take(own, other, words as Report);
    else this.#guests.take(own, other, words as Order);
    return true;
  }

  get #at(): CallHub {
    if (this.#hub === undefined) throw new RangeError("Cannot use calls before they have a hub");
    return this.#hub;
  }

  #keeps(own: CallPeer, other: CallPeer): boolean {
    const [mine, theirs] = [this.#at.actorOf(keyOf(own))?.fence, this.#at.fenceOf(keyOf(other))];
    return (mine ?? Infinity) < (theirs ?? 0);
  }

  #pass(from: CallPeer, to: CallPeer, mail: Mail): void {
    if (mail.saidAt < (this.#askedAt.get(from, to) ?? 0)) mail.isLate = true;
    const side = this.#keeps(from, to) ? this.#host : this.#guests;
    side.pass(from, to, mail);
  }

  /** Passes a message to a peer on any node. */
  #deliver(from: CallPeer, to: CallPeer, mail: Mail): void {
    if (to.receiver.isElsewhere === true) return this.#pass(from, to, mail);
    mail.answer(this.#calls.send(from, to, mail.payload, mail.room));
  }

  /** The other node knew the sender of a message no longer. */
  #again(from: CallPeer, to: CallPeer, mail: Mail): void {
    this.#wait(from, to, { ...mail, isSecond: true });
  }

  /** Has a message wait until the two have met. */
  #wait(from: CallPeer, to: CallPeer, { answer, ...mail }: Mail): void {
    const isLost = (outcome: CallOutcome) => outcome === "kin" || outcome === "unavailable";
    this.meet(keyOf(from), to.id, {
      ...mail,
      answer: (outcome) => answer(isLost(outcome) ? "absent" : outcome),
    });
  }

  #isMeeting(from: PeerKey, to: PeerId): boolean {
    return this.#meetings.size > 0 && this.#meetings.has(nameOfPair(from, to));
  }

  /** Two peers of this node have met. They need that only if one is in a single call at a time. */
  #stay(realm: string, one: PeerId, other: PeerId): void {
    for (const [own, peer] of this.#bothWays(realm, one, other)) {
      if (this.#areFree(own, peer)) return this.#partFrom(own, peer);
      this.#met.set(own, peer, true);
    }
  }

  #partFrom(own: CallPeer, other: CallPeer): void {
    const actor = this.#at.actorOf(keyOf(own));
    if (actor !== undefined) this.#backplane.part(actor, other.id);
  }

  /** Whether both peers are of this node, and may be in several calls. */
  #areFree(one: CallPeer, other: CallPeer): boolean {
    const isElsewhere = [one, other].some(({ receiver }) => receiver.isElsewhere === true);
    return !isElsewhere && !this.#isExclusive(one) && !this.#isExclusive(other);
  }

  /** Either peer with the other one, as far as they are known here. */
  #bothWays(realm: string, one: PeerId, other: PeerId): (readonly [PresentPeer, PresentPeer])[] {
    const [own, peer] = [this.#at.find(realm, one), this.#at.find(realm, other)];
    return own === undefined || peer === undefined ? [] : [[own, peer], [peer, own]];
  }

  /**
   * The other peer begins a call. Messages for it that wait for a meeting came first, and go first if the
   * two have met for that call.
   */
  #hurry(own: CallPeer, other: CallPeer): void {
    if (this.#haveMet(own, other)) this.#passWaiting(own, other);
  }

  /** Passes messages of either client that wait from before its partner came to this node. */
  #passEarlier(from: CallPeer, to: CallPeer): void {
    if (!this.#isExclusive(from)) this.#passWaiting(to, from);
    if (this.#areFree(from, to)) this.#passWaiting(from, to);
  }

  /** Passes the messages that wait for a meeting. */
  #passWaiting(own: CallPeer, other: CallPeer): void {
    if (!this.#isMeeting(keyOf(own), other.id)) return;
    const name = nameOfPair(keyOf(own), other.id);
    const waiting = this.#meetings.get(name) ?? [];
    this.#meetings.set(name, []);
    for (const mail of waiting) this.#deliver(own, other, mail);
  }

  #isExclusive({ realm, id }: CallPeer): boolean {
    return this.#at.find(realm, id)?.isExclusive === true;
  }

  #sendAll({ realm, id }: Actor, to: PeerId, waiting: readonly Waiting[]): void {
    const [own, other] = [this.#at.find(realm, id), this.#at.find(realm, to)];
    for (const mail of waiting) {
      if (own === undefined || other === undefined) mail.answer("absent");
      else this.#deliver(own, other, mail);
    }
    if (own !== undefined && other !== undefined && !this.has(own, other)) this.#part(own, other);
  }

  #part(own: CallPeer, other: CallPeer): void {
    if (this.#at.actorOf(keyOf(own)) === undefined || !this.#haveMet(own, other)) return;
    this.#parting.set(own, other, true);
    this.#partFrom(own, other);
  }

  #haveMet(own: CallPeer, other: CallPeer): boolean {
    if (this.#parting.get(own, other) === true) return false;
    return this.#met.get(own, other) === true || this.#at.haveMet(keyOf(own), keyOf(other));
  }

  #say(own: CallPeer, other: CallPeer, payload: Order | Report): void {
    const [from, { realm, id }] = [keyOf(own), keyOf(other)];
    const fence = this.#at.fenceOf({ realm, id });
    if (fence === undefined) return;
    const message = { realm, id, from: from.id, room: undefined, payload, fence };
    const { dialect } = own;
    this.#backplane.send(
      { ...message, dialect, isCall: true },
      false,
      (outcome) => this.#failed(own, other, payload, outcome),
    );
  }

  #failed(own: CallPeer, other: CallPeer, words: Order | Report, outcome: PassAnswer): void {
    if (outcome === "taken" || outcome === "foreign") return;
    if ("do" in words) this.#host.fail(own, other, words, outcome);
    else this.#guests.fail(own, other, words, outcome);
  }
}

/** Puts a message in the place that it has by the time when it was said. */
function insert(waiting: Waiting[], mail: Waiting): void {
  const before = waiting.findLastIndex(({ saidAt }) => saidAt < mail.saidAt);
  waiting.splice(before + 1, 0, mail);
}

/** The outcome for the sender's session. */
export function sentOf(outcome: Exclude<CallOutcome, "kin">): ReturnType<typeof sentBy> {
  return outcome === "unavailable" ? outcome : sentBy(outcome);
}

function keyOf(peer: CallPeer): PeerKey {
  const { realm, id } = peer;
  return { realm, id };
}

function nameOfPair(from: PeerKey, to: PeerId): string {
  return JSON.stringify([nameOf(from), to]);
}

import { type CallRoutes, sentBy } from "./abroad.ts";
import type { Actor, Backplane, Fence, PassAnswer, PeerKey } from "./backplane.ts";
import type { CallPeer } from "./call_end.ts";
import type { Calls } from "./calls.ts";
import type { PeerId, RoomId } from "./events.ts";
import { FarGuests } from "./far_guest.ts";
import { FarHost, type Outcome } from "./far_host.ts";
import type { Order, Report } from "./far_words.ts";
import { nameOf } from "./ghosts.ts";
import type { PresentPeer } from "./peer.ts";
import { PeerPairs } from "./peer_pairs.ts";
import type { Leg, Untaken } from "./signal.ts";

/** The outcome of a message that is part of a call, or could be. */
export type CallOutcome = "sent" | Untaken | "unavailable" | "kin";

/** The hub of which the calls are part. */
export interface CallHub {
  /** A peer of this node, or one of another that is known here. */
  find(realm: string, id: PeerId): PresentPeer | undefined;
  /** A peer of this node, as the cluster knows it. */
  actorOf(key: PeerKey): Actor | undefined;
  /** The fence of a peer of another node. */
  fenceOf(key: PeerKey): Fence | undefined;
  /** True if the two met for a call. */
  haveMet(own: PeerKey, other: PeerKey): boolean;
  /** Gives a message that no client took back to its sender. */
  returned(from: PeerKey, to: PeerId, payload: unknown, reason: Untaken): void;
}

/** A message that waits until its sender has met the receiver. */
interface Waiting {
  readonly payload: unknown;
  readonly answer: (outcome: CallOutcome) => void;
}

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
  /** By the names of sender and receiver. */
  readonly #meetings = new Map<string, Waiting[]>();
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
    }, maxHeldCandidates);
    const report = (own: CallPeer, other: CallPeer, report: Report): void =>
      this.#say(own, other, report);
    this.#guests = new FarGuests({ report }, (own) => calls.isFull(own));
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
    if (to.receiver.isElsewhere !== true) return this.#calls.send(from, to, payload, room);
    let now: "sent" | Untaken | undefined;
    let isLater = false;
    this.#pass(from, to, payload, room, (outcome) => {
      if (!isLater) now = outcome;
      else if (outcome !== "sent") this.#at.returned(keyOf(from), to.id, payload, outcome);
    });
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
  }

  /** Two peers of this node know each other from now on, or do so no longer. */
  know(realm: string, one: PeerId, other: PeerId, isMet: boolean): void {
    const [own, peer] = [this.#at.find(realm, one), this.#at.find(realm, other)];
    if (own === undefined || peer === undefined) return;
    for (const [a, b] of [[own, peer], [peer, own]] as const) {
      if (isMet) this.#met.set(a, b, true);
      else this.#met.delete(a, b);
    }
  }

  /** The leg of a peer of another node, in a call that this one keeps. */
  legOf(ghost: PeerKey, other: PeerId, room: RoomId | undefined): Leg | Untaken {
    const own = this.#at.find(ghost.realm, other);
    const peer = this.#at.find(ghost.realm, ghost.id);
    return own === undefined || peer === undefined ? "absent" : this.#host.legOf(own, peer, room);
  }

  /** True if a message has to wait until its sender has met the receiver, or goes on as one that did. */
  mustMeet(from: PeerKey, to: PeerId): boolean {
    if (this.#meetings.has(nameOfPair(from, to))) return true;
    const [own, other] = [this.#at.find(from.realm, from.id), this.#at.find(from.realm, to)];
    if (own === undefined || other === undefined || own.dialect === other.dialect) return false;
    const isElsewhere = other.receiver.isElsewhere === true;
    // Whether one that is in a single call at a time is busy is decided for all nodes.
    return (isElsewhere || other.isExclusive) && !this.#haveMet(own, other);
  }

  /**
   * Passes a message to a peer of another dialect that is not in a room with its sender, after the two
   * have met.
   */
  meet(from: PeerKey, to: PeerId, { payload, answer }: Waiting): void {
    const name = nameOfPair(from, to);
    const known = this.#meetings.get(name);
    const actor = this.#at.actorOf(from);
    if (actor === undefined) return answer("absent");
    if (known !== undefined) {
      const isFull = known.length >= this.#calls.limits.maxHeldCandidates;
      return isFull ? answer("busy") : void known.push({ payload, answer });
    }
    this.#meetings.set(name, [{ payload, answer }]);
    this.#backplane.meet(actor, to, (outcome) => {
      const waiting = this.#meetings.get(name) ?? [];
      this.#meetings.delete(name);
      if (outcome === "met") return this.#sendAll(actor, to, waiting);
      const word = outcome === "unknown" || outcome === "stale" ? "absent" : outcome;
      for (const one of waiting) one.answer(word);
    });
  }

  /** Passes a message to a peer of another node that its sender knows. */
  pass(from: PeerKey, to: PeerId, payload: unknown, answer: Outcome): void {
    const own = this.#at.find(from.realm, from.id);
    const other = this.#at.find(from.realm, to);
    if (own === undefined || other === undefined) return answer("absent");
    this.#pass(own, other, payload, undefined, answer);
  }

  /** The words of another node about a call; false if a peer is not known here. */
  take(own: PresentPeer, from: PeerId, words: unknown): boolean {
    const other = this.#at.find(own.realm, from);
    if (other?.receiver.isElsewhere !== true) return false;
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

  #pass(
    from: CallPeer,
    to: CallPeer,
    payload: unknown,
    room: RoomId | undefined,
    answer: Outcome,
  ): void {
    const side = this.#keeps(from, to) ? this.#host : this.#guests;
    side.pass(from, to, payload, room, answer);
  }

  #sendAll({ realm, id }: Actor, to: PeerId, waiting: readonly Waiting[]): void {
    const [own, other] = [this.#at.find(realm, id), this.#at.find(realm, to)];
    for (const { payload, answer } of waiting) {
      if (own === undefined || other === undefined) answer("absent");
      else if (other.receiver.isElsewhere === true) {
        this.#pass(own, other, payload, undefined, answer);
      } else answer(this.#calls.send(own, other, payload));
    }
    if (own !== undefined && other !== undefined && !this.has(own, other)) this.#part(own, other);
  }

  #part(own: CallPeer, other: CallPeer): void {
    const actor = this.#at.actorOf(keyOf(own));
    if (actor !== undefined && this.#haveMet(own, other)) this.#backplane.part(actor, other.id);
  }

  #haveMet(own: CallPeer, other: CallPeer): boolean {
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
      (outcome) => this.#failed(own, other, outcome),
    );
  }

  #failed(own: CallPeer, other: CallPeer, outcome: PassAnswer): void {
    if (outcome === "taken" || outcome === "foreign") return;
    if (this.#keeps(own, other)) this.#host.fail(own, other, outcome);
    else this.#guests.fail(own, other, outcome);
  }
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

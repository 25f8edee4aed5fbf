import { completeCandidate, type RawCandidate } from "./candidate.ts";
import { type Description, isOtherConnection } from "./description.ts";
import type { CallRole, End, Leg, Signal, Untaken } from "./signal.ts";
import type { PeerId, PeerSummary, RoomId } from "../events.ts";
import type { Link } from "../session.ts";

/** A peer as calls see it. */
export interface CallPeer {
  readonly realm: string;
  readonly id: PeerId;
  readonly dialect: string;
  readonly receiver: {
    readonly link: Pick<Link, "fail">;
    /** True for a peer of another node. */
    readonly isElsewhere?: true;
    /** Makes its client's end of a call; absent where the dialect cannot be bridged. */
    leg?(other: PeerSummary, role: CallRole, room: RoomId | undefined): Leg | Untaken;
  };
  summary(): PeerSummary;
}

type HeldCandidate = RawCandidate | "end-of-candidates";

/** How many candidates wait for the description that they belong to. */
export interface HoldLimits {
  readonly maxHeldCandidates: number;
  /** The sum of their texts, in UTF-16 units. */
  readonly maxHeldLength: number;
}

/** One end of a call: its leg, its descriptions, and candidates that wait for one. */
export class CallEnd {
  leg: Leg | undefined = undefined;
  hasOffered = false;
  /** The client knows of the call: it was sent a signal, or has begun the call. */
  isInvolved = false;
  /** The client's message with its newest offer or ask that was passed on. */
  asked: unknown = undefined;
  /** The last description of an exchange that was completed. */
  #settled: Description | undefined = undefined;
  /** The description of an exchange under way: an offer, or a provisional answer. */
  #proposed: Description | undefined = undefined;
  /** The client has given up the connection of its last settled description. */
  #hasLeftPath = false;
  #held: HeldCandidate[] = [];
  #heldLength = 0;

  constructor(readonly peer: CallPeer) {}

  /** Makes the leg where there is none yet. */
  reach(other: CallEnd, role: CallRole, room: RoomId | undefined): Untaken | undefined {
    if (this.leg !== undefined) return undefined;
    const leg = guard(
      this.peer,
      () => this.peer.receiver.leg?.(other.peer.summary(), role, room) ?? "absent",
    );
    if (typeof leg === "string") return leg;
    this.leg = leg;
  }

  /** Sends a signal to this end's client; a fault in its leg is its own connection's alone. */
  lower(signal: Signal): Untaken | undefined {
    const untaken = guard(
      this.peer,
      () => this.leg === undefined ? "absent" : this.leg.lower(signal),
    );
    if (untaken === undefined) this.isInvolved = true;
    return untaken;
  }

  /** Sends its client the protocol's word for the end, if the client knows of the call. */
  end(why: End, isOwn: boolean): void {
    if (this.isInvolved) guard(this.peer, () => this.leg?.end(why, isOwn));
  }

  /** The description that counts for candidates: the last one that the other end was sent, unless void. */
  get description(): Description | undefined {
    return this.#proposed ?? this.#settled;
  }

  /** Notes a description that the other end was sent, in an exchange that may still come to nothing. */
  propose(description: Description): void {
    if (this.isNewConnection(description)) this.#leavePath();
    this.#proposed = description;
  }

  /** The exchange is complete. */
  settle(): void {
    this.#settled = this.description;
    this.#proposed = undefined;
    this.#hasLeftPath = false;
  }

  /** The exchange under way is void: the last one that was completed counts again. */
  withdraw(): void {
    this.#proposed = undefined;
  }

  /** Makes the client drop its connection, so that nothing of it counts any more. */
  restart(): void {
    this.#leavePath();
    this.withdraw();
    this.forgetHeld();
    guard(this.peer, () => this.leg?.restart?.());
  }

  /** Whether the exchange under way leads to another path than the last one that was completed. */
  get hasNewPath(): boolean {
    return this.#proposed !== undefined && this.isNewPath(this.#proposed);
  }

  /** Whether the path of the last completed exchange is dead for a client with this description. */
  isNewPath({ ufrags }: Description): boolean {
    return this.#settled?.ufrags.isDisjointFrom(ufrags) ?? this.#hasLeftPath;
  }

  /** Whether an offer is that of another connection than the one described so far. */
  isNewConnection(offer: Description): boolean {
    return this.description !== undefined && isOtherConnection(this.description, offer);
  }

  /** Keeps a candidate until its description is sent; false over the limits. */
  hold(candidate: HeldCandidate, { maxHeldCandidates, maxHeldLength }: HoldLimits): boolean {
    const size = candidate === "end-of-candidates" ? 0 : candidate.size;
    const isFull = this.#held.length >= maxHeldCandidates;
    if (isFull || this.#heldLength + size > maxHeldLength) return false;
    this.#held.push(candidate);
    this.#heldLength += size;
    return true;
  }

  takeHeld(): readonly HeldCandidate[] {
    const held = this.#held;
    this.forgetHeld();
    return held;
  }

  forgetHeld(): void {
    this.#held = [];
    this.#heldLength = 0;
  }

  /** A candidate as a signal, by the current description; undefined if it does not belong to it. */
  complete(candidate: HeldCandidate): Signal | undefined {
    if (candidate === "end-of-candidates") return { kind: candidate };
    const { description } = this;
    if (description === undefined) return undefined;
    const complete = completeCandidate(candidate, description);
    return complete && { kind: "candidate", candidate: complete };
  }

  #leavePath(): void {
    if (this.#settled !== undefined) this.#hasLeftPath = true;
    this.#settled = undefined;
  }
}

/** Runs a step of a peer's leg; a fault costs that peer its connection and nobody else anything. */
export function guard<Result>(peer: CallPeer, step: () => Result): Result | "absent" {
  try {
    return step();
  } catch (error) {
    peer.receiver.link.fail(error);
    return "absent";
  }
}

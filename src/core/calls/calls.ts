import { Call, type CallOwner, type CallRules } from "./call.ts";
import { type CallPeer, guard } from "./call_end.ts";
import type { Clock } from "../clock.ts";
import { type End, isEnd, type Leg, type Lifted, type Signal, type Untaken } from "./signal.ts";
import type { RoomId } from "../events.ts";

/** How many calls there may be, and the rules of each. */
export interface CallLimits extends CallRules {
  readonly maxCalls: number;
  readonly maxCallsPerPeer: number;
}

/** News of calls, for logs and metrics. */
export type CallEvent =
  | {
    readonly type: "begun" | "answered";
    readonly caller: CallParty;
    readonly callee: CallParty;
  }
  | {
    readonly type: "ended";
    readonly caller: CallParty;
    readonly callee: CallParty;
    readonly why: End;
  }
  /** A signal was refused; its sender, whose session words the refusal. */
  | { readonly type: "untaken"; readonly dialect: string; readonly reason: Untaken }
  /** A signal has no place in the call it came in, or none in any. */
  | { readonly type: "dropped"; readonly dialect: string; readonly kind: DroppedKind };

/** A message, and the leg that has read it. */
interface Message {
  readonly from: CallPeer;
  readonly to: CallPeer;
  readonly leg: Leg;
  readonly payload: unknown;
  readonly room: RoomId | undefined;
}

type CallParty = Pick<CallPeer, "id" | "dialect">;
/** "message": it has no counterpart outside its dialect. */
export type DroppedKind = Lifted["kind"] | "message";

/**
 * The calls between peers of different dialects, one per pair of peers. Messages between peers of
 * one dialect never come here.
 */
export class Calls {
  readonly #limits: CallLimits;
  readonly #owner: CallOwner;
  readonly #tell: (event: CallEvent) => void;
  /** Each call twice, under either peer. */
  readonly #calls = new Map<CallPeer, Map<CallPeer, Call>>();
  #count = 0;
  /** Counts a peer's calls that another node keeps. */
  #keptElsewhere: (peer: CallPeer) => number = () => 0;

  /** @param tell gets the news of calls; it must not call back */
  constructor(limits: CallLimits, clock: Clock, tell: (event: CallEvent) => void) {
    this.#limits = limits;
    this.#tell = tell;
    this.#owner = {
      clock,
      rules: limits,
      answered: (call) => tell({ type: "answered", ...partiesOf(call) }),
      dropped: (kind, dialect) => tell({ type: "dropped", kind, dialect }),
      ended: (call, why) => this.#ended(call, why),
    };
  }

  get count(): number {
    return this.#count;
  }

  get limits(): CallLimits {
    return this.#limits;
  }

  /** Has a peer's calls that other nodes keep counted among its own. */
  alsoCount(keptElsewhere: (peer: CallPeer) => number): void {
    this.#keptElsewhere = keptElsewhere;
  }

  /** Whether a peer is in as many calls as it may. */
  isFull(peer: CallPeer): boolean {
    return this.countOf(peer) >= this.#limits.maxCallsPerPeer;
  }

  /** Whether a peer's client, as far as it is in a call with the other one, shows its presence. */
  showsPresence(peer: CallPeer, other: CallPeer): boolean {
    const call = this.#find(peer, other);
    return call?.endOf(peer).leg?.showsPresence === true;
  }

  /** Whether an answer of a peer's client is for an offer of the other one. */
  expectsAnswer(from: CallPeer, to: CallPeer): boolean {
    const call = this.#find(from, to);
    return call?.expectsAnswer(call.endOf(from)) === true;
  }

  /**
   * A signal that was passed on turned out to have no form for the other peer's client.
   * @returns the message of an offer or ask
   */
  takeBack(from: CallPeer, to: CallPeer, kind: Signal["kind"], reason: Untaken): unknown {
    const call = this.#find(from, to);
    if (call === undefined) return undefined;
    const end = call.endOf(from);
    call.takeBack(end, kind, reason);
    return kind === "offer" || kind === "ask" ? end.asked : undefined;
  }

  /** Ends a call that the server cannot continue. */
  fail(one: CallPeer, other: CallPeer): void {
    this.#find(one, other)?.end("failed");
  }

  /** Ends the calls of a peer that goes on without them. */
  abandon(peer: CallPeer): void {
    for (const call of [...this.#calls.get(peer)?.values() ?? []]) call.abandon(call.endOf(peer));
  }

  /** Counts a peer's calls, also those that other nodes keep. */
  countOf(peer: CallPeer): number {
    return (this.#calls.get(peer)?.size ?? 0) + this.#keptElsewhere(peer);
  }

  has(one: CallPeer, other: CallPeer): boolean {
    return this.#find(one, other) !== undefined;
  }

  /**
   * Passes a message of one peer to another, by way of the call that it belongs to or begins.
   * @param room where the message was sent to a member of a room
   * @param isLate it waited while the other peer began a call, and is no answer to that
   */
  send(
    from: CallPeer,
    to: CallPeer,
    payload: unknown,
    room?: RoomId,
    isLate?: boolean,
  ): "sent" | Untaken {
    const call = this.#find(from, to);
    const leg = call?.endOf(from).leg ?? legOf(from, to, room);
    const lifted = typeof leg === "string" ? leg : guard(from, () => leg.lift(payload));
    if (typeof lifted === "string") {
      if (!isEnd(lifted)) return this.#untaken(from, lifted);
      call?.end(lifted, call.endOf(from));
      return "sent";
    }
    if (lifted.length === 0) this.#dropped("message", from);
    for (const signal of lifted) {
      if (isLate === true && signal.kind === "answer") {
        this.#dropped(signal.kind, from);
        continue;
      }
      // `lifted` came from a leg.
      const outcome = this.#take({ from, to, leg: leg as Leg, payload, room }, signal);
      if (outcome === "replaces") {
        this.#find(from, to)?.end("replaced", call?.endOf(from));
        return this.send(from, to, payload, room, isLate);
      }
      if (outcome !== undefined) return this.#untaken(from, outcome);
    }
    return "sent";
  }

  /**
   * Begins a call without a signal, where a protocol has a command for it. The other peer learns of
   * the call by the caller's first offer or ask.
   */
  open(from: CallPeer, to: CallPeer): "sent" | Untaken {
    if (this.has(from, to) || this.#isFull(from, to)) return this.#untaken(from, "busy");
    const leg = legOf(from, to, undefined);
    if (typeof leg === "string") return this.#untaken(from, leg);
    const call = new Call(this.#owner, { peer: from, leg, isOpener: true }, to, undefined);
    this.#register(call);
    this.#tell({ type: "begun", ...partiesOf(call) });
    return "sent";
  }

  /**
   * Ends the calls of a peer that has given its id up.
   * @param isTold false if the other peers get no end, because the server itself is ending
   */
  leave(peer: CallPeer, isTold = true): void {
    for (const call of [...this.#calls.get(peer)?.values() ?? []]) {
      call.depart(call.endOf(peer), isTold);
    }
  }

  #take(message: Message, signal: Lifted): Untaken | "replaces" | undefined {
    const { from, to, payload } = message;
    const call = this.#find(from, to);
    if (call !== undefined) {
      // The other peer was called by a command alone, and knows nothing of it yet.
      const isKnown = call.endOf(from).leg !== undefined || begins(signal);
      if (isKnown) return call.take(call.endOf(from), signal, payload);
    } else if (begins(signal)) {
      return this.#begin(message, signal);
    } else if (signal.kind === "data") {
      return "cannot_be_told";
    }
    this.#dropped(signal.kind, from);
  }

  #begin({ from, to, leg, payload, room }: Message, signal: Lifted): Untaken | undefined {
    if (this.#isFull(from, to)) return "busy";
    const call = new Call(this.#owner, { peer: from, leg, isOpener: false }, to, room);
    this.#register(call);
    const outcome = call.take(call.caller, signal, payload);
    if (outcome === undefined) {
      this.#tell({ type: "begun", ...partiesOf(call) });
      return undefined;
    }
    this.#forget(call);
    call.discard();
    // A call without a description cannot be replaced.
    return outcome === "replaces" ? "busy" : outcome;
  }

  #isFull(one: CallPeer, other: CallPeer): boolean {
    return this.#count >= this.#limits.maxCalls || this.isFull(one) || this.isFull(other);
  }

  #find(one: CallPeer, other: CallPeer): Call | undefined {
    return this.#calls.get(one)?.get(other);
  }

  #register(call: Call): void {
    this.#count++;
    for (const end of [call.caller, call.callee]) {
      let calls = this.#calls.get(end.peer);
      if (calls === undefined) this.#calls.set(end.peer, calls = new Map());
      calls.set(call.otherOf(end).peer, call);
    }
  }

  #ended(call: Call, why: End): void {
    this.#forget(call);
    this.#tell({ type: "ended", ...partiesOf(call), why });
  }

  #forget(call: Call): void {
    this.#count--;
    for (const end of [call.caller, call.callee]) {
      const calls = this.#calls.get(end.peer);
      calls?.delete(call.otherOf(end).peer);
      if (calls?.size === 0) this.#calls.delete(end.peer);
    }
  }

  #untaken(from: CallPeer, reason: Untaken): Untaken {
    this.#tell({ type: "untaken", dialect: from.dialect, reason });
    return reason;
  }

  #dropped(kind: DroppedKind, from: CallPeer): void {
    this.#tell({ type: "dropped", dialect: from.dialect, kind });
  }
}

function begins(signal: Lifted): boolean {
  return signal.kind === "offer" || signal.kind === "ask";
}

function legOf(peer: CallPeer, other: CallPeer, room: RoomId | undefined): Leg | Untaken {
  return guard(peer, () => peer.receiver.leg?.(other.summary(), "caller", room) ?? "absent");
}

function partiesOf({ caller, callee }: Call): { caller: CallParty; callee: CallParty } {
  return {
    caller: { id: caller.peer.id, dialect: caller.peer.dialect },
    callee: { id: callee.peer.id, dialect: callee.peer.dialect },
  };
}

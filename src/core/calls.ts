import { Call, type CallOwner, type CallRules } from "./call.ts";
import { type CallPeer, guard } from "./call_end.ts";
import type { Clock } from "./clock.ts";
import { type End, isEnd, type Leg, type Lifted, type Untaken } from "./signal.ts";
import type { RoomId } from "./events.ts";

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

  has(one: CallPeer, other: CallPeer): boolean {
    return this.#find(one, other) !== undefined;
  }

  /**
   * Passes a message of one peer to another, by way of the call that it belongs to or begins.
   * @param room where the message was sent to a member of a room
   */
  send(
    from: CallPeer,
    to: CallPeer,
    payload: unknown,
    room?: RoomId,
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
      const outcome = this.#take(from, to, leg as Leg, signal, room); // `lifted` came from a leg
      if (outcome === "replaces") {
        this.#find(from, to)?.end("replaced", call?.endOf(from));
        return this.send(from, to, payload, room);
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
    this.#add(new Call(this.#owner, { peer: from, leg, isOpener: true }, to, undefined));
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

  #take(
    from: CallPeer,
    to: CallPeer,
    leg: Leg,
    signal: Lifted,
    room: RoomId | undefined,
  ): Untaken | "replaces" | undefined {
    const call = this.#find(from, to);
    if (call !== undefined) {
      // The other peer was called by a command alone, and knows nothing of it yet.
      const isKnown = call.endOf(from).leg !== undefined || begins(signal);
      if (isKnown) return call.take(call.endOf(from), signal);
    } else if (begins(signal)) {
      return this.#begin({ peer: from, leg, isOpener: false }, to, signal, room);
    } else if (signal.kind === "data") {
      return "cannot_be_told";
    }
    this.#dropped(signal.kind, from);
  }

  #begin(
    caller: { readonly peer: CallPeer; readonly leg: Leg; readonly isOpener: boolean },
    callee: CallPeer,
    signal: Lifted,
    room: RoomId | undefined,
  ): Untaken | undefined {
    if (this.#isFull(caller.peer, callee)) return "busy";
    const call = new Call(this.#owner, caller, callee, room);
    const outcome = call.take(call.caller, signal);
    if (outcome === undefined) {
      this.#add(call);
      return undefined;
    }
    call.discard();
    // A call without a description cannot be replaced.
    return outcome === "replaces" ? "busy" : outcome;
  }

  #isFull(one: CallPeer, other: CallPeer): boolean {
    const { maxCalls, maxCallsPerPeer } = this.#limits;
    const isFull = (peer: CallPeer) => (this.#calls.get(peer)?.size ?? 0) >= maxCallsPerPeer;
    return this.#count >= maxCalls || isFull(one) || isFull(other);
  }

  #find(one: CallPeer, other: CallPeer): Call | undefined {
    return this.#calls.get(one)?.get(other);
  }

  #add(call: Call): void {
    this.#count++;
    for (const end of [call.caller, call.callee]) {
      let calls = this.#calls.get(end.peer);
      if (calls === undefined) this.#calls.set(end.peer, calls = new Map());
      calls.set(call.otherOf(end).peer, call);
    }
    this.#tell({ type: "begun", ...partiesOf(call) });
  }

  #ended(call: Call, why: End): void {
    this.#count--;
    for (const end of [call.caller, call.callee]) {
      const calls = this.#calls.get(end.peer);
      calls?.delete(call.otherOf(end).peer);
      if (calls?.size === 0) this.#calls.delete(end.peer);
    }
    this.#tell({ type: "ended", ...partiesOf(call), why });
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

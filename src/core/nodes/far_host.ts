import type { CallPeer } from "../calls/call_end.ts";
import type { Calls } from "../calls/calls.ts";
import type { RoomId } from "../events.ts";
import { bare, type Mail, type Order, type Report, type Traits } from "./far_words.ts";
import { PeerPairs } from "../calls/peer_pairs.ts";
import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../calls/signal.ts";

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
}

/** Signals that were lifted on the other node. */
class Uplift {
  constructor(readonly lifted: readonly Lifted[] | End) {}
}

/** The calls that this node keeps for one of its peers and one of another node. */
export class FarHost {
  readonly #calls: Calls;
  readonly #owner: HostOwner;
  readonly #maxQueued: number;
  readonly #lines = new PeerPairs<Line>();
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
      this.#owner.order(own, other, { do: "reach", room: mail.room });
    } else this.#send(own, other, line, [mail]);
  }

  open(own: CallPeer, other: CallPeer): "sent" | Untaken {
    return this.#calls.open(own, other);
  }

  /** A report about the other node's client. */
  take(own: CallPeer, other: CallPeer, report: Report): void {
    const line = this.#line(own, other);
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
        const outcome = this.#pass(() => this.#calls.send(other, own, new Uplift(lifted), room));
        this.#owner.order(own, other, { do: "settle", number, outcome });
        return this.#tidy(own, other);
      }
      case "opened":
        Object.assign(line, { traits: report.traits, isReached: true });
        if (this.#calls.open(other, own) !== "sent") {
          this.#owner.order(own, other, { do: "end", why: "failed", isOwn: false });
        }
        return;
      case "refused":
        this.#calls.takeBack(own, other, report.kind, report.reason);
        this.#owner.returned(own, other, line.said, report.reason);
        return this.#tidy(own, other);
      default:
        report satisfies never;
    }
  }

  /** The leg of a peer of another node, or why there is none. */
  legOf(own: CallPeer, other: CallPeer, room: RoomId | undefined): Leg | Untaken {
    const line = this.#line(own, other);
    if (line.traits === undefined) return line.refusal ?? "absent";
    return new FarLeg(line.traits, {
      lower: (signal) => {
        const showsPresence = this.#calls.showsPresence(own, other);
        this.#line(own, other).isReached = true;
        this.#owner.order(own, other, { do: "lower", signal: bare(signal), room, showsPresence });
      },
      restart: () => this.#owner.order(own, other, { do: "restart" }),
      end: (why, isOwn) => this.#ended(own, other, why, isOwn),
    });
  }

  /** The other node did not take the newest order; a departure is about to come by itself. */
  fail(own: CallPeer, other: CallPeer, cause: "absent" | "gone" | "unavailable"): void {
    const reason = cause === "unavailable" ? "busy" : "absent";
    const line = this.#lines.get(own, other);
    if (cause === "gone" && line?.queue?.every(({ isSecond }) => isSecond !== true)) {
      const { queue } = line;
      this.#lines.delete(own, other);
      for (const mail of queue) this.#owner.again(own, other, mail);
    } else if (line?.queue !== undefined) this.#refuse(own, other, reason);
    if (cause !== "absent") this.#calls.fail(own, other);
  }

  /** Ends the calls of a peer that goes on without them, on another node. */
  abandon(own: CallPeer): void {
    this.#calls.abandon(own);
    this.#forget(own);
  }

  /** One of the two has given its id up. */
  leave(peer: CallPeer, isTold: boolean): void {
    this.#calls.leave(peer, isTold);
    this.#forget(peer);
  }

  #forget(peer: CallPeer): void {
    for (const [, , { queue = [] }] of this.#lines.takeAll(peer)) {
      for (const { answer } of queue) answer("absent");
    }
  }

  #line(own: CallPeer, other: CallPeer): Line {
    let line = this.#lines.get(own, other);
    if (line === undefined) {
      const fresh = { traits: undefined, refusal: undefined, queue: undefined, said: undefined };
      line = { ...fresh, isReached: false };
      this.#lines.set(own, other, line);
    }
    return line;
  }

  #send(own: CallPeer, other: CallPeer, line: Line, messages: readonly Mail[]): void {
    this.#pass(() => {
      for (const { payload, room, answer } of messages) {
        line.said = payload;
        answer(this.#calls.send(own, other, payload, room));
      }
    });
    this.#tidy(own, other);
  }

  /** Carries a step out, during which a pair without a call may get another one. */
  #pass<Result>(step: () => Result): Result {
    this.#isPassing = true;
    try {
      return step();
    } finally {
      this.#isPassing = false;
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

  #ended(own: CallPeer, other: CallPeer, why: End, isOwn: boolean): void {
    // The client of the other node has begun another call by the message that ended this one.
    if (isOwn && why === "replaced") return this.#owner.order(own, other, { do: "renew" });
    if (!isOwn) this.#owner.order(own, other, { do: "end", why, isOwn });
    this.#line(own, other).isReached = false;
    this.#tidy(own, other);
  }

  /** Forgets a pair without a call. */
  #tidy(own: CallPeer, other: CallPeer): void {
    const line = this.#lines.get(own, other);
    if (line === undefined || this.#isPassing || this.has(own, other)) return;
    this.#lines.delete(own, other);
    if (line.isReached) this.#owner.order(own, other, { do: "drop" });
    this.#owner.over(own, other);
  }
}

interface LegCommands {
  readonly lower: (signal: Signal) => void;
  readonly restart: () => void;
  readonly end: (why: End, isOwn: boolean) => void;
}

/** The end of a call whose client is another node's. */
class FarLeg implements Leg {
  readonly crossing: Crossing;
  readonly offersFirst: boolean;
  readonly takesOneOffer: boolean;
  readonly refusesAsks: boolean;
  readonly askTimeoutMs?: number;
  readonly showsPresence: boolean;
  readonly restart?: () => void;
  readonly #client: LegCommands;

  constructor(
    { askTimeoutMs, restarts, ...traits }: Traits,
    client: LegCommands,
  ) {
    const { crossing, offersFirst, takesOneOffer, refusesAsks, showsPresence } = traits;
    this.crossing = crossing;
    this.offersFirst = offersFirst;
    this.takesOneOffer = takesOneOffer;
    this.refusesAsks = refusesAsks;
    if (askTimeoutMs !== undefined) this.askTimeoutMs = askTimeoutMs;
    this.showsPresence = showsPresence;
    if (restarts) this.restart = client.restart;
    this.#client = client;
  }

  lift(payload: unknown): readonly Lifted[] | End {
    return payload instanceof Uplift ? payload.lifted : [];
  }

  /** Whether the client has a form for any other signal turns out on its node. */
  lower(signal: Signal): Untaken | undefined {
    // No two protocols carry data.
    if (signal.kind === "data") return "cannot_be_told";
    if (signal.kind === "ask" && this.refusesAsks) return "cannot_be_asked";
    const isSecond = signal.kind === "offer" && signal.isRenegotiation;
    if (isSecond && this.takesOneOffer) return "cannot_renegotiate";
    this.#client.lower(signal);
  }

  end(why: End, isOwn: boolean): void {
    this.#client.end(why, isOwn);
  }
}

import type {
  Crossing,
  End,
  Leg,
  Lifted,
  Signal as Lowered,
  Untaken,
} from "../../core/calls/signal.ts";
import type { PeerId, PeerSummary } from "../../core/events.ts";
import type { Speaker } from "./kept_signals.ts";
import type { SentSignal, SignalFrame } from "./messages.ts";

/** The parts that a leg needs from its clients' peer. */
export interface PeerLine {
  readonly id: PeerId;
  /** How many instances could answer. */
  readonly instanceCount: number;
  /** Sends a signal; false if it cannot reach all instances that are meant. */
  hand(signal: SentSignal, from: Readonly<Speaker>): boolean;
  /** Shows a peer that is not in the room to all instances, and to those that come later. */
  introduce(other: PeerSummary): void;
  /** Takes it from the room again. */
  retire(other: PeerSummary): void;
}

/** The part of a frame that differs from signal to signal. */
type SignalContent = ContentOf<SignalFrame>;
type ContentOf<Frame> = Frame extends SignalFrame
  ? Omit<Frame, "event" | "peer_id" | "peer_instance" | "call" | "ref">
  : never;

/** Reasons of a `bye`, for people. */
const REASONS: Readonly<Record<End, string>> = {
  "hung-up": "hung up",
  refused: "refused",
  gone: "gone",
  replaced: "replaced",
  failed: "the call failed",
  unanswered: "no answer",
};

/** A peer's end of a call with a peer of another dialect. It belongs to the peer, not to an instance. */
export class SimpleLeg implements Leg {
  readonly showsPresence = true;
  readonly refusesAsks = true;
  readonly crossing: Crossing;
  readonly #line: PeerLine;
  readonly #other: PeerSummary;
  readonly #isStranger: boolean;
  readonly #speaker: Speaker;
  #isIntroduced = false;
  /** The instance that is in the call; undefined while all of them are being called. */
  #instance: number | undefined = undefined;
  #call: string | undefined = undefined;

  /**
   * @param speaker the other peer, for the signals that are kept
   * @param isStranger the other peer is not in the room
   */
  constructor(line: PeerLine, other: PeerSummary, speaker: Speaker, isStranger: boolean) {
    this.#line = line;
    this.#other = other;
    this.#speaker = speaker;
    this.#isStranger = isStranger;
    // The smaller id gives way (§4).
    this.crossing = line.id < other.id ? "yields" : "insists";
  }

  lift(payload: unknown): readonly Lifted[] | End {
    const { peer_instance: from, frame } = payload as SentSignal; // the peer hands nothing else to the hub
    const isBystander = this.#instance !== undefined && this.#instance !== from;
    switch (frame.type) {
      case "offer":
        this.#instance = from;
        this.#call = frame.call;
        return [{ kind: "offer", sdp: frame.sdp }];
      case "answer":
      case "pranswer":
        if (isBystander) return this.#turnAway(from);
        this.#instance = from;
        return [{ kind: "answer", sdp: frame.sdp, isProvisional: frame.type === "pranswer" }];
      case "candidate":
        if (isBystander) return [];
        return frame.peer_ice.map((candidate) => ({ kind: "candidate", candidate }));
      case "bye": {
        // The others may still answer.
        const isOneOfMany = this.#instance === undefined && this.#line.instanceCount > 1;
        if (isBystander || isOneOfMany) return [];
        return this.#instance === undefined ? "refused" : "hung-up";
      }
      case "data":
        return [{ kind: "data", data: frame.data }];
      default:
        return frame satisfies never;
    }
  }

  lower(signal: Lowered): Untaken | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#send({ type: "offer", sdp: signal.sdp });
      case "answer":
        return this.#send({ type: signal.isProvisional ? "pranswer" : "answer", sdp: signal.sdp });
      case "candidate":
        return this.#send({ type: "candidate", peer_ice: [signal.candidate] });
      case "end-of-candidates":
        return this.#send({ type: "candidate", peer_ice: [{ candidate: "" }] });
      case "ask":
        return "cannot_be_asked";
      case "data":
        return "cannot_be_told";
      default:
        return signal satisfies never;
    }
  }

  /** The room itself announces a member's departure. */
  end(why: End, isOwn: boolean): void {
    const isAnnounced = why === "gone" && !this.#isStranger;
    if (!isOwn && !isAnnounced) this.#send({ type: "bye", reason: REASONS[why] });
    if (this.#isStranger || why === "gone") this.#speaker.isGone = true;
    if (this.#isIntroduced) this.#line.retire(this.#other);
  }

  #send(body: SignalContent, instance: number | undefined = this.#instance): Untaken | undefined {
    const frame = {
      ...body,
      event: "signal",
      peer_id: this.#line.id,
      peer_instance: instance,
      call: this.#call,
    } as SignalFrame; // every body is one of its
    const isNew = this.#isStranger && !this.#isIntroduced;
    if (isNew) this.#line.introduce(this.#other);
    const signal: SentSignal = { peer_id: this.#other.id, peer_instance: 0, frame };
    if (this.#line.hand(signal, this.#speaker)) {
      this.#isIntroduced ||= isNew;
      return undefined;
    }
    if (isNew) this.#line.retire(this.#other);
    return "busy";
  }

  /** Another instance was quicker. */
  #turnAway(instance: number): [] {
    this.#send({ type: "bye", reason: "answered elsewhere" }, instance);
    return [];
  }
}

import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../../core/calls/signal.ts";
import {
  answerPayload,
  type CallHead,
  candidatePayload,
  type ClientMessage,
  offerPayload,
  readCandidate,
  readDescription,
  type RelayedMessage,
} from "./messages.ts";

/** "calling": the client's offer is not answered; "called": the client has not answered. */
type Stage = "new" | "calling" | "called" | "answered";

/**
 * A PeerJS client's end of a call with a peer of another dialect. The client can neither be asked for
 * an offer nor renegotiate, and its hang-ups are silent.
 */
export class PeerJsLeg implements Leg {
  readonly crossing: Crossing = "calls";
  readonly showsPresence = false;
  readonly refusesAsks = true;
  readonly takesOneOffer = true;
  readonly #write: (message: RelayedMessage) => void;
  readonly #dialect: string;
  #stage: Stage = "new";
  #head: CallHead = { type: "data", connectionId: "" };

  /**
   * @param write sends the client a message from the other peer
   * @param dialect the other peer's
   */
  constructor(write: (message: RelayedMessage) => void, dialect: string) {
    this.#write = write;
    this.#dialect = dialect;
  }

  lift(payload: unknown): readonly Lifted[] | End | Untaken {
    const message = payload as ClientMessage; // the session hands nothing else to the hub
    switch (message.type) {
      case "OFFER":
        return this.#liftOffer(message.payload);
      case "ANSWER":
        return this.#liftAnswer(message.payload);
      case "CANDIDATE": {
        const read = readCandidate(message.payload);
        if (read?.connectionId !== this.#head.connectionId) return [];
        return [{ kind: "candidate", candidate: read.candidate }];
      }
      case "LEAVE":
      case "EXPIRE":
        return "hung-up";
      case "HEARTBEAT":
        return [];
      default:
        return message satisfies never;
    }
  }

  lower(signal: Signal): Untaken | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#lowerOffer(signal);
      case "answer":
        if (signal.isProvisional) return "cannot_be_told";
        this.#stage = "answered";
        this.#write({ type: "ANSWER", payload: answerPayload(signal.sdp, this.#head) });
        return undefined;
      case "candidate":
        this.#write({ type: "CANDIDATE", payload: candidatePayload(signal.candidate, this.#head) });
        return undefined;
      // The client has no word for it, and needs none.
      case "end-of-candidates":
        return undefined;
      case "ask":
        return "cannot_be_asked";
      case "data":
        return "cannot_be_told";
      default:
        return signal satisfies never;
    }
  }

  /** On LEAVE alone an attempt that nobody has answered would end without an event. */
  end(_why: End, isOwn: boolean): void {
    if (isOwn) return;
    if (this.#stage === "calling") this.#write({ type: "EXPIRE" });
    this.#write({ type: "LEAVE" });
  }

  /** While it is being called, the client has to answer before it calls back. */
  #liftOffer(payload: unknown): readonly Lifted[] | Untaken {
    const read = readDescription(payload);
    if (read === undefined) return [];
    if (this.#stage === "called") return "busy";
    this.#head = read;
    this.#stage = "calling";
    return [{ kind: "offer", sdp: read.sdp }];
  }

  #liftAnswer(payload: unknown): readonly Lifted[] {
    const read = readDescription(payload);
    const isAwaited = this.#stage === "called" && read?.connectionId === this.#head.connectionId;
    if (read === undefined || !isAwaited) return [];
    this.#stage = "answered";
    return [{ kind: "answer", sdp: read.sdp }];
  }

  #lowerOffer(
    { sdp, description, isRenegotiation }: Extract<Signal, { kind: "offer" }>,
  ): Untaken | undefined {
    if (isRenegotiation) return "cannot_renegotiate";
    // The client's own attempt, or an earlier offer, is void. Without LEAVE, a later one would miss
    // this call: the client skips every other connection while it removes them.
    if (this.#stage !== "new") this.#write({ type: "LEAVE" });
    const isMedia = description.sections.some(({ kind }) => kind === "audio" || kind === "video");
    const type = isMedia ? "media" : "data";
    const connectionId = `${isMedia ? "mc" : "dc"}_${crypto.randomUUID().replaceAll("-", "")}`;
    this.#head = { type, connectionId };
    this.#stage = "called";
    this.#write({ type: "OFFER", payload: offerPayload(sdp, this.#head, this.#dialect) });
  }
}

import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../../core/calls/signal.ts";
import type { Frame } from "../../core/session.ts";
import { encodeIce, encodeSdp, OFFER_REQUEST, readSignal } from "./messages.ts";

/** Reads what a peer says, in a session or in a room (§7). */
function lift(payload: unknown): readonly Lifted[] {
  return readSignal(payload as Frame); // the session hands nothing else to the hub
}

/** The text of a signal (§7); undefined if there is none and none is needed. */
function textOf(signal: Exclude<Signal, { kind: "ask" }>): string | undefined | Untaken {
  switch (signal.kind) {
    case "offer":
      return encodeSdp("offer", signal.sdp);
    case "answer":
      return signal.isProvisional ? "cannot_be_told" : encodeSdp("answer", signal.sdp);
    case "candidate":
      return encodeIce(signal.candidate);
    case "end-of-candidates":
      return undefined;
    case "data":
      return "cannot_be_told";
    default:
      return signal satisfies never;
  }
}

/** The parts that a leg needs from its client's session. */
export interface SessionLine {
  write(text: string): void;
  /** The client is in the call from now on, and busy for everybody else. */
  engage(): void;
  /** Ends the connection, which is the protocol's only goodbye (§4). */
  close(error?: string): void;
}

/** A client's end of a call by `SESSION`, or of a call of an idle client. */
export class SessionLeg implements Leg {
  readonly crossing: Crossing = "insists";
  readonly showsPresence = true;
  readonly lift = lift;
  readonly #line: SessionLine;

  constructor(line: SessionLine) {
    this.#line = line;
  }

  lower(signal: Signal): Untaken | undefined {
    const text = signal.kind === "ask" ? OFFER_REQUEST : textOf(signal);
    if (text === undefined) return undefined;
    if (text === "cannot_be_told") return text;
    this.#line.engage();
    this.#line.write(text);
  }

  end(why: End, isOwn: boolean): void {
    if (isOwn) return;
    this.#line.close(
      why === "failed" ? "the call failed: both sides have made an offer" : undefined,
    );
  }
}

/** The parts that a leg needs from the session of a room's member. */
export interface RoomLine {
  write(text: string): void;
  /** Has the client drop its connection, and wait for an offer (§5). */
  restart(): void;
}

/** A client's end of a call with another member of its room. */
export class RoomLeg implements Leg {
  readonly crossing: Crossing = "insists";
  readonly showsPresence = true;
  /** Clients in rooms do not know OFFER_REQUEST. */
  readonly refusesAsks = true;
  readonly lift = lift;
  /** A newcomer makes an offer to each member that it found in the room (§7). */
  readonly offersFirst: boolean;
  readonly #line: RoomLine;

  constructor(line: RoomLine, offersFirst: boolean) {
    this.#line = line;
    this.offersFirst = offersFirst;
  }

  lower(signal: Signal): Untaken | undefined {
    if (signal.kind === "ask") return "cannot_be_asked";
    const text = textOf(signal);
    if (text === "cannot_be_told") return text;
    if (text !== undefined) this.#line.write(text);
  }

  /** The room itself announces a departure. */
  end(why: End, isOwn: boolean): void {
    if (!isOwn && why !== "gone") this.#line.restart();
  }

  restart(): void {
    this.#line.restart();
  }
}

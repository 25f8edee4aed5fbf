import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../../core/calls/signal.ts";
import { type Relayed, sdpOf, type SessionDescription } from "./messages.ts";

/** The parts that a leg needs from its member's session. */
export interface MemberLine {
  /** Sends a message from the other peer. */
  write(relayed: Relayed): void;
  /** Announces that the other peer has joined, or left. */
  announce(news: "joined" | "left"): void;
  /** False as soon as the other peer has left the pool. */
  isMate(): boolean;
}

/** How the member and the other peer came to know each other. */
export type Acquaintance =
  /** The member found the other one in the pool. */
  | "newcomer"
  /** The other one came later. */
  | "elder"
  /** The other one is not in the pool, and is introduced by the call. */
  | "stranger";

/** RTCPool makes its offer the moment it learns of a peer, if it sends something to all. */
const ASK_TIMEOUT_MS = 5_000;

/** A member's end of a call with a peer of another dialect. */
export class SspLeg implements Leg {
  readonly showsPresence = true;
  readonly askTimeoutMs = ASK_TIMEOUT_MS;
  readonly crossing: Crossing;
  readonly #line: MemberLine;
  readonly #acquaintance: Acquaintance;
  #isIntroduced = false;

  constructor(line: MemberLine, acquaintance: Acquaintance) {
    this.#line = line;
    this.#acquaintance = acquaintance;
    // RTCPool's newcomer is the polite one (§4).
    this.crossing = acquaintance === "newcomer" ? "yields" : "insists";
  }

  lift(payload: unknown): readonly Lifted[] | End | Untaken {
    const relayed = payload as Relayed; // the session hands nothing else to the hub
    if (relayed.kind === "candidate") return [{ kind: "candidate", candidate: relayed.candidate }];
    const sdp = sdpOf(relayed.description);
    // The description's own type counts: version 1 sends answers as offers, too.
    const { type } = relayed.description;
    if (type !== "offer" && type !== "answer" && type !== "pranswer") return "cannot_be_told";
    if (sdp === undefined) return [];
    if (type === "offer") return [{ kind: "offer", sdp }];
    return [{ kind: "answer", sdp, ...(type === "pranswer" ? { isProvisional: true } : {}) }];
  }

  lower(signal: Signal): Untaken | undefined {
    switch (signal.kind) {
      case "offer":
        return this.#tell({ kind: "offer", description: describe("offer", signal.sdp) });
      case "answer": {
        const type = signal.isProvisional ? "pranswer" : "answer";
        return this.#tell({ kind: "answer", description: describe(type, signal.sdp) });
      }
      case "candidate":
        return this.#tell({ kind: "candidate", candidate: signal.candidate });
      case "end-of-candidates":
        return this.#tell({ kind: "candidate", candidate: null });
      case "ask":
        return this.#ask();
      case "data":
        return "cannot_be_told";
      default:
        return signal satisfies never;
    }
  }

  /** The pool itself announces a member's departure; another one can be called again. */
  end(why: End, isOwn: boolean): void {
    if (this.#acquaintance === "stranger") {
      if (this.#isIntroduced) this.#line.announce("left");
    } else if (!isOwn && why !== "gone" && this.#line.isMate()) {
      this.#line.announce("left");
      this.#line.announce("joined");
    }
  }

  #tell(relayed: Relayed): undefined {
    this.#introduce();
    this.#line.write(relayed);
  }

  #introduce(): void {
    if (this.#acquaintance !== "stranger" || this.#isIntroduced) return;
    this.#isIntroduced = true;
    this.#line.announce("joined");
  }

  /** There is no word for it but the announcement. */
  #ask(): undefined {
    if (this.#acquaintance === "stranger") return this.#introduce() as undefined;
    this.#line.announce("left");
    this.#line.announce("joined");
  }
}

function describe(type: string, sdp: string): SessionDescription {
  return { type, sdp };
}

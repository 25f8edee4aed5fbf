import type { Crossing, End, Leg, Lifted, Signal, Untaken } from "../calls/signal.ts";
import type { Traits } from "./far_words.ts";

/** Signals that were lifted on the other node. */
export class Uplift {
  constructor(readonly lifted: readonly Lifted[] | End) {}
}

/** The orders of a leg to its client's node. */
interface LegCommands {
  readonly lower: (signal: Signal) => void;
  readonly restart: () => void;
  readonly end: (why: End, isOwn: boolean) => void;
}

/** The end of a call whose client is another node's. */
export class FarLeg implements Leg {
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

import type { End, Leg, Lifted, Signal, Untaken } from "../calls/signal.ts";
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
export function farLegOf(
  { restarts, ...traits }: Traits,
  { restart, lower, end }: LegCommands,
): Leg {
  return {
    ...traits,
    ...(restarts && { restart }),
    lift: (payload) => payload instanceof Uplift ? payload.lifted : [],
    /** Whether the client has a form for any other signal turns out on its node. */
    lower(signal): Untaken | undefined {
      // No two protocols carry data.
      if (signal.kind === "data") return "cannot_be_told";
      if (signal.kind === "ask" && traits.refusesAsks) return "cannot_be_asked";
      const isSecond = signal.kind === "offer" && signal.isRenegotiation;
      if (isSecond && traits.takesOneOffer) return "cannot_renegotiate";
      lower(signal);
    },
    end,
  };
}

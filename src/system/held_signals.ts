/** Signals that end a process without a listener for them, and must not end this one. */
const HELD = ["SIGHUP", "SIGUSR2"] as const;
type Held = typeof HELD[number];

/** Holds signals from this module's first line on, until the server can act on them. */
class HeldSignals {
  readonly #came = new Set<Held>();
  readonly #holders = new Map(
    HELD.map((signal) => [signal, () => void this.#came.add(signal)] as const),
  );

  constructor() {
    // It knows neither signal.
    if (Deno.build.os === "windows") return;
    for (const [signal, holder] of this.#holders) Deno.addSignalListener(signal, holder);
  }

  /** Acts on a signal from now on, and at once if it has come already. */
  take(signal: Held, action: () => void): void {
    const holder = this.#holders.get(signal);
    Deno.addSignalListener(signal, action);
    // In this order the signal is never without a listener.
    if (holder !== undefined) Deno.removeSignalListener(signal, holder);
    if (this.#came.delete(signal)) action();
  }
}

/** The signals of this process. */
export const heldSignals: Pick<HeldSignals, "take"> = new HeldSignals();

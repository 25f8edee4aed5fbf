import type { CallEvent } from "../core/calls/calls.ts";
import { type Log, shown } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** Calls between dialects, as counts and debug lines. */
export class CallJournal {
  readonly #log: Log;
  readonly #metrics: Metrics;

  constructor(log: Log, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** A field, not a method: it is passed on without its object. */
  readonly tell = (event: CallEvent): void => {
    switch (event.type) {
      case "begun":
      case "answered":
      case "ended":
        return this.#call(event);
      case "untaken": {
        const { dialect, reason } = event;
        return this.#metrics.count("signalbox_bridged_refusals_total", { dialect, reason });
      }
      case "dropped": {
        const { dialect, kind } = event;
        return this.#metrics.count("signalbox_bridged_drops_total", { dialect, kind });
      }
      default:
        event satisfies never;
    }
  };

  #call(event: Extract<CallEvent, { readonly type: "begun" | "answered" | "ended" }>): void {
    const { caller, callee, type } = event;
    const outcome = event.type === "ended" ? event.why : type;
    const pair = { caller: caller.dialect, callee: callee.dialect };
    this.#metrics.count("signalbox_bridged_calls_total", { ...pair, outcome });
    if (!this.#log.isDebug) return;
    this.#log.writeForClient("debug", "bridged call", {
      outcome,
      caller: shown(caller.id),
      callee: shown(callee.id),
      from: caller.dialect,
      to: callee.dialect,
    });
  }
}

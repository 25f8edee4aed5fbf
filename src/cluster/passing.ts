import type { ReportCluster } from "./events.ts";
import { processOf } from "./names.ts";
import type { Outbox, Parcel } from "./outbox.ts";
import type { Step, Steps } from "./steps.ts";

/** Ends messages by the outcome that the engine has for them, or by its absence. */
export class Passing {
  readonly #outbox: Outbox;
  readonly #steps: Steps;
  readonly #report: ReportCluster;

  constructor(outbox: Outbox, steps: Steps, report: ReportCluster) {
    this.#outbox = outbox;
    this.#steps = steps;
    this.#report = report;
  }

  /** A call was carried out. @param outcomes those of the messages among its steps, in order */
  passed(steps: readonly Step[], outcomes: readonly string[]): void {
    let index = 0;
    for (const { parcel } of steps) {
      if (parcel === undefined) continue;
      const outcome = outcomes[index++] ?? "!";
      if (outcome === "!") this.end(parcel, "unavailable");
      else if (outcome !== "-") this.#outbox.placed(processOf(outcome), parcel);
      else {
        this.end(parcel, "absent");
        // No later message may overtake it once the id appears.
        for (const later of this.#steps.takeMessages(parcel.realm, parcel.id)) {
          this.end(later, "absent");
        }
      }
    }
  }

  /** No node gets the message. */
  end(parcel: Parcel, cause: "absent" | "unavailable"): void {
    this.#report({ type: "undelivered", cause });
    this.#outbox.end(parcel, cause);
  }
}

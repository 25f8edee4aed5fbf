import type { ReportCluster } from "./events.ts";
import { processOf } from "./names.ts";
import type { Outbox, Parcel } from "./outbox.ts";
import type { Step, Steps } from "./steps.ts";

/** The reason why a message is in no inbox. */
type Cause = "absent" | "foreign" | "unavailable";

/** Gives messages the outcomes of the calls that carried them. */
export class Outcomes {
  readonly #steps: Steps;
  readonly #outbox: Outbox;
  readonly #report: ReportCluster;

  constructor(steps: Steps, outbox: Outbox, report: ReportCluster) {
    this.#steps = steps;
    this.#outbox = outbox;
    this.#report = report;
  }

  /** @param outcomes of the messages among the steps, in order */
  passed(steps: readonly Step[], outcomes: readonly string[]): void {
    let index = 0;
    const returned: (readonly [parcel: Parcel, cause: Cause])[] = [];
    for (const step of steps) {
      const { parcel } = step;
      if (parcel === undefined) continue;
      const outcome = outcomes[index++] ?? "!";
      // Its sender has had another outcome meanwhile.
      if (this.#steps.isOver(step)) continue;
      if (outcome === "!") this.end(parcel, "unavailable");
      else if (outcome !== "-" && outcome !== "~") this.#outbox.placed(processOf(outcome), parcel);
      else {
        const cause = outcome === "-" ? "absent" : "foreign";
        this.end(parcel, cause);
        if (!parcel.isCall) returned.push([parcel, cause]);
      }
    }
    // No later message may overtake one that came back.
    for (const [{ realm, id }, cause] of returned) {
      for (const later of this.#steps.takeMessages(realm, id)) this.end(later, cause);
    }
  }

  end(parcel: Parcel, cause: Cause): void {
    // A message for a peer of another dialect goes on as part of a call.
    if (cause !== "foreign") this.#report({ type: "undelivered", cause });
    this.#outbox.end(parcel, cause);
  }
}

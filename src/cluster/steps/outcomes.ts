import type { ReportCluster, StepOutcome } from "../events.ts";
import type { Outbox, Parcel } from "../items/outbox.ts";
import type { Step, Steps } from "./steps.ts";

/** The reason why a message is in no inbox. */
type Cause = "absent" | "foreign" | "unavailable";

/** The letter of a message's step. */
const MESSAGE = "S";

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

  /**
   * @param outcomes of the messages among the steps, in order
   * @param failed other steps that met a key of another type
   */
  passed(
    steps: readonly Step[],
    outcomes: readonly string[],
    failed: ReadonlySet<Step>,
  ): void {
    let index = 0;
    const returned: (readonly [parcel: Parcel, cause: Cause])[] = [];
    for (const step of steps) {
      const { args, parcel, pending } = step;
      if (failed.has(step)) {
        this.#fail(step);
        continue;
      }
      // A step with an answer is over when that comes.
      if (parcel === undefined && pending === undefined) this.#count(args[0], "done");
      if (parcel === undefined) continue;
      const outcome = outcomes[index++] ?? "!";
      // Its sender has had another outcome meanwhile.
      if (this.#steps.isOver(step)) continue;
      if (outcome === "!") this.end(parcel, "unavailable");
      else if (outcome !== "-" && outcome !== "~") this.#placed(outcome, parcel);
      else {
        const cause = outcome === "-" ? "absent" : "foreign";
        this.end(parcel, cause);
        if (!parcel.isCall) returned.push([parcel, cause]);
      }
    }
    // No later message may overtake one that came back.
    for (const [{ realm, id, dialect }, cause] of returned) {
      const of = cause === "foreign" ? dialect : undefined;
      for (const later of this.#steps.takeMessages(realm, id, of)) this.end(later, cause);
    }
  }

  /** The answer to a step has come. */
  answered(step: Step | undefined, refusal: string): void {
    this.#count(step?.args[0], refusal === "" ? "done" : "refused");
  }

  /** A step has waited too long. @param isSent it may be carried out all the same */
  late({ args, parcel, pending }: Step, isSent: boolean): void {
    if (parcel !== undefined) return this.end(parcel, "unavailable");
    this.#count(args[0], "unavailable");
    if (isSent) pending?.abandon();
    else pending?.refuse();
  }

  /** A step of the server made room for another one. */
  dropped(step: Step | undefined): void {
    this.#count(step?.args[0], "unavailable");
  }

  /** A message that reached a node's inbox has had no answer for too long. */
  unanswered(parcel: Parcel): void {
    this.#report({ type: "undelivered", cause: "unavailable" });
    this.#outbox.end(parcel, "unavailable");
  }

  /** A client is refused. What nobody waits for is made good when the key is gone. */
  #fail(step: Step): void {
    const { args, pending } = step;
    if (pending === undefined || step.subject !== undefined) {
      this.#count(args[0], "unavailable");
      this.#steps.shelve(step);
    } else if (!this.#steps.isOver(step)) {
      this.#steps.answered(pending.ticket);
      this.late(step, true);
    }
  }

  #placed(node: string, parcel: Parcel): void {
    this.#count(MESSAGE, "done");
    this.#outbox.placed(node, parcel);
  }

  #count(step: string | undefined, outcome: StepOutcome): void {
    if (step !== undefined) this.#report({ type: "step", step, outcome });
  }

  end(parcel: Parcel, cause: Cause): void {
    this.#count(MESSAGE, cause === "unavailable" ? "unavailable" : "refused");
    // A message for a peer of another dialect goes on as part of a call.
    if (cause !== "foreign") this.#report({ type: "undelivered", cause });
    this.#outbox.end(parcel, cause);
  }
}

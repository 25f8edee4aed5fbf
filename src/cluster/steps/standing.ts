import type { Clock } from "../../core/clock.ts";
import { EngineError } from "../engine/engine.ts";
import type { ReportCluster } from "../events.ts";

/** Whether the engine carries out what a node asks of it, and if not, why. */
export class Standing {
  readonly #clock: Pick<Clock, "now">;
  readonly #report: ReportCluster;
  #isUp = false;
  #changedAt: number;
  #trouble: EngineError | undefined;
  #isAway = false;
  /** True while calls fail at a key that is not the cluster's. */
  #isBlocked = false;
  /** The newest of the other failures, while calls do not succeed. */
  #fault: string | undefined;

  constructor(clock: Pick<Clock, "now">, report: ReportCluster) {
    this.#clock = clock;
    this.#report = report;
    this.#changedAt = clock.now();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** True once a loss is reported, until the engine answers; also before its first answer. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** The newest failure of the engine. */
  get trouble(): EngineError | undefined {
    return this.#trouble;
  }

  /** The moment since which the engine is up, or is not. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** The engine has answered. */
  answered(): void {
    // It also registers a node whose calls it cannot carry out.
    if (!this.#isBlocked) this.succeeded();
  }

  /** The engine has carried out everything that it was asked for. */
  succeeded(): void {
    this.#isBlocked = false;
    this.#fault = undefined;
    this.#isAway = false;
    this.#turn(true);
  }

  /** Takes an outage, a key of another type or a fault of this node; each is reported once. */
  failed(error: unknown): void {
    const trouble = this.#trouble = error instanceof EngineError ? error : undefined;
    this.#isBlocked = trouble?.trouble === "type";
    if (trouble !== undefined && !this.#isBlocked) {
      if (!this.#isAway) this.#report({ type: "away", why: trouble.message });
      this.#isAway = true;
    } else if (String(error) !== this.#fault) {
      this.#fault = String(error);
      this.#report(trouble ? { type: "blocked", why: trouble.message } : { type: "fault", error });
    }
    this.#turn(false);
  }

  #turn(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#changedAt = this.#clock.now();
  }
}

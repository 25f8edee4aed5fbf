import type { Clock } from "../../core/clock.ts";
import type { Engine, EngineConnection } from "./engine.ts";
import type { ReportCluster } from "../events.ts";

/** The engine as a node's two lasting connections use it: reports calls and reconnects. */
export class MeasuredEngine implements Engine {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #report: ReportCluster;
  readonly #connected = new Set<string>();

  constructor(engine: Engine, clock: Clock, report: ReportCluster) {
    this.#engine = engine;
    this.#clock = clock;
    this.#report = report;
  }

  get place(): string {
    return this.#engine.place;
  }

  async connect(purpose: "call" | "read"): Promise<EngineConnection> {
    const connection = await this.#engine.connect(purpose);
    if (this.#connected.has(purpose)) this.#report({ type: "reconnected" });
    this.#connected.add(purpose);
    return purpose === "call" ? this.#measured(connection) : connection;
  }

  #measured(connection: EngineConnection): EngineConnection {
    const [clock, report] = [this.#clock, this.#report];
    return {
      get isOpen(): boolean {
        return connection.isOpen;
      },
      command: (args, limitMs) => {
        const startedAt = clock.now();
        const note = (): void =>
          report({ type: "answered", seconds: (clock.now() - startedAt) / 1_000 });
        const answer = connection.command(args, limitMs);
        answer.then(note, note);
        return answer;
      },
      close: () => connection.close(),
    };
  }
}

import { type Engine, type EngineConnection, EngineError } from "../../../src/cluster/engine.ts";

/** One node's way to an engine, which a test can cut while other nodes keep theirs. */
export class EngineLink implements Engine {
  readonly #engine: Engine;
  readonly #connections = new Set<EngineConnection>();
  #isCut = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get place(): string {
    return this.#engine.place;
  }

  async connect(purpose: "call" | "read"): Promise<EngineConnection> {
    const connection = this.#isCut ? undefined : await this.#engine.connect(purpose);
    if (connection === undefined || this.#isCut) {
      connection?.close();
      throw new EngineError("unreachable", "connection refused");
    }
    this.#connections.add(connection);
    return connection;
  }

  cut(): void {
    this.#isCut = true;
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  heal(): void {
    this.#isCut = false;
  }
}

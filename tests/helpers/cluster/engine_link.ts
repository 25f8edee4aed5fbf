import {
  type Engine,
  type EngineConnection,
  EngineError,
  type Reply,
} from "../../../src/cluster/engine/engine.ts";
import type { ProcessClock } from "./process_clock.ts";

/** One node's way to an engine, which a test can cut while other nodes keep theirs. */
export class EngineLink implements Engine {
  readonly #engine: Engine;
  readonly #process: ProcessClock;
  readonly #connections = new Set<EngineConnection>();
  #isCut = false;

  /** @param process of the node: while it is stopped, no answer reaches it */
  constructor(engine: Engine, process: ProcessClock) {
    this.#engine = engine;
    this.#process = process;
  }

  get place(): string {
    return this.#engine.place;
  }

  get isWhole(): boolean {
    return !this.#isCut;
  }

  async connect(purpose: "call" | "read"): Promise<EngineConnection> {
    const connection = this.#isCut ? undefined : await this.#engine.connect(purpose);
    if (this.#process.isStopped) await this.#process.running();
    if (connection === undefined || this.#isCut) {
      connection?.close();
      throw new EngineError("unreachable", "connection refused");
    }
    this.#connections.add(connection);
    return ofProcess(connection, this.#process);
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

function ofProcess(connection: EngineConnection, process: ProcessClock): EngineConnection {
  return {
    get isOpen(): boolean {
      return connection.isOpen;
    },
    async command(args, limitMs): Promise<Reply> {
      try {
        return await connection.command(args, limitMs);
      } finally {
        if (process.isStopped) await process.running();
      }
    },
    close: () => connection.close(),
  };
}

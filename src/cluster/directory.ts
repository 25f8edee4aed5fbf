import { type Engine, EngineError, type Reply } from "./engine.ts";
import { unpackName } from "./texts.ts";

const CALL_MS = 2_000;
const MOST_AT_ONCE = "1000";

/** Reads which ids all nodes hold, beside the calls of this node. */
export class Directory {
  readonly #engine: Engine;
  readonly #prefix: string;

  constructor(engine: Engine, prefix: string) {
    this.#engine = engine;
    this.#prefix = prefix;
  }

  /** The ids of one dialect, in order of registration. */
  async ids(realm: string, dialect: string): Promise<string[]> {
    const connection = await this.#engine.connect("call");
    try {
      const fences = new Map<string, number>();
      let cursor = "0";
      do {
        const command = ["HSCAN", `${this.#prefix}ids:${realm}`, cursor, "COUNT", MOST_AT_ONCE];
        const reply = await connection.command(command, CALL_MS);
        if (!Array.isArray(reply)) throw new EngineError("other", "answered something unknown");
        const [next, flat] = reply as readonly Reply[];
        cursor = String(next);
        const entries = Array.isArray(flat) ? flat.map(String) : [];
        for (let index = 0; index + 1 < entries.length; index += 2) {
          const [, fence, of] = entries[index + 1]?.split(" ", 3) ?? [];
          if (of === dialect) fences.set(unpackName(entries[index] ?? ""), Number(fence));
        }
      } while (cursor !== "0");
      return [...fences].sort(([, a], [, b]) => a - b).map(([id]) => id);
    } finally {
      connection.close();
    }
  }
}

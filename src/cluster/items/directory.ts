import { type Engine, EngineError, type Reply } from "../engine/engine.ts";
import type { Questions } from "./questions.ts";
import { unpackName } from "../texts.ts";

const CALL_MS = 2_000;
const MOST_AT_ONCE = "1000";
/** Ids in one answer of another node. */
const PAGE = 1_000;
const TOPIC = "callable";

export interface DirectoryParts {
  readonly engine: Engine;
  readonly prefix: string;
  readonly questions: Pick<Questions, "ask" | "answer" | "meetAll">;
  /** The names of the other living nodes. */
  readonly others: () => readonly string[];
}

/** This node's peers of dialects other than one that can be called outside of rooms. */
type Callable = (realm: string, dialect: string) => readonly string[];

/** An id, as the engine has it. */
interface Entry {
  readonly fence: number;
  readonly dialect: string;
}

/** Reads which ids all nodes hold, beside the calls of this node. */
export class Directory {
  readonly #parts: DirectoryParts;
  #callable: Callable = () => [];

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
    parts.questions.answer(TOPIC, (question) => Promise.resolve(this.#page(question)));
  }

  attach(callable: Callable): void {
    this.#callable = callable;
  }

  /** The ids of one dialect, in order of registration. @param isBridged adds those that it can call */
  async ids(realm: string, dialect: string, isBridged: boolean): Promise<string[]> {
    const others = isBridged ? await this.#others(realm, dialect) : new Set();
    const entries = await this.#entries(realm);
    return [...entries].filter(([id, entry]) => entry.dialect === dialect || others.has(id))
      .sort(([, a], [, b]) => a.fence - b.fence).map(([id]) => id);
  }

  /** Every node knows which of its peers are in rooms. Rejects if one does not answer. */
  async #others(realm: string, dialect: string): Promise<ReadonlySet<string>> {
    await this.#parts.questions.meetAll();
    const found = new Set(this.#callable(realm, dialect));
    const answers = this.#parts.others().map((node) => this.#askFor(node, realm, dialect));
    for (const ids of await Promise.all(answers)) for (const id of ids) found.add(id);
    return found;
  }

  async #askFor(node: string, realm: string, dialect: string): Promise<string[]> {
    const ids: string[] = [];
    let page: unknown[];
    do {
      const last = ids.at(-1) ?? "";
      const answer = await this.#parts.questions.ask(node, TOPIC, [realm, dialect, last]);
      if (!Array.isArray(answer)) throw new EngineError("unreachable", `no answer of ${node}`);
      page = answer;
      ids.push(...page.map(String));
    } while (page.length === PAGE);
    return ids;
  }

  /** The ids behind one, in an order of their own. */
  #page(question: unknown): readonly string[] | null {
    if (!Array.isArray(question)) return null;
    const [realm, dialect, last] = question.map(String);
    if (realm === undefined || dialect === undefined || last === undefined) return null;
    return this.#callable(realm, dialect).filter((id) => id > last).sort().slice(0, PAGE);
  }

  async #entries(realm: string): Promise<ReadonlyMap<string, Entry>> {
    const connection = await this.#parts.engine.connect("call");
    try {
      const found = new Map<string, Entry>();
      const key = `${this.#parts.prefix}ids:${realm}`;
      let cursor = "0";
      do {
        const command = ["HSCAN", key, cursor, "COUNT", MOST_AT_ONCE];
        const reply = await connection.command(command, CALL_MS);
        if (!Array.isArray(reply)) throw new EngineError("other", "answered something unknown");
        const [next, flat] = reply as readonly Reply[];
        cursor = String(next);
        const words = Array.isArray(flat) ? flat.map(String) : [];
        for (let index = 0; index + 1 < words.length; index += 2) {
          const [, fence, dialect = ""] = words[index + 1]?.split(" ", 3) ?? [];
          found.set(unpackName(words[index] ?? ""), { fence: Number(fence), dialect });
        }
      } while (cursor !== "0");
      return found;
    } finally {
      connection.close();
    }
  }
}

import type { Clock } from "../../core/clock.ts";
import { RollCall } from "../members/roll_call.ts";
import { packBody } from "../texts.ts";

/** Answers the questions of one topic; what it rejects with is a fault of this node. */
export type Answerer = (question: unknown) => Promise<unknown>;

export interface QuestionParts {
  readonly clock: Clock;
  /** The incarnation of a living node, by its name; undefined while the engine is away. */
  readonly nodeCalled: (name: string) => string | undefined;
  /** Has the engine name its nodes; false while it is away. */
  readonly check: () => boolean;
  readonly push: (...args: readonly string[]) => void;
  readonly onFault: (error: unknown) => void;
  readonly limits: QuestionLimits;
}

export interface QuestionLimits {
  /** Questions that wait for their answers. */
  readonly maxQuestions: number;
  /** Characters of a question or an answer. */
  readonly maxItemBytes: number;
}

const ANSWER_MS = 2_000;

/** Questions of one node to another, and their answers, as items of the inboxes. */
export class Questions {
  readonly #parts: QuestionParts;
  readonly #answerers = new Map<string, Answerer>();
  readonly #open = new Map<number, (answer: unknown) => void>();
  readonly #rollCall: RollCall;
  #number = 0;

  constructor(parts: QuestionParts) {
    this.#parts = parts;
    this.#rollCall = new RollCall(parts.clock, parts.check);
  }

  /** Resolves when each node can be asked that is registered by now, as far as the engine answers. */
  async meetAll(): Promise<void> {
    await this.#rollCall.take(ANSWER_MS);
  }

  /** The engine has named all nodes. */
  nodesNamed(): void {
    this.#rollCall.named();
  }

  /**
   * Asks another node. Resolves with undefined where no answer comes in time, or too much is asked
   * already.
   */
  async ask(
    node: string,
    topic: string,
    question: unknown,
    limitMs = ANSWER_MS,
  ): Promise<unknown> {
    const { clock, nodeCalled, push, limits: { maxQuestions, maxItemBytes } } = this.#parts;
    const to = nodeCalled(node);
    const number = ++this.#number;
    const body = packBody([number, topic, question]);
    const isFull = this.#open.size >= maxQuestions;
    if (to === undefined || isFull || body.length > maxItemBytes) return undefined;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#open.set(number, resolve);
    using _timer = clock.after(limitMs, () => resolve(undefined));
    push("T", to, "ask", body);
    try {
      return await promise;
    } finally {
      this.#open.delete(number);
    }
  }

  /** Has questions of one topic answered by `answerer`. */
  answer(topic: string, answerer: Answerer): void {
    this.#answerers.set(topic, answerer);
  }

  /**
   * Another node asks. A question that this node has no answer to stays open.
   * @returns false for an item that is no question
   */
  asked(from: string, item: unknown): boolean {
    if (!Array.isArray(item)) return false;
    const [number, topic, question]: unknown[] = item;
    const answerer = this.#answerers.get(String(topic));
    if (typeof number !== "number" || answerer === undefined) return false;
    const { push, onFault, limits: { maxItemBytes } } = this.#parts;
    answerer(question).then((answer) => {
      const body = packBody([number, answer]);
      if (body.length <= maxItemBytes) push("T", from, "answer", body);
    }).catch(onFault);
    return true;
  }

  /** Another node answers; false for an item that is no answer. It may come too late. */
  answered(item: unknown): boolean {
    if (!Array.isArray(item) || typeof item[0] !== "number") return false;
    this.#open.get(item[0])?.(item[1]);
    return true;
  }
}

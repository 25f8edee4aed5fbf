import type { KnownNode } from "../members/known_nodes.ts";
import type { Step } from "./steps.ts";

/** The rest of the node, as its calls need it. */
export interface CallerOwner {
  /** The place of the newest item that was handled. */
  place(): string | undefined;
  /** The inbox begins anew: this process has another name in the engine, or the engine has begun anew. */
  renamed(node: string, epoch: string): void;
  /** This node was declared dead. */
  buried(): void;
  /** The steps that tell an engine everything again. */
  restoring(): Iterable<readonly string[]>;
  /** The steps that give up the ids among these which this node does not hold, as far as it knows. */
  forgetting(ids: readonly string[]): Iterable<readonly string[]>;
  /** The steps that tell other nodes what came from them; once for each node and epoch. */
  greetings(): Iterable<readonly string[]>;
  /** The engine is full again: asks for what has changed meanwhile. */
  restored(): void;
  /** The outcome of each message of a call, in order, and the other steps that could not be carried out. */
  passed(steps: readonly Step[], outcomes: readonly string[], failed: ReadonlySet<Step>): void;
  /** The engine named its nodes. @param isWhole false while some may not have come back yet */
  known(nodes: readonly KnownNode[], isWhole: boolean): void;
  /** The incarnations that were alive when this node last knew of all. */
  nodes(): string;
}

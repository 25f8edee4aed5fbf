/** A living node, as the others know it. */
export interface FleetNode {
  readonly name: string;
  /** In ms since 1970, by the clock of the shared engine. */
  readonly sinceMs: number;
}

/** The nodes of a cluster, as one of them reaches the others. */
export interface Fleet {
  /** The cluster's name. */
  readonly cluster: string;
  /** This node. */
  readonly node: string;
  /** This process, among all that ever were nodes. */
  readonly address: string;
  /** False while the shared engine cannot be reached. */
  readonly isUp: () => boolean;
  /** All living nodes, this one included; one that has just started may be missing. */
  readonly nodes: () => readonly FleetNode[];
  /** Resolves when `nodes` has all that are registered by now, as far as the engine answers. */
  meetAll(): Promise<void>;
  /** Asks another node; resolves with undefined where no answer comes in time, by default 2 s. */
  ask(node: string, topic: string, question: unknown, limitMs?: number): Promise<unknown>;
  /** Has questions of one topic answered by `answerer`. */
  answer(topic: string, answerer: (question: unknown) => Promise<unknown>): void;
  /**
   * Takes an offer, until the returned value is disposed of. "taken": another node has it, or its maker
   * has ended.
   * @param maker address of the node that made the offer; it takes the offer itself to withdraw it
   */
  take(offer: string, maker: string): Promise<Disposable | "taken" | "unavailable">;
}

/** The names of the other living nodes, in order. */
export function othersOf({ node, nodes }: Fleet): string[] {
  return nodes().map(({ name }) => name).filter((name) => name !== node).sort();
}

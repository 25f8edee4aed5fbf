import type { KnownNode } from "./caller.ts";
import type { ReportCluster } from "./events.ts";
import { processOf } from "./names.ts";

/** The nodes that the engine named last. */
export class KnownNodes {
  readonly #report: ReportCluster;
  #nodes: readonly KnownNode[] = [];
  /** Processes that the engine has named, and that are not known to be gone. */
  readonly #met = new Set<string>();

  constructor(report: ReportCluster) {
    this.#report = report;
  }

  get living(): readonly KnownNode[] {
    return this.#nodes.filter(({ isAlive }) => isAlive);
  }

  /** The engine named its nodes. @param own this node, which is no news */
  take(nodes: readonly KnownNode[], own: string): void {
    const before = new Set(this.#nodes.map(({ id }) => id));
    for (const { id, name } of nodes) {
      this.#met.add(processOf(id));
      if (!before.delete(id) && id !== own) {
        this.#report({ type: "node", name, change: "joined" });
      }
    }
    for (const { id, name } of this.#nodes) {
      if (before.has(id)) this.#report({ type: "node", name, change: "left" });
    }
    this.#nodes = nodes;
  }

  /** Yields each process once that the engine does not name any more. */
  *missing(): Generator<string> {
    for (const process of this.#met) {
      if (this.incarnationOf(process) !== undefined) continue;
      this.#met.delete(process);
      yield process;
    }
  }

  /** The incarnation of a living node, by its name. */
  called(name: string): string | undefined {
    return this.#nodes.find((node) => node.isAlive && node.name === name)?.id;
  }

  incarnationOf(process: string): string | undefined {
    return this.#nodes.find(({ id }) => processOf(id) === process)?.id;
  }

  /** The name of an incarnation's node. */
  nameOf(node: string): string {
    return this.#nodes.find(({ id }) => id === node)?.name ?? processOf(node);
  }
}

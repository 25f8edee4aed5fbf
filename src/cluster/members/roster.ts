import type { KnownNode } from "./known_nodes.ts";
import type { ReportCluster } from "../events.ts";
import { numberOf, processOf } from "../names.ts";

/** The nodes of the cluster, as the engine told last. */
export class Roster {
  readonly #report: ReportCluster;
  #nodes: readonly KnownNode[] = [];
  /** Nodes that know what has come from them, in this epoch. */
  readonly #greeted = new Set<string>();

  /** Processes that are not known to be gone. */
  readonly #met = new Set<string>();
  /** Those that the engine does not name, in this epoch. */
  readonly #missed = new Set<string>();
  /** The incarnations that were alive when this node last knew of all. */
  #known = new Set<string>();
  #newest = 0;

  constructor(report: ReportCluster) {
    this.#report = report;
  }

  get living(): readonly KnownNode[] {
    return this.#nodes.filter(({ isAlive }) => isAlive);
  }

  /** The names of all living nodes but one. */
  others(name: string): readonly string[] {
    return this.living.map((node) => node.name).filter((one) => one !== name);
  }

  /**
   * The same, behind the highest number of all that this node has met. Others with a number up to that are
   * over: the peers of this node have learned that theirs left.
   */
  get known(): string {
    return `${this.#newest} ${[...this.#known].join(",")}`;
  }

  /**
   * Takes over what the engine tells.
   * @param own this node's incarnation
   * @param isWhole false while nodes may be missing that have not come back yet
   */
  update(nodes: readonly KnownNode[], own: string, isWhole: boolean): void {
    if (isWhole) {
      this.#known = new Set(nodes.filter(({ isAlive }) => isAlive).map(({ id }) => id));
      this.#newest = Math.max(this.#newest, ...nodes.map(({ id }) => numberOf(id)));
    }
    if (nodes === this.#nodes) return;
    const before = new Set(this.#nodes.map(({ id }) => id));
    for (const { id, name } of nodes) {
      if (!before.delete(id) && id !== own) this.#report({ type: "node", name, change: "joined" });
    }
    for (const { id, name } of this.#nodes) {
      if (before.has(id)) this.#report({ type: "node", name, change: "left" });
    }
    for (const { id } of nodes) this.#met.add(processOf(id));
    this.#nodes = nodes;
  }

  /**
   * Yields each process once in an epoch that the engine does not name.
   * @param others processes that need not have been met
   */
  *missing(others: Iterable<string>): Generator<string> {
    for (const process of [...this.#met, ...others]) {
      if (this.of(process) !== undefined || this.#missed.has(process)) continue;
      this.#missed.add(process);
      yield process;
    }
  }

  /** The peers of an incarnation have left. */
  reaped(id: string): void {
    this.#known.delete(id);
  }

  /** Whether a process that was missing is gone: it has not come back. */
  hasGone(process: string): boolean {
    this.#missed.delete(process);
    if (this.of(process) !== undefined) return false;
    this.#met.delete(process);
    return true;
  }

  /**
   * The incarnations to be greeted now; each is one of them once in an epoch. So is this node's own: it
   * sends to peers that come to it.
   */
  *strangers(): Generator<string> {
    for (const { id } of this.living) {
      if (this.#greeted.has(id)) continue;
      this.#greeted.add(id);
      yield id;
    }
  }

  /** A new epoch: everybody is greeted again. */
  restart(): void {
    this.#greeted.clear();
    this.#missed.clear();
  }

  /** The incarnation of a living node, by its name. */
  called(name: string): string | undefined {
    return this.living.find((node) => node.name === name)?.id;
  }

  /** The incarnation of a process: the living one, where the engine names a former one, too. */
  of(process: string): string | undefined {
    const all = this.#nodes.filter(({ id }) => processOf(id) === process);
    return (all.find(({ isAlive }) => isAlive) ?? all[0])?.id;
  }

  /** The name of an incarnation's node. */
  nameOf(node: string): string {
    return this.#nodes.find(({ id }) => id === node)?.name ?? processOf(node);
  }
}

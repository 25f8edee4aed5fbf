import type { KnownNode } from "./known_nodes.ts";
import type { ReportCluster } from "../events.ts";
import { numberOf, processOf } from "../names.ts";

/** The nodes of the cluster, as the engine told last. */
export class Roster {
  readonly #report: ReportCluster;
  #nodes: readonly KnownNode[] = [];
  #living: readonly KnownNode[] = [];
  /** The incarnation of each process: the living one, where the engine names a former one, too. */
  #incarnations: ReadonlyMap<string, string> = new Map();
  /** Nodes that know what has come from them, in this epoch. */
  readonly #greeted = new Set<string>();

  /** Processes that are not known to be gone. */
  readonly #met = new Set<string>();
  /** Those that the engine does not name, in this epoch. */
  readonly #missed = new Set<string>();
  /** The incarnations of others that were alive when this node last knew of all. */
  #known = new Set<string>();
  #newest = 0;
  /** This node's own, once it has read all that it lost as that one told what it holds. */
  #own: string | undefined;
  /** The list that these are from. */
  #whole: readonly KnownNode[] | undefined;

  constructor(report: ReportCluster) {
    this.#report = report;
  }

  get living(): readonly KnownNode[] {
    return this.#living;
  }

  /** The names of all living nodes but one. */
  others(name: string): readonly string[] {
    return this.living.map((node) => node.name).filter((one) => one !== name);
  }

  /**
   * The same and this node's own, behind the highest number of all that this node has met. Others with a
   * number up to that are over: the peers of this node have learned that theirs left.
   */
  get known(): string {
    const all = this.#own === undefined ? this.#known : [...this.#known, this.#own];
    return `${this.#newest} ${[...all].join(",")}`;
  }

  /** This node has told what it holds under this incarnation, and read what it lost thereby. */
  settled(own: string): void {
    this.#own = own;
  }

  /**
   * Takes over what the engine tells with each call, which is seldom new.
   * @param own this node's incarnation
   * @param isWhole false while nodes may be missing that have not come back yet
   */
  update(nodes: readonly KnownNode[], own: string, isWhole: boolean): void {
    if (isWhole && nodes !== this.#whole) {
      this.#whole = nodes;
      const isOther = ({ id }: KnownNode): boolean => processOf(id) !== processOf(own);
      const living = nodes.filter((node) => node.isAlive && isOther(node));
      this.#known = new Set(living.map(({ id }) => id));
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
    this.#living = nodes.filter(({ isAlive }) => isAlive);
    const ranked = [...this.#living, ...nodes].map(({ id }) => [processOf(id), id] as const);
    this.#incarnations = new Map(ranked.toReversed());
  }

  /**
   * Returns each process once in an epoch that the engine does not name.
   * @param others processes that need not have been met
   */
  missing(others: Iterable<string>): readonly string[] {
    const missing: string[] = [];
    const note = (process: string): void => {
      if (this.#incarnations.has(process) || this.#missed.has(process)) return;
      this.#missed.add(process);
      missing.push(process);
    };
    for (const process of this.#met) note(process);
    for (const process of others) note(process);
    return missing;
  }

  /** The peers of an incarnation have left. */
  reaped(id: string): void {
    this.#known.delete(id);
    this.#whole = undefined;
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

  /** The incarnation of a process. */
  of(process: string): string | undefined {
    return this.#incarnations.get(process);
  }

  /** The name of an incarnation's node. */
  nameOf(node: string): string {
    return this.#nodes.find(({ id }) => id === node)?.name ?? processOf(node);
  }
}

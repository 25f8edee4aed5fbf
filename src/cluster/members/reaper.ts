import type { KnownNode } from "./known_nodes.ts";

/** How long the node with the lowest name may take to begin the reaping of a dead one. */
const REAP_MS = 2_000;

/** Decides when this node reaps a dead one. The first of the living does; the others if it does not. */
export class Reaper {
  readonly #reap: (node: string) => void;
  readonly #deadSince = new Map<string, number>();
  readonly #reaping = new Set<string>();
  /** The newest list, if all nodes in it are alive. */
  #living: readonly KnownNode[] | undefined;

  /** @param reap carries out one step of a reaping */
  constructor(reap: (node: string) => void) {
    this.#reap = reap;
  }

  /** The engine told its nodes. */
  look(nodes: readonly KnownNode[], own: string, now: number): void {
    if (nodes === this.#living) return;
    this.#living = nodes.every(({ isAlive }) => isAlive) ? nodes : undefined;
    const isFirst = nodes.find(({ isAlive }) => isAlive)?.id === own;
    for (const { id, isAlive } of nodes) {
      if (isAlive) {
        this.#deadSince.delete(id);
        continue;
      }
      const since = this.#deadSince.get(id) ?? now;
      this.#deadSince.set(id, since);
      if (this.#reaping.has(id) || !isFirst && now - since < REAP_MS) continue;
      this.#reaping.add(id);
      this.#reap(id);
    }
    for (const id of this.#deadSince.keys()) {
      if (!nodes.some((node) => node.id === id)) this.#deadSince.delete(id);
    }
  }

  /** One step of a reaping was carried out: there may be more. */
  done(node: string): void {
    this.#reaping.delete(node);
  }

  /** The engine forgot what this node asked for. */
  restart(): void {
    this.#reaping.clear();
  }
}

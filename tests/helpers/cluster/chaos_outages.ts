import type { ChaosClient } from "./chaos_client.ts";
import { groupOf } from "./chaos_plan.ts";
import type { MemoryNode } from "./memory_cluster.ts";

/** A node without its engine, or an engine that does not answer, costs nobody an id in so short a time. */
const HARMLESS_MS = 1_900;
/** The consequences of a longer outage are over so long after it. */
const TOLERANCE_MS = 20_000;

interface Outage {
  readonly beganAt: number;
  /** Infinity while it lasts. */
  endedAt: number;
}

/** Finds the clients that were sent away although nothing that matters had happened to their nodes. */
export class Outages {
  readonly sentAway: string[] = [];
  readonly #now: () => number;
  /** Those of each node, and under undefined those of the engine. */
  readonly #outages = new Map<MemoryNode | undefined, Outage[]>();
  readonly #seen = new Set<ChaosClient>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Notes the beginning of an outage.
   * @param node undefined for the engine
   * @returns a function for its end
   */
  begin(node?: MemoryNode): () => void {
    const outage: Outage = { beganAt: this.#now(), endedAt: Infinity };
    this.#outages.set(node, [...this.#outages.get(node) ?? [], outage]);
    return () => outage.endedAt = this.#now();
  }

  /** Looks at the clients whose connections the server has closed since the last call. */
  look(clients: readonly ChaosClient[]): void {
    for (const [n, client] of clients.entries()) {
      if (client.link.closing === undefined || this.#seen.has(client)) continue;
      this.#seen.add(client);
      // A client with the proof may have its id.
      const isProven = groupOf(client.id) === "proven";
      const isReplaced = isProven && clients.slice(n + 1).some(({ id }) => id === client.id);
      if (client.isGone || client.wasRefused || isReplaced || this.#wasAway(client.home)) continue;
      this.sentAway.push(`${client.id} of ${client.home.node.node}`);
    }
  }

  #wasAway(node: MemoryNode): boolean {
    const now = this.#now();
    return [node, undefined].some((one) =>
      this.#outages.get(one)?.some(({ beganAt, endedAt }) =>
        endedAt > now - TOLERANCE_MS && Math.min(now, endedAt) - beganAt > HARMLESS_MS
      )
    );
  }
}

import type { Actor, PeerKey } from "./backplane.ts";
import { nameOf } from "./ghosts.ts";
import type { Own } from "./shared_steps.ts";

/** The peers of this node, as the other nodes know them. */
export class OwnPeers {
  readonly #own = new Map<string, Own>();
  readonly #ofDialect = new Map<string, number>();

  get size(): number {
    return this.#own.size;
  }

  get(key: PeerKey): Own | undefined {
    return this.#own.get(nameOf(key));
  }

  all(): Iterable<Own> {
    return this.#own.values();
  }

  /** Peers of one dialect in a realm. */
  countOf(realm: string, dialect: string): number {
    return this.#ofDialect.get(`${realm}:${dialect}`) ?? 0;
  }

  add(actor: Actor, dialect: string): Own {
    const own: Own = { actor, dialect, fresh: undefined, rooms: new Set() };
    this.#own.set(nameOf(actor), own);
    this.#count(own, 1);
    return own;
  }

  /** False if it is gone already. */
  delete(own: Own): boolean {
    const isHere = this.#own.delete(nameOf(own.actor));
    if (isHere) this.#count(own, -1);
    return isHere;
  }

  #count({ actor: { realm }, dialect }: Own, change: 1 | -1): void {
    this.#ofDialect.set(`${realm}:${dialect}`, this.countOf(realm, dialect) + change);
  }
}

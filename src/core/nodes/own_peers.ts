import type { Fence, PeerKey } from "./backplane.ts";
import { nameOf } from "./ghosts.ts";
import type { HubLimits } from "../limits.ts";
import type { Claim } from "../peer.ts";
import type { Own } from "./shared_steps.ts";

/** The peers of this node, as the other nodes know them. */
export class OwnPeers {
  readonly #peers = new Map<string, Own>();
  readonly #ofDialect = new Map<string, number>();

  get size(): number {
    return this.#peers.size;
  }

  get(key: PeerKey): Own | undefined {
    return this.#peers.get(nameOf(key));
  }

  add(own: Own): Own {
    this.#peers.set(nameOf(own.actor), own);
    this.#count(own, 1);
    return own;
  }

  /** False for one that is not here any more. */
  delete(own: Own): boolean {
    const isHere = this.#peers.delete(nameOf(own.actor));
    if (isHere) this.#count(own, -1);
    return isHere;
  }

  /** Another fence stands for a peer, unless it is another holder of the id by now. */
  confirm(key: PeerKey, fence: Fence, shared: Fence): void {
    const own = this.get(key);
    if (own?.actor.fence === fence) own.actor = { ...own.actor, fence: shared };
  }

  values(): Iterable<Own> {
    return this.#peers.values();
  }

  /** Whether another peer would be one too many. */
  isFull(
    { realm, dialect, capacity = Infinity }: Claim,
    { maxPeers }: Pick<HubLimits, "maxPeers">,
  ): boolean {
    return this.countOf(realm, dialect) >= capacity || this.size >= maxPeers;
  }

  countOf(realm: string, dialect: string): number {
    return this.#ofDialect.get(`${realm}:${dialect}`) ?? 0;
  }

  #count({ actor: { realm }, dialect }: Own, change: 1 | -1): void {
    this.#ofDialect.set(`${realm}:${dialect}`, this.countOf(realm, dialect) + change);
  }
}

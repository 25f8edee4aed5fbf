import type { PairNews, PeerKey, SharedCaller, SharedPeer } from "./backplane.ts";
import { permitsOf } from "./far_permits.ts";
import type { PeerHandle, PeerId } from "../events.ts";
import type { Ghosts } from "./ghosts.ts";
import type { Moves } from "./moves.ts";
import type { OwnPeers } from "./own_peers.ts";
import type { PresentPeer } from "../peer.ts";
import type { SharedCalls } from "./shared_calls.ts";

interface PairHub {
  readonly ghosts: Ghosts;
  readonly own: OwnPeers;
  /** Undefined where no dialects are bridged. */
  readonly calls: SharedCalls | undefined;
  readonly find: (realm: string, id: PeerId) => PresentPeer | undefined;
  readonly homes: Pick<Moves, "isArriving">;
  /** Puts two peers into a call of their own, as on a single node. */
  readonly pair: (handle: PeerHandle, to: PeerId) => void;
}

/** The news of peers that know each other outside of rooms. */
export class SharedPairs implements PairNews {
  readonly #hub: PairHub;

  constructor(hub: PairHub) {
    this.#hub = hub;
  }

  paired(realm: string, caller: SharedCaller, callee: SharedPeer): void {
    const { ghosts } = this.#hub;
    if (this.#hasLeft(realm, caller) || this.#hasLeft(realm, callee)) return;
    const handle = this.#handleIn(realm, caller, callee.id);
    const other = this.#handleIn(realm, callee, caller.id);
    const ghost = ghosts.find({ realm, id: caller.id });
    if (ghost !== undefined) ghost.permits = permitsOf(caller.permits);
    if (handle === undefined || other === undefined) return;
    ghost?.called.add(callee.id);
    // The one that is called from another dialect learns of it by the first signal.
    const isHere = ghost === undefined;
    if (isHere || caller.dialect === callee.dialect) this.#hub.pair(handle, callee.id);
  }

  met(realm: string, caller: SharedCaller, callee: SharedPeer): void {
    const { ghosts, own, calls } = this.#hub;
    if (this.#hasLeft(realm, caller) || this.#hasLeft(realm, callee)) return;
    const handles = [
      this.#handleIn(realm, caller, callee.id),
      this.#handleIn(realm, callee, caller.id),
    ];
    const ghost = ghosts.find({ realm, id: caller.id });
    if (ghost !== undefined) ghost.permits = permitsOf(caller.permits);
    const isHere = handles.every((handle) => handle !== undefined) &&
      [caller, callee].every(({ id }) => own.get({ realm, id }) !== undefined);
    calls?.met(realm, caller.id, callee.id, isHere);
  }

  parted(realm: string, one: PeerId, other: PeerId): void {
    if (this.#hub.calls?.parted(realm, one, other) !== false) this.forget(realm, one, other);
  }

  callable(realm: string, dialect: string): PeerId[] {
    const { own, find } = this.#hub;
    const ids: PeerId[] = [];
    for (const { actor, dialect: spoken } of own.values()) {
      if (actor.realm !== realm || spoken === dialect) continue;
      const peer = find(realm, actor.id);
      if (peer?.isCallable === true && !peer.isInRoom) ids.push(actor.id);
    }
    return ids;
  }

  /** Two peers know each other no longer. */
  forget(realm: string, one: PeerId, other: PeerId): void {
    this.#hub.ghosts.part(realm, one, other);
  }

  /** Whether a peer was this node's when the pair was made, and has left since. */
  #hasLeft(realm: string, peer: SharedPeer): boolean {
    const { ghosts, own, homes } = this.#hub;
    const { id, fence } = peer;
    const isOwn = own.get({ realm, id })?.actor.fence === fence;
    return ghosts.isOfThisNode(peer) && !isOwn && !homes.isArriving({ realm, id, fence });
  }

  /** The handle of a party of a new pair: a ghost's, where it is another node's. */
  #handleIn(realm: string, peer: SharedPeer, other: PeerId): PeerHandle | undefined {
    const { ghosts, own, find } = this.#hub;
    const key: PeerKey = { realm, id: peer.id };
    if (own.get(key)?.actor.fence === peer.fence) return find(realm, peer.id)?.handle;
    return ghosts.pair(realm, peer, other);
  }
}

import type { PairNews, SharedPeer } from "./backplane.ts";
import type { PeerHandle, PeerId } from "../events.ts";
import type { Ghosts } from "./ghosts.ts";
import type { OwnPeers } from "./own_peers.ts";
import type { PresentPeer } from "../peer.ts";
import type { SharedCalls } from "./shared_calls.ts";

/** The hub whose peers are in pairs. */
interface PairHub {
  readonly own: OwnPeers;
  readonly ghosts: Ghosts;
  readonly calls: Pick<SharedCalls, "know"> | undefined;
  readonly find: (realm: string, id: PeerId) => PresentPeer | undefined;
  /** Puts two peers into a call, as a hub of one node does. */
  readonly pair: (handle: PeerHandle, to: PeerId) => void;
}

/** The pairs of this node's peers with peers of any node, as the engine tells of them. */
export class SharedPairs implements PairNews {
  readonly #hub: PairHub;

  constructor(hub: PairHub) {
    this.#hub = hub;
  }

  paired(realm: string, caller: SharedPeer, callee: SharedPeer): void {
    const { ghosts, pair } = this.#hub;
    const handle = this.#handleIn(realm, caller, callee.id);
    const other = this.#handleIn(realm, callee, caller.id);
    if (handle === undefined || other === undefined) return;
    ghosts.find({ realm, id: caller.id })?.called.add(callee.id);
    // The one that is called from another dialect learns of it by the first signal.
    const isHere = ghosts.find({ realm, id: caller.id }) === undefined;
    if (isHere || caller.dialect === callee.dialect) pair(handle, callee.id);
  }

  met(realm: string, one: SharedPeer, other: SharedPeer): void {
    const { own, calls } = this.#hub;
    const parties = [this.#handleIn(realm, one, other.id), this.#handleIn(realm, other, one.id)];
    const isHere = parties.every((party) => party !== undefined) &&
      [one, other].every(({ id }) => own.get({ realm, id }) !== undefined);
    if (isHere) calls?.know(realm, one.id, other.id, true);
  }

  parted(realm: string, one: PeerId, other: PeerId): void {
    const { ghosts, calls } = this.#hub;
    ghosts.part(realm, one, other);
    ghosts.part(realm, other, one);
    calls?.know(realm, one, other, false);
  }

  /** The handle of a party of a new pair: a ghost's, where it is another node's. */
  #handleIn(realm: string, peer: SharedPeer, other: PeerId): PeerHandle | undefined {
    const { own, ghosts, find } = this.#hub;
    const known = own.get({ realm, id: peer.id });
    if (known?.actor.fence === peer.fence) return find(realm, peer.id)?.handle;
    return ghosts.pair(realm, peer, other);
  }
}

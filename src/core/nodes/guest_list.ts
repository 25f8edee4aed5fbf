import { type Backplane, guestsOf, type PeerKey, type RoomKey } from "./backplane.ts";
import type { LobbyName } from "../calls/lobby.ts";
import type { PresentPeer } from "../peer.ts";
import type { Own } from "./shared_steps.ts";

/**
 * The guests of each realm, known to all nodes: peers that can be called outside of rooms. With a
 * lobby these are all such peers. Without one they are those that take one call at a time, which
 * webrtcsink lists while they are idle.
 */
export class GuestList {
  readonly #backplane: Backplane;
  readonly #lobby: LobbyName | undefined;
  readonly #realms = new Set<string>();
  #ownOf: (key: PeerKey) => Own | undefined = () => undefined;
  #follow: (list: RoomKey) => void = () => {};

  constructor(backplane: Backplane, lobby: LobbyName | undefined) {
    this.#backplane = backplane;
    this.#lobby = lobby;
  }

  /** @param follow knows the peers of a list on other nodes for good */
  attach(ownOf: (key: PeerKey) => Own | undefined, follow: (list: RoomKey) => void): void {
    this.#ownOf = ownOf;
    this.#follow = follow;
  }

  /** Has the guests of a realm known on this node, and its own guests on all. */
  follow(realm: string): void {
    if (this.#realms.has(realm)) return;
    this.#realms.add(realm);
    this.#follow(guestsOf(realm));
  }

  /** A peer may have become a guest, or be one no longer. */
  moved(peer: PresentPeer): void {
    const { realm, isExclusive, isCallable, isInRoom, isBusy } = peer;
    if (!this.#realms.has(realm) || peer.receiver.isElsewhere === true) return;
    const own = this.#ownOf(peer);
    const isShown = isExclusive || this.#lobby?.realm === realm;
    const isGuest = isShown && isCallable && !isInRoom && !isBusy;
    if (own === undefined || own.isGuest === isGuest) return;
    own.isGuest = isGuest;
    this.#backplane.list(own.actor, isGuest);
  }
}

import type { PeerId, RoomId } from "./events.ts";
import { inOrder } from "./in_order.ts";
import type { OpenRoom, PresentPeer } from "./peer.ts";
import type { Realms } from "./realm.ts";
import type { Rooms } from "./rooms.ts";

/** The hub's peers and rooms, as operators look through them. */
export class Overview {
  readonly #realms: Realms;
  readonly #rooms: Rooms;

  constructor(realms: Realms, rooms: Rooms) {
    this.#realms = realms;
    this.#rooms = rooms;
  }

  /**
   * All peers of this node, in order of registration; those that leave meanwhile are left out. Those
   * of other nodes are their nodes' own.
   */
  *peers(): Generator<PresentPeer> {
    const peers = this.#realms.all().map((realm) => realm.peers.values());
    for (const peer of inOrder<PresentPeer>(peers, ({ handle: { fence } }) => fence)) {
      if (!peer.isReleased && peer.receiver.isElsewhere !== true) yield peer;
    }
  }

  /** The rooms of all realms in which people meet, in order of their start. */
  rooms(): Generator<OpenRoom> {
    return this.#rooms.all();
  }

  /** A room in which people meet. */
  room(realm: string, id: RoomId): OpenRoom | undefined {
    return this.#rooms.find(realm, id);
  }

  /** A peer of this node. */
  peer(realm: string, id: PeerId): PresentPeer | undefined {
    const peer = this.#realms.of(realm).peers.get(id);
    return peer?.receiver.isElsewhere === true ? undefined : peer;
  }

  /** Peers of one dialect in a realm, on this node. */
  peerCount(realm: string, dialect: string): number {
    return this.#realms.of(realm).peersOfDialect.get(dialect) ?? 0;
  }

  /** Rooms in which people meet; with a name those that a dialect's peers began. */
  roomCount(dialect?: string): number {
    return this.#rooms.countOf(dialect);
  }
}

import type { Peer } from "../peer.ts";
import type { PeerId, RoomId } from "../events.ts";

/** The room in which callable peers without a room are shown to its members. */
export interface LobbyName {
  readonly realm: string;
  readonly room: RoomId;
}

/**
 * The guests of the lobby: callable peers that are in no room of people. Members of the room see them
 * as members, and can call them; the guests themselves get no news of the room.
 */
export class Lobby {
  readonly #name: LobbyName | undefined;
  /** The guests; each that is in a call with the only member that still sees it, if it is one. */
  readonly #guests = new Map<Peer, "everybody" | { readonly only: PeerId | undefined }>();

  constructor(name: LobbyName | undefined) {
    this.#name = name;
  }

  is(realm: string, room: RoomId): boolean {
    return this.#name?.room === room && this.#name.realm === realm;
  }

  /** The lobby's room, if it is in a peer's realm. */
  roomFor({ realm }: Peer): RoomId | undefined {
    return this.#name?.realm === realm ? this.#name.room : undefined;
  }

  has(peer: Peer): boolean {
    return this.#guests.has(peer);
  }

  /** Takes in a peer that can be called outside of rooms. */
  add(peer: Peer): void {
    this.#guests.set(peer, "everybody");
  }

  delete(peer: Peer): void {
    this.#guests.delete(peer);
  }

  /**
   * Shows a guest that can no longer be called to the other party of its call alone.
   * @returns false if that was done before, or the peer is no guest
   */
  hide(peer: Peer, partner: PeerId | undefined): boolean {
    if (this.#guests.get(peer) !== "everybody") return false;
    this.#guests.set(peer, { only: partner });
    return true;
  }

  /** Whether a member of the room sees the guest. */
  shows(guest: Peer, { id }: Pick<Peer, "id">): boolean {
    const audience = this.#guests.get(guest);
    return audience === "everybody" || (audience !== undefined && audience.only === id);
  }

  /** The guests that a member of the room sees. */
  *guestsFor(member: Pick<Peer, "id">): Generator<Peer> {
    for (const guest of this.#guests.keys()) if (this.shows(guest, member)) yield guest;
  }
}

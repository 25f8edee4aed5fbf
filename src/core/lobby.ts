import type { Peer } from "./peer.ts";
import type { RoomId } from "./events.ts";

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
  readonly guests = new Set<Peer>();

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

  /** Whether a peer belongs to the guests now. */
  welcomes({ isCallable, rooms }: Peer): boolean {
    if (!isCallable) return false;
    for (const room of rooms ?? []) if (room.kind === "room") return false;
    return true;
  }
}

import type { HubLimits } from "./limits.ts";
import { type Peer, type Room, tell } from "./peer.ts";
import type { PeerEvent, PeerHandle, PeerSummary, RoomEvent, RoomId } from "./types.ts";

/** A room as an operator sees it. */
export interface RoomReport {
  readonly id: RoomId;
  /** In joining order. */
  readonly members: readonly PeerSummary[];
}

/** The hub's rooms, of all realms; its steps, as far as they are about rooms. */
export class Rooms {
  readonly #limits: HubLimits;
  readonly #realms = new Map<string, Map<RoomId, Room>>();
  #count = 0;

  constructor(limits: HubLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** See `Hub.join`. */
  join(peer: Peer, id: RoomId, maxMembers: number): "entered" | "room_full" | "rooms_full" {
    let room = this.#find(peer.realm, id);
    if (room?.members.has(peer)) return "entered";
    if (room === undefined) {
      if (this.#count >= this.#limits.maxRooms) return "rooms_full";
      room = this.#open(peer.realm, id);
    } else if (
      room.members.size >= Math.min(maxMembers, this.#limits.maxRoomMembers) ||
      room.infoBytes + peer.infoBytes > this.#limits.maxRoomInfoBytes
    ) {
      return "room_full";
    }
    const earlier = [...room.members];
    room.members.add(peer);
    room.infoBytes += peer.infoBytes;
    (peer.rooms ??= new Set()).add(room);
    tell(peer, { type: "entered", room: id, members: earlier.map((member) => member.summary()) });
    const joined = roomEvent("joined", room, peer);
    for (const member of earlier) tell(member, joined);
    return "entered";
  }

  /** Takes a peer out of all its rooms; a room ends with its last member. */
  leaveAll(peer: Peer, isTold: boolean, news?: unknown): void {
    for (const room of peer.rooms ?? []) {
      room.members.delete(peer);
      room.infoBytes -= peer.infoBytes;
      peer.rooms?.delete(room);
      if (room.members.size === 0) {
        this.#realms.get(peer.realm)?.delete(room.id);
        this.#count--;
      } else if (isTold) {
        const left = roomEvent("left", room, peer, news);
        for (const member of [...room.members]) tell(member, left);
      }
    }
  }

  /** See `Hub.describe`. */
  describe(
    peer: Peer,
    info: unknown,
    bytes: number,
    news: unknown,
  ): "described" | "too_large" {
    const change = bytes - peer.infoBytes;
    for (const room of peer.rooms ?? []) {
      if (change > 0 && room.infoBytes + change > this.#limits.maxRoomInfoBytes) return "too_large";
    }
    peer.info = info;
    peer.infoBytes = bytes;
    for (const room of peer.rooms ?? []) {
      room.infoBytes += change;
      const described = roomEvent("described", room, peer, news);
      for (const member of [...room.members]) if (member !== peer) tell(member, described);
    }
    return "described";
  }

  /** See `Hub.rooms`. */
  reports(realm: string): RoomReport[] {
    return [...this.#realms.get(realm)?.values() ?? []].map(({ id, members }) => ({
      id,
      members: [...members].map((member) => member.summary()),
    }));
  }

  /** See `Hub.stopRoom`. */
  stop(realm: string, id: RoomId): boolean {
    const room = this.#find(realm, id);
    if (room === undefined) return false;
    const stopped: PeerEvent = { type: "stopped", room: id };
    for (const member of [...room.members]) tell(member, stopped);
    return true;
  }

  /** See `Hub.others`. */
  others(peer: PeerHandle, id: RoomId): PeerSummary[] {
    const others: PeerSummary[] = [];
    for (const member of this.#find(peer.realm, id)?.members ?? []) {
      if (member !== peer) others.push(member.summary());
    }
    return others;
  }

  isIn(id: RoomId, peer: Peer): boolean {
    return this.#find(peer.realm, id)?.members.has(peer) === true;
  }

  #open(realm: string, id: RoomId): Room {
    let rooms = this.#realms.get(realm);
    if (rooms === undefined) this.#realms.set(realm, rooms = new Map());
    const room: Room = { id, members: new Set(), infoBytes: 0 };
    rooms.set(id, room);
    this.#count++;
    return room;
  }

  #find(realm: string, id: RoomId): Room | undefined {
    return this.#realms.get(realm)?.get(id);
  }
}

function roomEvent(type: RoomEvent["type"], room: Room, peer: Peer, news?: unknown): RoomEvent {
  const event = { type, room: room.id, peer: peer.summary() };
  return news === undefined ? event : { ...event, news };
}
